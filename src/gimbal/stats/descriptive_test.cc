#include "gimbal/stats/descriptive.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gimbal/base/check.h"
#include "gimbal/base/random.h"

namespace gimbal::stats {
namespace {

using Values = std::vector<double>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Values random_values(Stream& s, std::size_t n, bool ties) {
  Values x(n);
  for (double& v : x) v = ties ? static_cast<double>(s.below(5)) : 10 * s.normal();
  return x;
}

TEST(Mean, KeepsSmallTermsBesideHugeOnes) {
  EXPECT_EQ(sum(Values{1, 1e100, 1, -1e100}).value(), 2);
  EXPECT_EQ(mean(Values{1, 1e100, 1, -1e100}).value(), 0.5);
  EXPECT_EQ(mean(Values{3}).value(), 3);
}

TEST(WeightedMean, WeighsAndTreatsNoWeightsAsEqual) {
  EXPECT_DOUBLE_EQ(weighted_mean(Values{1, 2, 10}, Values{1, 3, 0}).value(), 1.75);
  EXPECT_DOUBLE_EQ(weighted_mean(Values{1, 2, 9}, {}).value(), 4);
}

TEST(StandardDeviation, DividesByOneLess) {
  EXPECT_DOUBLE_EQ(sd(Values{2, 4, 4, 4, 5, 5, 7, 9}).value(), std::sqrt(32.0 / 7));
  EXPECT_DOUBLE_EQ(variance(Values{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}).value(), 30);  // a one-pass formula gives 0 or worse
  EXPECT_EQ(sd(Values{1}).error().code, ErrorCode::kInsufficientData);
  EXPECT_EQ(sd(Values{1}).error().message, "a variance needs at least 2 values, found 1");
}

TEST(Quantile, InterpolatesAtPositionNMinusOneTimesP) {
  EXPECT_DOUBLE_EQ(quantile(Values{1, 2, 3, 4}, .3).value(), 1.9);
  EXPECT_DOUBLE_EQ(quantile(Values{4, 1, 3, 2}, .3).value(), 1.9);
  EXPECT_EQ(quantile(Values{4, 1, 3, 2}, 0).value(), 1);
  EXPECT_EQ(quantile(Values{4, 1, 3, 2}, 1).value(), 4);
  EXPECT_EQ(quantile(Values{7}, .4).value(), 7);
}

TEST(Quantile, AgreesWithSortingForAnyLevel) {
  Stream s(1, "test.quantile");
  for (int i = 0; i < 500; ++i) {
    Values x = random_values(s, 1 + s.below(40), i % 2 == 0);
    const double p = i % 10 == 0 ? static_cast<double>(s.below(5)) / 4 : s.uniform();
    const double found = quantile(x, p).value();
    const Values at{p};
    EXPECT_EQ(quantiles(x, at).value()[0], found);
    std::sort(x.begin(), x.end());
    EXPECT_EQ(quantile_sorted(x, p), found);
    const double h = static_cast<double>(x.size() - 1) * p;
    const auto low = static_cast<std::size_t>(std::floor(h));
    const auto high = static_cast<std::size_t>(std::ceil(h));
    EXPECT_NEAR(found, x[low] + (h - std::floor(h)) * (x[high] - x[low]), 1e-12);
  }
}

TEST(Quantile, RefusesLevelsOutsideZeroToOne) {
  EXPECT_EQ(quantile(Values{1, 2}, 1.5).error().message, "a quantile's level must lie in [0, 1], found 1.5");
  EXPECT_FALSE(quantiles(Values{1, 2}, Values{.5, -.1}).has_value());
  EXPECT_FALSE(quantile(Values{1, 2}, kNan).has_value());
  EXPECT_THROW(quantile_sorted(Values{}, .5), CheckFailure);
}

TEST(Median, AndMedianAbsoluteDeviation) {
  EXPECT_EQ(median(Values{5, 1, 3}).value(), 3);
  EXPECT_EQ(median(Values{5, 1, 3, 4}).value(), 3.5);
  EXPECT_EQ(mad(Values{1, 1, 2, 2, 4, 6, 9}).value(), 1);
  EXPECT_EQ(mad(Values{3, 3, 3}).value(), 0);
}

TEST(Ranks, ShareTheMeanAmongTies) {
  EXPECT_EQ(ranks(Values{10, 20, 20, 5}).value(), (Values{2, 3.5, 3.5, 1}));
  EXPECT_EQ(ranks(Values{1, 1, 1}).value(), (Values{2, 2, 2}));
  EXPECT_EQ(ranks(Values{-0.0, 0.0}).value(), (Values{1.5, 1.5}));
}

TEST(Ranks, AreOnePlusSmallerPlusHalfTheOtherTies) {
  Stream s(2, "test.ranks");
  for (int i = 0; i < 200; ++i) {
    const Values x = random_values(s, 1 + s.below(30), i % 2 == 0);
    const Values r = ranks(x).value();
    for (std::size_t a = 0; a < x.size(); ++a) {
      double expected = 0.5;
      for (const double other : x) expected += other < x[a] ? 1 : other == x[a] ? 0.5 : 0;
      EXPECT_EQ(r[a], expected);
    }
  }
}

TEST(EffectiveSampleSize, IsTheCountForEqualWeightsAndFallsWithUnequalOnes) {
  EXPECT_DOUBLE_EQ(effective_sample_size(Values{2, 2, 2, 2}).value(), 4);
  EXPECT_DOUBLE_EQ(effective_sample_size(Values{1, 3}).value(), 1.6);
  EXPECT_DOUBLE_EQ(effective_sample_size(Values{0, 5, 0}).value(), 1);
  EXPECT_DOUBLE_EQ(effective_sample_size(Values{1e-200, 3e-200}).value(), 1.6);  // squares underflow
  EXPECT_FALSE(effective_sample_size(Values{0, 0}).has_value());
}

TEST(Descriptive, RefusesEmptyInputAndNamesTheFirstBadValue) {
  EXPECT_EQ(mean({}).error().code, ErrorCode::kInsufficientData);
  EXPECT_EQ(mean({}).error().message, "no values: at least one is needed");
  const Values bad{1, 2, kNan, kNan};
  EXPECT_EQ(mean(bad).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(mean(bad).error().message, "value 2 must be a finite number, found nan");
  for (const Values& x : {Values{}, bad, Values{INFINITY}}) {
    EXPECT_FALSE(sum(x) || mean(x) || weighted_mean(x, {}) || sd(x) || quantile(x, .5) || median(x) || mad(x) || ranks(x) ||
                 effective_sample_size(x) || quantiles(x, Values{.5}));
  }
}

TEST(Weights, AreCheckedInNumberSignAndSum) {
  const Values x{1, 2};
  EXPECT_EQ(weighted_mean(x, Values{1}).error().message, "1 weights for 2 values");
  EXPECT_EQ(weighted_mean(x, Values{1, -1}).error().message, "weight 1 must be finite and at least 0, found -1");
  EXPECT_EQ(weighted_mean(x, Values{0, 0}).error().message, "the weights must have a positive finite sum");
  EXPECT_FALSE(weighted_mean(x, Values{1, kNan}).has_value());
}

}  // namespace
}  // namespace gimbal::stats
