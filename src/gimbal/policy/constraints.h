// Constraints that units share: capacities, minimal shares, budgets. The frontier under them, and their shadow prices.
//
// Each is linear, E[sum_a g_a pi_a] <= limit. Given multipliers eta >= 0 the problem separates again: the score lambda mu_a of
// an arm becomes lambda mu_a - sum_j eta_j g_ja (constraint_pass.h); the multipliers solve a concave dual (constraint_dual.h).
// eta_j / lambda is the shadow price: the improvement that one more unit of the resource would buy. The path is not tabulated:
// each lambda is solved on its own, in some four passes over the units, starting from what is known at lambdas nearby.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/policy/constraint_pass.h"
#include "gimbal/policy/linear_constraint.h"
#include "gimbal/policy/path_unit.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

// The answer at one lambda.
struct ConstrainedPoint {
  double lambda = 0;            // as asked for, possibly +infinity
  double effective_lambda = 0;  // the finite lambda at which it was solved
  Moments moments;
  std::vector<double> eta;            // one a constraint, at effective_lambda
  std::vector<double> shadow_prices;  // eta / effective_lambda; at infinity its limit
  std::vector<double> usage;          // E[sum_a g_a pi_a]
  double tau_slope = 0;               // d tau / d lambda on the piece that holds effective_lambda
  Prices prices;                      // the multipliers with all their digits
};

// For long jobs: asked before each solve, told after each point that is done.
struct SolveHooks {
  StopToken stop;
  std::function<void()> point_done;
};

class ConstrainedFrontier {
 public:
  // Errors: those of UnitModel::make; infeasible with the smallest attainable value (the largest, for a lower limit) where no
  // policy meets a constraint, or where they cannot be met together.
  static Result<ConstrainedFrontier> build(std::shared_ptr<const Table> table, PathSpec spec,
                                           std::vector<LinearConstraint> constraints);

  const UnitModel& model() const { return passes_->model(); }
  std::span<const LinearConstraint> constraints() const { return passes_->constraints(); }
  bool baseline_feasible() const { return baseline_feasible_; }

  // lambda in (0, +infinity]. Safe to call from several threads; answers are kept, and one that starts from its neighbours
  // differs from one that does not by rounding alone. At infinity: the linear program's solution that the path tends to, taken
  // at a lambda so large that the improvement still missing is below 1e-9 of that without constraints.
  // Errors: interrupted.
  Result<ConstrainedPoint> at(double lambda, const StopToken& stop = {}) const;
  // Shadow prices near those at `lambda`, from a document: `at` starts from them.
  void expect(double lambda, std::vector<double> shadow_prices) const;
  std::size_t solved() const;  // how many lambdas have been solved so far
  // pi (n x K) at a solved point.
  void probabilities(const ConstrainedPoint& point, Matrix& out) const;

  // The largest lambda with the largest z. Along the path dq = 2 lambda dtau, so z rises where q > lambda tau and falls where q
  // < lambda tau, and on a piece q - lambda tau is linear. Where D = 0 meets everything all is proportional to lambda up to the
  // first bound or limit that is met: its lambda. Otherwise a bracket with exact steps on the pieces. Infinity where z rises
  // for ever; nullopt where nobody moves.
  Result<std::optional<double>> lambda_max_z(const SolveHooks& hooks = {}) const;

  // At most `count` solved points, ascending in lambda, the last at infinity: from lambda_max_z, equally spaced in tau up to a
  // twentieth of a step or a thousandth of the whole. One point where tau is the same at both ends. The last grid is kept: to
  // ask for it again costs nothing, and its points are not counted again. Errors: interrupted.
  Result<std::vector<ConstrainedPoint>> grid(std::size_t count, const SolveHooks& hooks = {}) const;

 private:
  struct Memo;  // everything solved, and what is expected elsewhere
  Result<ConstrainedPoint> solve(double lambda, std::span<const double> guess) const;
  // From the nearest that is known. A stop is heard here.
  Result<ConstrainedPoint> solve_near(double lambda, const StopToken& stop) const;
  Result<std::vector<ConstrainedPoint>> solve_grid(std::size_t count, const SolveHooks& hooks) const;
  Result<std::optional<double>> end_of_proportional_path(const StopToken& stop) const;
  Result<std::optional<double>> largest_z_inside(const StopToken& stop) const;

  std::shared_ptr<const ConstraintPasses> passes_;
  std::shared_ptr<Memo> memo_;
  bool baseline_feasible_ = true;
  double lambda_scale_ = 1;     // q / tau of the greedy policy: where units typically saturate
  double lambda_infinity_ = 1;  // the stand-in for infinity
};

}  // namespace gimbal::policy
