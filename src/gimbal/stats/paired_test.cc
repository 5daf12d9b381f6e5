#include "gimbal/stats/paired.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/stats/descriptive.h"

namespace gimbal::stats {
namespace {

using Values = std::vector<double>;

Values differences(const Values& a, const Values& b) {
  Values d(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) d[i] = a[i] - b[i];
  return d;
}

const Values kA{.42, .35, .51, .60, .28, .44, .39, .55};
const Values kB{.40, .41, .62, .75, .33, .52, .38, .68};

TEST(Wilcoxon, ReproducesTheWorkedExample) {
  const WilcoxonResult r = wilcoxon_signed_rank(differences(kA, kB)).value();
  EXPECT_EQ(r.n, 8u);
  EXPECT_EQ(r.zeros, 0u);
  EXPECT_EQ(r.w_plus, 3);
  EXPECT_EQ(r.w_minus, 33);
  EXPECT_EQ(r.w, 3);
  EXPECT_TRUE(r.exact);
  EXPECT_EQ(r.p, .0390625);
  EXPECT_NEAR(r.rank_biserial, -.8333333, 1e-7);
}

TEST(Wilcoxon, IsExactWithTies) {
  const WilcoxonResult r = wilcoxon_signed_rank(Values{1, 1, -2, 3, 3, 4}).value();
  EXPECT_EQ(r.w, 3);
  EXPECT_EQ(r.w_plus, 18);
  EXPECT_EQ(r.p, .15625);
}

TEST(Wilcoxon, TiesMagnitudesThatDifferByRoundingAlone) {
  const double x = .60 - .75, y = .55 - .70;
  ASSERT_NE(x, y);  // the last bits differ
  const WilcoxonResult r = wilcoxon_signed_rank(Values{x, -y, .3}).value();
  EXPECT_EQ(r.w_minus, 1.5);
  EXPECT_EQ(r.w_plus, 4.5);
}

TEST(Wilcoxon, DropsZerosAndCountsThem) {
  const WilcoxonResult r = wilcoxon_signed_rank(Values{0, 1, 2, 3, 4, 5, 6, 0, .1 + .2 - .3}).value();
  EXPECT_EQ(r.n, 6u);
  EXPECT_EQ(r.zeros, 3u);
  EXPECT_EQ(r.p, .03125);  // 2/64, the smallest that six pairs can give
  EXPECT_EQ(r.rank_biserial, 1);
}

TEST(Wilcoxon, HasNothingToSayWhenAllDifferencesAreZero) {
  const WilcoxonResult r = wilcoxon_signed_rank(Values{0, 0}).value();
  EXPECT_EQ(r.n, 0u);
  EXPECT_EQ(r.zeros, 2u);
  EXPECT_EQ(r.p, 1);
  EXPECT_EQ(r.rank_biserial, 0);
}

TEST(Wilcoxon, RefusesNothingAndNaN) {
  EXPECT_EQ(wilcoxon_signed_rank(Values{}).error().code, ErrorCode::kInsufficientData);
  EXPECT_EQ(wilcoxon_signed_rank(Values{1, std::numeric_limits<double>::quiet_NaN()}).error().code,
            ErrorCode::kInvalidArgument);
}

// All 2^n sign patterns, W by its definition from mid-ranks.
double enumerated_p(const Values& d) {
  Values magnitude;
  for (const double x : d) magnitude.push_back(std::abs(x));
  const Values rank = ranks(magnitude).value();
  double observed_plus = 0, total = 0;
  for (std::size_t i = 0; i < d.size(); ++i) {
    total += rank[i];
    if (d[i] > 0) observed_plus += rank[i];
  }
  const double observed = std::min(observed_plus, total - observed_plus);
  std::int64_t extreme = 0;
  const std::uint32_t patterns = 1u << d.size();
  for (std::uint32_t signs = 0; signs < patterns; ++signs) {
    double plus = 0;
    for (std::size_t i = 0; i < d.size(); ++i) {
      if (signs >> i & 1) plus += rank[i];
    }
    if (std::min(plus, total - plus) <= observed) ++extreme;
  }
  return static_cast<double>(extreme) / patterns;
}

TEST(Wilcoxon, EqualsFullEnumerationUpToTwelvePairsWithAndWithoutTies) {
  Stream s(1, "test.wilcoxon");
  for (std::size_t n = 1; n <= 12; ++n) {
    for (int repeat = 0; repeat < 12; ++repeat) {
      Values d(n);
      // Few levels: many ties; none of them zero.
      for (double& x : d) {
        x = repeat % 2 == 0 ? s.normal() + .3 : static_cast<double>(1 + s.below(4)) * (s.bernoulli(.6) ? 1 : -1);
      }
      EXPECT_DOUBLE_EQ(wilcoxon_signed_rank(d)->p, enumerated_p(d)) << n << " " << repeat;
    }
  }
}

// The approximation is compared with the exact answer at the sizes where the one gives way to the other: at n = 50 its error is
// known to be below .002 in the middle and smaller in the tails.
TEST(Wilcoxon, ApproximationContinuesTheExactDistribution) {
  Stream s(2, "test.wilcoxon");
  for (int repeat = 0; repeat < 20; ++repeat) {
    Values d(50);
    for (double& x : d) x = std::round(8 * (s.normal() + .2)) + .5;
    const WilcoxonResult exact = wilcoxon_signed_rank(d).value();
    ASSERT_TRUE(exact.exact);
    double squares = 0;
    Values magnitude;
    for (const double x : d) magnitude.push_back(std::abs(x));
    const Values rank = ranks(magnitude).value();
    for (const double r : rank) squares += r * r;
    const double z = (exact.w - 50 * 51 / 4.0) / std::sqrt(squares / 4);
    EXPECT_NEAR(exact.p, std::erfc(-z / std::sqrt(2.0)), .005);
    // One more pair whose rank is 1 moves W by the shift of all other ranks; only the kind of p-value is looked at.
    d.push_back(.25);
    const WilcoxonResult approximate = wilcoxon_signed_rank(d).value();
    EXPECT_FALSE(approximate.exact);
    EXPECT_NEAR(approximate.p, exact.p, .05);
  }
}

// n = 60 with ties by the formula n(n+1)(2n+1)/24 - sum(t^3 - t)/48, written out.
TEST(Wilcoxon, CorrectsTheVarianceForTies) {
  Values d;
  for (int i = 0; i < 60; ++i) d.push_back((i % 3 == 0 ? -1.0 : 1.0) * (1 + i / 6));  // ten groups of six ties
  const WilcoxonResult r = wilcoxon_signed_rank(d).value();
  const double variance = 60.0 * 61 * 121 / 24 - 10 * (216.0 - 6) / 48;
  const double z = (r.w - 60.0 * 61 / 4) / std::sqrt(variance);
  EXPECT_NEAR(r.p, std::erfc(-z / std::sqrt(2.0)), 1e-14);
  EXPECT_FALSE(r.exact);
}

TEST(EffectSizes, ReproduceTheWorkedExample) {
  EXPECT_NEAR(cohens_d(kA, kB).value(), -.5152643, 1e-7);
  EXPECT_NEAR(cohens_d_z(differences(kA, kB)).value(), -1.1134425, 1e-7);
}

TEST(EffectSizes, AreRefusedWithoutSpread) {
  EXPECT_EQ(cohens_d(Values{1, 1}, Values{2, 2}).error().code, ErrorCode::kInsufficientData);
  EXPECT_EQ(cohens_d(Values{1}, Values{2, 3}).error().code, ErrorCode::kInsufficientData);
  EXPECT_EQ(cohens_d_z(Values{1, 1, 1}).error().code, ErrorCode::kInsufficientData);
  // .3 - .1 and .2 differ by rounding.
  EXPECT_EQ(cohens_d_z(Values{.3 - .1, .2, .2}).error().code, ErrorCode::kInsufficientData);
  EXPECT_EQ(cohens_d(Values{.3 - .1, .2}, Values{.5, .5}).error().code, ErrorCode::kInsufficientData);
}

}  // namespace
}  // namespace gimbal::stats
