#include "gimbal/policy/charts.h"

#include <fmt/format.h>

#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/policy/report_test_data.h"

namespace gimbal::policy {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// --- numbers and words

TEST(ChartText, PrintsNumbersWithATrueMinusAndNoSignedZero) {
  EXPECT_EQ(fixed_number(-0.1234, 2), "−0.12");
  EXPECT_EQ(fixed_number(0.1234, 2, true), "+0.12");
  EXPECT_EQ(fixed_number(-0.0001, 2, true), "0.00");
  EXPECT_EQ(fixed_number(kInfinity, 2), "∞");
  EXPECT_EQ(percent_words(0.8), "80 %");
  EXPECT_EQ(percent_words(0.1234), "12.3 %");
  EXPECT_EQ(percent_words(0.0001), "< 0.1 %");
  EXPECT_EQ(percent_words(0.99999), "> 99.9 %");
  EXPECT_EQ(percent_words(0), "0 %");
  EXPECT_EQ(count_words(1411.2), "1,412");
  EXPECT_EQ(count_words(kInfinity), "∞");
}

TEST(ChartText, GivesAnIntervalTheDigitsThatItsWidthDeserves) {
  EXPECT_EQ(decimals_for(0.04), 3);  // 0.160 (0.137 to 0.183)
  EXPECT_EQ(decimals_for(4), 1);
  EXPECT_EQ(decimals_for(400), 0);
  EXPECT_EQ(decimals_for(0), 3);
}

TEST(ChartText, CutsBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("aéé", 2), "a…");
}

TEST(Wording, NamesTheUnitAndTheDirectionOfAnImprovement) {
  Wording wording;
  EXPECT_EQ(wording.improvement_unit(), "outcome per unit");
  wording.outcome = "spend";
  wording.outcome_unit = "dollars";
  wording.unit = "person";
  EXPECT_EQ(wording.improvement_unit(), "dollars of spend per person");
  wording.net_of_cost = true;
  wording.outcome_unit.clear();
  EXPECT_EQ(wording.improvement_unit(), "spend net of cost per person");
  wording.minimize = true;
  EXPECT_EQ(wording.improvement_unit(), "reduction of spend net of cost per person");
}

// --- frontier

TEST(FrontierChart, ShowsBothCurvesTheirBandsAndUnitsOnEveryAxis) {
  const Story story;
  const run::Chart chart = frontier_chart(story.document);
  EXPECT_THAT(chart.svg, HasSubstr("honest: held-out rows"));
  EXPECT_THAT(chart.svg, HasSubstr("plug-in: what the models promise"));
  EXPECT_THAT(chart.svg, HasSubstr("95 % at each point"));
  EXPECT_THAT(chart.svg, HasSubstr("95 % for the whole curve"));
  EXPECT_THAT(chart.svg, HasSubstr("improvement over the logging policy (visits per unit)"));
  EXPECT_THAT(chart.svg, HasSubstr("power: the chance that a test finds the improvement significant (300 test units)"));
  EXPECT_THAT(chart.svg, HasSubstr("z: improvement in standard errors of the test (300 test units)"));
  EXPECT_THAT(chart.svg, HasSubstr("significant above 1.96"));
  EXPECT_THAT(chart.svg, HasSubstr(">max-z<"));
  EXPECT_THAT(chart.svg, HasSubstr(">max-tau<"));
  EXPECT_EQ(chart.numbers.rows.size(), story.document.points.size() + 2);
}

TEST(FrontierChart, SaysNothingOfHeldOutRowsWhereThereAreNone) {
  const Story story({.honest = false});
  const run::Chart chart = frontier_chart(story.document);
  EXPECT_THAT(chart.svg, Not(HasSubstr("honest")));
  EXPECT_THAT(chart.svg, HasSubstr("plug-in"));
  EXPECT_EQ(chart.numbers.rows[0].back(), "–");
}

TEST(FrontierChart, PutsTheTestedResultWhereATestOfThePlannedSizeWouldHaveIt) {
  Story story;
  story.set_result(0.1, 0.04, Verdict::kBetter);
  FrontierHighlights highlights;
  highlights.tested = &story.evaluation.policies[0];
  highlights.test_units = story.evaluation.n;  // 400 against a plan of 300
  const run::Chart chart = frontier_chart(story.document, highlights);
  const double z = 0.1 / (0.04 * std::sqrt(400.0 / 300.0));
  EXPECT_THAT(chart.svg, HasSubstr(fmt::format("tested at 0.1, {}.", format_significant(z, 4))));
  EXPECT_THAT(chart.svg, HasSubstr(fmt::format("tested at 0.1, {} %.",
                                               format_significant(100 * power_at(z, {300, 0.05, Side::kTwo}), 4))));
}

TEST(FrontierChart, LeavesOutATestWithoutSpread) {
  Story story;
  story.set_result(0, 0, Verdict::kInconclusive);
  FrontierHighlights highlights;
  highlights.tested = &story.evaluation.policies[0];
  EXPECT_THAT(frontier_chart(story.document, highlights).svg, Not(HasSubstr("tested at")));
}

TEST(FrontierChart, MergesTheMarksOfOnePoint) {
  const Story story;
  FrontierHighlights highlights;
  highlights.chosen = &story.document.max_tau;
  EXPECT_THAT(frontier_chart(story.document, highlights).svg, HasSubstr("chosen = max-tau"));
  highlights.chosen = &story.chosen;
  const std::string svg = frontier_chart(story.document, highlights).svg;
  EXPECT_THAT(svg, AllOf(HasSubstr("chosen at"), HasSubstr("max-z at"), HasSubstr("max-tau at"), Not(HasSubstr("= max"))));
}

TEST(FrontierChart, MarksOtherPoliciesByTheirFileName) {
  Story story;
  story.document.points.push_back(story.loaded.frontier->mark(story.pi, "mark:rivals/their <policy>.csv"));
  const std::string svg = frontier_chart(story.document).svg;
  EXPECT_THAT(svg, HasSubstr("their &lt;policy&gt;.csv"));
  EXPECT_THAT(svg, Not(HasSubstr("rivals/")));
}

TEST(FrontierChart, DrawsTheFrontierBehindAsAGuide) {
  const Story story;
  FrontierHighlights highlights;
  highlights.behind = &story.document;
  highlights.behind_label = "with randomization";
  EXPECT_THAT(frontier_chart(story.document, highlights).svg, HasSubstr("with randomization"));
}

TEST(FrontierChart, EscapesNamesFromTheData) {
  Story story;
  story.loaded.data.outcome = "<script>\"&";
  const std::string svg = frontier_chart(story.document).svg;
  EXPECT_THAT(svg, Not(HasSubstr("<script>")));
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;"));
}

TEST(FrontierChart, StaysAFunctionOfImprovementWhereTheHonestCurveTurnsBack) {
  // Predictions that are noise: more movement delivers no more.
  const Story story({.effect = 0});
  std::vector<double> tau;
  for (const FrontierPoint& point : story.document.points) tau.push_back(point.honest->tau);
  ASSERT_FALSE(std::is_sorted(tau.begin(), tau.end()));
  const run::Chart chart = frontier_chart(story.document);
  EXPECT_THAT(chart.svg, HasSubstr("95 % for the whole curve"));
  EXPECT_THAT(chart.svg, HasSubstr("no improvement"));
}

// --- promise gap

TEST(PromiseChart, ShowsTheGapAtTheChosenPointAndPutsInfinityAtTheEdge) {
  const Story story;
  const run::Chart chart = promise_chart(story.document, &story.chosen);
  EXPECT_THAT(chart.svg, HasSubstr("At the chosen point: promised +"));
  EXPECT_THAT(chart.svg, HasSubstr("λ = ∞"));
  EXPECT_THAT(chart.svg, HasSubstr("improvement over the logging policy (visits per unit)"));
  EXPECT_THAT(chart.svg, HasSubstr("(outcome units)"));
  EXPECT_THAT(chart.svg, HasSubstr("chosen at"));
}

TEST(PromiseChart, IsEmptyWithoutHeldOutRows) {
  const Story story({.honest = false});
  const run::Chart chart = promise_chart(story.document, &story.chosen);
  EXPECT_THAT(chart.svg, HasSubstr("no data"));
  EXPECT_TRUE(chart.numbers.rows.empty());
}

// --- power

TEST(PowerLine, ReachesTheTargetAtTheRequiredSize) {
  const Story story;
  const TestSpec& test = story.loaded.frontier->options().test;
  const double needed = power_line(story.chosen, CurveKind::kHonest, test, {}, 0.9).n_required;
  const std::vector<double> sizes = {needed, test.n};
  const PowerLine line = power_line(story.chosen, CurveKind::kHonest, test, sizes, 0.9);
  EXPECT_NEAR(line.values[0].power, 0.9, 1e-9);  // rounding of a normal quantile and back
  EXPECT_DOUBLE_EQ(line.values[1].power, story.chosen.honest->power);
  EXPECT_DOUBLE_EQ(*line.values[1].low, story.chosen.honest->power_low);
  EXPECT_DOUBLE_EQ(*line.values[1].high, story.chosen.honest->power_high);
}

TEST(PowerLine, HasNoIntervalOnThePluginCurve) {
  const Story story;
  const PowerLine line =
      power_line(story.chosen, CurveKind::kPlugin, story.loaded.frontier->options().test, std::vector<double>{100});
  EXPECT_FALSE(line.values[0].low || line.values[0].high);
  EXPECT_DOUBLE_EQ(line.tau, story.chosen.moments.tau);
}

TEST(TestSizes, AreWholeDistinctAndReachBothEnds) {
  EXPECT_THAT(test_sizes(2, 6, 60), ElementsAre(2, 3, 4, 5, 6));
  EXPECT_THAT(test_sizes(10, 1000, 3), ElementsAre(10, 100, 1000));
  EXPECT_THAT(test_sizes(10, 10, 5), ElementsAre(10));
}

TEST(PowerChart, LabelsTheRequiredSizesAndThePlan) {
  PowerChartInput input;
  const std::vector<double> sizes = test_sizes(10, 10000, 60);
  PowerLine near{"max-z", 0.1, 432.1, {}}, never{"no hope", -0.1, kInfinity, {}};
  for (const double n : sizes) {
    near.values.push_back({n, n / 10000, {}, {}});
    never.values.push_back({n, 0.01, {}, {}});
  }
  input.lines = {near, never};
  input.planned = 600;
  input.wording.units = "people";
  const std::string svg = power_chart(input).svg;
  EXPECT_THAT(svg, HasSubstr("max-z: needs 433"));
  EXPECT_THAT(svg, HasSubstr("no hope: never gets there"));
  EXPECT_THAT(svg, HasSubstr(">433<"));
  EXPECT_THAT(svg, HasSubstr("80 % power"));
  EXPECT_THAT(svg, HasSubstr("planned: 600"));
  EXPECT_THAT(svg, HasSubstr("size of the test (people)"));
  EXPECT_THAT(svg, HasSubstr("Two-sided test at level 0.05"));
}

TEST(PowerChart, DrawsTheIntervalOfALineThatStandsAlone) {
  PowerChartInput input;
  input.lines = {{"chosen", 0.1, 50, {{10, 0.2, 0.1, 0.4}, {100, 0.9, 0.7, 0.99}}}};
  EXPECT_THAT(power_chart(input).svg, HasSubstr("95 % for the power"));
  input.lines.push_back(input.lines[0]);
  EXPECT_THAT(power_chart(input).svg, Not(HasSubstr("95 % for the power")));
}

// --- who gets what

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

// --- the test

TEST(OverlapChart, StatesTheEffectiveSampleAndTurnsLogarithmicForHeavyTails) {
  const std::vector<double> mild = {0, 1, 2, 2}, heavy = {0, 0.5, 1, 200};
  const std::string linear = overlap_chart(mild, {}, 2.8, 2).svg;
  EXPECT_THAT(linear, HasSubstr("Effective sample size 3 of 4 (70 %); largest weight 2."));
  EXPECT_THAT(linear, HasSubstr("under logging (ratio)"));
  EXPECT_THAT(linear, Not(HasSubstr("left out")));
  EXPECT_THAT(overlap_chart(heavy, {}, 1.1, 200).svg, HasSubstr("25 % have weight 0 and are left out of the logarithmic axis"));
}

TEST(EvaluationChart, LeadsWithThePrimaryScoreAndHasTheSubgroups) {
  const Story story({.clusters = 20});
  const run::Chart chart = evaluation_chart(story.evaluation, wording_of(story.loaded));
  for (const char* text :
       {"doubly robust (dr), primary", "inverse weights (ipw)", "centred weights (cipw)", "self-normalized (snips)",
        "promised by held-out rows", "promised by the models", "by region", "north (n = 134)", "no improvement",
        "400 test units in 20 clusters", "improvement over the logging policy (visits per unit)"}) {
    EXPECT_THAT(chart.svg, HasSubstr(text));
  }
  ASSERT_EQ(chart.numbers.rows.size(), 6u);
  EXPECT_EQ(chart.numbers.rows[0][1], "doubly robust (dr)");
  EXPECT_THAT(chart.numbers.strong_rows, ElementsAre(0u));
  EXPECT_EQ(chart.numbers.rows[4][1], "region = north (n = 134)");
  EXPECT_NE(chart.numbers.rows[4].back(), "–");
}

TEST(EvaluationChart, NamesThePoliciesWhereThereAreSeveral) {
  Story story;
  story.evaluation.policies.push_back(story.evaluation.policies[0]);
  story.evaluation.policies[1].name = "other.json";
  story.evaluation.policies[1].bootstrap = BootstrapInterval{2000, -1, 1};
  const std::string svg = evaluation_chart(story.evaluation).svg;
  EXPECT_THAT(svg, HasSubstr("other.json, by region"));
  EXPECT_THAT(svg, HasSubstr("bootstrap of dr (2000 draws)"));
}

// --- coefficients

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
