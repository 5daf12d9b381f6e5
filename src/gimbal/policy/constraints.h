// Constraints that units share: capacities, minimal shares, budgets. The frontier under them, and their shadow prices.
//
// Each is linear, E[sum_a g_a pi_a] <= limit. Given multipliers eta >= 0 the problem separates again: the score lambda mu_a of
// an arm becomes lambda mu_a - sum_j eta_j g_ja. The dual is concave in eta and its gradient is how far each constraint is
// exceeded. That is piecewise linear in one eta_j: a bracket with Newton steps ends on the piece of the answer, and a last
// linear step is exact. Several are solved by projected Newton with a line search (cyclic brackets as fallback), to a violation
// of at most 1e-9. eta_j / lambda is the shadow price: the improvement that one more unit of the resource would buy. The path
// is not tabulated: each lambda is solved on its own, in some five passes over the units.
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

// The answer at one lambda. The score of an arm is lambda (mu_a - sum_j base_price_j g_ja) - sum_j eta_rest_j g_ja: with a base
// price near the shadow price the multipliers keep their digits where lambda is huge.
struct ConstrainedPoint {
  double lambda = 0;            // as asked for, possibly +infinity
  double effective_lambda = 0;  // the finite lambda at which it was solved
  Moments moments;
  std::vector<double> eta;            // one a constraint: effective_lambda * shadow price
  std::vector<double> shadow_prices;  // eta / effective_lambda
  std::vector<double> usage;          // E[sum_a g_a pi_a]
  std::vector<double> base_prices, eta_rest;
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

  // lambda in (0, +infinity]. Safe to call from several threads. At infinity: the linear program's solution that the path tends
  // to, taken at a lambda so large that the improvement still missing is below 1e-9 of that without constraints.
  Result<ConstrainedPoint> at(double lambda) const;
  // pi (n x K) at a solved point.
  void probabilities(const ConstrainedPoint& point, Matrix& out) const;

  // At most `count` solved points, ascending in lambda, the last at infinity: from the largest lambda with the largest z,
  // equally spaced in tau up to a twentieth of a step. One point where tau is the same at both ends.
  Result<std::vector<ConstrainedPoint>> grid(std::size_t count) const;

 private:
  // Everything that one pass over the units sums up, at given multipliers.
  struct Pass;
  struct Prices;
  Pass pass(const Prices& prices) const;
  Pass finish_pass(const Prices& prices, std::span<const double> sums, double scale) const;
  Pass pass_binary(const Prices& prices) const;
  // From shadow prices near the answer (zeros will do), which become its base prices.
  Result<ConstrainedPoint> solve(double lambda, std::span<const double> guess) const;
  Result<ConstrainedPoint> solve_from(double lambda, const ConstrainedPoint& near) const;
  Pass solve_one(Prices& prices, std::size_t j) const;
  // The smallest attainable sum_j blend_j usage_j.
  double least_usage(std::span<const double> blend) const;

  std::shared_ptr<const UnitModel> model_;
  std::vector<LinearConstraint> constraints_;
  std::vector<double> baseline_usage_;
  struct Binary;  // two arms: what a pass reads of each unit
  std::shared_ptr<const Binary> binary_;
  struct Memo;  // points that `grid` has solved: `at` gives the same answer again
  std::shared_ptr<Memo> memo_;
  bool baseline_feasible_ = true;
  double lambda_scale_ = 1;     // q / tau of the greedy policy: where units typically saturate
  double lambda_infinity_ = 1;  // the stand-in for infinity
};

}  // namespace gimbal::policy
