#include "gimbal/policy/balance.h"

#include "gimbal/data/csv.h"

namespace gimbal::policy {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kArms = {"none", "mail"};

struct Trial {
  Logged logged;
  Matrix e;
  Assignment assignment() const { return {kArms, logged, {}, e}; }
};

// n units, every third of which was given mail; e says `mail`.
Trial trial(std::size_t n, double mail) {
  Trial out;
  out.e = Matrix(n, 2, 1 - mail);
  for (std::size_t i = 0; i < n; ++i) {
    out.logged.action.push_back(i % 3 == 0);
    out.e(i, 1) = mail;
  }
  return out;
}

TEST(FewUnitsWarning, IsOneLineForAllArms) {
  const std::vector<std::string> arms = {"a", "b", "c", "d", "e", "f", "g"};
  EXPECT_FALSE(few_units_warning(arms, std::vector<std::int64_t>(7, 30), "rows"));
  const auto one = few_units_warning(arms, std::vector<std::int64_t>{30, 7, 30, 30, 30, 30, 30}, "test units");
  ASSERT_TRUE(one);
  EXPECT_THAT(one->message, ::testing::StartsWith("1 arm with fewer than 30 test units: \"b\" (7); "));
  EXPECT_EQ(one->count, 1);
  const auto all = few_units_warning(arms, std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 29}, "rows");
  ASSERT_TRUE(all);
  EXPECT_THAT(all->message, HasSubstr("7 arms with fewer than 30 rows: \"a\" (1), "));
  EXPECT_THAT(all->message, HasSubstr("and 2 more"));
  EXPECT_EQ(all->code, "few_units_in_arm");
}

TEST(PropensityWarning, NamesTheArmsThatWereGivenMoreOrLessOftenThanSaid) {
  const auto warning = propensity_warning(trial(3000, 0.5).assignment());
  ASSERT_TRUE(warning);
  EXPECT_EQ(warning->code, "propensity_fit");
  EXPECT_EQ(warning->count, 2);
  EXPECT_THAT(warning->message, HasSubstr("arm \"none\" was given 1.33 times as often, arm \"mail\" was given 0.667 times"));
}

TEST(PropensityWarning, IsSilentWherePropensitiesFitOrRowsAreFew) {
  EXPECT_FALSE(propensity_warning(trial(3000, 1.0 / 3).assignment()));
  EXPECT_FALSE(propensity_warning(trial(12, 0.5).assignment()));
  Trial unknown = trial(3000, 0.5);
  unknown.e = Matrix();
  EXPECT_FALSE(propensity_warning(unknown.assignment()));
}

TEST(PropensityWarning, CountsClustersAsTheUnitsThatTheyAre) {
  Trial villages = trial(3000, 0.5);
  for (std::size_t i = 0; i < 3000; ++i) {
    villages.logged.cluster.push_back(static_cast<std::int64_t>(i / 100));
    villages.logged.action[i] = i / 100 < 10;  // ten of thirty villages, all of their units
  }
  EXPECT_FALSE(propensity_warning(villages.assignment()));
  villages.logged.cluster.clear();
  EXPECT_TRUE(propensity_warning(villages.assignment()));
}

TEST(BalanceWarning, NamesFeaturesThatTheArmMustHaveChanged) {
  std::string text = "age,paid,opened\n";
  Trial mailed = trial(300, 1.0 / 3);
  for (std::size_t i = 0; i < 300; ++i)
    text += fmt::format("{},{},{}\n", i % 17, mailed.logged.action[i] ? 5 + i % 4 : i % 4, mailed.logged.action[i] ? 1 : 0);
  const data::DataTable table = *data::parse_table(text, "t.csv");
  const std::vector<const data::Column*> features = {table.find("age"), table.find("paid"), table.find("opened")};
  const std::vector<FeatureBalance> balance = feature_balance(features, mailed.assignment());
  EXPECT_EQ(balance[0].feature, "opened");
  EXPECT_FALSE(balance[0].max_smd);
  const auto warning = balance_warning(balance, mailed.assignment());
  ASSERT_TRUE(warning);
  EXPECT_EQ(warning->count, 2);
  EXPECT_THAT(warning->message, HasSubstr("opened (infinite), paid (4."));
  EXPECT_FALSE(balance_warning(std::vector<FeatureBalance>{{"age", 0.4}}, mailed.assignment()));
}

TEST(BalanceWarning, AllowsForChanceInSmallArms) {
  const std::vector<FeatureBalance> balance = {{"age", 1.2}};
  EXPECT_TRUE(balance_warning(balance, trial(300, 0.5).assignment()));
  EXPECT_FALSE(balance_warning(balance, trial(30, 0.5).assignment()));
}

}  // namespace
}  // namespace gimbal::policy
