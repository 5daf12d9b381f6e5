#include "gimbal/policy/path_unit.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"
#include "gimbal/policy/baseline.h"
#include "gimbal/policy/path_walk.h"

namespace gimbal::policy {

namespace {

void reserve(Unit& unit, std::size_t k) {
  if (unit.mu.size() >= k) return;
  unit.arm.resize(k);
  for (std::vector<double>* values : {&unit.mu, &unit.v, &unit.lo, &unit.hi, &unit.d}) values->resize(k);
}

// The smallest variance that a table may hold: 1e-12 of its largest; for a table without any variance, of the squared spread
// of its predictions, so that v stays positive on noise-free data.
double smallest_variance(const Table& table) {
  double largest = 0;
  for (const double s2 : table.var.values()) largest = std::max(largest, s2);
  if (largest > 0) return 1e-12 * largest;
  const auto [low, high] = std::minmax_element(table.mu.values().begin(), table.mu.values().end());
  const double spread = *high - *low;
  return 1e-12 * (spread > 0 ? spread * spread : 1.0);
}

// The mean value of the baseline: the centre that makes cipw a stand-in for snips.
double baseline_value(const Table& table) {
  const double sum = parallel_sum(table.units(), [&](std::size_t i) {
    double value = 0;
    for (std::size_t a = 0; a < table.arm_count(); ++a) {
      if (const double b = table.baseline(i, a); b != 0) value += b * table.mu(i, a);
    }
    return table.weight_of(i) * value;
  });
  const double weight = parallel_sum(table.units(), [&](std::size_t i) { return table.weight_of(i); });
  return sum / weight;
}

}  // namespace

Result<UnitModel> UnitModel::make(std::shared_ptr<const Table> table, PathSpec spec) {
  GIMBAL_CHECK(table != nullptr);
  const std::size_t n = table->units(), k = table->arm_count();
  if (n == 0) return fail(ErrorCode::kInsufficientData, "a frontier needs at least one unit, found none");
  GIMBAL_CHECK(k >= 2 && table->mu.cols() == k, "a table with at least two arms");
  GIMBAL_CHECK(table->e.rows() == n && table->e.cols() == k && table->var.rows() == n && table->var.cols() == k,
               "e, mu and var of one shape");
  GIMBAL_CHECK(table->b.empty() || (table->b.rows() == n && table->b.cols() == k), "b of the shape of mu");
  GIMBAL_CHECK(table->weight.empty() || table->weight.size() == n, "one weight a unit");

  UnitModel model;
  for (std::size_t i = 0; i < n; ++i) {
    const double weight = table->weight_of(i);
    if (!(weight >= 0)) {
      return fail(ErrorCode::kInvalidArgument, "weights must be 0 or larger, found {} for {}", weight, table->unit_name(i));
    }
  }
  model.total_weight_ = parallel_sum(n, [&](std::size_t i) { return table->weight_of(i); });
  if (!(model.total_weight_ > 0)) return fail(ErrorCode::kInvalidArgument, "the weights sum to 0: no unit counts");
  if (!table->b.empty()) GIMBAL_TRY(check_support(table->b, table->e, table->arms, "the baseline", table->ids.get()));
  GIMBAL_TRY(model.baseline_violations_, check_bounds(*table, spec.bounds));

  model.variance_floor_ = smallest_variance(*table);
  for (const double s2 : table->var.values()) model.floored_variances_ += s2 < model.variance_floor_ ? 1 : 0;
  if (spec.score == Score::kCipw) model.centre_ = spec.c0;
  if (spec.score == Score::kSnips) model.centre_ = baseline_value(*table);
  model.spec_ = std::move(spec);
  model.table_ = std::move(table);
  return model;
}

double UnitModel::variance(std::size_t i, std::size_t a) const { return std::max(table_->var(i, a), variance_floor_); }

double UnitModel::cost(std::size_t i, std::size_t a) const {
  double second = variance(i, a);
  if (!is_dr()) {
    const double mu = table_->mu(i, a) - centre_;
    second += mu * mu;
  }
  return second / table_->e(i, a);
}

void UnitModel::load(std::size_t i, Unit& unit) const {
  const std::size_t k = arms();
  reserve(unit, k);
  const bool bounded = !spec_.bounds.none();
  if (bounded) {
    if (unit.work.size() < 2 * k) unit.work.resize(2 * k);
    unit_box(*table_, spec_.bounds, i, std::span(unit.work).first(k), std::span(unit.work).subspan(k, k));
  }
  std::size_t count = 0;
  for (std::size_t a = 0; a < k; ++a) {
    if (table_->e(i, a) <= 0) continue;
    double lo, hi;
    if (bounded) {
      lo = unit.work[a], hi = unit.work[k + a];
    } else {
      const double b = table_->baseline(i, a);
      lo = b <= kNoRoom ? 0.0 : -b;
      hi = 1 - b <= kNoRoom ? 0.0 : 1 - b;
    }
    if (lo == 0 && hi == 0) continue;
    unit.arm[count] = static_cast<int>(a);
    unit.mu[count] = table_->mu(i, a);
    unit.v[count] = cost(i, a);
    unit.lo[count] = lo, unit.hi[count] = hi;
    ++count;
  }
  if (count < 2) count = 0;  // the deviations sum to 0
  unit.count = count;
  unit.lower_only = true;
  if (count == 0) return;

  std::size_t origin = 0;
  double lo_sum = 0;
  for (std::size_t a = 0; a < count; ++a) {
    if (unit.v[a] < unit.v[origin]) origin = a;
    lo_sum += unit.lo[a];
  }
  const double mu_origin = unit.mu[origin];
  for (std::size_t a = 0; a < count; ++a) {
    unit.mu[a] -= mu_origin;
    if (bounded && (unit.lo[a] > 0 || unit.hi[a] < unit.lo[a] - lo_sum - kNoRoom)) unit.lower_only = false;
  }
}

BinaryUnit UnitModel::load_binary(std::size_t i) const {
  GIMBAL_CHECK(arms() == 2);
  BinaryUnit unit;
  if (table_->e(i, 0) <= 0 || table_->e(i, 1) <= 0) return unit;
  double lo[2], hi[2];
  if (spec_.bounds.none()) {
    const double b[2] = {table_->baseline(i, 0), table_->baseline(i, 1)};
    lo[1] = -b[1], hi[1] = b[0];
    if (b[1] <= kNoRoom) lo[1] = 0;
    if (b[0] <= kNoRoom) hi[1] = 0;
    unit.lo = lo[1], unit.hi = hi[1];
  } else {
    unit_box(*table_, spec_.bounds, i, lo, hi);
    unit.lo = std::max(lo[1], -hi[0]), unit.hi = std::min(hi[1], -lo[0]);
  }
  unit.k = cost(i, 1) + cost(i, 0);
  unit.c = table_->mu(i, 1) - table_->mu(i, 0);
  if (is_dr()) unit.k += unit.c * unit.c;
  return unit;
}

namespace {

// Two packed arms: one number moves.
void solve_pair(Unit& unit, bool dr, double lambda, double price) {
  const double lo = std::max(unit.lo[1], -unit.hi[0]), hi = std::min(unit.hi[1], -unit.lo[0]);
  const double c = unit.mu[1] - unit.mu[0];
  const double k = unit.v[0] + unit.v[1] + (dr ? c * c : 0.0);
  const double target = c == 0 ? price / k : std::isinf(lambda) ? c * kInfinity : (lambda * c + price) / k;
  unit.d[1] = std::max(lo, std::min(hi, target));
  unit.d[0] = -unit.d[1];
}

}  // namespace

namespace {

// dr with lower bounds only: tries the pieces that Newton steps in theta lead to. A step from a theta on the piece of the
// answer ends at the answer, and is exact: it is taken when the arms that move at both of its ends are the same. Gives up after
// a few.
bool solve_on_a_piece(Unit& unit, double lambda, std::span<const double> price) {
  const std::size_t n = unit.count;
  if (unit.work.size() < n) unit.work.resize(n);
  if (unit.state.size() < n) unit.state.resize(n);
  const std::span<double> score = std::span(unit.work).first(n), d = std::span(unit.d).first(n);
  const std::span<const double> v = std::span(unit.v).first(n), lo = std::span(unit.lo).first(n);
  double theta = lambda;
  for (int step = 0; step < 6; ++step) {
    for (std::size_t a = 0; a < n; ++a) score[a] = theta * unit.mu[a] + (price.empty() ? 0.0 : price[a]);
    waterfill(score, v, lo, d, unit.scratch);
    bool same = step > 0;
    double precision = 0, mean = 0, inner = 0;
    for (std::size_t a = 0; a < n; ++a) {
      const int moves = d[a] > lo[a];
      same &= moves == unit.state[a];
      unit.state[a] = moves;
      inner += unit.mu[a] * d[a];
      if (moves) precision += 1 / unit.v[a], mean += unit.mu[a] / unit.v[a];
    }
    if (same) return true;
    mean /= precision;
    double slope = 1;  // of theta + mu'D(theta)
    for (std::size_t a = 0; a < n; ++a) {
      if (unit.state[a]) slope += (unit.mu[a] - mean) * (unit.mu[a] - mean) / unit.v[a];
    }
    theta += (lambda - theta - inner) / slope;
  }
  return false;
}

}  // namespace

void UnitModel::solve(Unit& unit, double lambda) const {
  const std::size_t n = unit.count;
  if (n == 0) return;
  if (n == 2) return solve_pair(unit, is_dr(), lambda, 0.0);
  const std::span<double> mu = std::span(unit.mu).first(n), v = std::span(unit.v).first(n), lo = std::span(unit.lo).first(n),
                          hi = std::span(unit.hi).first(n), d = std::span(unit.d).first(n);
  if (std::isinf(lambda)) return waterfill_limit(mu, v, lo, hi, d, unit.scratch);
  if (is_dr() && unit.lower_only) {
    walking::walk_lower<false>(unit, true, [&](double, double to, std::span<const double> alpha, std::span<const double> beta) {
      if (lambda > to) return true;
      for (std::size_t a = 0; a < n; ++a) d[a] = std::clamp(alpha[a] + beta[a] * lambda, lo[a], hi[a]);
      return false;
    });
    return;
  }
  if (!unit.lower_only) return solve(unit, lambda, {});
  if (unit.work.size() < n) unit.work.resize(n);
  const std::span<double> score = std::span(unit.work).first(n);
  for (std::size_t a = 0; a < n; ++a) score[a] = lambda * mu[a];
  waterfill(score, v, lo, d, unit.scratch);
}

void UnitModel::solve(Unit& unit, double lambda, std::span<const double> price) const {
  const std::size_t n = unit.count;
  if (n == 0) return;
  if (n == 2) return solve_pair(unit, is_dr(), lambda, price.empty() ? 0.0 : price[1] - price[0]);
  const std::span<double> mu = std::span(unit.mu).first(n), v = std::span(unit.v).first(n), lo = std::span(unit.lo).first(n),
                          hi = std::span(unit.hi).first(n), d = std::span(unit.d).first(n);
  if (!is_dr()) {
    if (unit.work.size() < n) unit.work.resize(n);
    const std::span<double> score = std::span(unit.work).first(n);
    for (std::size_t a = 0; a < n; ++a) score[a] = lambda * mu[a] + (price.empty() ? 0.0 : price[a]);
    waterfill_box(score, v, lo, hi, d, unit.scratch);
    return;
  }
  if (unit.lower_only && solve_on_a_piece(unit, lambda, price)) return;
  // theta = lambda - mu'D(theta) is at least lambda minus the largest mu'D, so the walk starts there, a few pieces away.
  waterfill_limit(mu, v, lo, hi, d, unit.scratch);
  double most = 0;
  for (std::size_t a = 0; a < n; ++a) most += mu[a] * d[a];
  walking::walk_box(unit, true, price, lambda - most,
                    [&](double, double to, std::span<const double> alpha, std::span<const double> beta) {
                      if (lambda > to) return true;
                      for (std::size_t a = 0; a < n; ++a) d[a] = std::clamp(alpha[a] + beta[a] * lambda, lo[a], hi[a]);
                      return false;
                    });
}

void UnitModel::scatter(const Unit& unit, std::span<double> d) const {
  std::fill(d.begin(), d.end(), 0.0);
  for (std::size_t a = 0; a < unit.count; ++a) d[static_cast<std::size_t>(unit.arm[a])] = unit.d[a];
}

void UnitModel::walk_events(Unit& unit, std::vector<PathEvent>& events) const {
  events.clear();
  const std::size_t n = unit.count;
  if (n == 0) return;
  bool first = true;
  double slope = 0;
  if (unit.lower_only) {
    walking::walk_lower<true>(unit, is_dr(), [&](double from, double, double now) {
      if (!first) events.push_back({from, now - slope});
      first = false, slope = now;
    });
    return;
  }
  walk(unit, [&](double from, std::span<const double>, std::span<const double> beta) {
    double now = 0;
    for (std::size_t a = 0; a < n; ++a) now += unit.mu[a] * beta[a];
    if (!first) events.push_back({from, now - slope});
    first = false, slope = now;
  });
}

void UnitModel::walk(Unit& unit, const PieceSink& sink) const {
  const std::size_t n = unit.count;
  if (n == 0) return sink(0.0, {}, {});
  if (unit.lower_only) {
    walking::walk_lower<false>(unit, is_dr(),
                               [&](double from, double, std::span<const double> alpha, std::span<const double> beta) {
                                 sink(from, alpha, beta);
                                 return true;
                               });
    return;
  }
  // Where the box keeps D away from 0, lambda = 0 belongs to a theta below 0 or above: theta >= -(largest mu'D).
  double theta0 = 0;
  if (is_dr()) {
    waterfill_limit(std::span(unit.mu).first(n), std::span(unit.v).first(n), std::span(unit.lo).first(n),
                    std::span(unit.hi).first(n), std::span(unit.d).first(n), unit.scratch);
    bool holds_zero = true;
    for (std::size_t a = 0; a < n; ++a) {
      theta0 -= unit.mu[a] * unit.d[a];
      holds_zero &= unit.lo[a] <= 0 && unit.hi[a] >= 0;
    }
    if (holds_zero) theta0 = 0;
  }
  walking::walk_box(unit, is_dr(), {}, theta0,
                    [&](double from, double to, std::span<const double> alpha, std::span<const double> beta) {
                      if (to > 0) sink(std::max(from, 0.0), alpha, beta);
                      return true;
                    });
}

}  // namespace gimbal::policy
