// Cross-fitting keeps a row out of its own predictions, deals folds, and gives the same bits for any number of threads.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <set>

#include "gimbal/base/parallel.h"
#include "gimbal/learn/gbdt.h"
#include "gimbal/policy/crossfit.h"
#include "gimbal/policy/crossfit_test_fits.h"

namespace gimbal::policy {
namespace {

using testing::least_squares;
using testing::MadeData;
using testing::must_fit;
using testing::name_of;
using testing::Setting;
using testing::settings;
using testing::spec_of;
using testing::with_cell;
using testing::with_column;

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

}  // namespace
}  // namespace gimbal::policy
