#include "gimbal/stats/intervals.h"

#include <gtest/gtest.h>

#include "gimbal/base/check.h"
#include "gimbal/base/random.h"
#include "gimbal/stats/distributions.h"

namespace gimbal::stats {
namespace {

TEST(BinomialBand, HoldsTheWorkedCase) {
  // P(X < 2) = 11/1024 <= .025 < 56/1024 = P(X < 3).
  const CountBand band = binomial_band(10, .5, .95);
  EXPECT_EQ(band.lo, 2);
  EXPECT_EQ(band.hi, 8);
  EXPECT_TRUE(band.contains(2) && band.contains(8));
  EXPECT_FALSE(band.contains(1) || band.contains(9));
}

TEST(BinomialBand, IsTheNarrowestWithBothTailsSmall) {
  Stream s(1, "test.binomial_band");
  for (int i = 0; i < 300; ++i) {
    const auto n = static_cast<std::int64_t>(1 + s.below(500));
    const double p = s.uniform();
    const double level = i % 2 == 0 ? .999 : .5 + .49 * s.uniform();
    const double tail = (1 - level) / 2;
    const CountBand band = binomial_band(n, p, level);
    EXPECT_LE(binomial_cdf(band.lo - 1, n, p), tail);
    EXPECT_GT(binomial_cdf(band.lo, n, p), tail);
    // The upper end is found by symmetry; its tail may differ in the last digits.
    EXPECT_LE(binomial_upper(band.hi, n, p), tail * (1 + 1e-10));
    EXPECT_GT(binomial_upper(band.hi - 1, n, p), tail * (1 - 1e-10));
  }
}

TEST(BinomialBand, KnowsItsEnds) {
  EXPECT_EQ(binomial_band(20, 0, .95).hi, 0);
  EXPECT_EQ(binomial_band(20, 1, .95).lo, 20);
  EXPECT_EQ(binomial_band(1, .5, .95).lo, 0);
  EXPECT_EQ(binomial_band(1, .5, .95).hi, 1);
  EXPECT_EQ(binomial_band(1'000'000, .95, .999).lo, 949'281);
  EXPECT_EQ(binomial_band(1'000'000, .95, .999).hi, 950'716);
  EXPECT_THROW(binomial_band(0, .5, .95), CheckFailure);
  EXPECT_THROW(binomial_band(10, .5, 1), CheckFailure);
}

TEST(BinomialBand, HoldsSimulatedCountsAsOftenAsItSays) {
  // The share of 5000 counts of Binomial(300, .9) inside their 90 % band must itself lie in a band.
  const CountBand band = binomial_band(300, .9, .9);
  const double inside = binomial_cdf(band.hi, 300, .9) - binomial_cdf(band.lo - 1, 300, .9);
  EXPECT_GE(inside, .9);
  Stream s(2, "test.binomial_band.counts");
  std::int64_t hits = 0;
  for (int i = 0; i < 5000; ++i) hits += band.contains(s.binomial(300, .9));
  EXPECT_TRUE(binomial_band(5000, inside, .9999).contains(hits)) << hits;
}

}  // namespace
}  // namespace gimbal::stats
