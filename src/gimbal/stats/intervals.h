// Intervals for counts and shares.
#pragma once

#include <cstdint>

namespace gimbal::stats {

struct CountBand {
  std::int64_t lo = 0;
  std::int64_t hi = 0;
  bool contains(std::int64_t count) const { return lo <= count && count <= hi; }
};

// The central band of a Binomial(n, p) count: P(X < lo) and P(X > hi) are each at most (1 - level)/2, and no narrower band has
// that. What a simulation test compares its count of successes with. n >= 1, p in [0, 1], level in (0, 1).
CountBand binomial_band(std::int64_t n, double p, double level);

}  // namespace gimbal::stats
