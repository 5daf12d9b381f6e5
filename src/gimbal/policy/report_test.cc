#include "gimbal/policy/report.h"

#include <cmath>

#include "gimbal/policy/report_test_data.h"

namespace gimbal::policy {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string html_of(const Story& story) { return run::to_html(policy_report(story.input())); }

std::vector<std::string> titles(const run::Report& report) {
  std::vector<std::string> out;
  for (const run::ReportSection& section : report.sections) out.push_back(section.title);
  return out;
}

// --- the three sentences

TEST(ReportSentences, TellABetterPolicyFromItsPromise) {
  Story story;
  const double promise = story.chosen.honest->tau;
  story.set_result(promise, 0.02, Verdict::kBetter);
  const ReportSentences sentences = report_sentences(story.input());
  EXPECT_THAT(sentences.chosen, HasSubstr("the largest improvement that a test of 300 units still confirms with a probability "
                                          "of at least 80 % (rule `power:0.8`, judged on held-out rows)"));
  EXPECT_THAT(sentences.chosen, HasSubstr("“offer 1” to "));
  EXPECT_THAT(sentences.promised,
              HasSubstr("on rows that its models had not seen the policy improves on the logging policy by +"));
  EXPECT_THAT(sentences.promised, HasSubstr("95 % CI +"));
  EXPECT_THAT(sentences.tested, HasSubstr("on 400 test units that had no part in the choice"));
  EXPECT_THAT(sentences.tested, HasSubstr("visits per unit"));
  EXPECT_THAT(sentences.tested, HasSubstr("it is **better** than the logging policy"));
  EXPECT_THAT(sentences.tested, HasSubstr("lies inside the interval"));
}

TEST(ReportSentences, SayWhenThePolicyDoesHarm) {
  Story story;
  story.set_result(-0.3, 0.05, Verdict::kWorse);
  const std::string tested = report_sentences(story.input()).tested;
  EXPECT_THAT(tested, HasSubstr("improvement is −0.300 visits per unit"));
  EXPECT_THAT(tested, HasSubstr("it is **worse** than the logging policy"));
  EXPECT_THAT(tested, HasSubstr("lies above the interval, so too much was promised"));
}

TEST(ReportSentences, SayWhenTheTestCannotTell) {
  Story story;
  story.set_result(0.01, 0.3, Verdict::kInconclusive);
  EXPECT_THAT(report_sentences(story.input()).tested,
              HasSubstr("**inconclusive**, the test cannot tell it from the logging policy"));
}

TEST(ReportSentences, SayWhenMoreCameThanWasPromised) {
  Story story;
  story.set_result(story.chosen.honest->tau + 1, 0.1, Verdict::kBetter);
  EXPECT_THAT(report_sentences(story.input()).tested,
              HasSubstr("lies below the interval, so the policy does better than promised"));
}

TEST(ReportSentences, PutTheDirectionIntoWordsWhereLessIsBetter) {
  Story story({.minimize = true});
  story.set_result(0.2, 0.05, Verdict::kBetter);
  EXPECT_THAT(report_sentences(story.input()).tested, HasSubstr("improvement is +0.200, that is 0.200 less visits per unit"));
  story.set_result(-0.2, 0.05, Verdict::kWorse);
  EXPECT_THAT(report_sentences(story.input()).tested, HasSubstr("improvement is −0.200, that is 0.200 more visits per unit"));
}

TEST(ReportSentences, CountZeroOneOutcomesPerHundred) {
  Story story;
  story.set_result(0.16, 0.0117, Verdict::kBetter);
  PolicyReportInput input = story.input();
  input.wording = wording_of(story.loaded);
  input.wording->binary = true;
  input.wording->unit = "person";
  input.wording->units = "people";
  EXPECT_THAT(report_sentences(input).tested,
              HasSubstr("+0.160 visits per person (+16.0 per 100; 95 % CI +0.137 to +0.183, p = 0.04)"));
}

TEST(ReportSentences, AdmitThatNothingWasHeldOutOrTested) {
  const Story story({.honest = false});
  PolicyReportInput input = story.input();
  input.evaluation = nullptr;
  const ReportSentences sentences = report_sentences(input);
  EXPECT_THAT(sentences.chosen, HasSubstr("judged by the models' own predictions"));
  EXPECT_THAT(sentences.promised, HasSubstr("nothing was held out to check them"));
  EXPECT_THAT(sentences.tested, HasSubstr("not yet"));
}

TEST(ReportSentences, NameGroupsAndTheBaseline) {
  const Story story({.arms = 3, .clusters = 25, .baseline = "arm:none"});
  const ReportSentences sentences = report_sentences(story.input());
  EXPECT_THAT(sentences.tested, HasSubstr("on 400 test units (25 groups)"));
  EXPECT_THAT(sentences.tested, HasSubstr("“none” for everyone"));
  EXPECT_THAT(sentences.chosen, AllOf(HasSubstr("“none” to "), HasSubstr("“offer 1” to "), HasSubstr(" and “offer 2” to ")));
}

TEST(ReportSentences, NameTheFourLargestOfManyArms) {
  const Story story({.arms = 7});
  EXPECT_THAT(report_sentences(story.input()).chosen, HasSubstr("and the other 3 arms to the rest"));
}

TEST(ReportSentences, SayThatARuleWasOutOfReach) {
  const Story story;
  PolicyReportInput input = story.input();
  input.fallback = true;
  input.why = "the largest power is 0.31";
  EXPECT_THAT(report_sentences(input).chosen, HasSubstr("no policy reaches what the rule `power:0.8` asks for"));
  const std::string html = run::to_html(policy_report(input));
  EXPECT_THAT(html, HasSubstr("Warning: the rule was out of reach"));
  EXPECT_THAT(html, HasSubstr("The largest power is 0.31."));
}

TEST(ReportSentences, PutEveryRuleIntoWords) {
  const Story story;
  const std::vector<std::pair<SelectRule, std::string>> rules = {
      {{SelectRule::Kind::kMaxZ, 0, "", "max-z"}, "the improvement that is easiest to prove"},
      {{SelectRule::Kind::kMaxTau, 0, "", "max-tau"}, "the largest expected improvement"},
      {{SelectRule::Kind::kTauPower, 0, "", "tau*power"}, "the largest product of improvement"},
      {{SelectRule::Kind::kLcb, 2, "", "lcb:2"}, "after 2 standard errors"},
      {{SelectRule::Kind::kLambda, kInfinity, "", "lambda:inf"}, "λ = ∞"},
      {{SelectRule::Kind::kTau, 0.05, "", "tau:0.05"}, "gain at least 0.05"},
      {{SelectRule::Kind::kShare, 0.3, "a*b", "share:a*b<=0.3"}, "gives “a\\*b” to at most 30 % of the units"},
  };
  for (const auto& [rule, words] : rules) {
    PolicyReportInput input = story.input();
    input.rule = rule;
    EXPECT_THAT(report_sentences(input).chosen, HasSubstr(words)) << rule.text;
  }
}

TEST(ReportSentences, DoNotRoundAPowerToCertainty) {
  const Story story({.n_test = 1e6});
  EXPECT_THAT(report_sentences(story.input()).promised, HasSubstr("with a probability of more than 99.9 %."));
}

// --- the page

TEST(PolicyReport, TellsItsStoryInOrder) {
  const Story story;
  const run::Report report = policy_report(story.input());
  EXPECT_THAT(titles(report),
              testing::ElementsAre("", "The frontier: improvement against proof", "How large a test", "Who gets what",
                                   "Promise and delivery", "The test", "Assumptions", "Warnings", "How to make it again"));
  EXPECT_TRUE(std::holds_alternative<run::Paragraphs>(report.sections[0].blocks[0]));
}

TEST(PolicyReport, TellsHowToReadEveryPicture) {
  const Story story({.arms = 3, .clusters = 20});
  int figures = 0;
  for (const run::ReportSection& section : policy_report(story.input()).sections) {
    for (const run::ReportBlock& block : section.blocks) {
      const auto* figure = std::get_if<run::Figure>(&block);
      if (!figure) continue;
      ++figures;
      EXPECT_THAT(figure->caption, testing::StartsWith("How to read it: ")) << figure->chart.title;
      EXPECT_FALSE(figure->chart.numbers.rows.empty()) << figure->chart.title;
    }
  }
  EXPECT_EQ(figures, 9);  // frontier, power, shares, two tables, movement, promise, forest, overlap
}

TEST(PolicyReport, NeedsNeitherUnitsNorTestNorHeldOutRows) {
  const Story story({.honest = false});
  PolicyReportInput input;
  input.frontier = &story.document;
  input.chosen = &story.chosen;
  const std::string html = run::to_html(policy_report(input));
  EXPECT_THAT(html, HasSubstr("No honest curve"));
  EXPECT_THAT(html, HasSubstr("There is no test result yet"));
  EXPECT_THAT(html, HasSubstr("No commands were recorded"));
  EXPECT_THAT(html, Not(HasSubstr("Who gets what")));
}

TEST(PolicyReport, ShowsWhatSharedLimitsCost) {
  const Story story({.arms = 3, .capacity = "offer 2"});
  ASSERT_EQ(story.chosen.shadow_prices.size(), 1u);
  const std::string html = html_of(story);
  EXPECT_THAT(html, HasSubstr("What the limits cost"));
  EXPECT_THAT(html, HasSubstr("Shadow prices at the chosen point"));
  EXPECT_THAT(html, HasSubstr(story.chosen.shadow_prices[0].first));
}

TEST(PolicyReport, WarnsWhereTheModelsPromiseTooMuch) {
  Story story({.effect = -1});  // the truth is the opposite of the predictions
  const std::string html = html_of(story);
  EXPECT_THAT(html, HasSubstr("Warning: the models promise too much"));
  EXPECT_THAT(html, HasSubstr("on rows they have not seen the same policies deliver"));
}

TEST(PolicyReport, GivesTheVerdictABoxOfItsOwn) {
  Story story;
  story.set_result(0.5, 0.05, Verdict::kBetter);
  EXPECT_THAT(html_of(story),
              AllOf(HasSubstr("Confirmed: better than the logging policy"), Not(HasSubstr("less than was promised"))));
  story.set_result(-0.5, 0.05, Verdict::kWorse);
  EXPECT_THAT(html_of(story), AllOf(HasSubstr("Warning: worse than the logging policy"),
                                    HasSubstr("Warning: the test found less than was promised")));
  story.set_result(0.0, 0.05, Verdict::kInconclusive);
  EXPECT_THAT(html_of(story), HasSubstr("neither confirms an improvement nor rules one out"));
}

TEST(PolicyReport, PrintsTheAssumptionsThatFitTheData) {
  Story story({.clusters = 20});
  std::string html = html_of(story);
  for (const char* name :
       {"Consistency:", "No unmeasured confounding:", "Overlap:", "Independence:", "Large samples:", "One look:"})
    EXPECT_THAT(html, HasSubstr(name));
  EXPECT_THAT(html, HasSubstr("the groups named by <code>village</code> are independent"));
  story.loaded.data.propensity = PropensitySpec{PropensitySpec::Kind::kUniform, ""};
  EXPECT_THAT(html_of(story), HasSubstr("in a randomized trial this holds by design"));
  story.loaded.data.propensity = PropensitySpec{PropensitySpec::Kind::kLogistic, ""};
  EXPECT_THAT(html_of(story), HasSubstr("this cannot be checked from the data"));
  story.loaded.data.cluster.clear();
  EXPECT_THAT(html_of(story), HasSubstr("units are independent of each other"));
}

TEST(PolicyReport, ListsEachWarningOnceAndCommandsAsTheyAre) {
  const Story story;
  PolicyReportInput input = story.input();
  input.warnings = {{"few_units", "an arm has\n12 units", 12}, {"few_units", "an arm has\n12 units", 12}};
  input.commands = {{"artifacts/model.json", "gimbal policy fit \"a <b>.csv\" --outcome y"}};
  input.timing_ms = {{"fit", 1200}};
  const std::string html = run::to_html(policy_report(input));
  EXPECT_EQ(html.find("<code>few_units</code>: an arm has 12 units (12)"), html.rfind("<code>few_units</code>"));
  EXPECT_THAT(html, HasSubstr("# artifacts/model.json\ngimbal policy fit &quot;a &lt;b&gt;.csv&quot; --outcome y"));
  EXPECT_THAT(html, HasSubstr("Computed in 1.2 s."));
  EXPECT_THAT(html, HasSubstr("gimbal 0.1.0, seed 0"));
}

TEST(PolicyReport, SaysTheWholeTimeAndWhatTookMostOfIt) {
  Story story;
  PolicyReportInput input = story.input();
  input.timing_ms = {{"read", 4}, {"fit", 800}, {"frontier", 196}, {"compute", 0.1}};
  const std::string html = run::to_html(policy_report(input));
  EXPECT_THAT(html, HasSubstr("Computed in 1 s (of that fit 800 ms, frontier 196 ms)."));
  EXPECT_THAT(html, Not(HasSubstr("compute 0.1")));
}

TEST(PolicyReport, BreaksLongCommandsBeforeFlagsAsTheShellReadsThem) {
  const Story story;
  PolicyReportInput input = story.input();
  const std::string file = std::string(70, 'f');
  input.commands = {{"a", "gimbal policy fit '" + file + " -x.csv' --arms \"No -E-Mail\" --outcome y"}};
  EXPECT_THAT(run::to_html(policy_report(input)),
              HasSubstr("gimbal policy fit &#39;" + file + " -x.csv&#39; \\\n    --arms &quot;No -E-Mail&quot; --outcome y<"));
}

TEST(PolicyReport, EscapesWhatTheDataBring) {
  Story story;
  story.loaded.data.outcome = "<script>*x*`";
  story.loaded.data.action = "<b>";
  story.evaluation.policies[0].name = "<i>";
  const std::string html = html_of(story);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("<em>x</em>")));
  EXPECT_THAT(html, Not(HasSubstr("<b>")));
  EXPECT_THAT(html, Not(HasSubstr("<i>")));
}

TEST(PolicyReport, SaysThatATestOfTheBaselineItselfTestsNothing) {
  Story story;
  story.set_result(0, 0, Verdict::kInconclusive);
  EXPECT_THAT(report_sentences(story.input()).tested, HasSubstr("there is no difference to test"));
  EXPECT_THAT(html_of(story), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace gimbal::policy
