#include "gimbal/policy/path_curve.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"

namespace gimbal::policy {

SegmentCurve::SegmentCurve(std::shared_ptr<const double[]> breakpoints,
                           std::shared_ptr<const SegmentCoefficients[]> coefficients, std::size_t m)
    : breakpoints_(std::move(breakpoints)), coefficients_(std::move(coefficients)), count_(m) {}

SegmentCurve::SegmentCurve(std::shared_ptr<const double[]> breakpoints,
                           std::shared_ptr<const OptimalCoefficients[]> coefficients, std::size_t m)
    : breakpoints_(std::move(breakpoints)), optimal_(std::move(coefficients)), count_(m) {}

std::size_t SegmentCurve::segment_of(double lambda) const {
  const std::span<const double> points = breakpoints();
  return static_cast<std::size_t>(std::lower_bound(points.begin(), points.end(), lambda) - points.begin());
}

Moments SegmentCurve::at(double lambda) const {
  GIMBAL_CHECK(lambda >= 0, "lambda is not negative");
  if (std::isinf(lambda)) return at_infinity();
  return coefficients(segment_of(lambda)).at(lambda);
}

double lambda_of_tau(const SegmentCurve& curve, double target) {
  // The first segment whose right end reaches the target.
  std::size_t first = 0, last = curve.segments() - 1;
  while (first < last) {
    const std::size_t middle = (first + last) / 2;
    if (curve.coefficients(middle).at(curve.right(middle)).tau >= target)
      last = middle;
    else
      first = middle + 1;
  }
  const SegmentCoefficients s = curve.coefficients(first);
  if (s.at(curve.left(first)).tau >= target) return curve.left(first);
  if (first + 1 == curve.segments() || !(s.t1 > 0)) return kInfinity;
  return std::clamp((target - s.t0) / s.t1, curve.left(first), curve.right(first));
}

std::optional<BestZ> largest_z(const SegmentCurve& curve, double lambda_min, bool inside) {
  std::optional<BestZ> best;
  double best_z = 0;
  const auto offer = [&](double lambda, Moments m) {
    if (!(m.q > 0)) return;
    const double z = z1(m);
    if (!best || z > best_z) best = BestZ{lambda, m}, best_z = z;
  };
  if (lambda_min > 0) offer(lambda_min, curve.at(lambda_min));
  for (std::size_t j = curve.segment_of(lambda_min); j < curve.segments(); ++j) {
    const SegmentCoefficients s = curve.coefficients(j);
    const double left = std::max(curve.left(j), lambda_min), right = curve.right(j);
    if (inside) {
      // tau^2 / q is stationary where t1 q = tau q'/2, which is linear in lambda: the squares cancel.
      const double slope = s.t1 * s.q1 / 2 - s.t0 * s.q2, value = s.t1 * s.q0 - s.t0 * s.q1 / 2;
      const double lambda = -value / slope;
      if (slope != 0 && lambda > left && lambda < right) offer(lambda, s.at(lambda));
    }
    if (std::isinf(right))
      offer(right, curve.at_infinity());
    else
      offer(right, s.at(right));
  }
  return best;
}

std::vector<double> points_equally_spaced_in_tau(const SegmentCurve& curve, double lambda_start, std::size_t count) {
  GIMBAL_CHECK(count >= 1);
  const double low = curve.at(lambda_start).tau, high = curve.at_infinity().tau;
  // Ends that differ by rounding alone coincide.
  if (count == 1 || std::isinf(lambda_start) || !(high - low > 1e-12 * std::abs(high))) return {kInfinity};
  std::vector<double> points{lambda_start};
  for (std::size_t p = 1; p + 1 < count; ++p) {
    const double target = low + (high - low) * static_cast<double>(p) / static_cast<double>(count - 1);
    points.push_back(std::max(points.back(), lambda_of_tau(curve, target)));
  }
  points.push_back(kInfinity);
  return points;
}

}  // namespace gimbal::policy
