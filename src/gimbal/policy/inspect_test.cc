#include "gimbal/policy/inspect.h"

#include <cmath>

#include "gimbal/base/random.h"
#include "gimbal/data/csv.h"
#include "support/test_data.h"

namespace gimbal::policy {
namespace {

using ::testing::HasSubstr;

Inspection must(const InspectionInput& input) {
  auto result = inspect(input);
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().text());
  return result ? *std::move(result) : Inspection{};
}

// Eight rows, two arms.
InspectionInput small() {
  InspectionInput input;
  input.outcome_column = "visit";
  input.arms = {"no", "yes"};
  input.logged.action = {0, 0, 0, 0, 1, 1, 1, 1};
  input.logged.outcome = {0, 0, 0, 1, 0, 1, 1, 1};
  return input;
}

TEST(Inspect, TellsTheKindOfTheOutcome) {
  EXPECT_EQ(outcome_kind(std::vector<double>{0, 1, 1}), OutcomeKind::kBinary);
  EXPECT_EQ(outcome_kind(std::vector<double>{0, 2, 1}), OutcomeKind::kCount);
  EXPECT_EQ(outcome_kind(std::vector<double>{1, 1, 1}), OutcomeKind::kCount);  // exactly two values make a binary outcome
  EXPECT_EQ(outcome_kind(std::vector<double>{0, 1, 0.5}), OutcomeKind::kContinuous);
  EXPECT_EQ(outcome_kind(std::vector<double>{0, -1}), OutcomeKind::kContinuous);
}

TEST(Inspect, DescribesOutcomeArmsAndContrasts) {
  const Inspection found = must(small());
  EXPECT_EQ(found.rows, 8);
  EXPECT_EQ(found.outcome.kind, OutcomeKind::kBinary);
  EXPECT_EQ(found.outcome.mean, 0.5);
  EXPECT_NEAR(found.outcome.sd, std::sqrt(2.0 / 7), 1e-15);
  ASSERT_EQ(found.arms.size(), 2u);
  EXPECT_EQ(found.arms[1].rows, 4);
  EXPECT_EQ(found.arms[1].mean, 0.75);
  EXPECT_NEAR(*found.arms[1].se, 0.25, 1e-15);  // sd .5 over the root of 4
  EXPECT_FALSE(found.arms[1].propensity_min.has_value());
  EXPECT_FALSE(found.arms[1].ess_all_in.has_value());
  ASSERT_EQ(found.contrasts.size(), 1u);
  EXPECT_EQ(found.contrasts[0].arm, "yes");
  EXPECT_EQ(found.contrasts[0].against, "no");
  EXPECT_EQ(found.contrasts[0].difference, 0.5);
  const double se = std::sqrt(0.125);
  EXPECT_NEAR(*found.contrasts[0].se, se, 1e-15);
  EXPECT_NEAR(*found.contrasts[0].ci_low, 0.5 - 1.959963984540054 * se, 1e-12);
  EXPECT_NEAR(*found.contrasts[0].p, std::erfc(0.5 / se / std::sqrt(2.0)), 1e-14);
  ASSERT_EQ(found.warnings.size(), 2u);  // no propensities; two small arms in one line
  EXPECT_EQ(found.warnings[0].code, "no_propensity");
}

TEST(Inspect, ReportsOutcomesAsTheyStandInTheFileWhenTheyAreMinimized) {
  InspectionInput input = small();
  for (double& y : input.logged.outcome) y = -y;
  input.minimize = true;
  input.baseline_arm = 1;
  const Inspection found = must(input);
  EXPECT_EQ(found.outcome.mean, 0.5);
  EXPECT_EQ(found.outcome.min, 0);
  EXPECT_EQ(found.outcome.max, 1);
  EXPECT_EQ(found.outcome.kind, OutcomeKind::kBinary);
  EXPECT_EQ(found.arms[1].mean, 0.75);
  EXPECT_EQ(found.contrasts[0].arm, "no");
  EXPECT_EQ(found.contrasts[0].difference, -0.5);
}

TEST(Inspect, SumsErrorsWithinClusters) {
  // Each row twice in a cluster of its own: nothing is known better than from single rows.
  InspectionInput once = small(), twice = small();
  twice.logged = {};
  for (std::size_t i = 0; i < 16; ++i) {
    twice.logged.action.push_back(once.logged.action[i / 2]);
    twice.logged.outcome.push_back(once.logged.outcome[i / 2]);
    twice.logged.cluster.push_back(static_cast<std::int64_t>(i / 2));
  }
  const Inspection a = must(once), b = must(twice);
  EXPECT_NEAR(*b.arms[1].se, *a.arms[1].se, 1e-15);
  // One correction for 8 clusters together instead of one for each arm of 4.
  EXPECT_NEAR(*b.contrasts[0].se, *a.contrasts[0].se * std::sqrt((8.0 / 7) / (4.0 / 3)), 1e-15);
  EXPECT_NEAR(*b.minimum_detectable_improvement, *a.minimum_detectable_improvement, 1e-14);
}

TEST(Inspect, WeighsBalanceByPropensities) {
  // x is 1 for those that were likely to get the arm; weighting by 1/e balances what the raw means do not.
  InspectionInput input;
  input.outcome_column = "y";
  input.arms = {"a", "b"};
  std::vector<double> x;
  input.e = Matrix(20, 2);
  for (std::size_t i = 0; i < 20; ++i) {
    const bool one = i < 10;
    const bool given = one ? i < 8 : i < 12;  // 8 of 10 where x = 1, 2 of 10 where x = 0
    x.push_back(one);
    input.logged.action.push_back(given);
    input.logged.outcome.push_back(static_cast<double>(i % 3));
    input.e(i, 1) = one ? 0.8 : 0.2;
    input.e(i, 0) = 1 - input.e(i, 1);
  }
  data::DataTable table;
  table.add_numbers("x", x);
  table.add_numbers("flat", std::vector<double>(20, 3.0));
  std::vector<std::string> words;
  for (std::size_t i = 0; i < 20; ++i) words.push_back(i % 5 == 0 ? "" : input.logged.action[i] ? "up" : "down");
  table.add_text("word", words);
  for (const auto& column : table.columns()) input.features.push_back(&column);
  Inspection found = must(input);
  const auto smd = [&](const std::string& name) {
    for (const auto& each : found.balance)
      if (each.feature == name) return each.max_smd;
    return std::optional<double>(-1);
  };
  EXPECT_NEAR(*smd("x"), 0, 1e-15);
  EXPECT_EQ(smd("flat"), 0.0);
  EXPECT_FALSE(smd("word").has_value() && *smd("word") < 1);  // the word says which arm it was
  EXPECT_EQ(found.arms[1].propensity_min, 0.2);
  EXPECT_EQ(found.arms[1].propensity_max, 0.8);
  EXPECT_NEAR(*found.arms[1].ess_all_in, std::pow(8 / .8 + 2 / .2, 2) / (8 / .64 + 2 / .04), 1e-12);
  EXPECT_EQ(found.features[2].missing, 4);
  EXPECT_EQ(found.features[2].levels, 2);
  EXPECT_FALSE(found.features[0].levels.has_value());
  input.e = Matrix();
  found = must(input);
  // Means .8 and .2, variances .16 each.
  EXPECT_NEAR(*smd("x"), 0.6 / 0.4, 1e-12);
  for (std::size_t k = 1; k < found.balance.size(); ++k)
    EXPECT_GE(found.balance[k - 1].max_smd.value_or(1e9), found.balance[k].max_smd.value_or(1e9));
}

TEST(Inspect, FindsTheImprovementThatThisManyRowsCanShow) {
  // A policy that gains exactly this much has power .8: z_req(.8) standard errors of its cipw score.
  Stream stream(0, "policy.test.inspect");
  InspectionInput input;
  input.arms = {"a", "b"};
  const std::size_t n = 2000;
  input.e = Matrix(n, 2, 0.5);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    input.logged.action.push_back(stream.bernoulli(0.5));
    input.logged.outcome.push_back(stream.normal() + 0.3 * input.logged.action.back());
    sum += input.logged.outcome.back();
  }
  double tau = 0, squares = 0;
  std::vector<double> psi;
  for (std::size_t i = 0; i < n; ++i) {
    psi.push_back((input.logged.action[i] == 1 ? 1.0 : -1.0) * (input.logged.outcome[i] - sum / n));
    tau += psi.back() / n;
  }
  for (const double each : psi) squares += (each - tau) * (each - tau);
  const double se = std::sqrt(squares / (n - 1) / n);
  EXPECT_NEAR(*must(input).minimum_detectable_improvement, (1.959963984540054 + 0.8416212335729143) * se, 1e-12);
  input.side = Side::kOne;
  EXPECT_NEAR(*must(input).minimum_detectable_improvement, (1.6448536269514722 + 0.8416212335729143) * se, 1e-12);
}

TEST(Inspect, RefusesAConstantOutcomeAndShapesThatDoNotFit) {
  InspectionInput input = small();
  input.logged.outcome.assign(8, 1.0);
  EXPECT_EQ(inspect(input).error().code, ErrorCode::kInsufficientData);
  EXPECT_THAT(inspect(input).error().message, HasSubstr("the outcome \"visit\" is 1 in every row"));
  input = small();
  input.weight.assign(7, 1.0);
  EXPECT_EQ(inspect(input).error().code, ErrorCode::kInvalidArgument);
  input = small();
  input.arms = {"only"};
  EXPECT_THAT(inspect(input).error().message, HasSubstr("at least two arms are needed, found 1"));
}

TEST(Inspect, PrintsTheDocumentInItsFixedOrder) {
  JsonWriter out;
  out.begin_object();
  InspectionInput input = small();
  input.e = Matrix(8, 2, 0.5);
  write_inspection_fields(out, must(input));
  out.end_object();
  EXPECT_THAT(out.text(), ::testing::StartsWith(R"({"rows":8,"outcome":{"column":"visit","kind":"binary","mean":0.5,"sd":)"));
  EXPECT_THAT(
      out.text(),
      HasSubstr(
          R"("arms":[{"name":"no","rows":4,"share":0.5,"mean":0.25,"se":0.25,"propensity_min":0.5,"propensity_max":0.5,"ess_all_in":4},)"));
  EXPECT_THAT(out.text(), HasSubstr(R"("contrasts":[{"arm":"yes","against":"no","difference":0.5,"se":)"));
  EXPECT_THAT(out.text(), HasSubstr(R"("balance":[],"minimum_detectable_improvement":)"));
}

TEST(Inspect, ReproducesTheNumbersOfTheEmailExperiment) {
  GIMBAL_TEST_DATA(path, "policy/hillstrom.csv.gz");
  const auto table = data::read_table(path);
  ASSERT_TRUE(table) << table.error().text();
  InspectionInput input;
  input.outcome_column = "visit";
  input.arms = {"No E-Mail", "Mens E-Mail", "Womens E-Mail"};
  const data::Column& segment = *table->find("segment");
  for (std::size_t i = 0; i < table->rows(); ++i)
    for (int a = 0; a < 3; ++a)
      if (segment.text(i) == input.arms[static_cast<std::size_t>(a)]) input.logged.action.push_back(a);
  input.logged.outcome = table->find("visit")->numbers;
  input.e = Matrix(table->rows(), 3, 1.0 / 3);
  input.features = {table->find("recency"), table->find("zip_code")};
  const Inspection found = must(input);
  EXPECT_EQ(found.rows, 64000);
  EXPECT_NEAR(found.outcome.mean, 0.1468, 5e-5);
  EXPECT_NEAR(found.outcome.sd, 0.3539, 5e-5);
  EXPECT_EQ(found.arms[1].rows, 21307);
  EXPECT_NEAR(found.arms[1].mean, 0.1828, 5e-5);
  EXPECT_NEAR(*found.arms[1].se, 0.0026, 5e-5);
  EXPECT_NEAR(*found.arms[1].ess_all_in, 21307, 1e-6);
  EXPECT_NEAR(found.contrasts[0].difference, 0.0766, 5e-5);
  // Of two shares: .1828 x .8172 / 21307 + .1062 x .8938 / 21306.
  EXPECT_NEAR(*found.contrasts[0].se, 0.003386, 1e-6);
  EXPECT_NEAR(*found.contrasts[0].ci_low, 0.0700, 5e-5);
  EXPECT_NEAR(*found.contrasts[0].ci_high, 0.0832, 5e-5);
  EXPECT_NEAR(*found.minimum_detectable_improvement, 0.0058, 5e-5);
  EXPECT_LT(*found.balance[0].max_smd, 0.03);  // a randomized experiment
}

}  // namespace
}  // namespace gimbal::policy
