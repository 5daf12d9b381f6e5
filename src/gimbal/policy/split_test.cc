#include "gimbal/policy/split.h"

#include <set>

namespace gimbal::policy {
namespace {

TEST(Split, DividesEveryArmToWithinOneRow) {
  std::vector<int> action;
  for (int i = 0; i < 301; ++i) action.push_back(i % 7 == 0 ? 2 : i % 2);
  const Split split = split_rows(action, {}, 0.3, 5).value();
  EXPECT_EQ(split.train.size() + split.test.size(), action.size());
  std::array<double, 3> total{}, train{};
  for (const int a : action) ++total[static_cast<std::size_t>(a)];
  for (const std::size_t i : split.train) ++train[static_cast<std::size_t>(action[i])];
  for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(train[a], 0.3 * total[a], 1.0) << a;
}

TEST(Split, NeverDividesACluster) {
  std::vector<int> action(200, 0);
  std::vector<std::int64_t> cluster;
  for (std::int64_t i = 0; i < 200; ++i) cluster.push_back(i % 23);
  const Split split = split_rows(action, cluster, 0.5, 1).value();
  std::set<std::int64_t> train, test;
  for (const std::size_t i : split.train) train.insert(cluster[i]);
  for (const std::size_t i : split.test) test.insert(cluster[i]);
  EXPECT_EQ(train.size() + test.size(), 23u);
  EXPECT_NEAR(static_cast<double>(train.size()), 11.5, 0.5);
}

TEST(Split, DependsOnTheSeed) {
  const std::vector<int> action(100, 0);
  EXPECT_EQ(split_rows(action, {}, 0.5, 1)->train, split_rows(action, {}, 0.5, 1)->train);
  EXPECT_NE(split_rows(action, {}, 0.5, 1)->train, split_rows(action, {}, 0.5, 2)->train);
}

TEST(Split, RefusesAShareThatLeavesAPartEmpty) {
  const std::vector<int> action(3, 0);
  const auto split = split_rows(action, {}, 0.01, 1);
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().code, ErrorCode::kInsufficientData);
}

}  // namespace
}  // namespace gimbal::policy
