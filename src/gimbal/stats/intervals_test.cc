#include "gimbal/stats/intervals.h"

#include <gtest/gtest.h>

#include <cmath>

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

TEST(Wilson, ReproducesTheWorkedCases) {
  const ShareInterval seven = wilson(7, 10);
  EXPECT_NEAR(seven.lo, .3967781, 5e-8);  // the digits that are given
  EXPECT_NEAR(seven.hi, .8922087, 5e-8);
  const ShareInterval forty = wilson(40, 100);
  EXPECT_NEAR(forty.lo, .309401, 5e-7);
  EXPECT_NEAR(forty.hi, .497997, 5e-7);
}

TEST(Wilson, EndsSolveTheScoreEquation) {
  const double z = normal_quantile(0.95);
  for (const std::int64_t c : {1, 4, 19}) {
    const ShareInterval interval = wilson(c, 20, 0.9);
    for (const double p : {interval.lo, interval.hi}) {
      EXPECT_NEAR(std::abs(static_cast<double>(c) / 20 - p), z * std::sqrt(p * (1 - p) / 20), 1e-14);  // rounding
    }
  }
}

TEST(Wilson, StaysInsideTheUnitIntervalAndIsSymmetric) {
  EXPECT_EQ(wilson(0, 8).lo, 0);
  EXPECT_EQ(wilson(8, 8).hi, 1);
  EXPECT_GT(wilson(8, 8).lo, 0.6);
  EXPECT_NEAR(wilson(2, 9).lo, 1 - wilson(7, 9).hi, 1e-15);  // rounding
}

TEST(PassAtK, ReproducesTheWorkedCases) {
  EXPECT_NEAR(*pass_at_k(10, 3, 1), .3, 1e-15);       // rounding
  EXPECT_NEAR(*pass_at_k(10, 3, 2), .5333333, 5e-8);  // the digits that are given
  EXPECT_NEAR(*pass_at_k(10, 3, 5), .9166667, 5e-8);
  EXPECT_EQ(pass_at_k(10, 3, 11), std::nullopt);
  EXPECT_EQ(pass_at_k(10, 0, 10), 0);
  EXPECT_EQ(pass_at_k(10, 3, 8), 1);  // seven wrong ones cannot fill eight places
  EXPECT_EQ(pass_at_k(0, 0, 1), std::nullopt);
}

TEST(PassAtK, IsTheShareOfSubsetsThatHoldARightOne) {
  for (int n = 1; n <= 8; ++n) {
    for (int c = 0; c <= n; ++c) {
      for (int k = 1; k <= n; ++k) {
        int subsets = 0, with = 0;
        for (unsigned set = 0; set < (1U << n); ++set) {
          if (__builtin_popcount(set) != k) continue;
          ++subsets;
          if ((set & ((1U << c) - 1)) != 0) ++with;
        }
        EXPECT_NEAR(*pass_at_k(n, c, k), static_cast<double>(with) / subsets, 1e-14) << n << " " << c << " " << k;  // rounding
      }
    }
  }
}

}  // namespace
}  // namespace gimbal::stats
