#include "gimbal/policy/constraints.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"
#include "gimbal/policy/constraint_dual.h"
#include "gimbal/policy/constraint_memo.h"

namespace gimbal::policy {

namespace {

constexpr std::size_t kGrain = 4096;

// Where units typically saturate (q / tau of the greedy policy without constraints), and a lambda beyond which no more than
// eps tau can be missing: bound(q) / (2 eps tau), because dq = 2 lambda dtau along the path. Where nobody gains by moving, only
// the constraints move units, and what is at stake, the spread of mu, stands for tau.
struct Scales {
  double typical = 1, infinity = 1;
};

Scales lambda_scales(const UnitModel& model) {
  const std::size_t n = model.units();
  constexpr std::size_t kSums = 4;
  std::vector<NeumaierSum> sums(kSums * ((n + kGrain - 1) / kGrain));
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    for (std::size_t i = begin; i < end; ++i) {
      model.load(i, unit);
      model.solve(unit, kInfinity);
      double tau = 0, q = 0, bound = 0, low = kInfinity, high = -kInfinity;
      for (std::size_t a = 0; a < unit.count; ++a) {
        tau += unit.mu[a] * unit.d[a];
        q += unit.v[a] * unit.d[a] * unit.d[a];
        bound += unit.v[a] * std::max(unit.lo[a] * unit.lo[a], unit.hi[a] * unit.hi[a]);
        low = std::min(low, unit.mu[a]), high = std::max(high, unit.mu[a]);
      }
      if (model.is_dr()) q += tau * tau, bound += tau * tau;
      const double weight = model.table().weight_of(i) / model.total_weight();
      NeumaierSum* sum = &sums[kSums * (begin / kGrain)];
      sum[0].add(weight * tau), sum[1].add(weight * q), sum[2].add(weight * bound), sum[3].add(weight * (high - low));
    }
  });
  NeumaierSum tau, q, bound, spread;
  for (std::size_t c = 0; c < sums.size(); c += kSums)
    tau.add(sums[c]), q.add(sums[c + 1]), bound.add(sums[c + 2]), spread.add(sums[c + 3]);
  if (!(tau.value() > 0 && q.value() > 0)) {
    if (!(spread.value() > 0 && bound.value() > 0)) return {};  // every lambda gives the same policy
    const double typical = bound.value() / spread.value();
    return {typical, bound.value() / (2e-9 * spread.value())};
  }
  const double typical = q.value() / tau.value();
  return {typical, std::max(bound.value() / (2e-9 * tau.value()), typical)};
}

// On the last piece the multiplier of a constraint is linear in lambda, so the limit of eta / lambda is its slope; where they
// differ by more than what is left at a huge lambda (nobody answers to the price any more) eta / lambda stands.
void prices_at_infinity(ConstrainedPoint& point, std::span<const double> eta_slope) {
  for (std::size_t j = 0; j < eta_slope.size(); ++j) {
    double& price = point.shadow_prices[j];
    if (std::abs(eta_slope[j] - price) <= 1e-6 * price) price = eta_slope[j];
  }
}

}  // namespace

Result<ConstrainedFrontier> ConstrainedFrontier::build(std::shared_ptr<const Table> table, PathSpec spec,
                                                       std::vector<LinearConstraint> constraints) {
  GIMBAL_CHECK(!constraints.empty(), "at least one shared constraint");
  ConstrainedFrontier frontier;
  GIMBAL_TRY(UnitModel made, UnitModel::make(std::move(table), std::move(spec)));
  const auto model = std::make_shared<const UnitModel>(std::move(made));
  frontier.passes_ = std::make_shared<const ConstraintPasses>(model, std::move(constraints));
  frontier.memo_ = std::make_shared<Memo>();
  frontier.baseline_feasible_ = model->baseline_violations() == 0;
  const std::span<const LinearConstraint> all = frontier.constraints();
  for (std::size_t j = 0; j < all.size(); ++j) {
    if (frontier.passes_->baseline_usage()[j] > all[j].limit + kViolation) frontier.baseline_feasible_ = false;
    std::vector<double> alone(all.size(), 0.0);
    alone[j] = 1;
    const double least = frontier.passes_->least_usage(alone);
    if (least > all[j].limit + kViolation) return fail(unattainable(all[j], least));
  }
  const Scales scales = lambda_scales(*model);
  frontier.lambda_scale_ = scales.typical;
  frontier.lambda_infinity_ = scales.infinity;
  // Whether they can be met together shows at any lambda.
  if (all.size() > 1) GIMBAL_TRY(frontier.at(frontier.lambda_scale_));
  return frontier;
}

Result<ConstrainedPoint> ConstrainedFrontier::solve(double lambda, std::span<const double> guess) const {
  ArmStates states = memo_->take_states(*passes_);
  GIMBAL_TRY(DualSolution found, solve_dual(*passes_, lambda, lambda_scale_, guess, states));
  memo_->give_states(std::move(states));
  ConstrainedPoint point;
  point.lambda = point.effective_lambda = lambda;
  point.moments = found.pass.moments;
  point.usage = std::move(found.pass.usage);
  point.tau_slope = found.tau_slope;
  for (std::size_t j = 0; j < guess.size(); ++j) {
    point.shadow_prices.push_back(std::max(0.0, found.prices.base[j] + found.prices.rest[j] / lambda));
    point.eta.push_back(std::max(0.0, found.prices.eta(j)));
  }
  if (lambda == lambda_infinity_) prices_at_infinity(point, found.eta_slope);
  point.prices = std::move(found.prices);
  return point;
}

Result<ConstrainedPoint> ConstrainedFrontier::solve_near(double lambda, const StopToken& stop) const {
  if (std::optional<ConstrainedPoint> known = memo_->find(lambda)) return *std::move(known);
  if (stop.stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted while the constrained frontier was computed");
  const double end = std::min(lambda, lambda_infinity_);
  Memo::Start start = memo_->start_for(end, constraints().size());
  // Shadow prices settle as lambda grows: each solution is the base of the next, and the last is solved about its own. Up to
  // 1e4 times the scale twelve of sixteen digits are left without that.
  if (end > 1e4 * lambda_scale_) {
    for (double next = std::max(start.lambda, lambda_scale_); next < end;) {
      next = std::min(next * 100, end);
      GIMBAL_TRY(ConstrainedPoint step, solve(next, start.shadow_prices));
      start.shadow_prices = std::move(step.shadow_prices);
    }
  }
  GIMBAL_TRY(ConstrainedPoint point, solve(end, start.shadow_prices));
  point.lambda = lambda;
  memo_->keep(point);
  return point;
}

Result<ConstrainedPoint> ConstrainedFrontier::at(double lambda, const StopToken& stop) const {
  GIMBAL_CHECK(lambda > 0, "lambda is positive");
  return solve_near(lambda, stop);
}

void ConstrainedFrontier::expect(double lambda, std::vector<double> shadow_prices) const {
  GIMBAL_CHECK(shadow_prices.size() == constraints().size(), "one shadow price a constraint");
  memo_->expect(std::min(lambda, lambda_infinity_), std::move(shadow_prices));
}

std::size_t ConstrainedFrontier::solved() const { return memo_->solved(); }

void ConstrainedFrontier::probabilities(const ConstrainedPoint& point, Matrix& out) const {
  const Table& rows = model().table();
  const std::size_t n = model().units(), k = model().arms();
  if (out.rows() != n || out.cols() != k) out = Matrix(n, k);
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    for (std::size_t i = begin; i < end; ++i) {
      passes_->solve_unit(point.prices, i, unit);
      const std::span<double> pi = out.row(i);
      model().scatter(unit, pi);
      for (std::size_t a = 0; a < k; ++a) pi[a] = std::clamp(rows.baseline(i, a) + pi[a], 0.0, 1.0);
    }
  });
}

}  // namespace gimbal::policy
