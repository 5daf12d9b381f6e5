#include "gimbal/policy/crossfit.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "gimbal/base/parallel.h"
#include "gimbal/learn/gbdt.h"
#include "gimbal/policy/crossfit_test_data.h"

namespace gimbal::policy {
namespace {

using testing::MadeData;
using testing::with_cell;
using testing::with_column;

FitSpec spec_of(std::string_view learner, std::string_view variance = "auto", std::string_view effect = "t", int folds = 5) {
  FitSpec spec;
  EXPECT_TRUE(set_learner(spec, learner));
  EXPECT_TRUE(set_variance(spec, variance));
  EXPECT_TRUE(set_effect(spec, effect));
  spec.folds = folds;
  return spec;
}

Result<CrossfitResult> fit(const data::DataTable& table, const DataFlags& flags, const FitSpec& spec) {
  GIMBAL_TRY(LoggedData data, prepare_logged(table, flags));
  return crossfit(std::move(data), flags, spec);
}

CrossfitResult must_fit(const data::DataTable& table, const DataFlags& flags, const FitSpec& spec) {
  auto result = fit(table, flags, spec);
  if (!result) {
    ADD_FAILURE() << result.error().text();
    return CrossfitResult();
  }
  return std::move(*result);
}

std::string error_of(const data::DataTable& table, const DataFlags& flags, const FitSpec& spec) {
  const auto result = fit(table, flags, spec);
  return result ? "no error" : result.error().text();
}
int exit_of(const data::DataTable& table, const DataFlags& flags, const FitSpec& spec) {
  const auto result = fit(table, flags, spec);
  return result ? 0 : exit_code(result.error().code);
}

bool has_warning(const CrossfitResult& result, std::string_view code) {
  return std::ranges::any_of(result.warnings, [&](const Warning& warning) { return warning.code == code; });
}

// Least squares of y on (1, x) over `rows` by Gauss elimination, slow and obvious.
std::vector<double> least_squares(const std::vector<std::vector<double>>& x, const std::vector<double>& y,
                                  const std::vector<std::size_t>& rows) {
  const std::size_t p = x.size() + 1;
  std::vector<std::vector<double>> a(p, std::vector<double>(p + 1, 0.0));
  for (const std::size_t r : rows) {
    std::vector<double> z = {1};
    for (const auto& column : x) z.push_back(column[r]);
    for (std::size_t i = 0; i < p; ++i) {
      for (std::size_t j = 0; j < p; ++j) a[i][j] += z[i] * z[j];
      a[i][p] += z[i] * y[r];
    }
  }
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t k = 0; k < p; ++k) {
      if (k == i) continue;
      const double factor = a[k][i] / a[i][i];
      for (std::size_t j = 0; j <= p; ++j) a[k][j] -= factor * a[i][j];
    }
  }
  std::vector<double> beta(p);
  for (std::size_t i = 0; i < p; ++i) beta[i] = a[i][p] / a[i][i];
  return beta;
}

struct Setting {
  std::string learner, variance, effect, propensity;
  bool binary;
};

std::vector<Setting> settings() {
  std::vector<Setting> all = {{"mean", "arm", "t", "uniform", false},     {"ols", "arm", "t", "columns:e_", false},
                              {"ridge", "model", "t", "shares", false},   {"ridge", "arm", "dr", "logistic", false},
                              {"ols", "arm", "dr", "columns:e_", false},  {"logistic", "binomial", "t", "logistic", true},
                              {"auto", "auto", "t", "shares", true},      {"auto", "model", "dr", "logistic", false},
                              {"logistic", "model", "dr", "shares", true}};
  if (learn::gbdt_available()) {
    all.push_back({"gbdt", "model", "t", "gbdt", false});
    all.push_back({"gbdt", "binomial", "dr", "shares", true});
  }
  return all;
}

std::string name_of(const Setting& s) {
  return s.learner + " " + s.variance + " " + s.effect + " " + s.propensity + (s.binary ? " binary" : "");
}

TEST(Crossfit, KeepsARowsOwnOutcomeOutOfItsPredictions) {
  for (const Setting& setting : settings()) {
    SCOPED_TRACE(name_of(setting));
    MadeData made;
    made.binary = setting.binary;
    const data::DataTable table = made.table();
    const DataFlags flags = MadeData::flags(setting.propensity);
    const bool trees = setting.learner == "auto" || setting.learner == "gbdt";  // slow: one row and fewer folds
    const FitSpec spec = spec_of(setting.learner, setting.variance, setting.effect, trees ? 3 : 5);
    const CrossfitResult before = must_fit(table, flags, spec);
    const std::vector<double>& y = table.find("y")->numbers;
    for (const std::size_t row : {std::size_t{0}, std::size_t{101}}) {
      // A large change, so that a leak of weight 1/n shows.
      if (trees && row == 0) continue;
      const double changed = setting.binary ? 1 - y[row] : y[row] + 50;
      const CrossfitResult after = must_fit(with_cell(table, "y", row, changed), flags, spec);
      ASSERT_EQ(before.fold_of, after.fold_of);
      double others = 0;
      for (std::size_t i = 0; i < before.data.rows(); ++i) {
        const bool same_fold = before.fold_of[i] == before.fold_of[row];
        for (std::size_t a = 0; a < made.arms; ++a) {
          const double d_mu = std::abs(after.nuisance.table.mu(i, a) - before.nuisance.table.mu(i, a));
          const double d_var = std::abs(after.nuisance.table.var(i, a) - before.nuisance.table.var(i, a));
          if (same_fold) {
            // Not to the bit: fold sums are subtracted from totals that hold the row. A leak would be of order 50/n.
            ASSERT_LE(d_mu, 1e-9) << "mu of row " << i << " after row " << row << " changed";
            ASSERT_LE(d_var, 1e-9) << "var of row " << i;
          } else {
            others = std::max(others, d_mu);
          }
          ASSERT_EQ(after.nuisance.table.e(i, a), before.nuisance.table.e(i, a));
        }
      }
      EXPECT_GT(others, 1e-6) << "the other folds must learn from the row";
    }
  }
}

TEST(Crossfit, PredictsEachFoldByLeastSquaresOnTheOthers) {
  const MadeData made;
  const data::DataTable table = made.table();
  DataFlags flags = MadeData::flags();
  flags.features = {"x1", "x2"};
  const CrossfitResult result = must_fit(table, flags, spec_of("ols", "arm"));
  const std::vector<std::vector<double>> x = {table.find("x1")->numbers, table.find("x2")->numbers};
  const std::vector<double>& y = table.find("y")->numbers;
  for (std::size_t a = 0; a < made.arms; ++a) {
    double full_squares = 0, rows_of_arm = 0;
    for (int fold = 0; fold < 5; ++fold) {
      std::vector<std::size_t> training;
      for (std::size_t i = 0; i < made.rows; ++i) {
        if (result.fold_of[i] != fold && result.data.logged.action[i] == static_cast<int>(a)) training.push_back(i);
      }
      const std::vector<double> beta = least_squares(x, y, training);
      // s2 of the fold: mean squared leave-one-out residual inside its training part, by refitting without each row.
      double squares = 0;
      for (const std::size_t left_out : training) {
        std::vector<std::size_t> rest;
        for (const std::size_t r : training)
          if (r != left_out) rest.push_back(r);
        const std::vector<double> without = least_squares(x, y, rest);
        squares += std::pow(y[left_out] - without[0] - without[1] * x[0][left_out] - without[2] * x[1][left_out], 2);
      }
      for (std::size_t i = 0; i < made.rows; ++i) {
        if (result.fold_of[i] != fold) continue;
        EXPECT_NEAR(result.nuisance.table.mu(i, a), beta[0] + beta[1] * x[0][i] + beta[2] * x[1][i], 1e-9);
        EXPECT_NEAR(result.nuisance.table.var(i, a), squares / static_cast<double>(training.size()), 1e-9);
        if (result.data.logged.action[i] != static_cast<int>(a)) continue;
        full_squares += std::pow(y[i] - result.nuisance.table.mu(i, a), 2);
        ++rows_of_arm;
      }
    }
    // The full-data model takes its s2 from the out-of-fold residuals.
    EXPECT_NEAR(result.nuisance.full_var(0, a), full_squares / rows_of_arm, 1e-9);
  }
}

TEST(Crossfit, FitsInSampleWithOneFold) {
  const MadeData made;
  const data::DataTable table = made.table();
  DataFlags flags = MadeData::flags("shares");
  flags.features = {"x1", "x2"};
  const CrossfitResult result = must_fit(table, flags, spec_of("ols", "arm", "t", 1));
  const std::vector<std::vector<double>> x = {table.find("x1")->numbers, table.find("x2")->numbers};
  const std::vector<double>& y = table.find("y")->numbers;
  for (std::size_t a = 0; a < made.arms; ++a) {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < made.rows; ++i)
      if (result.data.logged.action[i] == static_cast<int>(a)) rows.push_back(i);
    const std::vector<double> beta = least_squares(x, y, rows);
    double rss = 0;
    for (const std::size_t i : rows) rss += std::pow(y[i] - beta[0] - beta[1] * x[0][i] - beta[2] * x[1][i], 2);
    EXPECT_NEAR(result.nuisance.table.mu(7, a), beta[0] + beta[1] * x[0][7] + beta[2] * x[1][7], 1e-9);
    EXPECT_NEAR(result.nuisance.table.var(7, a), rss / (static_cast<double>(rows.size()) - 3), 1e-9);
    EXPECT_NEAR(result.nuisance.table.e(7, a), static_cast<double>(rows.size()) / static_cast<double>(made.rows), 1e-12);
    EXPECT_FALSE(result.arms[a].r2_oof.has_value());
  }
  EXPECT_EQ(result.nuisance.table.mu, result.nuisance.full_mu);
  EXPECT_EQ(result.nuisance.table.var, result.nuisance.full_var);
}

TEST(Crossfit, StratifiesFoldsByArmAndNeverSplitsACluster) {
  const MadeData made;
  const data::DataTable table = made.table();
  DataFlags flags = MadeData::flags("shares");
  const CrossfitResult by_arm = must_fit(table, flags, spec_of("mean"));
  std::vector<std::vector<int>> count(made.arms, std::vector<int>(5, 0));
  for (std::size_t i = 0; i < made.rows; ++i) {
    ++count[static_cast<std::size_t>(by_arm.data.logged.action[i])][static_cast<std::size_t>(by_arm.fold_of[i])];
  }
  for (const std::vector<int>& arm : count) {
    EXPECT_LE(*std::ranges::max_element(arm) - *std::ranges::min_element(arm), 1);
  }

  flags.cluster = "village";
  const CrossfitResult by_village = must_fit(table, flags, spec_of("mean"));
  std::vector<std::set<int>> folds(12);
  std::set<int> used;
  for (std::size_t i = 0; i < made.rows; ++i) {
    folds[static_cast<std::size_t>(by_village.data.logged.cluster[i])].insert(by_village.fold_of[i]);
    used.insert(by_village.fold_of[i]);
  }
  for (const std::set<int>& village : folds) EXPECT_EQ(village.size(), 1u);
  EXPECT_EQ(used.size(), 5u);
  EXPECT_NE(by_village.fold_of, by_arm.fold_of);
}

TEST(Crossfit, DealsFoldsBySeedAndRowAlone) {
  const MadeData made;
  const data::DataTable table = made.table();
  const DataFlags flags = MadeData::flags("shares");
  FitSpec spec = spec_of("mean");
  const std::vector<int> folds = must_fit(table, flags, spec).fold_of;
  std::vector<double> shifted = table.find("x1")->numbers, other_y = table.find("y")->numbers;
  for (double& value : shifted) value = 3 * value - 1;
  std::ranges::reverse(other_y);
  EXPECT_EQ(must_fit(with_column(with_column(table, "x1", shifted), "y", other_y), flags, spec).fold_of, folds);
  spec.seed = 1;
  EXPECT_NE(must_fit(table, flags, spec).fold_of, folds);
}

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

TEST(Crossfit, LeavesOutUnitsWithTooSmallAPropensity) {
  MadeData made;
  made.arms = 2;
  data::DataTable table = made.table();
  std::vector<double> e0 = table.find("e_a0")->numbers, e1 = table.find("e_a1")->numbers;
  for (std::size_t i = 0; i < 20; ++i) e0[i] = 0.97, e1[i] = 0.03;
  table = with_column(with_column(table, "e_a0", e0), "e_a1", e1);
  DataFlags flags = MadeData::flags();
  flags.id = "id";
  FitSpec spec = spec_of("ridge");
  spec.trim = 0.05;
  const CrossfitResult result = must_fit(table, flags, spec);
  EXPECT_EQ(result.trimmed, 20u);
  EXPECT_EQ(result.data.rows(), made.rows - 20);
  EXPECT_EQ(result.nuisance.table.units(), made.rows - 20);
  EXPECT_EQ(result.fold_of.size(), made.rows - 20);
  EXPECT_EQ(result.nuisance.id.front(), "u20");
  EXPECT_GE(result.propensity_min, 0.05);
  EXPECT_TRUE(has_warning(result, "trimmed"));
  // Given propensities are never clipped.
  spec.trim = 0;
  spec.clip = 0.1;
  const CrossfitResult whole = must_fit(table, flags, spec);
  EXPECT_EQ(whole.clipped, 0u);
  EXPECT_DOUBLE_EQ(whole.propensity_min, 0.03);
  spec.trim = 0.9;
  EXPECT_EQ(error_of(table, flags, spec), "--trim: no unit has a propensity of at least 0.9 for every arm");
  EXPECT_EQ(exit_of(table, flags, spec), 3);
}

TEST(Crossfit, ClipsEstimatedPropensitiesAndCountsTheRows) {
  const MadeData made;
  const data::DataTable table = made.table();
  const DataFlags flags = MadeData::flags("logistic");
  FitSpec spec = spec_of("mean");
  spec.clip = 0;
  const CrossfitResult free = must_fit(table, flags, spec);
  EXPECT_EQ(free.clipped, 0u);
  EXPECT_TRUE(free.propensity_log_loss.has_value());
  spec.clip = 0.25;
  const CrossfitResult clipped = must_fit(table, flags, spec);
  std::size_t expected = 0;
  for (std::size_t i = 0; i < made.rows; ++i) {
    double sum = 0;
    std::vector<double> by_hand;
    for (const double p : free.nuisance.table.e.row(i)) by_hand.push_back(std::max(p, 0.25)), sum += by_hand.back();
    expected += *std::ranges::min_element(free.nuisance.table.e.row(i)) < 0.25;
    for (std::size_t a = 0; a < 3; ++a) ASSERT_NEAR(clipped.nuisance.table.e(i, a), by_hand[a] / sum, 1e-12);
  }
  EXPECT_GT(expected, 0u);
  EXPECT_EQ(clipped.clipped, expected);
  EXPECT_TRUE(has_warning(clipped, "clipped"));
}

TEST(Crossfit, TakesPredictionsAndVariancesFromColumns) {
  const MadeData made;
  const data::DataTable table = made.table();
  const CrossfitResult result = must_fit(table, MadeData::flags(), spec_of("columns:mu_", "columns:var_"));
  for (std::size_t a = 0; a < made.arms; ++a) {
    const std::string arm = "a" + std::to_string(a);
    EXPECT_EQ(result.nuisance.table.mu.column(a), table.find("mu_" + arm)->numbers);
    EXPECT_EQ(result.nuisance.full_var.column(a), table.find("var_" + arm)->numbers);
  }
  // The mean squared error of the columns, where no variance is brought.
  const CrossfitResult arm = must_fit(table, MadeData::flags(), spec_of("columns:mu_", "arm"));
  double squares = 0, rows = 0;
  for (std::size_t i = 0; i < made.rows; ++i) {
    if (arm.data.logged.action[i] != 1) continue;
    squares += std::pow(table.find("y")->numbers[i] - table.find("mu_a1")->numbers[i], 2);
    ++rows;
  }
  EXPECT_NEAR(arm.nuisance.full_var(0, 1), squares / rows, 1e-12);
  EXPECT_EQ(error_of(with_cell(table, "mu_a1", 4, NAN), MadeData::flags(), spec_of("columns:mu_")),
            "made.csv:6:10: prediction \"mu_a1\" must be a finite number, found \"\"");
}

TEST(Crossfit, BoundsTheVarianceModelAndAddsTheExcessToTheBinomialOne) {
  MadeData made;
  made.binary = true;
  const data::DataTable table = made.table();
  const CrossfitResult result = must_fit(table, MadeData::flags(), spec_of("logistic"));
  for (std::size_t a = 0; a < made.arms; ++a) {
    double gap = 0, rows = 0;
    for (std::size_t i = 0; i < made.rows; ++i) {
      if (result.data.logged.action[i] != static_cast<int>(a)) continue;
      gap += std::pow(result.nuisance.table.mu(i, a) - result.nuisance.full_mu(i, a), 2);
      ++rows;
    }
    EXPECT_GT(gap, 0);
    const double p = result.nuisance.full_mu(3, a);
    EXPECT_NEAR(result.nuisance.full_var(3, a), p * (1 - p) + gap / rows, 1e-12);
  }

  const CrossfitResult model = must_fit(table, MadeData::flags(), spec_of("ridge", "model"));
  double lowest = INFINITY, highest = 0;
  for (std::size_t a = 0; a < made.arms; ++a) {
    const double mean = model.model.arm_models[a].variance.mean;
    for (std::size_t i = 0; i < made.rows; ++i) {
      lowest = std::min(lowest, model.nuisance.full_var(i, a) / mean);
      highest = std::max(highest, model.nuisance.full_var(i, a) / mean);
    }
  }
  EXPECT_GE(lowest, 0.1);
  EXPECT_LE(highest, 10.0);
  EXPECT_LT(lowest, highest);
}

TEST(Crossfit, ChoosesTheSimplestLearnerThatServes) {
  MadeData made;
  made.rows = 500;
  made.arms = 2;
  made.effect = 0;
  DataFlags flags = MadeData::flags();
  flags.features = {"x1", "x2"};
  const auto chosen = [&](const data::DataTable& table) {
    return must_fit(table, flags, spec_of("auto")).model.arm_models[1].outcome.learner;
  };
  const data::DataTable table = made.table();
  const std::vector<double>&x1 = table.find("x1")->numbers, &x2 = table.find("x2")->numbers;
  Stream noise(3, "policy.test.auto");
  std::vector<double> pure(made.rows), line(made.rows), box(made.rows), coin(made.rows);
  for (std::size_t i = 0; i < made.rows; ++i) {
    pure[i] = noise.normal();
    line[i] = 2 * x1[i] - x2[i] + noise.normal();
    box[i] = (x1[i] * x2[i] > 0 ? 3.0 : 0.0) + 0.5 * noise.normal();  // an interaction that no line follows
    coin[i] = noise.bernoulli(1 / (1 + std::exp(-2 * x1[i])));
  }
  EXPECT_EQ(chosen(with_column(table, "y", pure)), Learner::kMean);
  EXPECT_EQ(chosen(with_column(table, "y", line)), Learner::kRidge);
  EXPECT_EQ(chosen(with_column(table, "y", coin)), Learner::kLogistic);
  if (learn::gbdt_available()) {
    EXPECT_EQ(chosen(with_column(table, "y", box)), Learner::kGbdt);
  }
  const CrossfitResult result = must_fit(with_column(table, "y", line), flags, spec_of("auto"));
  ASSERT_EQ(result.arms[1].candidates.size(), learn::gbdt_available() ? 3u : 2u);
  EXPECT_EQ(result.arms[1].candidates[0].learner, Learner::kMean);
  EXPECT_GT(result.arms[1].candidates[0].mse, result.arms[1].candidates[1].mse);
  EXPECT_NEAR(*result.arms[1].r2_oof, 5.0 / 6, 0.05);  // 5 of 6 parts of the variance are the line's
  EXPECT_TRUE(must_fit(table, flags, spec_of("ridge")).arms[1].candidates.empty());
}

TEST(Crossfit, KeepsThePropensityWeightedMeanWhenItRegressesEffects) {
  const MadeData made;
  const data::DataTable table = made.table();
  for (const char* propensity : {"columns:e_", "shares", "logistic"}) {
    SCOPED_TRACE(propensity);
    const DataFlags flags = MadeData::flags(propensity);
    const CrossfitResult t = must_fit(table, flags, spec_of("ridge", "arm", "t"));
    const CrossfitResult dr = must_fit(table, flags, spec_of("ridge", "arm", "dr"));
    double moved = 0;
    for (std::size_t i = 0; i < made.rows; ++i) {
      double level_t = 0, level_dr = 0;
      for (std::size_t a = 0; a < made.arms; ++a) {
        level_t += t.nuisance.table.e(i, a) * t.nuisance.table.mu(i, a);
        level_dr += dr.nuisance.table.e(i, a) * dr.nuisance.table.mu(i, a);
        moved = std::max(moved, std::abs(t.nuisance.table.mu(i, a) - dr.nuisance.table.mu(i, a)));
      }
      ASSERT_NEAR(level_t, level_dr, 1e-12);
    }
    EXPECT_GT(moved, 1e-3);
    EXPECT_FALSE(dr.model.arm_models[0].effect.has_value());
    ASSERT_TRUE(dr.model.arm_models[1].effect.has_value());
    EXPECT_EQ(dr.model.arm_models[1].effect->learner, Learner::kRidge);
  }
}

TEST(Crossfit, ShrinksEffectsThatAreNotThere) {
  MadeData made;
  made.effect = 0;
  made.rows = 400;
  const data::DataTable table = made.table();
  const auto spread = [&](const char* learner, const char* effect) {
    const CrossfitResult result = must_fit(table, MadeData::flags(), spec_of(learner, "arm", effect));
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < made.rows; ++i) {
      const double c = result.nuisance.full_mu(i, 1) - result.nuisance.full_mu(i, 0);
      sum += c, squares += c * c;
    }
    const auto n = static_cast<double>(made.rows);
    return std::sqrt(squares / n - sum * sum / n / n);
  };
  EXPECT_LT(spread("ridge", "dr"), 0.5 * spread("ridge", "t"));
  // The auto rule sees no reason for more than a constant effect (1e-7: the root of a rounding error).
  EXPECT_NEAR(spread("auto", "dr"), 0, 1e-7);
}

TEST(Crossfit, SurvivesALevelThatATrainingPartLacks) {
  const MadeData made;
  const data::DataTable table = made.table();
  data::DataTable rare(table.path());
  for (const data::Column& column : table.columns()) {
    if (column.name != "city") {
      rare.add_column(column);
      continue;
    }
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < made.rows; ++i) cells.push_back(i == 11 ? "island" : column.text(i));
    rare.add_text("city", cells);
  }
  for (const char* learner : {"ridge", "ols", "auto"}) {
    const CrossfitResult result = must_fit(rare, MadeData::flags("logistic"), spec_of(learner));
    for (std::size_t a = 0; a < made.arms; ++a) EXPECT_TRUE(std::isfinite(result.nuisance.table.mu(11, a))) << learner;
  }
}

TEST(Crossfit, FitsEncodingsInsideTheTrainingPart) {
  const MadeData made;
  data::DataTable table = with_cell(made.table(), "x2", 30, NAN);
  const CrossfitResult before = must_fit(table, MadeData::flags(), spec_of("ridge"));
  // x2 of a row in the same fold moves the imputed mean of the other folds only.
  std::size_t neighbour = 0;
  while (neighbour == 30 || before.fold_of[neighbour] != before.fold_of[30]) ++neighbour;
  const CrossfitResult after = must_fit(with_cell(table, "x2", neighbour, 40.0), MadeData::flags(), spec_of("ridge"));
  for (std::size_t a = 0; a < made.arms; ++a) {
    EXPECT_NEAR(before.nuisance.table.mu(30, a), after.nuisance.table.mu(30, a), 1e-9);
    EXPECT_GT(std::abs(before.nuisance.full_mu(30, a) - after.nuisance.full_mu(30, a)), 1e-6);
  }
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

TEST(Crossfit, GivesTheSameBitsForAnyNumberOfThreads) {
  const MadeData made;
  const data::DataTable table = made.table();
  for (const Setting& setting : settings()) {
    if (setting.binary || setting.learner == "gbdt") continue;  // auto holds boosted trees too
    SCOPED_TRACE(name_of(setting));
    std::optional<CrossfitResult> first;
    for (const int threads : {1, 2, 8}) {
      const ThreadLimit limit(threads);
      CrossfitResult result =
          must_fit(table, MadeData::flags(setting.propensity), spec_of(setting.learner, setting.variance, setting.effect, 2));
      if (!first) {
        first = std::move(result);
        continue;
      }
      EXPECT_EQ(result.nuisance.table.mu, first->nuisance.table.mu);
      EXPECT_EQ(result.nuisance.table.var, first->nuisance.table.var);
      EXPECT_EQ(result.nuisance.table.e, first->nuisance.table.e);
      EXPECT_EQ(result.nuisance.full_mu, first->nuisance.full_mu);
    }
  }
}

TEST(Crossfit, FitsPropensitiesWithTheSameBitsForAnyNumberOfThreads) {
  const data::DataTable table = MadeData().table();
  for (const char* propensity : {"shares", "logistic", "gbdt"}) {
    if (std::string_view(propensity) == "gbdt" && !learn::gbdt_available()) continue;
    SCOPED_TRACE(propensity);
    std::optional<CrossfitResult> first;
    for (const int threads : {1, 2, 8}) {
      const ThreadLimit limit(threads);
      CrossfitResult result = must_fit(table, MadeData::flags(propensity), spec_of("mean"));
      if (!first) {
        first = std::move(result);
        continue;
      }
      EXPECT_EQ(result.nuisance.table.e, first->nuisance.table.e);
      EXPECT_EQ(result.clipped, first->clipped);
      EXPECT_EQ(result.propensity_log_loss, first->propensity_log_loss);
    }
  }
}

TEST(Crossfit, CountsItsProgressAndStopsWhenAsked) {
  const MadeData made;
  const data::DataTable table = made.table();
  const DataFlags flags = MadeData::flags();
  for (const char* learner : {"ols", "ridge"}) {
    std::size_t total = 0;
    std::atomic<std::size_t> steps = 0;
    CrossfitHooks hooks;
    hooks.begin = [&](std::size_t n) { total = n; };
    hooks.step = [&] { ++steps; };
    ASSERT_TRUE(crossfit(*prepare_logged(table, flags), flags, spec_of(learner), hooks));
    EXPECT_EQ(total, 18u);  // three arms in five folds and on all rows
    EXPECT_EQ(steps.load(), total);
    std::stop_source source;
    source.request_stop();
    hooks.stop = source.get_token();
    const auto stopped = crossfit(*prepare_logged(table, flags), flags, spec_of(learner), hooks);
    ASSERT_FALSE(stopped) << learner;
    EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
  }
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

}  // namespace
}  // namespace gimbal::policy
