#include "gimbal/policy/constraint_dual.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/learn/optimize.h"

namespace gimbal::policy {
namespace {

// One multiplier, the others fixed: usage falls in it, piecewise linearly. Returns the pass at the answer.
Pass solve_one(const ConstraintPasses& passes, Prices& prices, std::size_t j, double scale, ArmStates& states) {
  const double limit = passes.constraints()[j].limit;
  const double floor = -prices.lambda * prices.base[j];  // eta = lambda base + rest >= 0
  const double close = 2e-13 * std::max(1.0, std::abs(limit));
  struct Probe {
    double x = 0, excess = 0, slope = 0;
  };
  Pass at;
  const auto probe = [&](double x) {
    prices.rest[j] = x;
    at = passes.at(prices, states);
    return Probe{x, at.usage[j] - limit, -at.response(j, j)};
  };
  Probe now = probe(std::max(prices.rest[j], floor));
  Probe high, low;  // excess > 0 and <= 0
  bool has_high = false, has_low = false;
  int expansions = 0;
  // A thousandth of what units typically answer to, or a hundredth of the multiplier.
  double step = std::max(prices.lambda / scale * 1e-3, 1e-2 * std::abs(now.x - floor));
  Probe best = now;        // the smallest excess so far
  bool try_newton = true;  // not straight after a Newton step that did not at least halve it
  for (int round = 0; round < 300; ++round) {
    if (now.excess > 0)
      high = now, has_high = true;
    else
      low = now, has_low = true;
    if (std::abs(now.excess) <= close) return at;
    if (!has_high && now.x <= floor) return at;  // not binding
    try_newton = !try_newton || round == 0 || std::abs(now.excess) <= std::abs(best.excess) / 2;
    if (std::abs(now.excess) < std::abs(best.excess)) best = now;
    const double newton = best.slope < 0 ? best.x - best.excess / best.slope : std::nan("");
    double next;
    if (has_high && has_low) {
      const double width = low.x - high.x, middle = high.x + width / 2;
      if (!(middle > high.x && middle < low.x)) {
        // Neighbouring numbers: the exact step between them.
        probe(high.x + width * high.excess / (high.excess - low.excess));
        return at;
      }
      // A Newton step on the piece of the answer is exact; halve the bracket where it leaves it or the last one was of no help.
      next = newton > high.x && newton < low.x && try_newton ? newton : middle;
    } else {
      // No bracket yet: a few free Newton steps, then ever longer ones. A limit that no price reaches is left to the caller.
      if (++expansions > 40) return at;
      double further = std::isfinite(newton) ? std::abs(newton - now.x) : step;
      further = std::min(further, 1e6 * std::max(step, std::abs(now.x)));
      if (expansions > 4) further = std::max(further, step);
      next = has_high ? now.x + further : std::max(floor, now.x - further);
      step *= 4;
    }
    if (next == now.x) return at;
    now = probe(next);
  }
  return at;
}

// Exceeded, or short of the limit with a positive price.
double violation(const ConstraintPasses& passes, const Prices& prices, const Pass& at) {
  double most = 0;
  for (std::size_t j = 0; j < at.usage.size(); ++j) {
    const double excess = at.usage[j] - passes.constraints()[j].limit;
    most = std::max(most, prices.eta(j) > 0 ? std::abs(excess) : excess);
  }
  return most;
}

// Newton on the constraints that have a price or are exceeded, from prices near the answer: usage is piecewise linear in all
// multipliers together, so on the piece of the answer one step is exact. Leaves the best prices it saw and says whether they
// are within `close`; a walk that stops to improve is left to the safeguarded search below.
bool newton_from_near(const ConstraintPasses& passes, Prices& prices, Pass& at, double close, ArmStates& states) {
  const std::size_t constraints = passes.constraints().size();
  Prices best = prices;
  Pass best_pass;
  double least = kInfinity;
  int misses = 0;
  for (int round = 0; round < 20 && misses < 3; ++round) {
    at = passes.at(prices, states);
    std::vector<double> excess(constraints);
    double worst = 0;
    for (std::size_t j = 0; j < constraints; ++j) {
      excess[j] = at.usage[j] - passes.constraints()[j].limit;
      if (prices.eta(j) <= 0 && excess[j] < 0) excess[j] = 0;
      worst = std::max(worst, std::abs(excess[j]));
    }
    misses = worst <= least / 2 ? 0 : misses + 1;
    if (worst < least) least = worst, best = prices, best_pass = at;
    if (worst <= close) break;
    // R_AA d eta = excess_A by elimination; A are the constraints whose excess counts.
    Matrix r = at.response;
    std::vector<bool> in(constraints);
    for (std::size_t j = 0; j < constraints; ++j) {
      in[j] = excess[j] != 0 && r(j, j) > 1e-12 * at.response(j, j);
      if (!in[j]) continue;
      for (std::size_t i = 0; i < constraints; ++i) {
        if (i == j) continue;
        const double factor = r(i, j) / r(j, j);
        for (std::size_t k = 0; k < constraints; ++k) r(i, k) -= factor * r(j, k);
        excess[i] -= factor * excess[j];
      }
    }
    for (std::size_t j = 0; j < constraints; ++j) {
      if (in[j]) prices.rest[j] = std::max(-prices.lambda * prices.base[j], prices.rest[j] + excess[j] / r(j, j));
    }
  }
  prices = best, at = best_pass;
  return least <= close;
}

Pass solve_several(const ConstraintPasses& passes, Prices& prices, ArmStates& states) {
  const std::size_t constraints = passes.constraints().size();
  double close = 1;
  for (const LinearConstraint& constraint : passes.constraints()) close = std::max(close, std::abs(constraint.limit));
  Pass near;
  if (newton_from_near(passes, prices, near, 2e-13 * close, states)) return near;
  if (violation(passes, prices, near) <= kViolation / 10) return near;
  std::vector<double> lower(constraints), upper(constraints, kInfinity);
  for (std::size_t j = 0; j < constraints; ++j) lower[j] = -prices.lambda * prices.base[j];
  Prices trial = prices;
  const learn::MinimizeResult dual = learn::projected_newton(
      [&](std::span<const double> x, std::span<double> gradient, Matrix* hessian) {
        trial.rest.assign(x.begin(), x.end());
        const Pass here = passes.at(trial, states);
        for (std::size_t j = 0; j < constraints; ++j) gradient[j] = passes.constraints()[j].limit - here.usage[j];
        if (hessian != nullptr) {
          *hessian = Matrix(constraints, constraints);
          for (std::size_t j = 0; j < constraints; ++j) {
            for (std::size_t k = 0; k < constraints; ++k) (*hessian)(j, k) = here.response(j, k);
          }
        }
        return -here.lagrangian;
      },
      prices.rest, lower, upper, {.gradient_tolerance = 1e-12, .max_iterations = 60});
  prices.rest = dual.x;
  return passes.at(prices, states);
}

// Multipliers that grow without end are a proof: if even the policy that uses least of their blend uses more than the blend of
// the limits, no policy keeps all of them (Farkas).
Error unsolved(const ConstraintPasses& passes, const Prices& prices, const Pass& at) {
  const std::span<const LinearConstraint> constraints = passes.constraints();
  std::vector<double> blend(constraints.size());
  double sum = 0, limit = 0;
  for (std::size_t j = 0; j < blend.size(); ++j) sum += blend[j] = std::max(0.0, prices.eta(j));
  for (std::size_t j = 0; j < blend.size(); ++j) limit += (blend[j] /= std::max(sum, 1e-300)) * constraints[j].limit;
  if (passes.least_usage(blend) > limit) {
    std::vector<std::string> names;
    for (std::size_t j = 0; j < blend.size(); ++j) {
      if (blend[j] > 1e-6) names.push_back(constraints[j].name);
    }
    return {ErrorCode::kInfeasible,
            fmt::format("no policy meets these shared constraints together: {}", join(names, ", ")),
            {},
            {}};
  }
  return {ErrorCode::kLimit,
          fmt::format("the shared constraints were solved to {} only instead of 1e-9, at lambda {}",
                      format_significant(violation(passes, prices, at), 2), format_significant(prices.lambda, 4)),
          {},
          {}};
}

// With A the constraints that have a price: usage of A stays at its limits, so R_AA d eta = R_A,mu d lambda and
// d tau = (R_mu,mu - R_mu,A R_AA^-1 R_A,mu) d lambda. Gaussian elimination; a direction that nobody answers to is left out.
void slopes(DualSolution& out) {
  const std::size_t constraints = out.pass.usage.size();
  Matrix r = out.pass.response;
  std::vector<std::size_t> pivots;
  for (std::size_t j = 0; j < constraints; ++j) {
    if (!(out.prices.eta(j) > 0) || !(r(j, j) > 1e-12 * out.pass.response(j, j))) continue;
    for (std::size_t i = 0; i <= constraints; ++i) {
      if (i == j) continue;
      const double factor = r(i, j) / r(j, j);
      for (std::size_t k = 0; k <= constraints; ++k) r(i, k) -= factor * r(j, k);
    }
    pivots.push_back(j);
  }
  out.tau_slope = std::max(0.0, r(constraints, constraints));
  out.eta_slope.assign(constraints, 0.0);
  for (const std::size_t j : pivots) out.eta_slope[j] = r(j, constraints) / r(j, j);
}

}  // namespace

Result<DualSolution> solve_dual(const ConstraintPasses& passes, double lambda, double scale, std::span<const double> guess,
                                ArmStates& states) {
  const std::size_t constraints = passes.constraints().size();
  DualSolution out{
      .prices = {lambda, {guess.begin(), guess.end()}, std::vector<double>(constraints, 0.0)}, .pass = {}, .eta_slope = {}};
  Prices& prices = out.prices;
  for (int round = 0; round < 4; ++round) {
    if (round > 0) {  // the rest was too large for the digits that the limit asks for: measure it from a better base
      for (std::size_t j = 0; j < constraints; ++j) {
        prices.base[j] = std::max(0.0, prices.base[j] + prices.rest[j] / lambda);
        prices.rest[j] = 0;
      }
    }
    if (constraints == 1) {
      out.pass = solve_one(passes, prices, 0, scale, states);
    } else {
      out.pass = solve_several(passes, prices, states);
      // The line search cannot see gains below the rounding of the dual: brackets in turn finish what is left.
      for (int sweep = 0; sweep < 50 && violation(passes, prices, out.pass) > kViolation / 10; ++sweep) {
        for (std::size_t j = 0; j < constraints; ++j) out.pass = solve_one(passes, prices, j, scale, states);
      }
    }
    if (violation(passes, prices, out.pass) <= kViolation) break;
  }
  if (violation(passes, prices, out.pass) > kViolation) return fail(unsolved(passes, prices, out.pass));
  slopes(out);
  return out;
}

}  // namespace gimbal::policy
