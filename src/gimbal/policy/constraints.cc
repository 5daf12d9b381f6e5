#include "gimbal/policy/constraints.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/learn/optimize.h"

namespace gimbal::policy {

namespace {

constexpr std::size_t kGrain = 4096;
constexpr double kViolation = 1e-9;  // the spec's bound on |usage - limit| of a constraint with a positive price

// Shares of the resource per arm with the sign of the constraint.
LinearConstraint share_constraint(std::string name, std::size_t arm, std::size_t arm_count, double sign, double limit) {
  GIMBAL_CHECK(arm < arm_count, "an arm of the table");
  LinearConstraint constraint{std::move(name), Matrix(1, arm_count), limit};
  constraint.g(0, arm) = sign;
  return constraint;
}

double resource(const LinearConstraint& constraint, std::size_t i, std::size_t a) {
  return constraint.g(constraint.g.rows() == 1 ? 0 : i, a);
}

// The scores lambda (mu_a - sum base_j g_ja) - sum rest_j g_ja of a unit's packed arms, measured from the arm that is best
// before the rest: the arms between which a huge lambda still decides then have small scores with all their digits.
void unit_scores_at(const Unit& unit, std::size_t i, std::span<const LinearConstraint> constraints, double lambda,
                    std::span<const double> base, std::span<const double> rest, std::vector<double>& score) {
  score.resize(unit.count);
  const auto g = [&](std::size_t j, std::size_t a) {
    return resource(constraints[j], i, static_cast<std::size_t>(unit.arm[a]));
  };
  std::size_t top = 0;
  for (std::size_t a = 0; a < unit.count; ++a) {
    score[a] = unit.mu[a];
    for (std::size_t j = 0; j < constraints.size(); ++j) score[a] -= base[j] * g(j, a);
    if (score[a] > score[top]) top = a;
  }
  for (std::size_t a = 0; a < unit.count; ++a) {
    double value = unit.mu[a] - unit.mu[top], small = 0;
    for (std::size_t j = 0; j < constraints.size(); ++j) {
      const double more = g(j, a) - g(j, top);
      value -= base[j] * more;
      small += rest[j] * more;
    }
    score[a] = lambda * value - small;
  }
}

}  // namespace

LinearConstraint capacity(std::string name, std::size_t arm, std::size_t arm_count, double most) {
  return share_constraint(std::move(name), arm, arm_count, 1, most);
}

LinearConstraint minimal_share(std::string name, std::size_t arm, std::size_t arm_count, double least) {
  return share_constraint(std::move(name), arm, arm_count, -1, -least);
}

struct ConstrainedFrontier::Prices {
  double lambda = 0;
  std::vector<double> base, rest;
};

struct ConstrainedFrontier::Pass {
  Moments moments;
  std::vector<double> usage;  // of each constraint
  double lagrangian = 0;      // of 1/2 q - lambda tau + sum eta (usage - limit), without the limit's part of the base prices
  Matrix curvature;           // minus the derivative of usage in eta
};

ConstrainedFrontier::Pass ConstrainedFrontier::pass(const Prices& prices, bool curvature) const {
  const UnitModel& model = *model_;
  const std::size_t n = model.units(), constraints = constraints_.size();
  // Sums of a chunk: tau, q, inner product of price and D, usage, curvature.
  const std::size_t width = 3 + constraints + (curvature ? constraints * constraints : 0);
  const std::size_t chunks = (n + kGrain - 1) / kGrain;
  std::vector<std::vector<NeumaierSum>> sums(chunks);
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    std::vector<NeumaierSum>& sum = sums[begin / kGrain];
    sum.resize(width);
    Unit unit;
    std::vector<double> price, mean(constraints + 1), spread((constraints + 1) * (constraints + 1));
    for (std::size_t i = begin; i < end; ++i) {
      model.load(i, unit);
      if (unit.count == 0) continue;
      const double weight = model.table().weight_of(i);
      const auto g = [&](std::size_t j, std::size_t a) {
        return resource(constraints_[j], i, static_cast<std::size_t>(unit.arm[a]));
      };
      unit_scores_at(unit, i, constraints_, prices.lambda, prices.base, prices.rest, price);
      model.solve(unit, 0.0, price);
      double tau = 0, q = 0, inner = 0;
      for (std::size_t a = 0; a < unit.count; ++a) {
        tau += unit.mu[a] * unit.d[a];
        q += unit.v[a] * unit.d[a] * unit.d[a];
        inner += price[a] * unit.d[a];
      }
      if (model.is_dr()) q += tau * tau;
      sum[0].add(weight * tau), sum[1].add(weight * q), sum[2].add(weight * inner);
      for (std::size_t j = 0; j < constraints; ++j) {
        double used = 0;
        for (std::size_t a = 0; a < unit.count; ++a) used += g(j, a) * unit.d[a];
        sum[3 + j].add(weight * used);
      }
      if (!curvature) continue;
      // The free arms answer a change of scores by the covariance under the weights 1/v, less, for dr, its part along mu.
      double precision = 0;
      std::fill(mean.begin(), mean.end(), 0.0), std::fill(spread.begin(), spread.end(), 0.0);
      const auto column = [&](std::size_t j, std::size_t a) { return j < constraints ? g(j, a) : unit.mu[a]; };
      const auto is_free = [&](std::size_t a) { return unit.d[a] > unit.lo[a] && unit.d[a] < unit.hi[a]; };
      for (std::size_t a = 0; a < unit.count; ++a) {
        if (!is_free(a)) continue;
        precision += 1 / unit.v[a];
        for (std::size_t j = 0; j <= constraints; ++j) mean[j] += column(j, a) / unit.v[a];
      }
      if (precision == 0) continue;
      const std::size_t side = constraints + 1;
      for (std::size_t a = 0; a < unit.count; ++a) {
        if (!is_free(a)) continue;
        for (std::size_t j = 0; j < side; ++j) {
          for (std::size_t k = 0; k < side; ++k) {
            spread[j * side + k] += (column(j, a) - mean[j] / precision) * (column(k, a) - mean[k] / precision) / unit.v[a];
          }
        }
      }
      const double along = model.is_dr() ? 1 / (1 + spread[side * side - 1]) : 0.0;
      for (std::size_t j = 0; j < constraints; ++j) {
        for (std::size_t k = 0; k < constraints; ++k) {
          const double value = spread[j * side + k] - along * spread[j * side + constraints] * spread[k * side + constraints];
          sum[3 + constraints + j * constraints + k].add(weight * value);
        }
      }
    }
  });
  std::vector<NeumaierSum> total(width);
  for (const std::vector<NeumaierSum>& sum : sums) {
    for (std::size_t s = 0; s < width; ++s) total[s].add(sum[s]);
  }
  const double scale = 1 / model.total_weight();
  Pass out;
  out.moments = {total[0].value() * scale, total[1].value() * scale};
  out.lagrangian = out.moments.q / 2 - total[2].value() * scale;
  for (std::size_t j = 0; j < constraints; ++j) {
    out.usage.push_back(baseline_usage_[j] + total[3 + j].value() * scale);
    out.lagrangian += prices.rest[j] * (baseline_usage_[j] - constraints_[j].limit);
  }
  if (curvature) {
    out.curvature = Matrix(constraints, constraints);
    for (std::size_t c = 0; c < constraints * constraints; ++c) {
      out.curvature.values()[c] = total[3 + constraints + c].value() * scale;
    }
  }
  return out;
}

double ConstrainedFrontier::least_usage(std::span<const double> blend) const {
  const UnitModel& model = *model_;
  const std::size_t n = model.units();
  std::vector<NeumaierSum> sums((n + kGrain - 1) / kGrain);
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    std::vector<double> saving;
    for (std::size_t i = begin; i < end; ++i) {
      model.load(i, unit);
      if (unit.count == 0) continue;
      const std::size_t m = unit.count;
      saving.resize(m);
      for (std::size_t a = 0; a < m; ++a) {
        saving[a] = 0;
        for (std::size_t j = 0; j < blend.size(); ++j) {
          if (blend[j] != 0) saving[a] -= blend[j] * resource(constraints_[j], i, static_cast<std::size_t>(unit.arm[a]));
        }
      }
      const std::span<double> d = std::span(unit.d).first(m);
      waterfill_limit(saving, std::span(unit.v).first(m), std::span(unit.lo).first(m), std::span(unit.hi).first(m), d,
                      unit.scratch);
      double used = 0;
      for (std::size_t a = 0; a < m; ++a) used -= saving[a] * d[a];
      sums[begin / kGrain].add(model.table().weight_of(i) * used);
    }
  });
  NeumaierSum total;
  for (const NeumaierSum& sum : sums) total.add(sum);
  double least = total.value() / model.total_weight();
  for (std::size_t j = 0; j < blend.size(); ++j) least += blend[j] * baseline_usage_[j];
  return least;
}

Result<ConstrainedFrontier> ConstrainedFrontier::build(std::shared_ptr<const Table> table, PathSpec spec,
                                                       std::vector<LinearConstraint> constraints) {
  GIMBAL_CHECK(!constraints.empty(), "at least one shared constraint");
  ConstrainedFrontier frontier;
  GIMBAL_TRY(UnitModel made, UnitModel::make(std::move(table), std::move(spec)));
  frontier.model_ = std::make_shared<const UnitModel>(std::move(made));
  frontier.constraints_ = std::move(constraints);
  const UnitModel& model = *frontier.model_;
  const Table& rows = model.table();
  const std::size_t n = model.units(), k = model.arms();
  frontier.baseline_feasible_ = model.baseline_violations() == 0;
  for (std::size_t j = 0; j < frontier.constraints_.size(); ++j) {
    const LinearConstraint& constraint = frontier.constraints_[j];
    GIMBAL_CHECK(constraint.g.cols() == k && (constraint.g.rows() == 1 || constraint.g.rows() == n), "g is 1 x K or n x K");
    const double used = parallel_sum(n, [&](std::size_t i) {
      double sum = 0;
      for (std::size_t a = 0; a < k; ++a) sum += resource(constraint, i, a) * rows.baseline(i, a);
      return rows.weight_of(i) * sum;
    });
    frontier.baseline_usage_.push_back(used / model.total_weight());
    if (frontier.baseline_usage_[j] > constraint.limit + kViolation) frontier.baseline_feasible_ = false;
    std::vector<double> alone(j + 1, 0.0);
    alone[j] = 1;
    const double least = frontier.least_usage(alone);
    if (least > constraint.limit + kViolation) {
      const bool negated = constraint.limit < 0;  // minimal shares are kept as upper limits of negative shares
      return fail(ErrorCode::kInfeasible, "{}: no policy meets this constraint: the {} attainable value is {}", constraint.name,
                  negated ? "largest" : "smallest", format_significant(negated ? -least : least, 6));
    }
  }

  // The greedy policy without constraints sets the scale of lambda; beyond a lambda of bound(q) / (2 eps tau) no more than eps
  // tau can be missing, because dq = 2 lambda dtau along the path.
  std::vector<NeumaierSum> sums(3 * ((n + kGrain - 1) / kGrain));
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    for (std::size_t i = begin; i < end; ++i) {
      model.load(i, unit);
      model.solve(unit, kInfinity);
      double tau = 0, q = 0, bound = 0;
      for (std::size_t a = 0; a < unit.count; ++a) {
        tau += unit.mu[a] * unit.d[a];
        q += unit.v[a] * unit.d[a] * unit.d[a];
        bound += unit.v[a] * std::max(unit.lo[a] * unit.lo[a], unit.hi[a] * unit.hi[a]);
      }
      if (model.is_dr()) q += tau * tau, bound += tau * tau;
      const double weight = rows.weight_of(i) / model.total_weight();
      NeumaierSum* sum = &sums[3 * (begin / kGrain)];
      sum[0].add(weight * tau), sum[1].add(weight * q), sum[2].add(weight * bound);
    }
  });
  NeumaierSum tau, q, bound;
  for (std::size_t c = 0; c < sums.size(); c += 3) tau.add(sums[c]), q.add(sums[c + 1]), bound.add(sums[c + 2]);
  if (tau.value() > 0 && q.value() > 0) {
    frontier.lambda_scale_ = q.value() / tau.value();
    frontier.lambda_infinity_ = std::max(bound.value() / (2e-9 * tau.value()), frontier.lambda_scale_);
  }
  // Whether they can be met together shows at any lambda.
  if (frontier.constraints_.size() > 1) GIMBAL_TRY(frontier.at(frontier.lambda_scale_));
  return frontier;
}

// One multiplier, the others fixed: usage falls in it, piecewise linearly.
void ConstrainedFrontier::solve_one(Prices& prices, std::size_t j) const {
  const double limit = constraints_[j].limit;
  const double floor = -prices.lambda * prices.base[j];  // eta = lambda base + rest >= 0
  const double close = 1e-13 * std::max(1.0, std::abs(limit));
  struct Probe {
    double x = 0, excess = 0, slope = 0;
  };
  const auto probe = [&](double x) {
    prices.rest[j] = x;
    const Pass at = pass(prices, true);
    return Probe{x, at.usage[j] - limit, -at.curvature(j, j)};
  };
  Probe now = probe(std::max(prices.rest[j], floor));
  Probe high, low;  // excess > 0 and <= 0
  bool has_high = false, has_low = false;
  int expansions = 0;
  double step = std::max(std::abs(now.x), prices.lambda / lambda_scale_ * 1e-3);
  for (int round = 0; round < 300; ++round) {
    if (now.excess > 0)
      high = now, has_high = true;
    else
      low = now, has_low = true;
    if (std::abs(now.excess) <= close) return;
    if (!has_high && now.x <= floor) return;  // not binding
    const double newton = now.slope < 0 ? now.x - now.excess / now.slope : std::nan("");
    double next;
    if (has_high && has_low) {
      const double width = low.x - high.x;
      const double middle = high.x + width / 2;
      if (!(middle > high.x && middle < low.x)) {
        // Neighbouring numbers: the exact step between them.
        prices.rest[j] = high.x + width * high.excess / (high.excess - low.excess);
        return;
      }
      // Newton from either end of a piece is exact; bisect when it leaves the bracket or stalls.
      next = round % 3 != 2 && newton > high.x && newton < low.x ? newton : middle;
    } else {
      // No bracket yet: at least `step` further, at most a thousand steps; a limit that no price reaches is left to the caller.
      if (++expansions > 40) return;
      const double reach = std::isfinite(newton) ? std::abs(newton - now.x) : step;
      const double further = std::clamp(reach, step, 1000 * step);
      next = has_high ? now.x + further : std::max(floor, now.x - further);
      step *= 4;
    }
    if (next == now.x) return;
    now = probe(next);
  }
}

Result<ConstrainedPoint> ConstrainedFrontier::solve(double lambda, std::span<const double> base_prices) const {
  const std::size_t constraints = constraints_.size();
  Prices prices{lambda, std::vector<double>(base_prices.begin(), base_prices.end()), std::vector<double>(constraints, 0.0)};
  // Exceeded, or short of the limit with a positive price.
  const auto violation = [&](const Pass& at) {
    double most = 0;
    for (std::size_t j = 0; j < constraints; ++j) {
      const double excess = at.usage[j] - constraints_[j].limit;
      const bool priced = prices.lambda * prices.base[j] + prices.rest[j] > 0;
      most = std::max(most, priced ? std::abs(excess) : excess);
    }
    return most;
  };
  Pass at;
  for (int round = 0; round < 4; ++round) {
    if (round > 0) {  // the rest was too large for the digits that the limit asks for: measure it from a better base
      for (std::size_t j = 0; j < constraints; ++j) {
        prices.base[j] = std::max(0.0, prices.base[j] + prices.rest[j] / lambda);
        prices.rest[j] = 0;
      }
    }
    if (constraints == 1) {
      solve_one(prices, 0);
    } else {
      std::vector<double> lower(constraints), upper(constraints, kInfinity);
      for (std::size_t j = 0; j < constraints; ++j) lower[j] = -lambda * prices.base[j];
      Prices trial = prices;
      const learn::MinimizeResult dual = learn::projected_newton(
          [&](std::span<const double> x, std::span<double> gradient, Matrix* hessian) {
            trial.rest.assign(x.begin(), x.end());
            const Pass here = pass(trial, hessian != nullptr);
            for (std::size_t j = 0; j < constraints; ++j) gradient[j] = constraints_[j].limit - here.usage[j];
            if (hessian != nullptr) *hessian = here.curvature;
            return -here.lagrangian;
          },
          prices.rest, lower, upper, {.gradient_tolerance = 1e-12, .max_iterations = 60});
      prices.rest = dual.x;
      // The line search cannot see gains below the rounding of the dual: brackets in turn finish what is left.
      for (int sweep = 0; sweep < 50 && violation(pass(prices, false)) > kViolation / 10; ++sweep) {
        for (std::size_t j = 0; j < constraints; ++j) solve_one(prices, j);
      }
    }
    at = pass(prices, false);
    if (violation(at) <= kViolation) break;
  }
  if (violation(at) > kViolation) {
    // Multipliers that grow without end are a proof: if even the policy that uses least of their blend uses more than the blend
    // of the limits, no policy keeps all of them (Farkas).
    std::vector<double> blend(constraints);
    double sum = 0, limit = 0;
    for (std::size_t j = 0; j < constraints; ++j) sum += blend[j] = std::max(0.0, lambda * prices.base[j] + prices.rest[j]);
    for (std::size_t j = 0; j < constraints; ++j) limit += (blend[j] /= std::max(sum, 1e-300)) * constraints_[j].limit;
    if (least_usage(blend) > limit) {
      std::vector<std::string> names;
      for (std::size_t j = 0; j < constraints; ++j) {
        if (blend[j] > 1e-6) names.push_back(constraints_[j].name);
      }
      return fail(ErrorCode::kInfeasible, "no policy meets these shared constraints together: {}", join(names, ", "));
    }
    return fail(ErrorCode::kLimit, "the shared constraints were solved to {} only instead of 1e-9, at lambda {}",
                format_significant(violation(at), 2), format_significant(lambda, 4));
  }
  ConstrainedPoint point;
  point.lambda = point.effective_lambda = lambda;
  point.moments = at.moments;
  point.usage = at.usage;
  for (std::size_t j = 0; j < constraints; ++j) {
    point.shadow_prices.push_back(std::max(0.0, prices.base[j] + prices.rest[j] / lambda));
    point.eta.push_back(std::max(0.0, lambda * prices.base[j] + prices.rest[j]));
  }
  point.base_prices = std::move(prices.base);
  point.eta_rest = std::move(prices.rest);
  return point;
}

Result<ConstrainedPoint> ConstrainedFrontier::at(double lambda) const {
  GIMBAL_CHECK(lambda > 0, "lambda is positive");
  const std::vector<double> none(constraints_.size(), 0.0);
  if (lambda <= 1e4 * lambda_scale_) return solve(lambda, none);  // twelve of sixteen digits left
  // Shadow prices settle as lambda grows: each solution is the base of the next, and the last is solved about its own.
  const double end = std::min(lambda, lambda_infinity_);
  GIMBAL_TRY(ConstrainedPoint point, solve(lambda_scale_, none));
  while (point.effective_lambda < end) {
    const double next = std::min(point.effective_lambda * 100, end);
    GIMBAL_TRY(point, solve(next, point.shadow_prices));
  }
  GIMBAL_TRY(point, solve(end, point.shadow_prices));
  if (lambda > end) point.lambda = lambda;
  return point;
}

void ConstrainedFrontier::probabilities(const ConstrainedPoint& point, Matrix& out) const {
  const UnitModel& model = *model_;
  const Table& rows = model.table();
  const std::size_t n = model.units(), k = model.arms();
  if (out.rows() != n || out.cols() != k) out = Matrix(n, k);
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    std::vector<double> price;
    for (std::size_t i = begin; i < end; ++i) {
      model.load(i, unit);
      unit_scores_at(unit, i, constraints_, point.effective_lambda, point.base_prices, point.eta_rest, price);
      model.solve(unit, 0.0, price);
      const std::span<double> pi = out.row(i);
      model.scatter(unit, pi);
      for (std::size_t a = 0; a < k; ++a) pi[a] = std::clamp(rows.baseline(i, a) + pi[a], 0.0, 1.0);
    }
  });
}

Result<std::vector<ConstrainedPoint>> ConstrainedFrontier::grid(std::size_t count) const {
  GIMBAL_CHECK(count >= 1);
  GIMBAL_TRY(const ConstrainedPoint end, at(kInfinity));
  // 25 probes over twelve decades around the scale find where tau moves and where z is largest.
  std::vector<ConstrainedPoint> known;
  for (int probe = 0; probe < 25; ++probe) {
    GIMBAL_TRY(known.emplace_back(), at(lambda_scale_ * std::pow(10.0, -6 + probe / 2.0)));
  }
  std::size_t best = 0;
  for (std::size_t p = 1; p < known.size(); ++p) {
    if (z1(known[p].moments) > z1(known[best].moments)) best = p;
  }
  std::optional<Error> error;
  double peak = z1(known[best].moments), start = known[best].lambda;
  if (!baseline_feasible_ && best + 1 < known.size()) {
    const learn::Minimum refined = learn::golden_section(
        [&](double x) {
          const Result<ConstrainedPoint> point = at(std::exp(x));
          if (!point) error = point.error();
          return point ? -z1(point->moments) : kInfinity;
        },
        std::log(known[best == 0 ? 0 : best - 1].lambda), std::log(known[best + 1].lambda), 1e-6);
    if (error) return fail(std::move(*error));
    if (-refined.value > peak) peak = -refined.value, start = std::exp(refined.x);
  }
  // z is flat up to the first breakpoint: the largest lambda that still has the largest z.
  double low = start, high = 0;
  for (const ConstrainedPoint& point : known) {
    if (z1(point.moments) >= peak * (1 - 1e-9)) low = std::max(low, point.lambda);
  }
  for (const ConstrainedPoint& point : known) {
    if (point.lambda > low && high == 0) high = point.lambda;
  }
  for (int halving = 0; halving < 30 && high > low * (1 + 1e-6); ++halving) {
    const double middle = std::sqrt(low * high);
    GIMBAL_TRY(const ConstrainedPoint point, at(middle));
    (z1(point.moments) >= peak * (1 - 1e-9) ? low : high) = middle;
  }
  GIMBAL_TRY(const ConstrainedPoint first, at(low));
  const double range = end.moments.tau - first.moments.tau;
  if (count == 1 || !(range > 1e-9 * std::abs(end.moments.tau))) return std::vector<ConstrainedPoint>{end};

  std::erase_if(known, [&](const ConstrainedPoint& point) { return point.lambda <= low; });
  known.insert(known.begin(), first);
  ConstrainedPoint far = end;
  far.lambda = far.effective_lambda;
  if (far.lambda > known.back().lambda) known.push_back(far);
  std::vector<ConstrainedPoint> points{first};
  const double gap = range / static_cast<double>(count - 1);
  for (std::size_t p = 1; p + 1 < count; ++p) {
    const double target = first.moments.tau + gap * static_cast<double>(p);
    for (int round = 0;; ++round) {
      // The neighbours of the target among everything solved so far; interpolate between them in turn linearly and by halves.
      const auto above = std::ranges::find_if(known, [&](const ConstrainedPoint& x) { return x.moments.tau >= target; });
      if (above == known.end()) {
        points.push_back(known.back());
        break;
      }
      const auto below = above == known.begin() ? above : above - 1;
      const ConstrainedPoint& nearer =
          above->moments.tau - target < target - below->moments.tau || below == above ? *above : *below;
      if (std::abs(nearer.moments.tau - target) <= gap / 20 || round == 60 || above->lambda <= below->lambda * (1 + 1e-12)) {
        points.push_back(nearer);
        break;
      }
      const double fraction = (target - below->moments.tau) / (above->moments.tau - below->moments.tau);
      const double ratio = above->lambda / below->lambda;
      const double next = ratio > 4 || round % 3 == 2 ? below->lambda * std::sqrt(ratio)
                                                      : below->lambda + fraction * (above->lambda - below->lambda);
      GIMBAL_TRY(ConstrainedPoint point, at(next));
      known.insert(above, std::move(point));
    }
  }
  points.push_back(end);
  points.erase(std::unique(points.begin(), points.end(),
                           [](const ConstrainedPoint& a, const ConstrainedPoint& b) { return a.lambda == b.lambda; }),
               points.end());
  return points;
}

}  // namespace gimbal::policy
