#include "gimbal/policy/bounds.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::policy {

namespace {

double snap(double x) { return std::abs(x) <= kNoRoom ? 0.0 : x; }

// The bounds on pi of one arm before the drift: [lower, upper].
struct Range {
  double lower = 0, upper = 1;
};

Range allowed(const Table& table, const Bounds& bounds, std::size_t i, std::size_t a) {
  Range range;
  if (!bounds.floor.empty()) range.lower = bounds.floor[a];
  if (!bounds.ceiling.empty()) range.upper = bounds.ceiling[a];
  const bool forbidden = !bounds.forbidden.empty() && bounds.forbidden[i * table.arm_count() + a] != 0;
  if (forbidden || table.e(i, a) <= 0) range.upper = 0;
  return range;
}

}  // namespace

void unit_box(const Table& table, const Bounds& bounds, std::size_t i, std::span<double> lo, std::span<double> hi) {
  for (std::size_t a = 0; a < table.arm_count(); ++a) {
    const double b = table.baseline(i, a);
    if (table.e(i, a) <= 0) {
      lo[a] = hi[a] = 0;
      continue;
    }
    const Range range = allowed(table, bounds, i, a);
    lo[a] = snap(std::max(range.lower - b, -bounds.max_drift));
    hi[a] = snap(std::min(range.upper - b, bounds.max_drift));
  }
}

Result<std::size_t> check_bounds(const Table& table, const Bounds& bounds) {
  if (bounds.none()) return std::size_t{0};
  const std::size_t n = table.units(), k = table.arm_count();
  GIMBAL_CHECK(bounds.floor.empty() || bounds.floor.size() == k, "one floor an arm");
  GIMBAL_CHECK(bounds.ceiling.empty() || bounds.ceiling.size() == k, "one ceiling an arm");
  GIMBAL_CHECK(bounds.forbidden.empty() || bounds.forbidden.size() == n * k, "n x K forbidden cells");
  std::vector<double> lo(k), hi(k);
  std::size_t violations = 0;
  for (std::size_t i = 0; i < n; ++i) {
    unit_box(table, bounds, i, lo, hi);
    double lowest = 0, highest = 0, least = 0, most = 0;  // of D, and of pi for the messages
    bool violated = false;
    for (std::size_t a = 0; a < k; ++a) {
      const double b = table.baseline(i, a);
      const bool impossible = table.e(i, a) <= 0;
      if (lo[a] > hi[a] || (impossible && !bounds.floor.empty() && bounds.floor[a] > 0)) {
        return fail(ErrorCode::kInfeasible,
                    "no policy keeps the bounds for {}: arm {} must have at least probability {} and may "
                    "have at most {}",
                    table.unit_name(i), gimbal::quoted(table.arms[a]),
                    format_significant(std::max(impossible ? bounds.floor[a] : b + lo[a], 0.0), 6),
                    format_significant(impossible ? 0.0 : std::max(b + hi[a], 0.0), 6));
      }
      violated |= lo[a] > 0 || hi[a] < 0;
      lowest += lo[a], highest += hi[a];
      least += b + lo[a], most += b + hi[a];
    }
    if (lowest > kNoRoom * static_cast<double>(k)) {
      return fail(ErrorCode::kInfeasible, "no policy keeps the bounds for {}: the lower bounds of its arms sum to {}, above 1",
                  table.unit_name(i), format_significant(least, 6));
    }
    if (highest < -kNoRoom * static_cast<double>(k)) {
      return fail(ErrorCode::kInfeasible, "no policy keeps the bounds for {}: the upper bounds of its arms sum to {}, below 1",
                  table.unit_name(i), format_significant(most, 6));
    }
    violations += violated ? 1 : 0;
  }
  return violations;
}

}  // namespace gimbal::policy
