#include "gimbal/stats/multiplicity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/stats/distributions.h"
#include "gimbal/stats/intervals.h"

namespace gimbal::stats {
namespace {

using Values = std::vector<double>;

void expect_values(const Values& found, const Values& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_DOUBLE_EQ(found[i], expected[i]) << i;
}

TEST(Multiplicity, ReproducesTheWorkedCase) {
  const Values p{.01, .04, .03, .005};
  expect_values(holm(p).value(), {.03, .06, .06, .02});
  expect_values(benjamini_hochberg(p).value(), {.02, .04, .04, .02});
  expect_values(fixed_sequence(p).value(), {.01, .04, .04, .04});
}

TEST(Multiplicity, LeavesASingleTestAloneAndStaysBelowOne) {
  for (const auto adjust : {holm, benjamini_hochberg, fixed_sequence}) {
    expect_values(adjust(Values{.2}).value(), {.2});
    const Values large = adjust(Values{.9, 1, .8, 0}).value();
    EXPECT_LE(*std::max_element(large.begin(), large.end()), 1);
  }
}

// The procedures as their papers state them: which hypotheses are rejected at one level.
std::vector<std::size_t> sorted_order(const Values& p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a] < p[b]; });
  return order;
}
std::vector<bool> holm_rejects(const Values& p, double alpha) {
  std::vector<bool> rejected(p.size(), false);
  std::size_t left = p.size();
  for (const std::size_t i : sorted_order(p)) {
    if (p[i] > alpha / static_cast<double>(left)) break;
    rejected[i] = true;
    --left;
  }
  return rejected;
}
std::vector<bool> bh_rejects(const Values& p, double alpha) {
  const auto order = sorted_order(p);
  std::size_t count = 0;
  for (std::size_t k = 1; k <= order.size(); ++k) {
    if (p[order[k - 1]] <= alpha * static_cast<double>(k) / static_cast<double>(p.size())) count = k;
  }
  std::vector<bool> rejected(p.size(), false);
  for (std::size_t k = 0; k < count; ++k) rejected[order[k]] = true;
  return rejected;
}

TEST(Multiplicity, AdjustedValuesGiveTheDecisionsOfTheProcedures) {
  Stream s(1, "test.multiplicity");
  for (int i = 0; i < 2000; ++i) {
    Values p(1 + s.below(8));
    for (double& v : p) v = s.below(4) == 0 && &v != p.data() ? p[0] : s.uniform() * s.uniform();
    const double alpha = s.uniform();
    const Values by_holm = holm(p).value();
    const Values by_bh = benjamini_hochberg(p).value();
    const Values by_sequence = fixed_sequence(p).value();
    bool all_before = true;
    for (std::size_t k = 0; k < p.size(); ++k) {
      EXPECT_EQ(by_holm[k] <= alpha, holm_rejects(p, alpha)[k]);
      EXPECT_EQ(by_bh[k] <= alpha, bh_rejects(p, alpha)[k]);
      all_before = all_before && p[k] <= alpha;
      EXPECT_EQ(by_sequence[k] <= alpha, all_before);
      EXPECT_LE(by_bh[k], by_holm[k]);
      EXPECT_GE(by_bh[k], p[k]);
    }
  }
}

TEST(Multiplicity, RefusesWhatIsNotAPValue) {
  for (const auto adjust : {holm, benjamini_hochberg, fixed_sequence}) {
    EXPECT_EQ(adjust(Values{}).error().code, ErrorCode::kInsufficientData);
    EXPECT_EQ(adjust(Values{.5, 1.5}).error().message, "p-value 1 must lie in [0, 1], found 1.5");
    EXPECT_FALSE(adjust(Values{NAN}).has_value());
    EXPECT_FALSE(adjust(Values{-.1}).has_value());
  }
}

TEST(Multiplicity, HoldsItsErrorRatesUnderTheNull) {
  // Five true hypotheses, equally correlated statistics (.5). Holm's family-wise error is at most 5 %; unadjusted it is far
  // more, which shows that the test has teeth. For independent statistics it is 1 - .99^5 = 4.9 %.
  constexpr int kTables = 20'000;
  Stream s(2, "test.family_wise_error");
  for (const double correlation : {0.0, 0.5}) {
    int holm_errors = 0;
    int raw_errors = 0;
    for (int i = 0; i < kTables; ++i) {
      const double shared = s.normal();
      Values p(5);
      for (double& v : p) {
        v = 2 * normal_upper(std::abs(std::sqrt(correlation) * shared + std::sqrt(1 - correlation) * s.normal()));
      }
      const Values adjusted = holm(p).value();
      holm_errors += *std::min_element(adjusted.begin(), adjusted.end()) <= .05;
      raw_errors += *std::min_element(p.begin(), p.end()) <= .05;
    }
    EXPECT_LE(holm_errors, binomial_band(kTables, .05, .999).hi) << correlation;
    EXPECT_GT(raw_errors, binomial_band(kTables, .1, .999).hi) << correlation;
    if (correlation == 0) {
      EXPECT_TRUE(binomial_band(kTables, 1 - std::pow(.99, 5), .999).contains(holm_errors)) << holm_errors;
    }
  }
}

}  // namespace
}  // namespace gimbal::stats
