// When two outputs of a program count as the same: a list of rules such as `trim,lines,num:1e-6`, applied in order.
//
//   exact     bytes                        ws        runs of white space are one blank
//   trim      white space at both ends off, then the first 5000 code points      lines   right ends of lines and empty last
//   lines off tokens    words between white space    case      case folded json      parsed and written canonically (text that
//   is no JSON stays)       float:D  numbers rounded to D decimals num:EPS   words that are numbers are equal when |a - b| <=
//   EPS max(1, |a|, |b|)
//
// All rules but num: give a key, and equal keys are equal outputs. num: is not transitive, so classes then depend on the order.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::reward {

class OutputEquivalence {
 public:
  // A comma list of rules; empty: trim. Errors: usage for a rule or a parameter that is none.
  static Result<OutputEquivalence> parse(std::string_view rules);

  bool equal(std::string_view a, std::string_view b) const;
  // What the rules but num: make of an output. Invalid UTF-8 stays bytes.
  std::string key(std::string_view output) const;
  // Whether classes depend on the order of outputs (there is a num: rule).
  bool order_dependent() const { return tolerance_.has_value(); }
  // The class of each output, numbered in the order of their first members: an output joins the first class whose first member
  // it equals. O(n) without num:, O(n classes) with it.
  std::vector<std::size_t> classes(std::span<const std::string> outputs) const;

 private:
  enum class Kind { kExact, kTrim, kWhitespace, kLines, kTokens, kJson, kCase, kFloat };
  struct Rule {
    Kind kind = Kind::kExact;
    int digits = 0;  // of kFloat
  };
  bool equal_keys(std::string_view a, std::string_view b) const;

  std::vector<Rule> rules_;
  std::optional<double> tolerance_;
};

}  // namespace gimbal::reward
