#include "gimbal/cli/policy_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "gimbal/base/file.h"
#include "gimbal/data/csv.h"

namespace gimbal::cli {
namespace {

using ::testing::ElementsAre;

TEST(Levels, StandInTheOrderOfNumbersThenOfWordsAndMissingIsLast) {
  std::vector<std::string> levels = {"missing", "week 10", "2", "week 2", "-1", "week 02", "10", "East", "week", "1e1", "0.5"};
  std::ranges::sort(levels, level_before);
  EXPECT_THAT(levels, ElementsAre("-1", "0.5", "2", "1e1", "10", "East", "week", "week 02", "week 2", "week 10", "missing"));
  for (const std::string& a : levels) {
    for (const std::string& b : levels) EXPECT_EQ(level_before(a, b), &a < &b) << a << " " << b;
  }
}

TEST(Groups, KeepTheirUnitsWhenTheLevelsAreSorted) {
  auto folder = TemporaryFolder::create();
  ASSERT_TRUE(folder);
  const std::string path = (folder->path() / "t.csv").string();
  ASSERT_TRUE(write_atomic(path, "x,w\n3,b\n1,a\n,a\n2,b\n3,\n"));
  const auto table = data::read_table(path);
  ASSERT_TRUE(table);
  const auto numbers = grouping(*table, "x");
  ASSERT_TRUE(numbers);
  EXPECT_THAT(numbers->levels, ElementsAre("1", "2", "3"));
  EXPECT_THAT(numbers->level_of, ElementsAre(2, 0, -1, 1, 2));
  const auto words = grouping(*table, "w");
  ASSERT_TRUE(words);
  EXPECT_THAT(words->levels, ElementsAre("a", "b"));
  EXPECT_THAT(words->level_of, ElementsAre(1, 0, 0, 1, -1));
}

}  // namespace
}  // namespace gimbal::cli
