// Simulated guarantees of the honest curve: its band covers the whole true curve, and it has no winner's curse.
#include <cmath>

#include "gimbal/base/parallel.h"
#include "gimbal/base/random.h"
#include "gimbal/policy/honest.h"
#include "gimbal/stats/intervals.h"

namespace gimbal::policy {
namespace {

constexpr double kBandLevel = 0.999;
constexpr std::size_t kFeatures = 2, kColumns = kFeatures + 1;

// X ~ N(0, I), e = 1/2, mu_0 = 1 + X_2 / 2, effect c = .4 X_1, noise N(0, 1).
struct Unit2 {
  double x1 = 0, x2 = 0;
  double mu(std::size_t a) const { return 1 + 0.5 * x2 + (a == 1 ? 0.4 * x1 : 0.0); }
};

// Least squares of y on (1, x1, x2) by Gauss elimination: a model in ten lines.
std::array<double, kColumns> least_squares(const std::vector<std::array<double, kColumns>>& rows,
                                           const std::vector<double>& y) {
  double a[kColumns][kColumns + 1] = {};
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      for (std::size_t j = 0; j < kColumns; ++j) a[i][j] += rows[r][i] * rows[r][j];
      a[i][kColumns] += rows[r][i] * y[r];
    }
  }
  for (std::size_t i = 0; i < kColumns; ++i) {
    for (std::size_t k = 0; k < kColumns; ++k) {
      if (k == i) continue;
      const double factor = a[k][i] / a[i][i];
      for (std::size_t j = 0; j <= kColumns; ++j) a[k][j] -= factor * a[i][j];
    }
  }
  std::array<double, kColumns> beta{};
  for (std::size_t i = 0; i < kColumns; ++i) beta[i] = a[i][kColumns] / a[i][i];
  return beta;
}

using Model = std::array<std::array<double, kColumns>, 2>;  // an arm each
double predict(const Model& model, const Unit2& u, std::size_t a) {
  return model[a][0] + model[a][1] * u.x1 + model[a][2] * u.x2;
}

struct Trial {
  HonestData data;
  std::vector<Model> fold_models;  // fold of row i: i % 2

  Trial(std::size_t n, Stream stream) {
    auto table = std::make_shared<Table>();
    auto logged = std::make_shared<Logged>();
    std::vector<Unit2> units(n);
    for (Unit2& u : units) {
      u = {stream.normal(), stream.normal()};
      logged->action.push_back(stream.bernoulli(0.5));
      logged->outcome.push_back(u.mu(static_cast<std::size_t>(logged->action.back())) + stream.normal());
    }
    for (std::size_t fold = 0; fold < 2; ++fold) {
      Model model;
      for (int a = 0; a < 2; ++a) {
        std::vector<std::array<double, kColumns>> rows;
        std::vector<double> y;
        for (std::size_t i = 0; i < n; ++i) {
          if (i % 2 == fold || logged->action[i] != a) continue;
          rows.push_back({1, units[i].x1, units[i].x2});
          y.push_back(logged->outcome[i]);
        }
        model[static_cast<std::size_t>(a)] = least_squares(rows, y);
      }
      fold_models.push_back(model);
    }
    table->arms = {"0", "1"};
    table->e = Matrix(n, 2, 0.5);
    table->mu = Matrix(n, 2);
    table->var = Matrix(n, 2, 1.0);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t a = 0; a < 2; ++a) table->mu(i, a) = predict(fold_models[i % 2], units[i], a);
    data = {table, logged, Score::kDr, 0};
  }

  // tau of the fold models' policies on fresh units whose means are known: D = clip(lambda c / k, -1/2, 1/2), k = c^2 + 4.
  std::vector<double> true_curve(std::span<const double> lambdas, const std::vector<Unit2>& fresh) const {
    std::vector<double> tau(lambdas.size(), 0.0);
    for (const Model& model : fold_models) {
      for (const Unit2& u : fresh) {
        const double c = predict(model, u, 1) - predict(model, u, 0), truth = u.mu(1) - u.mu(0);
        for (std::size_t p = 0; p < lambdas.size(); ++p) {
          const double d = std::isinf(lambdas[p]) ? std::copysign(0.5, c) : std::clamp(lambdas[p] * c / (c * c + 4), -0.5, 0.5);
          tau[p] += d * truth / static_cast<double>(2 * fresh.size());
        }
      }
    }
    return tau;
  }
};

std::vector<Unit2> fresh_units(std::size_t n) {
  Stream stream(0, "policy.test.honest.fresh");
  std::vector<Unit2> out(n);
  for (Unit2& u : out) u = {stream.normal(), stream.normal()};
  return out;
}

TEST(HonestCurveSlow, CoversTheWholeTrueCurveWithItsSimultaneousBand) {
  constexpr std::size_t kReps = 1500, kTrain = 800;
  // 30,000 fresh units: their own error adds 800/30000 to the variance of a comparison, one percent of its width.
  const std::vector<Unit2> fresh = fresh_units(30'000);
  std::vector<double> lambdas;
  for (int p = 0; p < 12; ++p) lambdas.push_back(0.2 * std::pow(1.8, p));
  lambdas.push_back(kInfinity);
  std::vector<int> together(kReps), pointwise(kReps), one(kReps);
  parallel_for(kReps, 8, [&](std::size_t begin, std::size_t end) {
    for (std::size_t rep = begin; rep < end; ++rep) {
      const Trial trial(kTrain, Stream(0, "policy.test.honest.band", rep));
      const auto curve = HonestCurve::build(trial.data);
      const auto points = curve->points(lambdas, {}, TestSpec{.n = kTrain}, rep);
      const std::vector<double> truth = trial.true_curve(lambdas, fresh);
      together[rep] = pointwise[rep] = 1;
      for (std::size_t p = 0; p < lambdas.size(); ++p) {
        const HonestPoint& at = points->points[p];
        together[rep] &= at.band_low <= truth[p] && truth[p] <= at.band_high;
        pointwise[rep] &= at.tau_low <= truth[p] && truth[p] <= at.tau_high;
      }
      one[rep] = points->points.back().tau_low <= truth.back() && truth.back() <= points->points.back().tau_high;
    }
  });
  const auto count = [](const std::vector<int>& v) { return std::accumulate(v.begin(), v.end(), std::int64_t{0}); };
  const stats::CountBand band = stats::binomial_band(kReps, 0.95, kBandLevel);
  EXPECT_TRUE(band.contains(count(together))) << count(together);
  EXPECT_TRUE(band.contains(count(one))) << count(one);
  EXPECT_LT(count(pointwise), band.lo);  // pointwise intervals do not cover the curve: the band is needed
}

TEST(HonestCurveSlow, IsCentredWhereThePlugInPromisesTooMuch) {
  constexpr std::size_t kReps = 1500;
  const std::vector<Unit2> fresh = fresh_units(5'000);
  const std::vector<double> lambdas = {kInfinity};
  std::vector<double> honest(kReps), plugin(kReps), truth(kReps);
  parallel_for(kReps, 8, [&](std::size_t begin, std::size_t end) {
    for (std::size_t rep = begin; rep < end; ++rep) {
      const Trial trial(120, Stream(0, "policy.test.honest.centred", rep));
      const auto curve = HonestCurve::build(trial.data);
      honest[rep] = curve->at(kInfinity).tau;
      plugin[rep] = curve->path()->at(kInfinity).tau;
      truth[rep] = trial.true_curve(lambdas, fresh)[0];
    }
  });
  double gap = 0, squares = 0, promise = 0;
  for (std::size_t rep = 0; rep < kReps; ++rep) {
    gap += (honest[rep] - truth[rep]) / kReps;
    squares += std::pow(honest[rep] - truth[rep], 2) / kReps;
    promise += (plugin[rep] - truth[rep]) / kReps;
  }
  const double standard_error = std::sqrt(squares / kReps);
  // The fresh units are common to all repetitions: 5,000 of them leave an error of about .4 / sqrt(5000) x .5 = .003.
  EXPECT_NEAR(gap, 0, 4 * standard_error + 0.006);
  EXPECT_GT(promise, 10 * standard_error);  // the winner's curse of the same models
}

}  // namespace
}  // namespace gimbal::policy
