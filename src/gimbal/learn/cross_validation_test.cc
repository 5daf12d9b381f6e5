#include "gimbal/learn/cross_validation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "gimbal/base/parallel.h"

namespace gimbal::learn {
namespace {

TEST(KeyedFolds, DealsOutAKeyedPermutationModuloTheNumberOfFolds) {
  const auto folds = keyed_folds(Stream(7, "policy.fold"), 11, 4);
  ASSERT_TRUE(folds);
  Stream stream(7, "policy.fold");
  const std::vector<std::size_t> order = stream.permutation(11);
  for (std::size_t k = 0; k < 11; ++k) EXPECT_EQ(folds->of[order[k]], static_cast<int>(k % 4));
}

TEST(KeyedFolds, BalancesFoldsAndStrataToWithinOneRow) {
  std::vector<int> arm(1003);
  for (std::size_t i = 0; i < arm.size(); ++i) arm[i] = i < 17 ? 2 : static_cast<int>(i % 2);
  const auto folds = keyed_folds(Stream(1, "policy.fold"), arm.size(), 5, {arm, {}});
  ASSERT_TRUE(folds);
  std::map<std::pair<int, int>, int> cell;
  std::map<int, int> size;
  for (std::size_t i = 0; i < arm.size(); ++i) {
    ++cell[{arm[i], folds->of[i]}];
    ++size[folds->of[i]];
  }
  for (int a = 0; a < 3; ++a) {
    int low = 1 << 30, high = 0;
    for (int j = 0; j < 5; ++j) {
      low = std::min(low, cell[{a, j}]);
      high = std::max(high, cell[{a, j}]);
    }
    EXPECT_LE(high - low, 1) << "arm " << a;
  }
  for (int j = 0; j < 5; ++j) EXPECT_NEAR(size[j], 1003 / 5.0, 1);
}

TEST(KeyedFolds, NeverSplitsAClusterAndIgnoresItsName) {
  std::vector<std::int64_t> cluster(500), renamed(500);
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    cluster[i] = static_cast<std::int64_t>((i * 37) % 61);
    renamed[i] = 1'000'000 - 17 * cluster[i];
  }
  const auto folds = keyed_folds(Stream(3, "policy.fold"), 500, 5, {{}, cluster});
  ASSERT_TRUE(folds);
  std::map<std::int64_t, std::set<int>> seen;
  for (std::size_t i = 0; i < 500; ++i) seen[cluster[i]].insert(folds->of[i]);
  for (const auto& [name, of] : seen) EXPECT_EQ(of.size(), 1u) << "cluster " << name;
  EXPECT_EQ(folds->of, keyed_folds(Stream(3, "policy.fold"), 500, 5, {{}, renamed})->of);
  EXPECT_NE(folds->of, keyed_folds(Stream(4, "policy.fold"), 500, 5, {{}, cluster})->of);
}

TEST(KeyedFolds, TrainingAndHeldOutPartsCoverEveryRowOnce) {
  const auto folds = keyed_folds(Stream(0, "x"), 23, 3);
  for (int j = 0; j < 3; ++j) {
    std::vector<std::size_t> all = folds->training(j);
    for (const std::size_t i : folds->held_out(j)) all.push_back(i);
    std::sort(all.begin(), all.end());
    ASSERT_EQ(all.size(), 23u);
    for (std::size_t i = 0; i < 23; ++i) EXPECT_EQ(all[i], i);
  }
  // One fold means no cross-fitting: everything is trained on.
  EXPECT_EQ(keyed_folds(Stream(0, "x"), 23, 1)->training(0).size(), 23u);
}

TEST(KeyedFolds, RefusesMoreFoldsThanRowsOrClusters) {
  EXPECT_EQ(keyed_folds(Stream(0, "x"), 3, 5).error().message, "5 folds need at least 5 rows, found 3");
  const std::vector<std::int64_t> cluster{1, 1, 2, 2, 2, 1};
  EXPECT_EQ(keyed_folds(Stream(0, "x"), 6, 3, {{}, cluster}).error().message, "3 folds need at least 3 clusters, found 2");
  EXPECT_EQ(keyed_folds(Stream(0, "x"), 6, 0).error().code, ErrorCode::kInvalidArgument);
}

TEST(OneStandardError, TakesTheSimplestWithinOnePairedStandardError) {
  // Differences to the best (candidate 2): candidate 1 has (1, -1, 1, 0), mean .25, sd .9574, se .4787: within. Candidate 0 has
  // (2, 2, 2, 2), se 0: not.
  Matrix losses(4, 3);
  const double best[] = {1, 5, 2, 8}, excess[] = {1, -1, 1, 0};
  for (std::size_t i = 0; i < 4; ++i) {
    losses(i, 2) = best[i];
    losses(i, 1) = best[i] + excess[i];
    losses(i, 0) = best[i] + 2;
  }
  const auto rule = one_standard_error(losses);
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->best, 2u);
  EXPECT_EQ(rule->chosen, 1u);
  EXPECT_NEAR(rule->excess_se[1], std::sqrt(11.0 / 12 / 4), 1e-12);
  EXPECT_NEAR(rule->excess_se[0], 0, 1e-12);
  EXPECT_NEAR(rule->mean[2], 4, 1e-12);
}

TEST(OneStandardError, LeavesOutACandidateThatFailed) {
  Matrix losses(3, 2, {std::nan(""), 1, 0, 2, 0, 3});
  const auto rule = one_standard_error(losses);
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->chosen, 1u);
  EXPECT_TRUE(std::isnan(rule->mean[0]));
  EXPECT_FALSE(one_standard_error(Matrix(2, 1, {std::nan(""), 1})));
}

TEST(OneStandardError, CountsClustersWhenThereAreAny) {
  // Each unit four times: with clusters the standard error is that of the distinct units.
  Matrix distinct(5, 2), repeated(20, 2);
  std::vector<std::int64_t> cluster(20);
  for (std::size_t i = 0; i < 20; ++i) {
    const std::size_t u = i / 4;
    distinct(u, 0) = repeated(i, 0) = static_cast<double>(u * u);
    cluster[i] = static_cast<std::int64_t>(u);
  }
  const auto one = one_standard_error(distinct), clustered = one_standard_error(repeated, {}, cluster);
  EXPECT_NEAR(one->se[0], clustered->se[0], 1e-12);
}

TEST(CompareByFolds, NeverShowsALearnerTheRowsItPredicts) {
  const auto folds = keyed_folds(Stream(5, "x"), 40, 4);
  std::vector<double> y(40);
  for (std::size_t i = 0; i < 40; ++i) y[i] = static_cast<double>(i % 3);
  const Candidate mean{
      "mean", [&](std::span<const std::size_t> training, std::span<const std::size_t> held_out) {
        double sum = 0;
        for (const std::size_t i : training) {
          EXPECT_EQ(std::count(held_out.begin(), held_out.end(), i), 0);
          sum += y[i];
        }
        return Result<std::vector<double>>(std::vector<double>(held_out.size(), sum / static_cast<double>(training.size())));
      }};
  const Candidate truth{"truth", [&](std::span<const std::size_t>, std::span<const std::size_t> held_out) {
                          std::vector<double> out;
                          for (const std::size_t i : held_out) out.push_back(y[i]);
                          return Result<std::vector<double>>(out);
                        }};
  const std::vector<Candidate> candidates{mean, truth};
  const ThreadLimit one(1);  // the expectations above are not for several threads
  const auto comparison = compare_by_folds(candidates, y, *folds, Loss::kSquared);
  ASSERT_TRUE(comparison);
  EXPECT_EQ(comparison->rule.chosen, 1u);
  EXPECT_EQ(comparison->rule.mean[1], 0);
  EXPECT_NEAR(comparison->losses(3, 0), std::pow(y[3] - comparison->predictions(3, 0), 2), 1e-15);
}

TEST(CompareByFolds, PassesOnTheFirstError) {
  const auto folds = keyed_folds(Stream(5, "x"), 10, 2);
  const std::vector<double> y(10, 1.0);
  const Candidate broken{"broken",
                         [](std::span<const std::size_t>, std::span<const std::size_t>) -> Result<std::vector<double>> {
                           return fail(ErrorCode::kUnavailable, "no library");
                         }};
  const auto comparison = compare_by_folds(std::vector<Candidate>{broken}, y, *folds, Loss::kSquared);
  ASSERT_FALSE(comparison);
  EXPECT_EQ(comparison.error().message, "no library");
}

TEST(UnitLoss, KeepsTheLogLossFinite) {
  EXPECT_NEAR(unit_loss(Loss::kLog, 1, 0.25), std::log(4), 1e-15);
  EXPECT_NEAR(unit_loss(Loss::kLog, 1, 0), -std::log(1e-15), 1e-9);
  EXPECT_EQ(unit_loss(Loss::kSquared, 3, 1), 4);
}

}  // namespace
}  // namespace gimbal::learn
