#include "gimbal/policy/model.h"

#include <cmath>

#include "gimbal/learn/gbdt.h"
#include "gimbal/policy/crossfit.h"
#include "gimbal/policy/crossfit_test_data.h"

namespace gimbal::policy {
namespace {

using testing::MadeData;

CrossfitResult fit(const MadeData& made, const DataFlags& flags, const FitSpec& spec) {
  auto data = prepare_logged(made.table(), flags);
  if (!data) ADD_FAILURE() << data.error().text();
  auto result = crossfit(std::move(*data), flags, spec);
  if (!result) ADD_FAILURE() << result.error().text();
  return std::move(*result);
}

FitSpec spec_of(std::string_view learner, std::string_view variance = "auto", std::string_view effect = "t") {
  FitSpec spec;
  EXPECT_TRUE(set_learner(spec, learner));
  EXPECT_TRUE(set_variance(spec, variance));
  EXPECT_TRUE(set_effect(spec, effect));
  spec.folds = 2;
  return spec;
}

std::string text_of(const Model& model) {
  JsonWriter json;
  json.begin_object().field("schema", kModelSchema);
  model.write_fields(json);
  json.end_object();
  return json.take();
}

Result<Model> read_text(const std::string& text) {
  GIMBAL_TRY(const JsonView json, JsonView::parse(text, "model.json"));
  GIMBAL_TRY(json.expect_schema(kModelSchema));
  return Model::read(json);
}

void expect_round_trip(const MadeData& made, const DataFlags& flags, const FitSpec& spec) {
  SCOPED_TRACE(spec.learner_text() + " " + spec.variance_text() + " " + flags.propensity->text());
  const CrossfitResult fitted = fit(made, flags, spec);
  const std::string text = text_of(fitted.model);
  const auto again = read_text(text);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(text_of(*again), text);
  MadeData fresh = made;
  fresh.seed = 9;
  const data::DataTable table = fresh.table();
  const auto before = fitted.model.predict(table, data::UnknownCategory::kError);
  const auto after = again->predict(table, data::UnknownCategory::kError);
  ASSERT_TRUE(before) << before.error().text();
  ASSERT_TRUE(after) << after.error().text();
  EXPECT_EQ(after->table.e, before->table.e);
  EXPECT_EQ(after->table.mu, before->table.mu);
  EXPECT_EQ(after->table.var, before->table.var);
  EXPECT_EQ(again->c0, fitted.model.c0);
}

TEST(Model, PredictsTheSameBitsAfterARoundTripThroughItsFile) {
  MadeData made;
  made.rows = 160;
  made.arms = 2;
  DataFlags flags = MadeData::flags("logistic");
  flags.value_costs = {*parse_value_cost("a1=0.1")};
  flags.minimize = true;
  flags.id = "id";
  expect_round_trip(made, flags, spec_of("mean"));
  expect_round_trip(made, flags, spec_of("ols", "model"));
  expect_round_trip(made, flags, spec_of("ridge", "arm", "dr"));
  expect_round_trip(made, flags, spec_of("auto", "auto", "dr"));
  for (const char* propensity : {"uniform", "shares", "columns:e_"}) {
    expect_round_trip(made, MadeData::flags(propensity), spec_of("ridge"));
  }
  expect_round_trip(made, MadeData::flags(), spec_of("columns:mu_", "columns:var_"));
  if (learn::gbdt_available()) {
    expect_round_trip(made, MadeData::flags("gbdt"), spec_of("gbdt", "model", "dr"));
  }
  made.binary = true;
  expect_round_trip(made, MadeData::flags("shares"), spec_of("logistic", "binomial"));
}

TEST(Model, PredictsItsOwnTrainingRowsAsCrossfitSaid) {
  const MadeData made;
  const CrossfitResult fitted = fit(made, MadeData::flags("shares"), spec_of("ridge", "model", "dr"));
  const auto predicted = fitted.model.predict(made.table(), data::UnknownCategory::kError);
  ASSERT_TRUE(predicted) << predicted.error().text();
  EXPECT_EQ(predicted->table.mu, fitted.nuisance.full_mu);
  EXPECT_EQ(predicted->table.var, fitted.nuisance.full_var);
}

TEST(Model, FindsColumnsByNameInAnyOrderWithoutOutcomeOrAction) {
  const MadeData made;
  const CrossfitResult fitted = fit(made, MadeData::flags("shares"), spec_of("ridge"));
  const data::DataTable table = made.table();
  data::DataTable bare("new.csv");
  for (const char* name : {"city", "x2", "x1"}) bare.add_column(*table.find(name));
  const auto all = fitted.model.predict(table, data::UnknownCategory::kError);
  const auto some = fitted.model.predict(bare, data::UnknownCategory::kError);
  ASSERT_TRUE(all && some);
  EXPECT_EQ(all->table.mu, some->table.mu);
  EXPECT_EQ(fitted.model.columns(), (data::NameSet{"city", "x1", "x2"}));
  EXPECT_TRUE(fitted.model.text_columns().contains("city"));

  data::DataTable lacking("new.csv");
  lacking.add_column(*table.find("x1")).add_column(*table.find("city"));
  const auto failed = fitted.model.predict(lacking, data::UnknownCategory::kError);
  ASSERT_FALSE(failed);
  EXPECT_EQ(exit_code(failed.error().code), 2);
  EXPECT_NE(failed.error().text().find("\"x2\""), std::string::npos) << failed.error().text();
}

TEST(Model, RefusesALevelThatTrainingHasNotSeenUnlessToldOtherwise) {
  const MadeData made;
  const CrossfitResult fitted = fit(made, MadeData::flags("shares"), spec_of("ridge"));
  data::DataTable table("new.csv");
  table.add_numbers("x1", {0, 1, 2}).add_numbers("x2", {0, 0, 0});
  table.add_text("city", std::vector<std::string>{"north", "moon", "mars"});
  const auto refused = fitted.model.predict(table, data::UnknownCategory::kError);
  ASSERT_FALSE(refused);
  EXPECT_EQ(exit_code(refused.error().code), 2);
  const std::string text = refused.error().text();
  EXPECT_NE(text.find("new.csv:3:3: city \"moon\" does not occur in the training data"), std::string::npos) << text;
  EXPECT_NE(text.find("--unknown-category missing"), std::string::npos) << text;
  EXPECT_NE(text.find("new.csv:4:3"), std::string::npos) << text;
  const auto taken = fitted.model.predict(table, data::UnknownCategory::kMissing);
  ASSERT_TRUE(taken) << taken.error().text();
  EXPECT_EQ(taken->unknown_cells, 2u);
}

TEST(Model, IsRefusedWhenItsFileIsDamaged) {
  MadeData made;
  made.arms = 2;
  const std::string text = text_of(fit(made, MadeData::flags("logistic"), spec_of("ridge")).model);
  const auto error_with = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    const auto result = read_text(changed);
    return result ? std::string("no error") : result.error().text();
  };
  EXPECT_NE(error_with("gimbal.policy.model/1", "gimbal.policy.model/2").find("gimbal.policy.model/1"), std::string::npos);
  EXPECT_NE(error_with("\"learner\":\"ridge\",\"intercept\"", "\"learner\":\"rigde\",\"intercept\"").find("rigde"),
            std::string::npos);
  EXPECT_NE(error_with("\"arms\":[\"a0\",\"a1\"]", "\"arms\":[\"a0\",\"a1\",\"a2\"]").find("expected 3 arm models"),
            std::string::npos);
  EXPECT_NE(error_with("\"coefficients\":[", "\"coefficients\":[1,").find("model.json"), std::string::npos);
  EXPECT_FALSE(read_text(text.substr(0, text.size() / 2)));
  // A propensity model for other columns or arms must not reach the prediction.
  std::string narrow = text;
  const std::size_t at = narrow.find("\"coefficients\":[[");
  ASSERT_NE(at, std::string::npos);
  const std::size_t end = narrow.find("]]", at);
  narrow.replace(at, end + 2 - at, "\"coefficients\":[[1],[1]]");
  const auto read = read_text(narrow);
  ASSERT_FALSE(read);
  EXPECT_EQ(exit_code(read.error().code), 2);
  EXPECT_NE(error_with("\"propensity\":\"logistic\"", "\"propensity\":\"shares\"").find("does not match"), std::string::npos);
  // Nor a regression of another kind than the fit's, for which no design would be made.
  std::string other = text_of(fit(made, MadeData::flags("shares"), spec_of("ridge")).model);
  const std::string learner = "\"fit\":{\"learner\":\"ridge\"";
  other.replace(other.find(learner), learner.size(), "\"fit\":{\"learner\":\"gbdt\"");
  const auto mixed = read_text(other);
  ASSERT_FALSE(mixed);
  EXPECT_NE(mixed.error().text().find("the models of arm \"a0\" do not match"), std::string::npos) << mixed.error().text();
}

TEST(VarianceModel, IsFlooredClampedAndBounded) {
  Designs designs;
  designs.linear = Matrix(3, 1, std::vector<double>{-100, 0, 100});
  const std::vector<double> mu = {0.0, 0.5, 1.0};
  VarianceModel arm;
  arm.mean = 0;
  EXPECT_EQ(*arm.predict(designs, mu, 1e-9), (std::vector<double>{1e-9, 1e-9, 1e-9}));
  VarianceModel binomial;
  binomial.kind = VarianceKind::kBinomial;
  binomial.rows = 8;  // mu is clamped to [.1, .9]
  binomial.excess = 0.01;
  const std::vector<double> s2 = *binomial.predict(designs, mu, 0);
  EXPECT_NEAR(s2[0], 0.09 + 0.01, 1e-15);
  EXPECT_NEAR(s2[1], 0.25 + 0.01, 1e-15);
  EXPECT_NEAR(s2[2], 0.09 + 0.01, 1e-15);
  VarianceModel model;
  model.kind = VarianceKind::kModel;
  model.mean = 2;
  Regression line;
  line.learner = Learner::kRidge;
  line.intercept = 3;
  line.coefficients = {1};
  model.regression = line;
  EXPECT_EQ(*model.predict(designs, mu, 0), (std::vector<double>{0.2, 3, 20}));
}

}  // namespace
}  // namespace gimbal::policy
