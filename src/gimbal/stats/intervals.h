// Intervals for counts and shares, and the unbiased estimate of pass@k.
#pragma once

#include <cstdint>
#include <optional>

namespace gimbal::stats {

struct CountBand {
  std::int64_t lo = 0;
  std::int64_t hi = 0;
  bool contains(std::int64_t count) const { return lo <= count && count <= hi; }
};

// The central band of a Binomial(n, p) count: P(X < lo) and P(X > hi) are each at most (1 - level)/2, and no narrower band has
// that. What a simulation test compares its count of successes with. n >= 1, p in [0, 1], level in (0, 1).
CountBand binomial_band(std::int64_t n, double p, double level);

struct ShareInterval {
  double lo = 0;
  double hi = 1;
};

// Wilson's score interval for a share of which `successes` of `n` independent trials are known (Wilson 1927): the shares p with
// |successes/n - p| <= z sqrt(p(1-p)/n). Inside [0, 1]; closed form. n >= 1, 0 <= successes <= n, level in (0, 1).
// 7 of 10 at 95 %: [.3967781, .8922087].
ShareInterval wilson(std::int64_t successes, std::int64_t n, double level = 0.95);

// The unbiased estimate of the chance that at least one of k samples is right, from n samples of which c are:
// 1 - C(n-c, k)/C(n, k) = 1 - prod_{i<k} (n-c-i)/(n-i) (Chen et al. 2021, arXiv 2107.03374, section 2.1).
// nullopt when k > n. n >= 0, 0 <= c <= n, k >= 1. O(k).
std::optional<double> pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k);

}  // namespace gimbal::stats
