// The level of the signed-rank test and of Holm's procedure on top of it, simulated under the null.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/stats/multiplicity.h"
#include "gimbal/stats/paired.h"

namespace gimbal::stats {
namespace {

// 5 % and two binomial standard deviations.
double highest_share(int draws) { return .05 + 2 * std::sqrt(.05 * .95 / draws); }

std::vector<double> symmetric_sample(Stream& s, std::size_t n, bool ties) {
  std::vector<double> d(n);
  for (double& x : d) {
    x = s.normal();
    if (ties) x = std::round(3 * x);
  }
  return d;
}

TEST(WilcoxonLevel, HoldsUnderTheNullWithAndWithoutTies) {
  constexpr int kDraws = 20'000;
  for (const std::size_t n : {8u, 20u, 50u, 80u}) {
    for (const bool ties : {false, true}) {
      Stream s(1, "test.wilcoxon.level", n, ties);
      int rejected = 0;
      for (int i = 0; i < kDraws; ++i) rejected += wilcoxon_signed_rank(symmetric_sample(s, n, ties))->p <= .05;
      EXPECT_LE(rejected / double{kDraws}, highest_share(kDraws)) << n << " ties " << ties;
      EXPECT_GE(rejected / double{kDraws}, .03) << "a test that never rejects holds any level: " << n;
    }
  }
}

TEST(HolmLevel, HoldsTheFamilyWiseErrorOfNineMeasures) {
  constexpr int kDraws = 5'000;
  constexpr std::size_t kMeasures = 9, kUnits = 20;
  Stream s(2, "test.holm.level");
  int families = 0, unadjusted = 0;
  for (int i = 0; i < kDraws; ++i) {
    std::vector<double> p;
    for (std::size_t m = 0; m < kMeasures; ++m) p.push_back(wilcoxon_signed_rank(symmetric_sample(s, kUnits, false))->p);
    const std::vector<double> adjusted = holm(p).value();
    families += *std::ranges::min_element(adjusted) <= .05;
    unadjusted += *std::ranges::min_element(p) <= .05;
  }
  EXPECT_LE(families / double{kDraws}, highest_share(kDraws));
  EXPECT_GE(unadjusted / double{kDraws}, .3);  // the competitor that must fail: 1 - .95^9 = .37
}

}  // namespace
}  // namespace gimbal::stats
