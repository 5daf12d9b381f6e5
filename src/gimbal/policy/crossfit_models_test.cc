// What cross-fitting fits: propensities, learners, variances, effects.
#include <algorithm>
#include <cmath>

#include "gimbal/learn/gbdt.h"
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
using testing::with_cell;
using testing::with_column;

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

}  // namespace
}  // namespace gimbal::policy
