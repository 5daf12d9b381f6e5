// Picking one point of a frontier by a rule, solved exactly on the curve and not between printed points.
//
//   power:B       the largest lambda whose power at n test units is at least B        (default power:0.8)
//   max-z         the point that is easiest to prove                                  max-tau      the largest improvement
//   tau*power     the largest product                                                 lcb:KAPPA    the largest tau - KAPPA se
//   lambda:V      this lambda ("inf" = max-tau)                                       tau:T        the smallest lambda with tau
//   >= T share:ARM<=S  the largest lambda at which the mean probability of ARM is at most S
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/policy/path_curve.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

struct SelectRule {
  enum class Kind { kPower, kMaxZ, kMaxTau, kTauPower, kLcb, kLambda, kTau, kShare };
  Kind kind = Kind::kPower;
  double value = 0.8;  // B, KAPPA, V, T or S
  std::string arm;     // share: the arm's name
  std::string text = "power:0.8";
};

// Errors: usage with the list of rules or the allowed range. An arm is looked up when the rule is solved.
Result<SelectRule> parse_select_rule(std::string_view text);

// A curve with what rules need to know about it. Moments are those that the rule is about: plug-in or honest.
struct SelectCurve {
  SegmentCurve curve;
  double lambda_min = 0;          // where the frontier starts: rules that search do not look below
  bool monotone = false;          // z does not increase and tau does not decrease beyond lambda_min (the plug-in path)
  std::optional<double> max_z;    // the exact answer of max-z where it is known (plug-in); otherwise the best breakpoint
  std::vector<std::string> arms;  // for share:ARM<=S
  std::function<SegmentCurve(std::size_t arm)> share_of;
};

struct Choice {
  bool reached = true;
  double lambda = 0;  // of the answer; where it was not reached, of the closest point (power: the most powerful one)
  Moments moments;    // of the rule's curve there
  double z1 = 0;
  double power = 0;
  double units_required = 0;  // for the rule's power (0.8 with other rules) at this point; +infinity where z1 <= 0
  std::string why;            // one sentence where it was not reached
};

// Errors: usage for an arm that does not exist. A rule that cannot be met is no error: `reached` is false.
// O(m) for m breakpoints, O(log m) for most rules on a monotone curve.
Result<Choice> select(const SelectRule& rule, const SelectCurve& curve, const TestSpec& test);

// The same on points that were solved one by one (shared constraints), with `at` for lambdas between them: the best of the
// points, refined by false position or golden section to 1e-9 in lambda: some ten calls of `at` for a border. `lambdas` ascend,
// the last may be infinity.
struct PointCurve {
  std::vector<double> lambdas;
  std::vector<Moments> moments;
  std::function<Result<Moments>(double lambda)> at;
  std::optional<double> max_z;  // the exact answer of max-z where it is known
  std::vector<std::string> arms;
  std::function<Result<double>(double lambda, std::size_t arm)> share_at;
};
Result<Choice> select(const SelectRule& rule, const PointCurve& curve, const TestSpec& test);

}  // namespace gimbal::policy
