#include "gimbal/policy/logged_data.h"

#include <gmock/gmock.h>

#include "gimbal/base/file.h"
#include "gimbal/policy/fit_spec.h"

namespace gimbal::policy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

DataFlags flags() {
  DataFlags out;
  out.outcome = "visit";
  out.action = "segment";
  out.propensity = *parse_propensity("uniform");
  return out;
}

Result<LoggedData> prepare(const std::string& csv, const DataFlags& with) {
  data::CsvOptions options;
  for (const std::string* name : {&with.action, &with.id, &with.cluster}) {
    if (!name->empty()) options.text_columns.insert(*name);
  }
  GIMBAL_TRY(data::DataTable table, data::parse_table(csv, "data.csv", options));
  return prepare_logged(std::move(table), with);
}

std::string error_of(const std::string& csv, const DataFlags& with, int code = 2) {
  const auto result = prepare(csv, with);
  if (result) return "no error";
  EXPECT_EQ(exit_code(result.error().code), code) << result.error().text();
  return result.error().text();
}

constexpr const char* kSmall =
    "segment,visit,age,p_a,p_b\n"
    "b,1,30,.25,.75\n"
    "a,0,40,.5,.5\n"
    "b,3,50,.5,.5\n";

TEST(LoggedData, ReadsArmsOutcomesAndGivenPropensities) {
  DataFlags with = flags();
  with.propensity = *parse_propensity("columns:p_");
  const auto data = prepare(kSmall, with);
  ASSERT_TRUE(data) << data.error().text();
  EXPECT_EQ(data->arms, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(data->logged.action, (std::vector<int>{1, 0, 1}));
  EXPECT_EQ(data->logged.outcome, (std::vector<double>{1, 0, 3}));
  EXPECT_EQ(data->e, Matrix(3, 2, std::vector<double>{.25, .75, .5, .5, .5, .5}));
  EXPECT_TRUE(data->weight.empty());
  EXPECT_TRUE(data->logged.cluster.empty());
}

TEST(LoggedData, OrdersArmsAsNumbersWhereAllAreIntegers) {
  EXPECT_EQ(ordered_arms({"10", "9", "-1"}), (std::vector<std::string>{"-1", "9", "10"}));
  EXPECT_EQ(ordered_arms({"10", "9", "x"}), (std::vector<std::string>{"10", "9", "x"}));
  DataFlags with = flags();
  with.arms = {"b", "a"};
  const auto data = prepare(kSmall, with);
  ASSERT_TRUE(data) << data.error().text();
  EXPECT_EQ(data->logged.action, (std::vector<int>{0, 1, 0}));
}

TEST(LoggedData, KeepsArmsAsTheyAreWritten) {
  const auto data = prepare("segment,visit\n01,1\n1,0\n01,0\n", flags());
  ASSERT_TRUE(data) << data.error().text();
  EXPECT_EQ(data->arms.size(), 2u);  // "01" and "1" are two arms
}

TEST(LoggedData, NetsCostsAndSignsTheOutcomeButFitsItAsItIs) {
  DataFlags with = flags();
  with.minimize = true;
  with.value_costs = {*parse_value_cost("a=2"), *parse_value_cost("b=@age")};
  const auto data = prepare(kSmall, with);
  ASSERT_TRUE(data) << data.error().text();
  EXPECT_EQ(data->logged.outcome, (std::vector<double>{-1 - 30, 0 - 2, -3 - 50}));
  EXPECT_EQ(data->raw_outcome, (std::vector<double>{1, 0, 3}));
  EXPECT_EQ(data->arm_cost, (std::vector<double>{2, 0}));
  // outcome = sign * fitted - constant cost of the arm.
  const std::vector<double> fitted = data->fitted_outcome();
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(data->logged.outcome[i], -fitted[i] - data->arm_cost[static_cast<std::size_t>(data->logged.action[i])]);
  }
  EXPECT_EQ(fitted[1], 0.0);  // constants leave a 0/1 outcome 0/1
}

TEST(LoggedData, SplitsACostAtItsLastEqualsSign) {
  const ValueCost cost = *parse_value_cost("a=b=1.5");
  EXPECT_EQ(cost.arm, "a=b");
  EXPECT_EQ(cost.constant, 1.5);
  EXPECT_EQ(parse_value_cost("a=@cost")->column, "cost");
  for (const char* bad : {"a", "=3", "a=", "a=x"}) {
    const auto result = parse_value_cost(bad);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().where, "--value-cost");
  }
}

TEST(LoggedData, DropsRowsWithoutAnOutcomeOnlyWhenAsked) {
  const std::string csv = "segment,visit\na,1\nb,NA\nb,0\nc,\na,2\n";
  EXPECT_EQ(
      error_of(csv, flags()),
      "data.csv:3:2: outcome \"visit\" must be a finite number, found \"NA\"; use --drop-missing-outcome to skip such rows\n"
      "  data.csv:5:2: outcome \"visit\" must be a finite number, found \"\"");
  DataFlags with = flags();
  with.drop_missing_outcome = true;
  const auto data = prepare(csv, with);
  ASSERT_TRUE(data) << data.error().text();
  EXPECT_EQ(data->dropped_missing_outcome, 2u);
  EXPECT_EQ(data->rows(), 3u);
  EXPECT_EQ(data->arms, (std::vector<std::string>{"a", "b"}));  // no kept row has c
  EXPECT_EQ(error_of("segment,visit\na,\nb,\n", with),
            "--drop-missing-outcome: no row of data.csv has a finite outcome \"visit\"");
}

TEST(LoggedData, NumbersClustersDenselyAlsoAfterASelection) {
  DataFlags with = flags();
  with.cluster = "village";
  const auto data = prepare("segment,visit,village\na,1,7\nb,0,3\na,1,7\nb,1,9\n", with);
  ASSERT_TRUE(data) << data.error().text();
  EXPECT_EQ(data->logged.cluster, (std::vector<std::int64_t>{0, 1, 0, 2}));
  const LoggedData some = data->select_rows(std::vector<std::size_t>{3, 2});
  EXPECT_EQ(some.logged.cluster, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(some.logged.action, (std::vector<int>{1, 0}));
  EXPECT_EQ(some.rows(), 2u);
  EXPECT_EQ(some.e.rows(), 2u);
  EXPECT_THAT(error_of("segment,visit,village\na,1,\nb,0,3\n", with),
              HasSubstr("data.csv:2:3: cluster \"village\" must not be empty"));
}

TEST(LoggedData, NamesEveryBadPropensity) {
  DataFlags with = flags();
  with.propensity = *parse_propensity("columns:p_");
  EXPECT_EQ(error_of("segment,visit,p_a,p_b\na,1,.5,.6\nb,0,1.5,-.5\nb,1,.5,.5\n", with),
            "data.csv:2: propensity must lie in [0, 1] and sum to 1, found 0.5, 0.6 (sum 1.1)\n"
            "  data.csv:3: propensity must lie in [0, 1] and sum to 1, found 1.5, -0.5 (sum 1)");
  EXPECT_EQ(error_of("segment,visit,p_a,p_b\na,1,.5,.5\nb,0,1,0\n", with),
            "data.csv:3: the arm \"b\" was given although its propensity is 0");
  EXPECT_THAT(error_of("segment,visit,p_a\na,1,1\nb,0,1\n", with), HasSubstr("--propensity: data.csv has no column \"p_b\""));
  EXPECT_THAT(error_of("segment,visit,p_a,p_b\na,1,x,.5\nb,0,.5,.5\n", with),
              HasSubstr("data.csv:2:3: propensity \"p_a\" must be a finite number, found \"x\""));
  // A sum within 1e-6 is renormalized.
  const auto close = prepare("segment,visit,p_a,p_b\na,1,.3333333,.6666666\nb,0,.5,.5\n", with);
  ASSERT_TRUE(close) << close.error().text();
  EXPECT_NEAR(close->e(0, 0) + close->e(0, 1), 1, 1e-15);
}

TEST(LoggedData, SaysWhichArmsThereAre) {
  DataFlags with = flags();
  with.arms = {"a", "c"};
  EXPECT_THAT(error_of("segment,visit\na,1\nb,0\nc,0\nb,1\n", with),
              AllOf(HasSubstr("data.csv:3:1: arm \"b\" is not among the arms a, c; arms found in the file: a, b, c"),
                    HasSubstr("data.csv:5:1: arm \"b\"")));
  EXPECT_THAT(error_of(kSmall, with), AllOf(HasSubstr("--arms: "), HasSubstr("arm \"c\"; arms found: a, b")));
  with.arms = {"a", "b", "a"};
  EXPECT_EQ(error_of(kSmall, with), "--arms: arm \"a\" is named twice");
  EXPECT_EQ(error_of("segment,visit\na,1\na,0\n", flags()),
            "data.csv: at least two arms are needed, found 1 in column \"segment\": a");
  with = flags();
  with.value_costs = {*parse_value_cost("z=1")};
  EXPECT_EQ(error_of(kSmall, with), "--value-cost: unknown arm \"z\"; arms found: a, b");
  EXPECT_THAT(error_of("segment,visit\na,1\n,0\nb,2\n", flags()),
              HasSubstr("data.csv:3:1: action \"segment\" must not be empty"));
}

TEST(LoggedData, NamesMissingColumnsAndTheirNeighbours) {
  DataFlags with = flags();
  with.outcome = "vist";
  EXPECT_EQ(error_of(kSmall, with), "--outcome: data.csv has no column \"vist\"; did you mean \"visit\"?");
  with = flags();
  with.weight = "w";
  EXPECT_THAT(error_of(kSmall, with), HasSubstr("--weight: data.csv has no column \"w\""));
}

TEST(LoggedData, RefusesOutcomesWhoseSquaresVanish) {
  EXPECT_EQ(
      error_of("segment,visit\na,1e-80\nb,0\n", flags()),
      "--outcome: no value of \"visit\" in data.csv is above 1e-70 in magnitude: give the outcome in a smaller unit, so that "
      "its numbers are larger");
}

TEST(LoggedData, RefusesBadWeightsAndRepeatedIds) {
  DataFlags with = flags();
  with.weight = "w";
  EXPECT_EQ(error_of("segment,visit,w\na,1,-2\nb,0,1\n", with), "data.csv:2:3: weight \"w\" must not be negative, found -2");
  EXPECT_EQ(error_of("segment,visit,w\na,1,0\nb,0,0\n", with),
            "--weight: at least one weight in column \"w\" must be above 0, found only 0");
  with = flags();
  with.id = "u";
  EXPECT_EQ(error_of("segment,visit,u\na,1,x\nb,0,y\nb,1,x\n", with), "data.csv:4:3: id \"x\" stands already in line 2");
}

TEST(LoggedData, AsksForAPropensityAndSaysWhichIsRightWhen) {
  DataFlags with = flags();
  with.propensity.reset();
  const std::string text = error_of(kSmall, with);
  EXPECT_THAT(text, HasSubstr("--propensity: "));
  EXPECT_THAT(text, HasSubstr("simple randomization"));
  EXPECT_THAT(text, HasSubstr("observational data"));
  EXPECT_THAT(parse_propensity("unifrom").error().text(), HasSubstr("did you mean \"uniform\"?"));
}

TEST(LoggedData, LoadsOnlyTheColumnsThatFlagsAndFeaturesName) {
  const std::string folder = ::testing::TempDir();
  const std::string path = folder + "/logged_data_test.csv";
  ASSERT_TRUE(write_atomic(path, "segment,visit,age,zip,spare\n1,1,30,01,x\n2,0,40,02,y\n1,0,50,01,z\n"));
  DataFlags with = flags();
  with.features = {"age", "cat(zip)"};
  const auto data = load_logged(path, with);
  ASSERT_TRUE(data) << data.error().text();
  EXPECT_EQ(data->table.find("spare"), nullptr);
  EXPECT_EQ(data->table.find("zip")->text(0), "01");  // kept as text
  EXPECT_EQ(data->arms, (std::vector<std::string>{"1", "2"}));
  const auto all = load_logged(path, with, {.all_columns = true});
  ASSERT_TRUE(all) << all.error().text();
  EXPECT_NE(all->table.find("spare"), nullptr);
  DataFlags none = with;
  none.outcome.clear();
  EXPECT_EQ(load_logged(path, none).error().where, "--outcome");
  EXPECT_EQ(load_logged(folder + "/nowhere.csv", with).error().code, ErrorCode::kNotFound);
}

TEST(DataFlags, ReadBackAsTheyWereWritten) {
  DataFlags with = flags();
  with.id = "u", with.cluster = "village", with.weight = "w";
  with.features = {"age", "log(history)"};
  with.arms = {"b", "a"};
  with.minimize = with.drop_missing_outcome = true;
  with.value_costs = {*parse_value_cost("a=0.5"), *parse_value_cost("b=@age")};
  with.baseline = "arm:a";
  for (const char* propensity : {"uniform", "shares", "columns:p_", "logistic", "gbdt"}) {
    with.propensity = *parse_propensity(propensity);
    EXPECT_EQ(with.propensity->text(), propensity);
    JsonWriter json;
    with.write(json);
    const auto again = DataFlags::read(*JsonView::parse(json.text(), "flags"));
    ASSERT_TRUE(again) << again.error().text();
    JsonWriter second;
    again->write(second);
    EXPECT_EQ(second.text(), json.text());
  }
}

TEST(FitSpec, ReadsBackAsItWasWritten) {
  FitSpec spec;
  spec.seed = 12345678901234567890u;  // above what a signed integer holds
  spec.effect = Effect::kDr;
  spec.unknown = data::UnknownCategory::kMissing;
  spec.folds = 7, spec.clip = 0.02, spec.trim = 0.1;
  for (const char* learner : {"auto", "mean", "ols", "ridge", "logistic", "gbdt", "columns:mu_"}) {
    for (const char* variance : {"auto", "arm", "model", "binomial", "columns:var_"}) {
      ASSERT_TRUE(set_learner(spec, learner));
      ASSERT_TRUE(set_variance(spec, variance));
      EXPECT_EQ(spec.learner_text(), learner);
      EXPECT_EQ(spec.variance_text(), variance);
      JsonWriter json;
      spec.write(json);
      const auto again = FitSpec::read(*JsonView::parse(json.text(), "fit"));
      ASSERT_TRUE(again) << again.error().text();
      JsonWriter second;
      again->write(second);
      EXPECT_EQ(second.text(), json.text());
      EXPECT_EQ(again->seed, spec.seed);
    }
  }
  EXPECT_THAT(set_learner(spec, "rigde").error().text(),
              AllOf(HasSubstr("--learner: "), HasSubstr("auto, mean, ols, ridge, logistic, gbdt, columns:PREFIX"),
                    HasSubstr("found \"rigde\"; did you mean \"ridge\"?")));
  EXPECT_EQ(set_effect(spec, "x").error().where, "--effect");
  EXPECT_EQ(set_variance(spec, "x").error().where, "--variance");
  EXPECT_EQ(set_unknown_category(spec, "x").error().where, "--unknown-category");
}

}  // namespace
}  // namespace gimbal::policy
