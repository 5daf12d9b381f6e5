#include "gimbal/stats/intervals.h"

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

}  // namespace gimbal::stats
