// The baseline b: what the new policy is compared with.
//
// `logging` (b = e), `arm:NAME` (that arm for everyone), `columns:PREFIX` (probabilities in the columns PREFIX + arm) or
// `policy:FILE` (another policy file applied to the same units). A randomized trial's logging policy is usually not what would
// be done otherwise, hence the choice.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"

namespace gimbal::policy {

struct BaselineSpec {
  enum class Kind { kLogging, kArm, kColumns, kPolicy };
  Kind kind = Kind::kLogging;
  std::string argument;  // arm name, column prefix or file

  // As the user wrote it: "logging", "arm:No E-Mail".
  std::string text() const;
  // For people: "the logging policy", "arm \"No E-Mail\" for everyone", ...
  std::string words() const;
};

// Errors: usage listing the four forms.
Result<BaselineSpec> parse_baseline(std::string_view text);

// Where the two forms that need more than e come from. Either may be left empty when the caller cannot serve it; asking for it
// is then a usage error.
struct BaselineSources {
  std::function<Result<Matrix>(const std::string& prefix)> columns;  // n x K, checked: read_arm_columns of logged_data.h
  std::function<Result<Matrix>(const std::string& file)> policy;     // n x K, arms in the order of `arms`
};

// Returns b (n x K), or an empty matrix for `logging`. `e`: n x K. Errors: usage for an unknown arm (with the arms found);
// not_identified with the count of units where b_a > 0 and e_a = 0.
Result<Matrix> resolve_baseline(const BaselineSpec& spec, std::span<const std::string> arms, const Matrix& e,
                                const BaselineSources& sources = {});

// not_identified with the count and the first unit where `p` (named `what`) has mass on an arm with e_a = 0.
Result<void> check_support(const Matrix& p, const Matrix& e, std::span<const std::string> arms, std::string_view what,
                           const std::vector<std::string>* ids = nullptr);

}  // namespace gimbal::policy
