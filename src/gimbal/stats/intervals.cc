#include "gimbal/stats/intervals.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/stats/distributions.h"

namespace gimbal::stats {

CountBand binomial_band(std::int64_t n, double p, double level) {
  GIMBAL_CHECK(n >= 1, "a binomial band needs n of at least 1");
  GIMBAL_CHECK(level > 0 && level < 1, "a level lies in (0, 1)");
  const double tail = 0.5 * (1 - level);
  // By symmetry of the two tails: P(X > hi) <= tail is P(n - X < n - hi) <= tail.
  const auto lower_end = [&](double success) {
    std::int64_t lo = binomial_quantile(tail, n, success);        // P(X < lo) < tail
    while (lo < n && binomial_cdf(lo, n, success) <= tail) ++lo;  // where a cdf equals the tail
    return lo;
  };
  return {lower_end(p), n - lower_end(1 - p)};
}

ShareInterval wilson(std::int64_t successes, std::int64_t n, double level) {
  GIMBAL_CHECK(n >= 1 && successes >= 0 && successes <= n, "a share needs 0 <= successes <= n and n of at least 1");
  GIMBAL_CHECK(level > 0 && level < 1, "a level lies in (0, 1)");
  const double z = normal_quantile(0.5 + 0.5 * level);
  const double size = static_cast<double>(n);
  const double share = static_cast<double>(successes) / size;
  const double scale = 1 + z * z / size;
  const double centre = (share + z * z / (2 * size)) / scale;
  const double half = z / scale * std::sqrt(share * (1 - share) / size + z * z / (4 * size * size));
  // At the ends the exact values are 0 and 1; rounding must not leave 1e-17 there.
  return {successes == 0 ? 0.0 : std::max(0.0, centre - half), successes == n ? 1.0 : std::min(1.0, centre + half)};
}

std::optional<double> pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k) {
  GIMBAL_CHECK(c >= 0 && c <= n && k >= 1, "pass@k needs 0 <= c <= n and k of at least 1");
  if (k > n) return std::nullopt;
  double none = 1;
  for (std::int64_t i = 0; i < k && none > 0; ++i) {
    none *= static_cast<double>(std::max<std::int64_t>(n - c - i, 0)) / static_cast<double>(n - i);
  }
  return 1 - none;
}

}  // namespace gimbal::stats
