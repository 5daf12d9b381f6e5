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

TEST(DecimalText, ShowsTinyAndHugeNumbersWithAnExponentAndGroupsLargeOnes) {
  EXPECT_EQ(decimal_text(0.0347, decimals_for(0.014)), "0.0347");
  EXPECT_EQ(decimal_text(3.4711e-12, decimals_for(1e-12)), "3.47e-12");
  EXPECT_EQ(decimal_text(2.08e29, decimals_for(1e29)), "2.08e+29");
  EXPECT_EQ(decimal_text(-1904141.2, decimals_for(1e5)), "-1,904,141");
  EXPECT_EQ(decimal_text(-0.0, 3), "0.000");
}

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

TEST(ChartText, NeverCallsAPowerCertain) {
  EXPECT_EQ(power_words(1), "> 99.9 %");
  EXPECT_EQ(power_words(0.9996), "> 99.9 %");
  EXPECT_EQ(power_words(0.935), "93.5 %");
  EXPECT_EQ(power_words(0), "< 0.1 %");
}

TEST(ChartText, QuotesTheBaselineAsPeopleWrite) {
  EXPECT_EQ(baseline_words("logging"), "the logging policy");
  EXPECT_EQ(baseline_words("arm:none"), "“none” for everyone");
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

TEST(FrontierChart, DrawsOnlyTheUndominatedHonestPointsSolid) {
  // Three points by lambda: the second delivers less than the first and is harder to prove, the third trades z for more.
  Story story;
  const auto keep = [&](double tau, double z1, std::size_t k) {
    FrontierPoint& point = story.document.points[k];
    point.honest->tau = tau;
    point.honest->z1 = z1;
    point.honest->z = z1 * std::sqrt(300.0);
  };
  story.document.points.resize(3);
  keep(0.10, 0.30, 0);
  keep(0.05, 0.20, 1);
  keep(0.20, 0.25, 2);
  EXPECT_THAT(frontier_chart(story.document).svg, HasSubstr("another point has more of both"));
  keep(0.15, 0.28, 1);  // now none is outdone
  EXPECT_THAT(frontier_chart(story.document).svg, Not(HasSubstr("another point has more of both")));
}

// --- promise gap

TEST(PromiseChart, ShowsTheGapAtTheChosenPointAndPutsInfinityAtTheEdge) {
  const Story story;
  const run::Chart chart = promise_chart(story.document, &story.chosen);
  EXPECT_THAT(chart.svg, HasSubstr("At the chosen point: promised +"));
  EXPECT_THAT(chart.svg, HasSubstr("At max-tau: promised +"));
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

}  // namespace
}  // namespace gimbal::policy
