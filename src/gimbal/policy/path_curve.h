// A curve along lambda that is known exactly: between two breakpoints tau is linear and q quadratic in lambda.
//
// The plug-in frontier, the honest curve, the deterministic frontier and the share of an arm all have this form, so rules are
// solved and points are placed by the same code. Segment j lies between breakpoints j-1 and j (0 and infinity at the ends);
// there are breakpoints + 1 segments and the last one is constant. A value at a breakpoint belongs to the segment on its left
// (which matters for the deterministic frontier alone: the others are continuous).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gimbal/policy/types.h"

namespace gimbal::policy {

// tau = t0 + t1 lambda, q = q0 + q1 lambda + q2 lambda^2. Without initializers, so that arrays of millions are not zeroed
// before they are written; {} gives zeros.
struct SegmentCoefficients {
  double t0, t1, q0, q1, q2;

  Moments at(double lambda) const { return {t0 + t1 * lambda, q0 + lambda * (q1 + lambda * q2)}; }
};

// The same where every policy of the curve is the optimum at its lambda: then dq = 2 lambda dtau, hence q1 = 0 and q2 = t1.
struct OptimalCoefficients {
  double t0, t1, q0;
};

// Immutable; copies share their arrays.
class SegmentCurve {
 public:
  SegmentCurve() = default;
  // `breakpoints`: m values > 0, ascending; `coefficients`: m + 1. Both are shared, not copied.
  SegmentCurve(std::shared_ptr<const double[]> breakpoints, std::shared_ptr<const SegmentCoefficients[]> coefficients,
               std::size_t m);
  SegmentCurve(std::shared_ptr<const double[]> breakpoints, std::shared_ptr<const OptimalCoefficients[]> coefficients,
               std::size_t m);

  std::span<const double> breakpoints() const { return {breakpoints_.get(), count_}; }
  std::size_t segments() const { return count_ + 1; }
  SegmentCoefficients coefficients(std::size_t j) const {
    if (!optimal_) return coefficients_[j];
    const OptimalCoefficients& c = optimal_[j];
    return {c.t0, c.t1, c.q0, 0, c.t1};
  }
  double left(std::size_t j) const { return j == 0 ? 0.0 : breakpoints_[j - 1]; }
  double right(std::size_t j) const { return j == count_ ? kInfinity : breakpoints_[j]; }

  // The segment that holds lambda in [0, infinity]. O(log m).
  std::size_t segment_of(double lambda) const;
  Moments at(double lambda) const;
  Moments at_infinity() const {
    const SegmentCoefficients last = coefficients(count_);
    return {last.t0, last.q0};
  }

 private:
  std::shared_ptr<const double[]> breakpoints_;
  std::shared_ptr<const SegmentCoefficients[]> coefficients_;
  std::shared_ptr<const OptimalCoefficients[]> optimal_;  // one of the two
  std::size_t count_ = 0;
};

// The smallest lambda with tau(lambda) >= target on a curve whose tau does not decrease; +infinity if none. O(log m).
double lambda_of_tau(const SegmentCurve& curve, double target);

// Where z = tau / sqrt(q - tau^2) is largest over [lambda_min, infinity]: the best breakpoint, or with `inside` also points
// between breakpoints. The smallest such lambda. nullopt where tau and q vanish everywhere. O(m).
struct BestZ {
  double lambda = 0;
  Moments moments;
};
std::optional<BestZ> largest_z(const SegmentCurve& curve, double lambda_min, bool inside);

// `count` >= 1 lambdas at equal steps of tau from `lambda_start` to infinity (which is the last); one point, infinity, when tau
// is the same at both ends. Requires a curve whose tau does not decrease beyond lambda_start.
std::vector<double> points_equally_spaced_in_tau(const SegmentCurve& curve, double lambda_start, std::size_t count);

}  // namespace gimbal::policy
