// What goes into cross-fitting: rows, weights, costs, features, and data that cannot support it.
#include <algorithm>

#include "gimbal/policy/crossfit.h"
#include "gimbal/policy/crossfit_test_fits.h"

namespace gimbal::policy {
namespace {

using testing::error_of;
using testing::exit_of;
using testing::has_warning;
using testing::MadeData;
using testing::must_fit;
using testing::spec_of;
using testing::with_column;

TEST(Crossfit, CarriesIdsOutcomesAndActionsOfEachRow) {
  const MadeData made;
  const data::DataTable table = made.table();
  DataFlags flags = MadeData::flags();
  flags.id = "id";
  flags.weight = "w";
  const CrossfitResult result = must_fit(table, flags, spec_of("ridge"));
  ASSERT_EQ(result.nuisance.id.size(), made.rows);
  EXPECT_EQ(result.nuisance.id[17], "u17");
  EXPECT_EQ(result.nuisance.table.weight, table.find("w")->numbers);
  ASSERT_TRUE(result.nuisance.logged.has_value());
  EXPECT_EQ(result.nuisance.logged->outcome, table.find("y")->numbers);
  EXPECT_EQ("a" + std::to_string(result.nuisance.logged->action[17]), table.find("a")->text(17));
  EXPECT_EQ(result.nuisance.table.arms, (std::vector<std::string>{"a0", "a1", "a2"}));
  for (std::size_t a = 0; a < 3; ++a) {
    EXPECT_DOUBLE_EQ(result.nuisance.table.e(17, a), table.find("e_a" + std::to_string(a))->numbers[17]);
  }
}

TEST(Crossfit, TreatsAWeightAsThatManyRows) {
  const MadeData made;
  const data::DataTable table = made.table();
  std::vector<std::size_t> repeated;
  const std::vector<double>& weight = table.find("w")->numbers;
  for (std::size_t i = 0; i < made.rows; ++i) {
    for (int k = 0; k < static_cast<int>(weight[i]); ++k) repeated.push_back(i);
  }
  DataFlags flags = MadeData::flags("shares");
  DataFlags weighted_flags = flags;
  weighted_flags.weight = "w";
  for (const char* learner : {"mean", "ols"}) {
    SCOPED_TRACE(learner);
    const FitSpec spec = spec_of(learner, "arm", "t", 1);
    const CrossfitResult weighted = must_fit(table, weighted_flags, spec);
    const CrossfitResult duplicated = must_fit(table.select_rows(repeated), flags, spec);
    EXPECT_NEAR(weighted.model.c0, duplicated.model.c0, 1e-12);
    for (std::size_t r = 0; r < repeated.size(); ++r) {
      for (std::size_t a = 0; a < made.arms; ++a) {
        ASSERT_NEAR(weighted.nuisance.table.mu(repeated[r], a), duplicated.nuisance.table.mu(r, a), 1e-9);
        ASSERT_NEAR(weighted.nuisance.table.e(repeated[r], a), duplicated.nuisance.table.e(r, a), 1e-12);
      }
    }
  }
  // A constant weight changes nothing at all, whatever is fitted.
  const data::DataTable twice = with_column(table, "w", std::vector<double>(made.rows, 2.0));
  const CrossfitResult plain = must_fit(twice, flags, spec_of("ridge", "model", "dr"));
  const CrossfitResult constant = must_fit(twice, weighted_flags, spec_of("ridge", "model", "dr"));
  for (std::size_t i = 0; i < made.rows; ++i) {
    ASSERT_NEAR(plain.nuisance.table.mu(i, 1), constant.nuisance.table.mu(i, 1), 1e-9);
    ASSERT_NEAR(plain.nuisance.table.var(i, 1), constant.nuisance.table.var(i, 1), 1e-9);
  }
}

TEST(Crossfit, TakesAConstantCostOffTheArmsPredictionsAndNothingElse) {
  MadeData made;
  for (const bool binary : {false, true}) {
    made.binary = binary;
    const data::DataTable table = made.table();
    DataFlags flags = MadeData::flags();
    const FitSpec spec = spec_of("auto");
    const CrossfitResult free = must_fit(table, flags, spec);
    flags.value_costs = {*parse_value_cost("a1=0.25")};
    const CrossfitResult net = must_fit(table, flags, spec);
    EXPECT_EQ(net.model.binary, binary);  // the outcome that is fitted stays 0 and 1
    double share = 0;
    for (std::size_t i = 0; i < made.rows; ++i) {
      const bool charged = net.data.logged.action[i] == 1;
      share += charged / static_cast<double>(made.rows);
      ASSERT_DOUBLE_EQ(net.nuisance.logged->outcome[i], free.nuisance.logged->outcome[i] - (charged ? 0.25 : 0.0));
      for (std::size_t a = 0; a < made.arms; ++a) {
        ASSERT_NEAR(net.nuisance.table.mu(i, a), free.nuisance.table.mu(i, a) - (a == 1 ? 0.25 : 0.0), 1e-12);
        ASSERT_NEAR(net.nuisance.table.var(i, a), free.nuisance.table.var(i, a), 1e-12);
      }
    }
    EXPECT_NEAR(net.model.c0, free.model.c0 - 0.25 * share, 1e-12);
  }
}

TEST(Crossfit, SubtractsACostColumnBeforeAnythingIsFitted) {
  const MadeData made;
  const data::DataTable table = made.table();
  DataFlags flags = MadeData::flags();
  flags.value_costs = {*parse_value_cost("a2=@x2")};
  const CrossfitResult by_flag = must_fit(table, flags, spec_of("ridge"));
  std::vector<double> y = table.find("y")->numbers;
  for (std::size_t i = 0; i < made.rows; ++i) {
    if (table.find("a")->text(i) == "a2") y[i] -= table.find("x2")->numbers[i];
  }
  flags.value_costs.clear();
  const CrossfitResult by_hand = must_fit(with_column(table, "y", y), flags, spec_of("ridge"));
  for (std::size_t i = 0; i < made.rows; ++i) {
    for (std::size_t a = 0; a < made.arms; ++a) {
      ASSERT_NEAR(by_flag.nuisance.table.mu(i, a), by_hand.nuisance.table.mu(i, a), 1e-9);
    }
  }
}

TEST(Crossfit, MirrorsEverythingWhenTheOutcomeIsToBeSmall) {
  MadeData made;
  for (const bool binary : {false, true}) {
    made.binary = binary;
    const data::DataTable table = made.table();
    DataFlags flags = MadeData::flags();
    flags.value_costs = {*parse_value_cost("a1=0.25")};
    const FitSpec spec = spec_of("auto");
    DataFlags mirrored_flags = flags;
    mirrored_flags.minimize = true;
    mirrored_flags.value_costs = {*parse_value_cost("a1=-0.25")};  // costs are on the scale where larger is better
    const CrossfitResult plain = must_fit(table, flags, spec), mirrored = must_fit(table, mirrored_flags, spec);
    for (std::size_t i = 0; i < made.rows; ++i) {
      ASSERT_EQ(mirrored.nuisance.logged->outcome[i], -plain.nuisance.logged->outcome[i]);
      for (std::size_t a = 0; a < made.arms; ++a) {
        ASSERT_NEAR(mirrored.nuisance.table.mu(i, a), -plain.nuisance.table.mu(i, a), 1e-12);
        ASSERT_NEAR(mirrored.nuisance.table.var(i, a), plain.nuisance.table.var(i, a), 1e-12);
      }
    }
    EXPECT_NEAR(mirrored.model.c0, -plain.model.c0, 1e-12);
  }
}

TEST(Crossfit, TakesEveryColumnWithoutARoleAsFeature) {
  const MadeData made;
  DataFlags flags = MadeData::flags();
  flags.features.clear();
  flags.id = "id";
  flags.cluster = "village";
  flags.weight = "w";
  flags.baseline = "columns:var_";
  const auto features = feature_columns(made.table(), flags, spec_of("columns:mu_"), {"a0", "a1", "a2"});
  ASSERT_TRUE(features) << features.error().text();
  std::vector<std::string> names;
  for (const data::FeatureSpec& feature : *features) names.push_back(feature.text());
  EXPECT_EQ(names, (std::vector<std::string>{"x1", "x2", "city"}));
}

TEST(Crossfit, RefusesDataThatCannotSupportTheFit) {
  MadeData made;
  const data::DataTable table = made.table();
  const DataFlags flags = MadeData::flags();
  const data::DataTable constant = with_column(table, "y", std::vector<double>(made.rows, 4.0));
  EXPECT_EQ(error_of(constant, flags, spec_of("ridge")),
            "--outcome: the outcome \"y\" is the same (4) in all 240 training rows: nothing can be learned");
  EXPECT_EQ(exit_of(constant, flags, spec_of("ridge")), 3);

  made.rows = 24;
  const data::DataTable tiny = made.table();
  const std::string too_small = error_of(tiny, flags, spec_of("ridge"));
  EXPECT_NE(too_small.find("--folds: arm \"a"), std::string::npos) << too_small;
  EXPECT_NE(too_small.find("rows in the training part of fold 1 of 5, 10 are needed"), std::string::npos) << too_small;
  EXPECT_EQ(exit_of(tiny, flags, spec_of("ridge")), 3);
  // Least squares needs two rows more than parameters: intercept, x1, x2, one city.
  EXPECT_NE(error_of(tiny, flags, spec_of("ols")).find("6 are needed (2 more than parameters)"), std::string::npos);

  EXPECT_EQ(error_of(table, flags, spec_of("logistic")),
            "--learner: logistic needs an outcome of 0 and 1; \"y\" (net of cost columns) has other values");
  EXPECT_EQ(error_of(table, flags, spec_of("ridge", "binomial")),
            "--variance: binomial needs an outcome of 0 and 1; \"y\" (net of cost columns) has other values");
  EXPECT_EQ(error_of(table, flags, spec_of("ridge", "auto", "t", 21)), "--folds: expected an integer from 1 to 20, found 21");
  EXPECT_EQ(exit_of(table, flags, spec_of("ridge", "auto", "t", 0)), 2);

  DataFlags named = flags;
  named.arms = {"a0", "a1", "a2", "a3"};
  named.propensity = *parse_propensity("uniform");
  EXPECT_EQ(error_of(table, named, spec_of("ridge")),
            "--arms: no row of made.csv was given arm \"a3\"; arms found: a0, a1, a2; did you mean \"a0\", \"a2\" or \"a1\"?");
  EXPECT_EQ(exit_of(table, named, spec_of("ridge")), 2);

  DataFlags unknown = flags;
  unknown.features = {"x1", "x3"};
  const std::string missing = error_of(table, unknown, spec_of("ridge"));
  EXPECT_NE(missing.find("--features: there is no column \"x3\"; did you mean"), std::string::npos) << missing;

  DataFlags none = flags;
  none.propensity.reset();
  const auto without = crossfit(*prepare_logged(table, flags), none, spec_of("ridge"));
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().where, "--propensity");
  EXPECT_EQ(exit_code(without.error().code), 2);
}

TEST(Crossfit, NotesCollinearColumnsAndSmallArms) {
  MadeData made;
  made.rows = 120;
  data::DataTable table = made.table();
  std::vector<double> twice = table.find("x1")->numbers;
  for (double& value : twice) value *= 2;
  table.add_numbers("x1_twice", twice);
  DataFlags flags = MadeData::flags("shares");
  flags.features = {"x1", "x2", "x1_twice"};
  const CrossfitResult result = must_fit(table, flags, spec_of("ols"));
  EXPECT_TRUE(has_warning(result, "collinear"));
  EXPECT_EQ(result.model.arm_models[0].outcome.coefficients[2], 0.0);
  EXPECT_TRUE(has_warning(result, "few_units_in_arm") ==
              std::ranges::any_of(result.arms, [](const ArmSummary& arm) { return arm.rows < 30; }));
}

}  // namespace
}  // namespace gimbal::policy
