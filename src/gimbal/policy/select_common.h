// What both ways of solving a rule share: on segments (select.cc) and on points solved one by one (select_points.cc).
#pragma once

#include <string>
#include <vector>

#include "gimbal/policy/select.h"

namespace gimbal::policy {

// "z at n test units is at least z_req": tau^2 >= rho^2 q with tau > 0, rho^2 = z_req^2 / (n + z_req^2). A power below that of
// the test's own error (z_req <= 0) also admits small negative tau.
class PowerNeeded {
 public:
  PowerNeeded(double beta, const TestSpec& test);
  bool met(Moments m) const;
  double rho2() const { return rho2_; }
  bool positive() const { return positive_; }

 private:
  double rho2_ = 0;
  bool positive_ = true;
};

Choice choice_at(double lambda, Moments moments, const TestSpec& test);
// tau - kappa s, s the standard error at test.n units.
double lower_bound(Moments m, double kappa, const TestSpec& test);
Result<std::size_t> rule_arm(const SelectRule& rule, const std::vector<std::string>& arms);

}  // namespace gimbal::policy
