// The points of a constrained frontier: where z is largest, and equal steps of tau from there to infinity.
#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/policy/constraint_dual.h"
#include "gimbal/policy/constraint_memo.h"
#include "gimbal/policy/constraints.h"

namespace gimbal::policy {
namespace {

constexpr int kProbes = 25;             // over twelve decades around the scale: they find where tau moves
constexpr double kFlat = 1e-13;         // of q: q - lambda tau counts as 0
constexpr double kNoLimitRoom = 1e-12;  // room to a limit below this counts as none, as with bounds

double excess_of_q(const ConstrainedPoint& point) { return point.moments.q - point.effective_lambda * point.moments.tau; }

// log lambda at `target` between two solved points: the cubic with their values and slopes in tau, or the chord where that
// leaves the interval.
double interpolated(const ConstrainedPoint& below, const ConstrainedPoint& above, double target) {
  const double x0 = std::log(below.lambda), x1 = std::log(above.lambda);
  const double width = above.moments.tau - below.moments.tau, part = (target - below.moments.tau) / width;
  const double m0 = width / (below.lambda * below.tau_slope), m1 = width / (above.lambda * above.tau_slope);
  const double rise = x1 - x0;
  if (m0 < 3 * rise && m1 < 3 * rise) {  // monotone (Fritsch and Carlson 1980); false where a slope is 0
    const double u = 1 - part;
    return x0 + rise * part * part * (3 - 2 * part) + part * u * (m0 * u - m1 * part);
  }
  return x0 + rise * part;
}

}  // namespace

// Up to the first bound or limit that is met, D and the multipliers are proportional to lambda.
Result<std::optional<double>> ConstrainedFrontier::end_of_proportional_path(const StopToken& stop) const {
  const std::size_t constraints = passes_->constraints().size();
  double lambda = lambda_scale_ * 1e-3, best = 0;
  for (int round = 0; round < 60; ++round) {
    GIMBAL_TRY(const ConstrainedPoint point, solve_near(lambda, stop));
    ArmStates states = passes_->fresh_states();
    double room = passes_->room_to_scale(point.prices, states);
    for (std::size_t j = 0; j < constraints; ++j) {
      const double base = passes_->baseline_usage()[j], limit = passes_->constraints()[j].limit;
      if (limit - base < kNoLimitRoom || !(point.usage[j] - base > 0)) continue;
      room = std::min(room, point.eta[j] > 0 ? 0.0 : (limit - base) / (point.usage[j] - base));
    }
    if (std::isinf(room)) return std::optional<double>();
    if (room == 0) {  // beyond the end already
      lambda = best > 0 ? std::sqrt(best) * std::sqrt(lambda) : lambda * 1e-3;
      if (lambda < 1e-60 * lambda_scale_) break;
      continue;
    }
    const double end = lambda * room;
    // A binding limit is kept to an absolute tolerance: its multiplier has all its digits near the end alone.
    if (room <= 4) return std::optional<double>(end);
    best = lambda;
    lambda = end / 2;
  }
  return std::optional<double>(best > 0 ? best : lambda);
}

Result<std::optional<double>> ConstrainedFrontier::largest_z_inside(const StopToken& stop) const {
  // The bracket from the probes: the first that has q < lambda tau, and the one before it.
  double low = 0, high = 0;
  for (int probe = 0; probe < kProbes; ++probe) {
    const double lambda = lambda_scale_ * std::pow(10.0, -6 + probe / 2.0);
    if (lambda >= lambda_infinity_) break;
    GIMBAL_TRY(const ConstrainedPoint point, solve_near(lambda, stop));
    if (excess_of_q(point) < -kFlat * point.moments.q) {
      high = lambda;
      break;
    }
    low = lambda;
  }
  if (high == 0) {
    GIMBAL_TRY(const ConstrainedPoint end, solve_near(kInfinity, stop));
    if (!(excess_of_q(end) < -kFlat * end.moments.q)) return std::optional<double>(kInfinity);
    high = end.effective_lambda;
  }
  if (low == 0) low = high * 1e-6;
  double next = std::sqrt(low) * std::sqrt(high);
  for (int round = 0; round < 100 && high > low * (1 + 1e-14); ++round) {
    GIMBAL_TRY(const ConstrainedPoint point, solve_near(next, stop));
    const double t0 = point.moments.tau - next * point.tau_slope, q0 = point.moments.q - next * next * point.tau_slope;
    const double exact = q0 / t0;  // where q = lambda tau on this piece
    const double last = next;
    (excess_of_q(point) >= 0 ? low : high) = next;
    const bool inside = exact > low && exact < high;
    next = inside && round % 4 != 3 ? exact : std::sqrt(low) * std::sqrt(high);
    if (std::abs(exact - last) <= 1e-13 * last) return std::optional<double>(exact);
  }
  return std::optional<double>(low);
}

Result<std::optional<double>> ConstrainedFrontier::lambda_max_z(const SolveHooks& hooks) const {
  return baseline_feasible_ ? end_of_proportional_path(hooks.stop) : largest_z_inside(hooks.stop);
}

Result<std::vector<ConstrainedPoint>> ConstrainedFrontier::grid(std::size_t count, const SolveHooks& hooks) const {
  GIMBAL_CHECK(count >= 1);
  if (std::optional<std::vector<ConstrainedPoint>> known = memo_->find_grid(count)) return *std::move(known);
  GIMBAL_TRY(std::vector<ConstrainedPoint> points, solve_grid(count, hooks));
  memo_->keep_grid(count, points);
  return points;
}

Result<std::vector<ConstrainedPoint>> ConstrainedFrontier::solve_grid(std::size_t count, const SolveHooks& hooks) const {
  GIMBAL_TRY(const std::optional<double> start, lambda_max_z(hooks));
  std::vector<ConstrainedPoint> known;  // ascending in lambda
  if (start && std::isfinite(*start)) {
    GIMBAL_TRY(ConstrainedPoint first, solve_near(*start, hooks.stop));
    known.push_back(std::move(first));
    for (int probe = 0; probe < kProbes; ++probe) {
      const double lambda = lambda_scale_ * std::pow(10.0, -6 + probe / 2.0);
      if (lambda >= lambda_infinity_) break;
      if (lambda <= *start) continue;
      GIMBAL_TRY(ConstrainedPoint point, solve_near(lambda, hooks.stop));
      known.push_back(std::move(point));
    }
  }
  GIMBAL_TRY(const ConstrainedPoint end, solve_near(kInfinity, hooks.stop));
  const double range = known.empty() ? 0.0 : end.moments.tau - known.front().moments.tau;
  std::vector<ConstrainedPoint> points;
  const auto place = [&](const ConstrainedPoint& point) {
    if (points.empty() || point.lambda > points.back().lambda) points.push_back(point);
    if (hooks.point_done) hooks.point_done();
  };
  if (count == 1 || !(range > 1e-9 * std::abs(end.moments.tau))) {
    place(end);
    return points;
  }
  if (end.effective_lambda > known.back().lambda) {
    known.push_back(end);
    known.back().lambda = end.effective_lambda;
  }
  place(known.front());
  const double gap = range / static_cast<double>(count - 1), tolerance = std::max(gap / 20, range * 1e-3);
  for (std::size_t p = 1; p + 1 < count; ++p) {
    const double target = known.front().moments.tau + gap * static_cast<double>(p);
    for (int round = 0;; ++round) {
      // The target's neighbours among everything solved so far; between them interpolation, halves if that is slow.
      const auto above = std::ranges::find_if(known, [&](const ConstrainedPoint& x) { return x.moments.tau >= target; });
      if (above == known.end() || above == known.begin()) {
        place(above == known.end() ? known.back() : known.front());
        break;
      }
      const auto below = above - 1;
      const ConstrainedPoint& nearer = above->moments.tau - target < target - below->moments.tau ? *above : *below;
      if (std::abs(nearer.moments.tau - target) <= tolerance || round == 60 || above->lambda <= below->lambda * (1 + 1e-12)) {
        place(nearer);
        break;
      }
      double next = std::exp(interpolated(*below, *above, target));
      if (round % 4 == 3 || !(next > below->lambda && next < above->lambda)) {
        next = std::sqrt(below->lambda) * std::sqrt(above->lambda);
      }
      GIMBAL_TRY(ConstrainedPoint point, solve_near(next, hooks.stop));
      known.insert(above, std::move(point));
    }
  }
  place(end);
  return points;
}

}  // namespace gimbal::policy
