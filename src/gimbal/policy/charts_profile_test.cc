#include "gimbal/policy/charts.h"

#include <cmath>

#include "gimbal/policy/report_test_data.h"

namespace gimbal::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Four units, two arms; the policy moves by `group` alone.
struct Four {
  data::DataTable units{"four"};
  Matrix pi{4, 2, {1, 0, 1, 0, 0, 1, 0, 1}}, b{4, 2, {.5, .5, .5, .5, .5, .5, .5, .5}};
  std::vector<double> weight = {1, 1, 1, 3};

  Four() {
    const std::vector<std::string> group = {"a", "a", "b", "b"}, noise = {"u", "v", "u", "v"}, same = {"s", "s", "s", "s"};
    units.add_text("noise", noise).add_text("group", group).add_text("same", same).add_numbers("hole", {1, NAN, 2, 2});
  }
  PolicyOnUnits input() const {
    return {&units, {"noise", "group", "same", "hole", "absent"}, {"none", "mail"}, &pi, &b, weight};
  }
};

TEST(FeatureProfiles, AreWeightedMeansByLevelOrderedByHowMuchThePolicyVaries) {
  const Four four;
  const std::vector<FeatureProfile> profiles = feature_profiles(four.input());
  ASSERT_EQ(profiles.size(), 3u);  // "same" has one level, "absent" is no column
  EXPECT_EQ(profiles[0].feature, "group");
  EXPECT_THAT(profiles[0].bins, ElementsAre("b", "a"));  // the larger level first
  EXPECT_DOUBLE_EQ(profiles[0].share[0], 4.0 / 6);
  EXPECT_DOUBLE_EQ(profiles[0].policy(0, 1), 1);
  EXPECT_DOUBLE_EQ(profiles[0].policy(1, 1), 0);
  EXPECT_DOUBLE_EQ(profiles[0].baseline(0, 1), 0.5);
  // D_1 is .5 with share 2/3 and -.5 with share 1/3: variance 2/9, the same for the other arm.
  EXPECT_NEAR(profiles[0].variation, 4.0 / 9, 1e-15);
  EXPECT_EQ(profiles[1].feature, "hole");
  EXPECT_THAT(profiles[1].bins, ElementsAre("1", "2", "missing"));
  EXPECT_EQ(profiles[2].feature, "noise");
}

TEST(FeatureProfiles, KeepTheMostVariableOnes) {
  const Four four;
  EXPECT_EQ(feature_profiles(four.input(), 1).size(), 1u);
}

TEST(FeatureProfiles, CutNumbersIntoTenthsAndKeepTiesTogether) {
  data::DataTable units("hundred");
  std::vector<double> ramp, tied;
  Matrix pi(100, 2);
  for (std::size_t i = 0; i < 100; ++i) {
    ramp.push_back(static_cast<double>(i + 1));
    tied.push_back(i < 75 ? 0 : static_cast<double>(i));
    pi(i, 1) = i < 50 ? 0 : 1, pi(i, 0) = 1 - pi(i, 1);
  }
  units.add_numbers("ramp", ramp).add_numbers("tied", tied);
  const std::vector<FeatureProfile> profiles = feature_profiles({&units, {"ramp", "tied"}, {"none", "mail"}, &pi, nullptr, {}});
  ASSERT_EQ(profiles.size(), 2u);
  EXPECT_TRUE(profiles[0].deciles);
  ASSERT_EQ(profiles[0].bins.size(), 10u);
  EXPECT_EQ(profiles[0].bins.front(), "1 to 10");
  EXPECT_EQ(profiles[0].bins.back(), "91 to 100");
  for (const double share : profiles[0].share) EXPECT_NEAR(share, 0.1, 1e-12);
  EXPECT_TRUE(profiles[0].baseline.empty());
  EXPECT_EQ(profiles[1].bins.front(), "0");
  EXPECT_NEAR(profiles[1].share.front(), 0.75, 1e-12);
  const std::vector<run::Chart> charts = policy_table_charts(profiles, {"none", "mail"});
  ASSERT_EQ(charts.size(), 1u);
  EXPECT_THAT(charts[0].svg, HasSubstr("tied (0 to 99)"));
}

TEST(FeatureProfiles, GatherRareLevels) {
  data::DataTable units("levels");
  std::vector<std::string> level;
  Matrix pi(60, 2);
  for (std::size_t i = 0; i < 60; ++i) {
    level.push_back("l" + std::to_string(i < 20 ? 0 : i % 15));
    pi(i, i % 2) = 1;
  }
  units.add_text("level", level);
  const std::vector<FeatureProfile> profiles = feature_profiles({&units, {"level"}, {"none", "mail"}, &pi, nullptr, {}});
  ASSERT_EQ(profiles.size(), 1u);
  ASSERT_EQ(profiles[0].bins.size(), 10u);
  EXPECT_EQ(profiles[0].bins.front(), "l0");
  EXPECT_EQ(profiles[0].bins.back(), "6 others");
}

TEST(PolicyTable, ShowsOneArmOfTwoWithItsOldShareAndSixOfMany) {
  const Four four;
  const std::vector<FeatureProfile> profiles = feature_profiles(four.input());
  const std::vector<run::Chart> charts = policy_table_charts(profiles, {"none", "mail"});
  ASSERT_EQ(charts.size(), 1u);
  EXPECT_THAT(charts[0].svg, HasSubstr("old: mail"));
  EXPECT_THAT(charts[0].svg, HasSubstr("b (66.7 %)"));
  EXPECT_THAT(charts[0].numbers.rows[0], ElementsAre("group", "b", "66.7 %", "100 %", "50 %"));

  const Story story({.arms = 8});
  const std::vector<run::Chart> many = policy_table_charts(
      feature_profiles({&story.units, {"x", "region"}, story.population->arms, &story.pi, &story.population->e, {}}),
      story.population->arms);
  ASSERT_EQ(many.size(), 2u);
  EXPECT_THAT(many[0].svg, HasSubstr("the 6 arms of 8 that are given most"));
  EXPECT_THAT(many[0].svg, HasSubstr("tenths of the units"));
}

TEST(SharesChart, JoinsOldAndNew) {
  const Four four;
  EXPECT_THAT(mean_shares(four.pi, four.weight), ElementsAre(2.0 / 6, 4.0 / 6));
  EXPECT_THAT(mean_shares(four.pi, {}), ElementsAre(0.5, 0.5));
  const std::vector<double> old_shares = {.5, .5}, new_shares = {.25, .75};
  const run::Chart chart = shares_chart({"none", "a&b"}, old_shares, new_shares, "logging");
  EXPECT_THAT(chart.svg, HasSubstr("old: the logging policy"));
  EXPECT_THAT(chart.svg, HasSubstr("a&amp;b"));
  EXPECT_THAT(chart.svg, HasSubstr("share of the units that get the arm"));
}

TEST(MovementChart, ShowsTheSignWithTwoArmsAndTheTotalWithMore) {
  const Four four;
  EXPECT_THAT(movement_chart(four.input()).svg,
              HasSubstr("change of the probability of “mail”, new minus old (percentage points)"));
  const Story story({.arms = 3});
  const run::Chart chart = movement_chart({nullptr, {}, story.population->arms, &story.pi, &story.population->e, {}});
  EXPECT_THAT(chart.svg, HasSubstr("how much of an assignment changes"));
  EXPECT_THAT(chart.svg, HasSubstr("share of units (in each bin)"));
}

TEST(MovementChart, EndsAtOneWhereEverybodyMoves) {
  Matrix pi(4, 3), b(4, 3);
  for (std::size_t i = 0; i < 4; ++i) b(i, 0) = 1, pi(i, 2) = 1;
  const std::string svg = movement_chart({nullptr, {}, {"a", "b", "c"}, &pi, &b, {}}).svg;
  EXPECT_THAT(svg, HasSubstr(">100 %<"));
  EXPECT_THAT(svg, testing::Not(HasSubstr(">104 %<")));
  EXPECT_THAT(svg, HasSubstr(">0 %<"));
}

TEST(CoefficientTables, HaveAColumnAndAStandardErrorForEachArm) {
  const Four four;
  Model model;
  model.arms = {"none", "mail"};
  model.flags.outcome = "visits";
  const std::vector<data::FeatureSpec> features = {{"group"}};
  model.encoding = must(data::Encoding::fit(four.units, features));
  for (const double slope : {0.5, -1.25}) {
    ArmModel arm;
    arm.outcome.learner = Learner::kRidge;
    arm.outcome.penalty = 0.1;
    arm.outcome.intercept = 2, arm.outcome.intercept_se = 0.25;
    arm.outcome.coefficients = {slope};
    arm.outcome.standard_errors = {std::nan("")};
    model.arm_models.push_back(arm);
  }
  const std::vector<run::ReportTable> tables = coefficient_tables(model);
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables[0].caption, "Regression of visits within each arm");
  ASSERT_EQ(tables[0].columns.size(), 5u);
  EXPECT_EQ(tables[0].columns[1].title, "none");
  EXPECT_EQ(tables[0].columns[1].unit, "ridge, penalty 0.1");
  EXPECT_THAT(tables[0].rows[0], ElementsAre("intercept", "2", "0.25", "2", "0.25"));
  EXPECT_THAT(tables[0].rows[1], ElementsAre(model.encoding.design_names(data::Design::kLinear)[0], "0.5", "–", "−1.25", "–"));
  EXPECT_THAT(tables[0].notes, ElementsAre(HasSubstr("drawn towards zero")));
}

TEST(CoefficientTables, AreAbsentForTrees) {
  Model model;
  model.arms = {"none", "mail"};
  model.arm_models.resize(2);
  for (ArmModel& arm : model.arm_models) arm.outcome.learner = Learner::kGbdt;
  EXPECT_TRUE(coefficient_tables(model).empty());
}

TEST(CoefficientTables, KeepTheStrongestOfManyTerms) {
  data::DataTable units("wide");
  std::vector<data::FeatureSpec> features;
  for (int k = 0; k < 100; ++k) {
    units.add_numbers("f" + std::to_string(k), {0, 1});
    features.push_back({"f" + std::to_string(k)});
  }
  Model model;
  model.arms = {"none"};
  model.encoding = must(data::Encoding::fit(units, features));
  ArmModel arm;
  arm.outcome.learner = Learner::kOls;
  for (int k = 0; k < 100; ++k) {
    arm.outcome.coefficients.push_back(k == 97 ? 5 : 0.01);
    arm.outcome.standard_errors.push_back(1);
  }
  model.arm_models = {arm};
  const std::vector<run::ReportTable> tables = coefficient_tables(model);
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables[0].rows.size(), 61u);
  EXPECT_EQ(tables[0].rows.back()[0], "f97");
}

}  // namespace
}  // namespace gimbal::policy
