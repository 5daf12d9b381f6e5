// Remarks of cross-fitting and of evaluation on data that cannot carry what is asked of them.
#include "gimbal/policy/crossfit.h"
#include "gimbal/policy/crossfit_test_data.h"
#include "gimbal/policy/evaluate.h"

namespace gimbal::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MadeData;

std::string message_of(const std::vector<Warning>& warnings, std::string_view code) {
  for (const Warning& warning : warnings)
    if (warning.code == code) return warning.message;
  return "";
}

std::vector<Warning> warnings_of(const data::DataTable& table, const std::string& propensity,
                                 Learner learner = Learner::kRidge) {
  FitSpec spec;
  spec.learner = learner;
  const DataFlags flags = MadeData::flags(propensity);
  auto data = prepare_logged(table, flags);
  EXPECT_TRUE(data) << data.error().text();
  const auto result = crossfit(*std::move(data), flags, spec);
  EXPECT_TRUE(result) << result.error().text();
  return result->warnings;
}

TEST(FitWarnings, RemarkOnPropensitiesThatDoNotFit) {
  const data::DataTable table = MadeData{.rows = 2000, .arms = 2}.table();  // a0 is given to 7 of 12
  EXPECT_THAT(message_of(warnings_of(table, "uniform"), "propensity_fit"), HasSubstr("arm \"a0\" was given 1.1"));
  EXPECT_THAT(message_of(warnings_of(table, "columns:e_"), "propensity_fit"), IsEmpty());
  EXPECT_THAT(message_of(warnings_of(table, "logistic"), "propensity_fit"), IsEmpty());
}

TEST(FitWarnings, RemarkOnAFeatureThatTheArmChanged) {
  const MadeData made{.rows = 600, .arms = 2};
  const data::DataTable table = made.table();
  std::vector<double> paid = table.find("x1")->numbers;
  for (std::size_t i = 0; i < paid.size(); ++i) paid[i] = 0.1 * paid[i] + (table.find("a")->text(i) == "a1" ? 3 : 0);
  const data::DataTable changed = testing::with_column(table, "x1", paid);
  EXPECT_THAT(message_of(warnings_of(changed, "shares"), "known_afterwards"), HasSubstr("x1 ("));
  EXPECT_THAT(message_of(warnings_of(table, "columns:e_"), "known_afterwards"), IsEmpty());
}

TEST(FitWarnings, RemarkOnAFitThatIsTooGoodOrNone) {
  const data::DataTable table = MadeData{.rows = 600, .arms = 2, .noise = 0.001}.table();
  EXPECT_THAT(message_of(warnings_of(table, "columns:e_"), "perfect_fit"), HasSubstr("for arm \"a0\", \"a1\""));
  EXPECT_THAT(message_of(warnings_of(table, "columns:e_"), "no_signal"), IsEmpty());

  std::vector<double> noise(table.rows());
  Stream stream(7, "policy.test.noise");
  for (double& y : noise) y = stream.normal();
  const std::vector<Warning> none = warnings_of(testing::with_column(table, "y", noise), "columns:e_", Learner::kOls);
  EXPECT_THAT(message_of(none, "no_signal"), HasSubstr("no arm's held-out outcomes are predicted better than by their mean"));
  EXPECT_THAT(message_of(none, "perfect_fit"), IsEmpty());
}

// Predictions that are off by a constant for one arm, with propensities that are off too: dr and cipw contradict each other.
TEST(EvaluationWarnings, RemarkOnScoresThatDisagreeAndOnSmallGroups) {
  Stream stream(3, "policy.test.scores");
  const std::size_t n = 4000;
  Logged logged;
  Matrix e(n, 2, 0.5), pi(n, 2), mu(n, 2);
  Grouping grouping{"city", {"big", "tiny"}, std::vector<std::int32_t>(n, 0)};
  for (std::size_t i = 0; i < n; ++i) {
    logged.action.push_back(stream.uniform() < 0.7);
    logged.outcome.push_back(10 + stream.normal());
    pi(i, 1) = 1;
    mu(i, 0) = mu(i, 1) = 10;
    if (i < 5) grouping.level_of[i] = 1;
  }
  TestedPolicy policy;
  policy.name = "p", policy.pi = &pi, policy.e = &e, policy.mu = &mu;
  EvaluationSpec spec;
  spec.arms = {"a", "b"};
  spec.groupings = {grouping};
  const auto result = evaluate(logged, {}, {{policy}}, spec);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_THAT(message_of(result->warnings, "scores_disagree"), HasSubstr("the intervals of dr ("));
  EXPECT_THAT(message_of(result->warnings, "propensity_fit"), HasSubstr("arm \"b\" was given 1.39"));
  EXPECT_THAT(message_of(result->warnings, "few_units_in_group"), HasSubstr("city=tiny (5)"));

  for (std::size_t i = 0; i < n; ++i) e(i, 0) = 0.3, e(i, 1) = 0.7;
  const auto right = evaluate(logged, {}, {{policy}}, spec);
  EXPECT_THAT(message_of(right->warnings, "scores_disagree"), IsEmpty());
  EXPECT_THAT(message_of(right->warnings, "propensity_fit"), IsEmpty());
}

}  // namespace
}  // namespace gimbal::policy
