#include "gimbal/learn/linear.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <numeric>

#include "gimbal/base/parallel.h"
#include "gimbal/learn/learn_test_support.h"

namespace gimbal::learn {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// The plain solution of min sum w (y - b0 - z'b)^2 + sum_k penalty_k b_k^2 by normal equations: intercept first.
VectorXd normal_equations(const Matrix& x, const std::vector<double>& y, const std::vector<double>& w,
                          const VectorXd& penalty) {
  const auto n = static_cast<Eigen::Index>(x.rows()), d = static_cast<Eigen::Index>(x.cols());
  MatrixXd z(n, d + 1);
  VectorXd t(n), v(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    z(i, 0) = 1;
    for (Eigen::Index k = 0; k < d; ++k) z(i, k + 1) = x(static_cast<std::size_t>(i), static_cast<std::size_t>(k));
    t[i] = y[static_cast<std::size_t>(i)];
    v[i] = w[static_cast<std::size_t>(i)];
  }
  MatrixXd gram = z.transpose() * v.asDiagonal() * z;
  for (Eigen::Index k = 0; k < d; ++k) gram(k + 1, k + 1) += penalty[k];
  return gram.ldlt().solve(z.transpose() * v.asDiagonal() * t);
}

// The penalty that a ridge fit puts on the original coefficient of each feature: multiple * sum(w) * weighted variance.
VectorXd original_penalty(const Matrix& x, const std::vector<double>& w, double multiple) {
  VectorXd out(static_cast<Eigen::Index>(x.cols()));
  const double total = std::accumulate(w.begin(), w.end(), 0.0);
  for (std::size_t k = 0; k < x.cols(); ++k) {
    double mean = 0, square = 0;
    for (std::size_t i = 0; i < x.rows(); ++i) mean += w[i] * x(i, k) / total;
    for (std::size_t i = 0; i < x.rows(); ++i) square += w[i] * (x(i, k) - mean) * (x(i, k) - mean);
    out[static_cast<Eigen::Index>(k)] = multiple * square;
  }
  return out;
}

double predict_with(const VectorXd& b, std::span<const double> x) {
  double out = b[0];
  for (std::size_t k = 0; k < x.size(); ++k) out += b[static_cast<Eigen::Index>(k) + 1] * x[k];
  return out;
}

// Predictions of models refitted without each row.
std::vector<double> refit_without_each(const Matrix& x, const std::vector<double>& y, std::vector<double> w,
                                       const VectorXd& penalty) {
  std::vector<double> out(x.rows());
  for (std::size_t i = 0; i < x.rows(); ++i) {
    const double kept = w[i];
    w[i] = 0;
    out[i] = predict_with(normal_equations(x, y, w, penalty), x.row(i));
    w[i] = kept;
  }
  return out;
}

TEST(Ols, AgreesWithTheNormalEquationsOnRandomData) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::size_t n = 20 + 15 * seed, d = 1 + seed % 7;
    const Matrix x = random_features(n, d, seed);
    const std::vector<double> y = random_outcomes(x, 1, seed), w = random_weights(n, seed);
    const auto fit = fit_ols({x, y, w});
    ASSERT_TRUE(fit) << fit.error().text();
    const VectorXd expected = normal_equations(x, y, w, VectorXd::Zero(static_cast<Eigen::Index>(d)));
    // The normal equations square the condition number (about 1e3 here): 1e-16 * 1e6 is what they keep.
    EXPECT_NEAR(fit->intercept, expected[0], 1e-9);
    for (std::size_t k = 0; k < d; ++k) EXPECT_NEAR(fit->coefficients[k], expected[static_cast<Eigen::Index>(k) + 1], 1e-9);
    EXPECT_TRUE(fit->dropped.empty());
    EXPECT_EQ(fit->parameters, 1.0 + static_cast<double>(d));
  }
}

TEST(Ols, GivesTheTextbookStandardErrors) {
  // Five points on x = 1..5: slope .6, intercept 2.2, RSS 2.4, s^2 = .8; se(slope) = sqrt(.8/10), se(intercept) = sqrt(.8 (1/5
  // + 9/10)).
  const Matrix x(5, 1, {1, 2, 3, 4, 5});
  const std::vector<double> y{2, 4, 5, 4, 5};
  const auto fit = fit_ols({x, y});
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->coefficients[0], 0.6, 1e-14);
  EXPECT_NEAR(fit->intercept, 2.2, 1e-14);
  EXPECT_NEAR(fit->residual_variance, 0.8, 1e-14);
  EXPECT_NEAR(fit->standard_errors[0], std::sqrt(0.08), 1e-14);
  EXPECT_NEAR(fit->intercept_se, std::sqrt(0.88), 1e-14);
}

TEST(Ols, LeaveOneOutPredictionsAreThoseOfRefits) {
  const Matrix x = random_features(40, 4, 3);
  const std::vector<double> y = random_outcomes(x, 1, 3), w = random_weights(40, 3);
  const auto fit = fit_ols({x, y, w});
  ASSERT_TRUE(fit);
  const std::vector<double> expected = refit_without_each(x, y, w, VectorXd::Zero(4));
  for (std::size_t i = 0; i < 40; ++i) EXPECT_NEAR(fit->loo[i], expected[i], 1e-9);
}

TEST(Ols, DropsTheLaterOfCollinearColumnsAndTheConstantOnes) {
  Matrix x = random_features(60, 5, 4);
  for (std::size_t i = 0; i < 60; ++i) {
    x(i, 1) = 7;                        // constant
    x(i, 3) = 2 * x(i, 0) - 5;          // a line in column 0
    x(i, 4) = x(i, 0) + x(i, 2) + 1e3;  // a sum
  }
  const std::vector<double> y = random_outcomes(x, 1, 4);
  const auto fit = fit_ols({x, y});
  ASSERT_TRUE(fit);
  EXPECT_EQ(fit->dropped, (std::vector<std::size_t>{1, 3, 4}));
  EXPECT_EQ(fit->coefficients[1], 0);
  EXPECT_EQ(fit->coefficients[3], 0);
  EXPECT_TRUE(std::isnan(fit->standard_errors[4]));
  EXPECT_EQ(fit->parameters, 3);
  // What is left is the fit on the other two columns.
  Matrix kept(60, 2);
  for (std::size_t i = 0; i < 60; ++i) {
    kept(i, 0) = x(i, 0);
    kept(i, 1) = x(i, 2);
  }
  const auto small = fit_ols({kept, y});
  EXPECT_NEAR(fit->coefficients[0], small->coefficients[0], 1e-12);
  EXPECT_NEAR(fit->coefficients[2], small->coefficients[1], 1e-12);
}

TEST(Ols, KeepsAFullSetOfLevelsButOne) {
  // Three one-hot columns sum to the intercept: the last one goes.
  Matrix x(9, 3);
  std::vector<double> y(9);
  for (std::size_t i = 0; i < 9; ++i) {
    x(i, i % 3) = 1;
    y[i] = static_cast<double>(i % 3) + (i < 3 ? 0.5 : -0.25);
  }
  const auto fit = fit_ols({x, y});
  ASSERT_TRUE(fit);
  EXPECT_EQ(fit->dropped, (std::vector<std::size_t>{2}));
  for (std::size_t level = 0; level < 3; ++level) EXPECT_NEAR(fit->predict(x.row(level)), static_cast<double>(level), 1e-12);
}

TEST(Ols, WithMoreColumnsThanRowsInterpolatesAndHasNoVariance) {
  const Matrix x = random_features(4, 9, 5);
  const std::vector<double> y{1, -2, 0.5, 4};
  const auto fit = fit_ols({x, y});
  ASSERT_TRUE(fit);
  EXPECT_EQ(fit->parameters, 4);
  EXPECT_EQ(fit->dropped.size(), 6u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(fit->predict(x.row(i)), y[i], 1e-10);
  EXPECT_TRUE(std::isnan(fit->residual_variance));
  // Every row alone determines the fit there: the mean of the others stands in.
  EXPECT_NEAR(fit->loo[0], (-2 + 0.5 + 4) / 3, 1e-9);
}

TEST(Linear, WeightsActAsRepeatedRows) {
  const Matrix x = random_features(30, 3, 6);
  const std::vector<double> y = random_outcomes(x, 1, 6);
  std::vector<double> w(30);
  std::vector<std::size_t> repeated;
  for (std::size_t i = 0; i < 30; ++i) {
    w[i] = static_cast<double>(i % 3);  // 0, 1 or 2 copies
    for (std::size_t c = 0; c < i % 3; ++c) repeated.push_back(i);
  }
  RidgeOptions one;
  one.penalties = {0.1};
  const auto weighted = fit_ols({x, y, w}), copied = fit_ols({x, y, {}, repeated});
  const auto ridge_weighted = fit_ridge({x, y, w}, one), ridge_copied = fit_ridge({x, y, {}, repeated}, one);
  const auto mean_weighted = fit_mean({x, y, w}), mean_copied = fit_mean({x, y, {}, repeated});
  EXPECT_NEAR(mean_weighted->intercept, mean_copied->intercept, 1e-13);
  EXPECT_NEAR(weighted->intercept, copied->intercept, 1e-12);
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(weighted->coefficients[k], copied->coefficients[k], 1e-12);
    EXPECT_NEAR(ridge_weighted->coefficients[k], ridge_copied->coefficients[k], 1e-12);
  }
  EXPECT_EQ(weighted->rows, 20u);
  // A row of weight 0 is predicted by the fit as it is.
  EXPECT_NEAR(weighted->loo[0], weighted->predict(x.row(0)), 1e-12);
}

TEST(Linear, OnlyRatiosOfWeightsMatter) {
  const Matrix x = random_features(50, 3, 7);
  const std::vector<double> y = random_outcomes(x, 1, 7), w = random_weights(50, 7);
  std::vector<double> scaled = w;
  for (double& v : scaled) v *= 1e6;
  const auto a = fit_ridge({x, y, w}), b = fit_ridge({x, y, scaled});
  EXPECT_EQ(a->penalty, b->penalty);
  EXPECT_NEAR(a->residual_variance, b->residual_variance, 1e-12);
  EXPECT_NEAR(a->standard_errors[1], b->standard_errors[1], 1e-12);
}

TEST(Mean, LeavesEachRowOut) {
  const Matrix x(4, 0);
  const std::vector<double> y{1, 2, 3, 10};
  const auto fit = fit_mean({x, y});
  ASSERT_TRUE(fit);
  EXPECT_EQ(fit->intercept, 4);
  EXPECT_NEAR(fit->loo[3], 2, 1e-15);
  EXPECT_NEAR(fit->residual_variance, 50.0 / 3, 1e-14);
  EXPECT_NEAR(fit->intercept_se, std::sqrt(50.0 / 12), 1e-14);
}

TEST(Ridge, SolvesThePenalizedNormalEquations) {
  const Matrix x = random_features(80, 6, 8);
  const std::vector<double> y = random_outcomes(x, 1, 8), w = random_weights(80, 8);
  for (const double multiple : {1e-4, 0.01, 1.0, 100.0}) {
    RidgeOptions options;
    options.penalties = {multiple};
    const auto fit = fit_ridge({x, y, w}, options);
    ASSERT_TRUE(fit);
    const VectorXd expected = normal_equations(x, y, w, original_penalty(x, w, multiple));
    EXPECT_NEAR(fit->intercept, expected[0], 1e-9);
    for (std::size_t k = 0; k < 6; ++k) EXPECT_NEAR(fit->coefficients[k], expected[static_cast<Eigen::Index>(k) + 1], 1e-10);
  }
}

TEST(Ridge, LeaveOneOutPredictionsAreThoseOfRefitsForEveryPenalty) {
  const Matrix x = random_features(50, 5, 9);
  const std::vector<double> y = random_outcomes(x, 2, 9), w = random_weights(50, 9);
  const double total = std::accumulate(w.begin(), w.end(), 0.0);
  double best_error = 1e300, best_penalty = 0;
  for (const double multiple : RidgeOptions::default_penalties()) {
    RidgeOptions options;
    options.penalties = {multiple};
    const auto fit = fit_ridge({x, y, w}, options);
    const std::vector<double> expected = refit_without_each(x, y, w, original_penalty(x, w, multiple));
    double error = 0;
    for (std::size_t i = 0; i < 50; ++i) {
      EXPECT_NEAR(fit->loo[i], expected[i], 1e-9);
      error += w[i] * (y[i] - expected[i]) * (y[i] - expected[i]) / total;
    }
    EXPECT_NEAR(fit->loo_mse, error, 1e-9);
    if (error <= best_error) {
      best_error = error;
      best_penalty = multiple;
    }
  }
  const auto chosen = fit_ridge({x, y, w});
  EXPECT_EQ(chosen->penalty, best_penalty);
  EXPECT_NEAR(chosen->loo_mse, best_error, 1e-9);
}

TEST(Ridge, ApproachesLeastSquaresAndTheMeanAtTheEndsOfThePath) {
  const Matrix x = random_features(100, 4, 10);
  const std::vector<double> y = random_outcomes(x, 1, 10);
  RidgeOptions tiny, huge;
  tiny.penalties = {1e-12};
  huge.penalties = {1e12};
  const auto ols = fit_ols({x, y}), small = fit_ridge({x, y}, tiny), large = fit_ridge({x, y}, huge), mean = fit_mean({x, y});
  for (std::size_t k = 0; k < 4; ++k) {
    EXPECT_NEAR(small->coefficients[k], ols->coefficients[k], 1e-9);
    EXPECT_NEAR(small->standard_errors[k], ols->standard_errors[k], 1e-9);
    EXPECT_NEAR(large->coefficients[k], 0, 1e-9);
  }
  EXPECT_NEAR(small->intercept_se, ols->intercept_se, 1e-9);
  EXPECT_NEAR(small->residual_variance, ols->residual_variance, 1e-9);
  EXPECT_NEAR(large->intercept, mean->intercept, 1e-9);
  EXPECT_NEAR(large->residual_variance, mean->residual_variance, 1e-9);
}

TEST(Ridge, TakesCollinearAndConstantColumnsInItsStride) {
  Matrix x = random_features(50, 4, 11);
  for (std::size_t i = 0; i < 50; ++i) {
    x(i, 2) = x(i, 0);
    x(i, 3) = 0.1;
  }
  const std::vector<double> y = random_outcomes(x, 1, 11);
  const auto fit = fit_ridge({x, y});
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->coefficients[0], fit->coefficients[2], 1e-12);  // equal columns share
  EXPECT_EQ(fit->dropped, (std::vector<std::size_t>{3}));
}

TEST(Ridge, WithoutFeaturesIsTheMean) {
  const Matrix x(6, 0);
  const std::vector<double> y{1, 4, 2, 2, 7, 3};
  const auto ridge = fit_ridge({x, y}), mean = fit_mean({x, y});
  ASSERT_TRUE(ridge);
  EXPECT_NEAR(ridge->intercept, mean->intercept, 1e-14);
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(ridge->loo[i], mean->loo[i], 1e-14);
}

TEST(Ridge, IsUnmovedByALargeOffsetOfFeaturesAndOutcome) {
  const Matrix x = random_features(60, 3, 12);
  const std::vector<double> y = random_outcomes(x, 1, 12);
  Matrix far = x;
  std::vector<double> far_y = y;
  for (double& v : far.values()) v += 1e6;
  for (double& v : far_y) v += 1e6;
  const auto near_fit = fit_ridge({x, y}), far_fit = fit_ridge({far, far_y});
  // Adding 1e6 itself rounds the data to 1e-10.
  for (std::size_t i = 0; i < 60; ++i) EXPECT_NEAR(far_fit->loo[i] - 1e6, near_fit->loo[i], 2e-8);
}

struct Arms {
  Matrix x;
  std::vector<double> y, w;
  std::vector<int> arm, fold;
};

Arms three_arms(std::size_t n, std::size_t d) {
  Arms out{random_features(n, d, 13), {}, random_weights(n, 13), {}, {}};
  out.y = random_outcomes(out.x, 1, 13);
  Stream stream(13, "test.arms");
  for (std::size_t i = 0; i < n; ++i) {
    out.arm.push_back(static_cast<int>(stream.below(3)));
    out.fold.push_back(static_cast<int>(stream.below(5)));
  }
  return out;
}

void expect_same_fit(const LinearFit& a, const LinearFit& b, double tolerance) {
  EXPECT_EQ(a.penalty, b.penalty);
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.dropped, b.dropped);
  EXPECT_NEAR(a.intercept, b.intercept, tolerance);
  EXPECT_NEAR(a.residual_variance, b.residual_variance, tolerance);
  ASSERT_EQ(a.coefficients.size(), b.coefficients.size());
  for (std::size_t k = 0; k < a.coefficients.size(); ++k) EXPECT_NEAR(a.coefficients[k], b.coefficients[k], tolerance);
  ASSERT_EQ(a.loo.size(), b.loo.size());
  for (std::size_t i = 0; i < a.loo.size(); ++i) EXPECT_NEAR(a.loo[i], b.loo[i], tolerance);
}

TEST(CrossfitRidge, EqualsDirectFitsOfEveryArmAndTrainingPart) {
  Arms data = three_arms(900, 6);
  // A level that occurs in one fold of one arm only: the subtraction leaves nothing but rounding there.
  for (std::size_t i = 0; i < 900; ++i) data.x(i, 5) = data.arm[i] == 1 && data.fold[i] == 2 ? 1.0 : 0.0;
  const auto all = crossfit_ridge({data.x, data.y, data.w, data.arm, 3, data.fold, 5});
  ASSERT_TRUE(all) << all.error().text();
  for (int a = 0; a < 3; ++a)
    for (int j = -1; j < 5; ++j) {
      std::vector<std::size_t> rows;
      for (std::size_t i = 0; i < 900; ++i)
        if (data.arm[i] == a && data.fold[i] != j) rows.push_back(i);
      const auto direct = fit_ridge({data.x, data.y, data.w, rows});
      expect_same_fit(j < 0 ? all->full[static_cast<std::size_t>(a)] : all->outside(a, j), *direct, 1e-9);
    }
  EXPECT_EQ(all->outside(1, 2).dropped, (std::vector<std::size_t>{5}));
  EXPECT_TRUE(all->outside(1, 3).dropped.empty());
}

TEST(CrossfitRidge, HasTheSameBitsForAnyNumberOfThreads) {
  const Arms data = three_arms(20000, 8);
  const auto run = [&](int threads) {
    const ThreadLimit limit(threads);
    return crossfit_ridge({data.x, data.y, data.w, data.arm, 3, data.fold, 5});
  };
  const auto one = run(1), many = run(4);
  for (std::size_t m = 0; m < one->training.size(); ++m) {
    EXPECT_EQ(one->training[m].coefficients, many->training[m].coefficients);
    EXPECT_EQ(one->training[m].loo, many->training[m].loo);
  }
}

TEST(CrossfitRidge, NamesTheArmAndFoldThatAreTooSmall) {
  const Matrix x(5, 1, {1, 2, 3, 4, 5});
  const std::vector<double> y{1, 2, 3, 4, 5};
  const std::vector<int> arm{0, 0, 0, 1, 1}, fold{0, 1, 1, 0, 1};
  const auto fit = crossfit_ridge({x, y, {}, arm, 2, fold, 2});
  ASSERT_FALSE(fit);
  EXPECT_EQ(fit.error().code, ErrorCode::kInsufficientData);
  EXPECT_EQ(fit.error().message, "arm 0 has 1 rows of positive weight outside fold 1; ridge needs at least 2");
}

TEST(Linear, RefusesWhatItCannotUse) {
  const Matrix x(3, 1, {1, 2, std::nan("")});
  const Matrix good(3, 1, {1, 2, 3});
  const std::vector<double> y{1, 2, 3}, negative{1, -1, 1}, none{0, 0, 1};
  EXPECT_EQ(fit_ols({x, y}).error().message, "feature 0 of row 2 must be a finite number, found nan");
  EXPECT_EQ(fit_ridge({good, y, negative}).error().message, "weight of row 1 must be a finite number of at least 0, found -1");
  EXPECT_EQ(fit_mean({good, y, none}).error().message, "expected at least 2 rows of positive weight, found 1");
  EXPECT_EQ(fit_mean({good, y, none}).error().code, ErrorCode::kInsufficientData);
  const std::vector<std::size_t> beyond{0, 3}, nothing;
  EXPECT_EQ(fit_ols({good, y, {}, beyond}).error().message, "row 3 does not exist: there are 3");
  // An empty list of rows is not "all rows".
  EXPECT_EQ(fit_ols({good, y, {}, nothing}).error().code, ErrorCode::kInsufficientData);
}

}  // namespace
}  // namespace gimbal::learn
