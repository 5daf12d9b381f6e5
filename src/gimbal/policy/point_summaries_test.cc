#include "gimbal/policy/point_summaries.h"

#include <gtest/gtest.h>

#include "gimbal/base/parallel.h"
#include "gimbal/policy/path_test_tables.h"

namespace gimbal::policy {
namespace {

const std::vector<double> kLambdas = {3.0, kInfinity, 0.0, 0.2, 0.2, 1e6, 11.0, 1.0};

TEST(PointSummaries, AreThoseOfTheProbabilitiesAtEachPoint) {
  for (const std::size_t arms : {2u, 3u, 5u}) {
    for (const bool bounded : {false, true}) {
      for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const auto table = testing::share(testing::random_table({.units = 40, .arms = arms}, seed));
        PathSpec spec{.score = seed % 2 == 0 ? Score::kDr : Score::kIpw, .c0 = 0, .bounds = {}};
        if (bounded) spec.bounds.max_drift = 0.2;
        const auto path = FrontierPath::build(table, spec);
        ASSERT_TRUE(path) << path.error().text();
        const std::vector<PolicySummary> summaries = summarize_points(path->model(), kLambdas);
        for (std::size_t p = 0; p < kLambdas.size(); ++p) {
          Matrix pi;
          path->probabilities(kLambdas[p], pi);
          const PolicySummary direct = summarize(*table, pi);
          // Sums of 40 terms of order 1, added in another order, over D that agree to 1e-9 (path_test.cc).
          for (std::size_t a = 0; a < arms; ++a) EXPECT_NEAR(summaries[p].shares[a], direct.shares[a], 1e-8);
          EXPECT_NEAR(summaries[p].moved, direct.moved, 1e-8);
          EXPECT_NEAR(summaries[p].ess / direct.ess, 1, 1e-8);
          EXPECT_NEAR(summaries[p].max_weight / direct.max_weight, 1, 1e-8);
        }
      }
    }
  }
}

TEST(PointSummaries, CountArmsThatCannotMove) {
  Table table;
  table.arms = {"a", "b", "c"};
  table.e = Matrix(2, 3), table.mu = Matrix(2, 3), table.var = Matrix(2, 3), table.b = Matrix(2, 3);
  const double e[] = {1, 0, 0, 0.2, 0.8, 0}, b[] = {1, 0, 0, 0, 1, 0};
  for (std::size_t i = 0; i < 6; ++i) {
    table.e.values()[i] = e[i], table.b.values()[i] = b[i];
    table.mu.values()[i] = static_cast<double>(i), table.var.values()[i] = 1;
  }
  const auto path = FrontierPath::build(testing::share(std::move(table)), {});
  ASSERT_TRUE(path) << path.error().text();
  // Unit 1 has one possible arm; unit 2 has the better of its two already.
  const PolicySummary summary = summarize_points(path->model(), std::vector<double>{1.0})[0];
  EXPECT_EQ(summary.shares, (std::vector<double>{0.5, 0.5, 0}));
  EXPECT_EQ(summary.moved, 0);
  EXPECT_DOUBLE_EQ(summary.max_weight, 1.25);
  EXPECT_DOUBLE_EQ(summary.ess, 2 / ((1 + 1.25) / 2));
}

TEST(PointSummaries, HaveTheSameBitsForAnyThreads) {
  const auto path = FrontierPath::build(testing::share(testing::random_table({.units = 40'000, .arms = 3}, 1)), {});
  std::vector<double> ess;
  for (const int threads : {1, 2, 8}) {
    const ThreadLimit limit(threads);
    ess.push_back(summarize_points(path->model(), kLambdas)[0].ess);
  }
  EXPECT_EQ(ess[0], ess[1]);
  EXPECT_EQ(ess[0], ess[2]);
}

}  // namespace
}  // namespace gimbal::policy
