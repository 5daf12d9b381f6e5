// Constraints that units share: capacities, minimal shares, budgets. The frontier under them, and their shadow prices.
//
// Each is linear, E[sum_a g_a pi_a] <= limit. Given multipliers eta >= 0 the problem separates again: the score lambda mu_a of
// an arm becomes lambda mu_a - sum_j eta_j g_ja. The dual is concave in eta and its gradient is how far each constraint is
// exceeded: one constraint is solved by bisection with Newton steps and a last exact linear step, several by projected Newton
// with a line search (cyclic bisection as fallback), to a violation of at most 1e-9. eta_j / lambda is the shadow price: the
// improvement that one more unit of the resource would buy. The path is not tabulated: each lambda is solved on its own.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/policy/path_unit.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

// E[sum_a g_a pi_a] <= limit. `g` is 1 x K (the same for every unit) or n x K.
struct LinearConstraint {
  std::string name;  // as the user wrote it: "capacity:1=0.8"
  Matrix g;
  double limit = 0;
};
LinearConstraint capacity(std::string name, std::size_t arm, std::size_t arm_count, double most);
LinearConstraint minimal_share(std::string name, std::size_t arm, std::size_t arm_count, double least);

// The answer at one lambda.
struct ConstrainedPoint {
  double lambda = 0;
  Moments moments;
  std::vector<double> eta;            // one a constraint; at lambda = infinity the part beyond lambda * shadow_price
  std::vector<double> shadow_prices;  // eta / lambda
  std::vector<double> usage;          // E[sum_a g_a pi_a]
};

class ConstrainedFrontier {
 public:
  // Errors: those of UnitModel::make; infeasible with the smallest attainable value where no policy meets a constraint, or
  // where they cannot be met together.
  static Result<ConstrainedFrontier> build(std::shared_ptr<const Table> table, PathSpec spec,
                                           std::vector<LinearConstraint> constraints);

  const UnitModel& model() const { return *model_; }
  std::span<const LinearConstraint> constraints() const { return constraints_; }
  bool baseline_feasible() const { return baseline_feasible_; }

  // lambda in (0, +infinity]. At infinity: the linear program's solution that the path tends to, taken at a lambda so large
  // that the improvement still missing is below 1e-9 of the whole. Each call costs some ten passes over the units.
  Result<ConstrainedPoint> at(double lambda) const;
  // pi (n x K) at a solved point.
  void probabilities(const ConstrainedPoint& point, Matrix& out) const;

  // Solved points: from the lambda with the largest z (or, with a feasible baseline, where tau has reached a thousandth of its
  // range) to infinity, equally spaced in tau up to a twentieth of a step, ascending in lambda, the last at infinity.
  Result<std::vector<ConstrainedPoint>> grid(std::size_t count) const;

 private:
  std::shared_ptr<const UnitModel> model_;
  std::vector<LinearConstraint> constraints_;
  bool baseline_feasible_ = true;
  double lambda_scale_ = 1;  // a lambda at which units typically saturate

  friend class DualSolver;
};

}  // namespace gimbal::policy
