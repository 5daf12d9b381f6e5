#include "gimbal/policy/constraints.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

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
// `amount`: J rows of the arms' resources.
void unit_scores_at(const Unit& unit, std::span<const double> amount, double lambda, std::span<const double> base,
                    std::span<const double> rest, std::vector<double>& score) {
  const std::size_t m = unit.count;
  score.resize(m);
  std::size_t top = 0;
  for (std::size_t a = 0; a < m; ++a) {
    score[a] = unit.mu[a];
    for (std::size_t j = 0; j < base.size(); ++j) score[a] -= base[j] * amount[j * m + a];
    if (score[a] > score[top]) top = a;
  }
  for (std::size_t a = 0; a < m; ++a) {
    double value = unit.mu[a] - unit.mu[top], small = 0;
    for (std::size_t j = 0; j < base.size(); ++j) {
      const double more = amount[j * m + a] - amount[j * m + top];
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

// One number a unit moves: D of the second arm.
struct ConstrainedFrontier::Binary {
  std::vector<BinaryUnit> unit;
  std::vector<double> weight;  // omega / sum omega
  std::vector<double> more;    // n x J: what the second arm uses more than the first
};

struct ConstrainedFrontier::Memo {
  std::mutex mutex;
  std::map<double, ConstrainedPoint> points;
};

ConstrainedFrontier::Pass ConstrainedFrontier::pass_binary(const Prices& prices) const {
  const std::size_t n = binary_->unit.size(), constraints = constraints_.size();
  const std::size_t width = 3 + constraints + constraints * constraints;  // as below
  std::vector<double> sums(((n + kGrain - 1) / kGrain) * width, 0.0);
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    double* const sum = &sums[begin / kGrain * width];
    for (std::size_t i = begin; i < end; ++i) {
      const BinaryUnit& unit = binary_->unit[i];
      const double* const more = &binary_->more[i * constraints];
      double value = unit.c, rest = 0;
      for (std::size_t j = 0; j < constraints; ++j) {
        value -= prices.base[j] * more[j];
        rest += prices.rest[j] * more[j];
      }
      const double score = prices.lambda * value - rest, target = score / unit.k;
      const double d = std::max(unit.lo, std::min(unit.hi, target));
      const double share = binary_->weight[i] * d;
      sum[0] += share * unit.c, sum[1] += share * d * unit.k, sum[2] += share * score;
      for (std::size_t j = 0; j < constraints; ++j) sum[3 + j] += share * more[j];
      if (d != target) continue;
      const double slope = binary_->weight[i] / unit.k;
      for (std::size_t c = 0; c < constraints * constraints; ++c) {
        sum[3 + constraints + c] += slope * more[c / constraints] * more[c % constraints];
      }
    }
  });
  return finish_pass(prices, sums, 1.0);
}

ConstrainedFrontier::Pass ConstrainedFrontier::pass(const Prices& prices) const {
  if (binary_) return pass_binary(prices);
  const UnitModel& model = *model_;
  const std::size_t n = model.units(), constraints = constraints_.size(), side = constraints + 1;
  // Sums of a chunk: tau, q, inner product of score and D, usage, curvature.
  const std::size_t width = 3 + constraints + constraints * constraints;
  std::vector<double> sums(((n + kGrain - 1) / kGrain) * width, 0.0);
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    double* const sum = &sums[begin / kGrain * width];
    Unit unit;
    std::vector<double> score, amount, inverse, mean(side), spread(side * side);
    for (std::size_t i = begin; i < end; ++i) {
      model.load(i, unit);
      const std::size_t m = unit.count;
      if (m == 0) continue;
      const double weight = model.table().weight_of(i);
      // What moves along: the resources and, last, mu.
      amount.resize(side * m);
      for (std::size_t j = 0; j < constraints; ++j) {
        for (std::size_t a = 0; a < m; ++a)
          amount[j * m + a] = resource(constraints_[j], i, static_cast<std::size_t>(unit.arm[a]));
      }
      std::copy_n(unit.mu.begin(), m, amount.begin() + static_cast<std::ptrdiff_t>(constraints * m));
      unit_scores_at(unit, amount, prices.lambda, prices.base, prices.rest, score);
      model.solve(unit, 0.0, score);
      double tau = 0, q = 0, inner = 0;
      for (std::size_t a = 0; a < m; ++a) {
        tau += unit.mu[a] * unit.d[a];
        q += unit.v[a] * unit.d[a] * unit.d[a];
        inner += score[a] * unit.d[a];
      }
      if (model.is_dr()) q += tau * tau;
      sum[0] += weight * tau, sum[1] += weight * q, sum[2] += weight * inner;
      for (std::size_t j = 0; j < constraints; ++j) {
        double used = 0;
        for (std::size_t a = 0; a < m; ++a) used += amount[j * m + a] * unit.d[a];
        sum[3 + j] += weight * used;
      }
      // The free arms answer a change of scores by the covariance under the weights 1/v, less, for dr, its part along mu.
      double precision = 0;
      inverse.resize(m);
      for (std::size_t a = 0; a < m; ++a) {
        inverse[a] = unit.d[a] > unit.lo[a] && unit.d[a] < unit.hi[a] ? 1 / unit.v[a] : 0.0;
        precision += inverse[a];
      }
      if (precision == 0) continue;
      for (std::size_t j = 0; j < side; ++j) {
        mean[j] = 0;
        for (std::size_t a = 0; a < m; ++a) mean[j] += amount[j * m + a] * inverse[a];
        mean[j] /= precision;
      }
      for (std::size_t j = 0; j < side; ++j) {
        for (std::size_t k = 0; k <= j; ++k) {
          double covariance = 0;
          for (std::size_t a = 0; a < m; ++a) {
            covariance += (amount[j * m + a] - mean[j]) * (amount[k * m + a] - mean[k]) * inverse[a];
          }
          spread[j * side + k] = spread[k * side + j] = covariance;
        }
      }
      const double along = model.is_dr() ? 1 / (1 + spread[side * side - 1]) : 0.0;
      for (std::size_t j = 0; j < constraints; ++j) {
        for (std::size_t k = 0; k < constraints; ++k) {
          const double value = spread[j * side + k] - along * spread[j * side + constraints] * spread[k * side + constraints];
          sum[3 + constraints + j * constraints + k] += weight * value;
        }
      }
    }
  });
  return finish_pass(prices, sums, 1 / model.total_weight());
}

// Adds the chunks' sums in order.
ConstrainedFrontier::Pass ConstrainedFrontier::finish_pass(const Prices& prices, std::span<const double> sums,
                                                           double scale) const {
  const std::size_t constraints = constraints_.size(), width = 3 + constraints + constraints * constraints;
  std::vector<NeumaierSum> total(width);
  for (std::size_t s = 0; s < sums.size(); ++s) total[s % width].add(sums[s]);
  Pass out;
  out.moments = {total[0].value() * scale, total[1].value() * scale};
  out.lagrangian = out.moments.q / 2 - total[2].value() * scale;
  out.curvature = Matrix(constraints, constraints);
  for (std::size_t j = 0; j < constraints; ++j) {
    out.usage.push_back(baseline_usage_[j] + total[3 + j].value() * scale);
    out.lagrangian += prices.rest[j] * (baseline_usage_[j] - constraints_[j].limit);
  }
  for (std::size_t c = 0; c < constraints * constraints; ++c) {
    out.curvature.values()[c] = total[3 + constraints + c].value() * scale;
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
  if (k == 2) {
    auto binary = std::make_shared<Binary>();
    const std::size_t count = frontier.constraints_.size();
    binary->unit.resize(n), binary->weight.resize(n), binary->more.resize(n * count);
    parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        binary->unit[i] = model.load_binary(i);
        binary->weight[i] = rows.weight_of(i) / model.total_weight();
        for (std::size_t j = 0; j < count; ++j) {
          const LinearConstraint& constraint = frontier.constraints_[j];
          binary->more[i * count + j] = resource(constraint, i, 1) - resource(constraint, i, 0);
        }
      }
    });
    frontier.binary_ = std::move(binary);
  }
  frontier.memo_ = std::make_shared<Memo>();
  // Whether they can be met together shows at any lambda.
  if (frontier.constraints_.size() > 1) GIMBAL_TRY(frontier.at(frontier.lambda_scale_));
  return frontier;
}

// One multiplier, the others fixed: usage falls in it, piecewise linearly. Returns the pass at the answer.
ConstrainedFrontier::Pass ConstrainedFrontier::solve_one(Prices& prices, std::size_t j) const {
  const double limit = constraints_[j].limit;
  const double floor = -prices.lambda * prices.base[j];  // eta = lambda base + rest >= 0
  const double close = 2e-13 * std::max(1.0, std::abs(limit));
  struct Probe {
    double x = 0, excess = 0, slope = 0;
  };
  Pass at;
  const auto probe = [&](double x) {
    prices.rest[j] = x;
    at = pass(prices);
    return Probe{x, at.usage[j] - limit, -at.curvature(j, j)};
  };
  Probe now = probe(std::max(prices.rest[j], floor));
  Probe high, low;  // excess > 0 and <= 0
  bool has_high = false, has_low = false;
  int expansions = 0;
  // A thousandth of what units typically answer to, or a hundredth of the multiplier.
  double step = std::max(prices.lambda / lambda_scale_ * 1e-3, 1e-2 * std::abs(now.x - floor));
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

Result<ConstrainedPoint> ConstrainedFrontier::solve(double lambda, std::span<const double> guess) const {
  const std::size_t constraints = constraints_.size();
  Prices prices{lambda, std::vector<double>(guess.begin(), guess.end()), std::vector<double>(constraints, 0.0)};
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
      at = solve_one(prices, 0);
    } else {
      std::vector<double> lower(constraints), upper(constraints, kInfinity);
      for (std::size_t j = 0; j < constraints; ++j) lower[j] = -lambda * prices.base[j];
      Prices trial = prices;
      const learn::MinimizeResult dual = learn::projected_newton(
          [&](std::span<const double> x, std::span<double> gradient, Matrix* hessian) {
            trial.rest.assign(x.begin(), x.end());
            const Pass here = pass(trial);
            for (std::size_t j = 0; j < constraints; ++j) gradient[j] = constraints_[j].limit - here.usage[j];
            if (hessian != nullptr) *hessian = here.curvature;
            return -here.lagrangian;
          },
          prices.rest, lower, upper, {.gradient_tolerance = 1e-12, .max_iterations = 60});
      prices.rest = dual.x;
      // The line search cannot see gains below the rounding of the dual: brackets in turn finish what is left.
      at = pass(prices);
      for (int sweep = 0; sweep < 50 && violation(at) > kViolation / 10; ++sweep) {
        for (std::size_t j = 0; j < constraints; ++j) at = solve_one(prices, j);
      }
    }
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

// Shadow prices settle as lambda grows: each solution is the base of the next, and the last is solved about its own.
Result<ConstrainedPoint> ConstrainedFrontier::solve_from(double lambda, const ConstrainedPoint& near) const {
  const double end = std::min(lambda, lambda_infinity_);
  if (end <= 1e4 * lambda_scale_) return solve(end, near.shadow_prices);  // twelve of sixteen digits are left
  ConstrainedPoint point = near;
  while (point.effective_lambda < end) {
    const double next = std::min(std::max(point.effective_lambda, lambda_scale_) * 100, end);
    GIMBAL_TRY(point, solve(next, point.shadow_prices));
  }
  GIMBAL_TRY(point, solve(end, point.shadow_prices));
  point.lambda = lambda;
  return point;
}

Result<ConstrainedPoint> ConstrainedFrontier::at(double lambda) const {
  GIMBAL_CHECK(lambda > 0, "lambda is positive");
  {
    const std::lock_guard lock(memo_->mutex);
    if (const auto known = memo_->points.find(lambda); known != memo_->points.end()) return known->second;
  }
  ConstrainedPoint nothing;
  nothing.shadow_prices.assign(constraints_.size(), 0.0);
  return solve_from(lambda, nothing);
}

void ConstrainedFrontier::probabilities(const ConstrainedPoint& point, Matrix& out) const {
  const UnitModel& model = *model_;
  const Table& rows = model.table();
  const std::size_t n = model.units(), k = model.arms();
  if (out.rows() != n || out.cols() != k) out = Matrix(n, k);
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    std::vector<double> score, amount;
    for (std::size_t i = begin; i < end; ++i) {
      model.load(i, unit);
      amount.clear();
      for (const LinearConstraint& constraint : constraints_) {
        for (std::size_t a = 0; a < unit.count; ++a) {
          amount.push_back(resource(constraint, i, static_cast<std::size_t>(unit.arm[a])));
        }
      }
      unit_scores_at(unit, amount, point.effective_lambda, point.base_prices, point.eta_rest, score);
      model.solve(unit, 0.0, score);
      const std::span<double> pi = out.row(i);
      model.scatter(unit, pi);
      for (std::size_t a = 0; a < k; ++a) pi[a] = std::clamp(rows.baseline(i, a) + pi[a], 0.0, 1.0);
    }
  });
}

Result<std::vector<ConstrainedPoint>> ConstrainedFrontier::grid(std::size_t count) const {
  GIMBAL_CHECK(count >= 1);
  // 25 probes over twelve decades around the scale find where tau moves and where z is largest.
  std::vector<ConstrainedPoint> known;  // ascending in lambda
  ConstrainedPoint nothing;
  nothing.shadow_prices.assign(constraints_.size(), 0.0);
  for (int probe = 0; probe < 25; ++probe) {
    const double lambda = lambda_scale_ * std::pow(10.0, -6 + probe / 2.0);
    if (lambda >= lambda_infinity_) break;
    GIMBAL_TRY(ConstrainedPoint point, solve_from(lambda, known.empty() ? nothing : known.back()));
    known.push_back(std::move(point));
  }
  GIMBAL_TRY(const ConstrainedPoint end, solve_from(kInfinity, known.back()));
  const auto remember = [&](const std::vector<ConstrainedPoint>& points) {
    const std::lock_guard lock(memo_->mutex);
    for (const ConstrainedPoint& point : points) memo_->points.insert_or_assign(point.lambda, point);
    return points;
  };
  // Solves at lambda, starting from the shadow prices between those of the neighbours, and keeps the answer.
  const auto solve_between = [&](double lambda) -> Result<ConstrainedPoint> {
    const auto above = std::ranges::find_if(known, [&](const ConstrainedPoint& x) { return x.lambda >= lambda; });
    ConstrainedPoint start = above == known.begin() ? known.front() : *(above - 1);
    if (above != known.begin() && above != known.end()) {
      const double part = std::log(lambda / start.lambda) / std::log(above->lambda / start.lambda);
      for (std::size_t j = 0; j < constraints_.size(); ++j) {
        start.shadow_prices[j] += part * (above->shadow_prices[j] - start.shadow_prices[j]);
      }
    }
    GIMBAL_TRY(ConstrainedPoint point, solve_from(lambda, start));
    known.insert(above, point);
    return point;
  };

  std::size_t best = 0;
  for (std::size_t p = 1; p < known.size(); ++p) {
    if (z1(known[p].moments) > z1(known[best].moments)) best = p;
  }
  double peak = z1(known[best].moments), low = known[best].lambda;
  if (!baseline_feasible_ && best + 1 < known.size()) {
    std::optional<Error> error;
    const learn::Minimum refined = learn::golden_section(
        [&](double x) {
          const Result<ConstrainedPoint> point = solve_between(std::exp(x));
          if (!point) error = point.error();
          return point ? -z1(point->moments) : kInfinity;
        },
        std::log(known[best == 0 ? 0 : best - 1].lambda), std::log(known[best + 1].lambda), 1e-4);
    if (error) return fail(std::move(*error));
    if (-refined.value > peak) peak = -refined.value, low = std::exp(refined.x);
  }
  // z is flat up to the first breakpoint: the frontier starts at the largest lambda that still has the largest z.
  const auto at_peak = [&](const ConstrainedPoint& point) { return z1(point.moments) >= peak * (1 - 1e-9); };
  for (const ConstrainedPoint& point : known) {
    if (at_peak(point)) low = std::max(low, point.lambda);
  }
  const auto past = std::ranges::find_if(known, [&](const ConstrainedPoint& x) { return x.lambda > low; });
  double high = past == known.end() ? low : past->lambda;
  for (int halving = 0; halving < 30 && high > low * (1 + 1e-3); ++halving) {
    const double middle = std::sqrt(low * high);
    GIMBAL_TRY(const ConstrainedPoint point, solve_between(middle));
    (at_peak(point) ? low : high) = middle;
  }
  GIMBAL_TRY(const ConstrainedPoint first, solve_between(low));
  const double range = end.moments.tau - first.moments.tau;
  if (count == 1 || !(range > 1e-9 * std::abs(end.moments.tau))) return remember({end});

  std::erase_if(known, [&](const ConstrainedPoint& point) { return point.lambda <= low; });
  known.insert(known.begin(), first);
  if (end.effective_lambda > known.back().lambda) {
    known.push_back(end);
    known.back().lambda = end.effective_lambda;
  }
  std::vector<ConstrainedPoint> points{first};
  const double gap = range / static_cast<double>(count - 1);
  for (std::size_t p = 1; p + 1 < count; ++p) {
    const double target = first.moments.tau + gap * static_cast<double>(p);
    for (int round = 0;; ++round) {
      // The target's neighbours among everything solved so far; between them interpolation, halves if that is slow.
      const auto above = std::ranges::find_if(known, [&](const ConstrainedPoint& x) { return x.moments.tau >= target; });
      if (above == known.end() || above == known.begin()) {
        points.push_back(above == known.end() ? known.back() : known.front());
        break;
      }
      const auto below = above - 1;
      const ConstrainedPoint& nearer = above->moments.tau - target < target - below->moments.tau ? *above : *below;
      const double ratio = above->lambda / below->lambda;
      if (std::abs(nearer.moments.tau - target) <= gap / 20 || round == 60 || ratio <= 1 + 1e-12) {
        points.push_back(nearer);
        break;
      }
      // log lambda as a function of tau: the parabola through the neighbours and the point before them where it stays between
      // the neighbours, else their chord.
      const double x0 = std::log(below->lambda), x1 = std::log(above->lambda);
      const double t0 = below->moments.tau, t1 = above->moments.tau;
      double next = x0 + (target - t0) / (t1 - t0) * (x1 - x0);
      if (below != known.begin()) {
        const double x2 = std::log((below - 1)->lambda), t2 = (below - 1)->moments.tau;
        const double bend = ((x1 - x0) / (t1 - t0) - (x0 - x2) / (t0 - t2)) / (t1 - t2);
        const double curved = next + bend * (target - t0) * (target - t1);
        if (curved > x0 && curved < x1) next = curved;
      }
      if (round % 4 == 3) next = (x0 + x1) / 2;
      next = std::exp(next);
      if (!(next > below->lambda && next < above->lambda)) next = std::sqrt(below->lambda) * std::sqrt(above->lambda);
      GIMBAL_TRY(solve_between(next));
    }
  }
  points.push_back(end);
  points.erase(std::unique(points.begin(), points.end(),
                           [](const ConstrainedPoint& a, const ConstrainedPoint& b) { return a.lambda == b.lambda; }),
               points.end());
  return remember(points);
}

}  // namespace gimbal::policy
