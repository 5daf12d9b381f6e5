#include "gimbal/learn/logistic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gimbal/base/parallel.h"
#include "gimbal/learn/learn_test_support.h"

namespace gimbal::learn {
namespace {

double sigmoid(double eta) { return 1 / (1 + std::exp(-eta)); }

std::vector<double> random_labels(const Matrix& x, std::uint64_t seed) {
  Stream stream(seed, "test.labels");
  std::vector<double> out(x.rows());
  for (std::size_t i = 0; i < x.rows(); ++i) {
    double eta = -0.4;
    for (std::size_t k = 0; k < x.cols(); ++k)
      eta += (k % 2 == 0 ? 0.6 : -0.4) * (x(i, k) / (1.0 + static_cast<double>(k)) - 3.0);
    out[i] = stream.uniform() < sigmoid(eta) ? 1 : 0;
  }
  return out;
}

std::vector<int> random_classes(std::size_t n, int classes, const Matrix& x, std::uint64_t seed) {
  Stream stream(seed, "test.classes");
  std::vector<int> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<double> weight(static_cast<std::size_t>(classes));
    for (std::size_t c = 0; c < weight.size(); ++c)
      weight[c] = std::exp(0.5 * static_cast<double>(c) *
                           (x(i, c % x.cols()) / (1.0 + static_cast<double>(c % x.cols())) - 3.0 * (c % x.cols() > 0)));
    out[i] = static_cast<int>(stream.categorical(weight));
  }
  return out;
}

LogisticOptions with_penalty(double penalty) {
  LogisticOptions options;
  options.penalty = penalty;
  return options;
}

// Gradient of mean w loss + penalty |b|^2 / 2 with b on the standardized scale, from the answer alone.
double largest_gradient(const Matrix& x, const std::vector<double>& y, const std::vector<double>& w, const LogisticFit& fit) {
  const double total = std::accumulate(w.begin(), w.end(), 0.0);
  double worst = 0, intercept = 0;
  for (std::size_t i = 0; i < x.rows(); ++i) intercept += w[i] / total * (fit.predict(x.row(i)) - y[i]);
  worst = std::abs(intercept);
  for (std::size_t k = 0; k < x.cols(); ++k) {
    double mean = 0, square = 0, gradient = 0;
    for (std::size_t i = 0; i < x.rows(); ++i) mean += w[i] / total * x(i, k);
    for (std::size_t i = 0; i < x.rows(); ++i) square += w[i] / total * (x(i, k) - mean) * (x(i, k) - mean);
    const double sd = std::sqrt(square);
    for (std::size_t i = 0; i < x.rows(); ++i)
      gradient += w[i] / total * (fit.predict(x.row(i)) - y[i]) * (x(i, k) - mean) / sd;
    worst = std::max(worst, std::abs(gradient + fit.penalty * fit.coefficients[k] * sd));
  }
  return worst;
}

TEST(Logistic, HasNoGradientAtItsOptimum) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Matrix x = random_features(200 + 50 * seed, 1 + seed % 5, seed);
    const std::vector<double> y = random_labels(x, seed), w = random_weights(x.rows(), seed);
    const auto fit = fit_logistic({x, y, w}, with_penalty(std::pow(10.0, -static_cast<double>(seed % 5))));
    ASSERT_TRUE(fit) << fit.error().text();
    EXPECT_TRUE(fit->converged);
    EXPECT_LT(largest_gradient(x, y, w, *fit), 1e-8);  // it stops at 1e-9
  }
}

TEST(Logistic, OnATwoByTwoTableGivesTheLogOddsAndTheirStandardErrors) {
  // 30 of 50 against 10 of 40: log odds ratio log((30/20)/(10/30)), variance 1/30 + 1/20 + 1/10 + 1/30.
  Matrix x(90, 1);
  std::vector<double> y(90, 0.0);
  for (std::size_t i = 0; i < 90; ++i) {
    x(i, 0) = i < 50 ? 1 : 0;
    y[i] = i < 30 || (i >= 50 && i < 60) ? 1 : 0;
  }
  const auto fit = fit_logistic({x, y}, with_penalty(1e-13));
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->coefficients[0], std::log(1.5 * 3), 1e-7);
  EXPECT_NEAR(fit->intercept, std::log(1.0 / 3), 1e-7);
  EXPECT_NEAR(fit->standard_errors[0], std::sqrt(1 / 30.0 + 1 / 20.0 + 1 / 10.0 + 1 / 30.0), 1e-7);
  EXPECT_NEAR(fit->intercept_se, std::sqrt(1 / 10.0 + 1 / 30.0), 1e-7);
}

TEST(Logistic, SoftLabelsAndWeightsActAsRepeatedRows) {
  const Matrix x = random_features(40, 2, 2);
  std::vector<double> y(40), w(40);
  Matrix copies(400, 2);
  std::vector<double> labels(400);
  Stream stream(2, "test.soft");
  std::size_t at = 0;
  for (std::size_t i = 0; i < 40; ++i) {
    const auto ones = stream.below(11);
    y[i] = static_cast<double>(ones) / 10;
    for (std::size_t c = 0; c < 10; ++c, ++at) {
      for (std::size_t k = 0; k < 2; ++k) copies(at, k) = x(i, k);
      labels[at] = c < ones ? 1 : 0;
    }
  }
  const auto soft = fit_logistic({x, y}, with_penalty(0.01)), hard = fit_logistic({copies, labels}, with_penalty(0.01));
  for (std::size_t k = 0; k < 2; ++k) EXPECT_NEAR(soft->coefficients[k], hard->coefficients[k], 1e-7);
  EXPECT_NEAR(soft->log_loss, hard->log_loss, 1e-10);
}

TEST(Logistic, StaysFiniteOnSeparableData) {
  Matrix x(40, 2);
  std::vector<double> y(40);
  for (std::size_t i = 0; i < 40; ++i) {
    x(i, 0) = static_cast<double>(i) - 19.5;
    x(i, 1) = static_cast<double>(i % 2);
    y[i] = x(i, 0) > 0 ? 1 : 0;
  }
  for (const double penalty : LogisticOptions::default_penalties()) {
    const auto fit = fit_logistic({x, y}, with_penalty(penalty));
    ASSERT_TRUE(fit);
    EXPECT_TRUE(fit->converged) << penalty;
    EXPECT_LE(fit->iterations, 50);
    EXPECT_TRUE(std::isfinite(fit->coefficients[0]));
    EXPECT_TRUE(std::isfinite(fit->standard_errors[0]));
    EXPECT_LT(largest_gradient(x, y, std::vector<double>(40, 1.0), *fit), 1e-8);
  }
  EXPECT_TRUE(fit_logistic({x, y}));  // and the penalty can be chosen
}

TEST(Logistic, HandlesOneClassOnly) {
  const Matrix x = random_features(30, 2, 3);
  const std::vector<double> y(30, 1.0);
  const auto fit = fit_logistic({x, y});
  ASSERT_TRUE(fit) << fit.error().text();
  EXPECT_GT(fit->predict(x.row(0)), 0.99);
  EXPECT_TRUE(std::isfinite(fit->intercept));
}

TEST(Logistic, ChoosesThePenaltyOfTheLeastHeldOutLossWhateverTheOrderOfCandidates) {
  const Matrix x = random_features(300, 12, 4);
  const std::vector<double> y = random_labels(x, 4);
  LogisticOptions options;
  const auto fit = fit_logistic({x, y}, options);
  ASSERT_TRUE(fit);
  ASSERT_EQ(fit->cv_log_loss.size(), 10u);
  const auto best = std::min_element(fit->cv_log_loss.begin(), fit->cv_log_loss.end()) - fit->cv_log_loss.begin();
  EXPECT_EQ(fit->penalty, options.penalties[static_cast<std::size_t>(best)]);
  std::reverse(options.penalties.begin(), options.penalties.end());
  EXPECT_EQ(fit_logistic({x, y}, options)->penalty, fit->penalty);
}

TEST(Logistic, ShrinksNoiseAndKeepsSignal) {
  Stream stream(5, "test.noise");
  const Matrix x = random_features(400, 5, 5);
  std::vector<double> coin(400);
  for (double& v : coin) v = stream.uniform() < 0.3 ? 1 : 0;
  const auto noise = fit_logistic({x, coin}), signal = fit_logistic({x, random_labels(x, 5)});
  EXPECT_GT(noise->penalty, signal->penalty);
}

TEST(Logistic, TheDifferenceFormIsAntisymmetric) {
  const Matrix a = random_features(200, 3, 6), b = random_features(200, 3, 7);
  Matrix difference(200, 3), swapped(200, 3);
  Stream stream(6, "test.pairs");
  std::vector<double> won(200), lost(200);
  for (std::size_t i = 0; i < 200; ++i) {
    for (std::size_t k = 0; k < 3; ++k) swapped(i, k) = -(difference(i, k) = a(i, k) - b(i, k));
    won[i] = stream.uniform() < sigmoid(difference(i, 0)) ? 1 : 0;
    lost[i] = 1 - won[i];
  }
  LogisticOptions options = with_penalty(0.01);
  options.intercept = false;
  const auto forward = fit_logistic({difference, won}, options), backward = fit_logistic({swapped, lost}, options);
  EXPECT_EQ(forward->intercept, 0);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(forward->coefficients[k], backward->coefficients[k], 1e-9);
  EXPECT_NEAR(forward->predict(difference.row(0)) + forward->predict(swapped.row(0)), 1, 1e-12);
  EXPECT_GT(forward->coefficients[0], 0.5);
}

TEST(Multinomial, OfTwoClassesIsTheBinaryFit) {
  const Matrix x = random_features(250, 4, 8);
  const std::vector<double> y = random_labels(x, 8), w = random_weights(250, 8);
  std::vector<int> label(y.begin(), y.end());
  const auto binary = fit_logistic({x, y, w}, with_penalty(0.03));
  const auto multi = fit_multinomial({.x = x, .label = label, .classes = 2, .weight = w}, with_penalty(0.03));
  ASSERT_TRUE(multi);
  const Matrix p = multi->predict(x);
  for (std::size_t i = 0; i < 250; ++i) EXPECT_NEAR(p(i, 1), binary->predict(x.row(i)), 1e-10);
  EXPECT_NEAR(multi->coefficients(1, 0) - multi->coefficients(0, 0), binary->coefficients[0], 1e-10);
}

// Largest component of the gradient in the symmetric form: sum_i w (p_ik - t_ik) z_i + 2 m b_k with sum_k b_k = 0.
double largest_gradient(const Matrix& x, const std::vector<int>& label, const MultinomialFit& fit) {
  const std::size_t n = x.rows(), classes = fit.intercepts.size();
  const Matrix p = fit.predict(x);
  double worst = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    double intercept = 0;
    for (std::size_t i = 0; i < n; ++i) intercept += (p(i, c) - (label[i] == static_cast<int>(c))) / static_cast<double>(n);
    worst = std::max(worst, std::abs(intercept));
    for (std::size_t k = 0; k < x.cols(); ++k) {
      double mean = 0, square = 0, gradient = 0;
      for (std::size_t i = 0; i < n; ++i) mean += x(i, k) / static_cast<double>(n);
      for (std::size_t i = 0; i < n; ++i) square += (x(i, k) - mean) * (x(i, k) - mean) / static_cast<double>(n);
      const double sd = std::sqrt(square);
      for (std::size_t i = 0; i < n; ++i)
        gradient += (p(i, c) - (label[i] == static_cast<int>(c))) * (x(i, k) - mean) / sd / static_cast<double>(n);
      worst = std::max(worst, std::abs(gradient + 2 * fit.penalty * fit.coefficients(c, k) * sd));
    }
  }
  return worst;
}

TEST(Multinomial, HasNoGradientAtItsOptimumByNewtonAndByLbfgs) {
  const Matrix few = random_features(400, 4, 9), many = random_features(400, 60, 9);  // 15 and 244 parameters
  for (const Matrix* x : {&few, &many}) {
    const int classes = x == &few ? 4 : 5;
    const std::vector<int> label = random_classes(400, classes, *x, 9);
    const auto fit = fit_multinomial({.x = *x, .label = label, .classes = classes}, with_penalty(0.01));
    ASSERT_TRUE(fit);
    EXPECT_TRUE(fit->converged);
    // L-BFGS may end where the value, not the gradient, is exhausted: 1e-14 of the value is 1e-7 of the gradient.
    EXPECT_LT(largest_gradient(*x, label, *fit), x == &few ? 1e-8 : 1e-6);
  }
}

TEST(Multinomial, RenamingClassesRenamesTheAnswer) {
  const Matrix x = random_features(300, 3, 10);
  const std::vector<int> label = random_classes(300, 3, x, 10);
  std::vector<int> renamed(300);
  const int name[] = {2, 0, 1};
  for (std::size_t i = 0; i < 300; ++i) renamed[i] = name[label[i]];
  const auto a = fit_multinomial({.x = x, .label = label, .classes = 3}, with_penalty(0.1));
  const auto b = fit_multinomial({.x = x, .label = renamed, .classes = 3}, with_penalty(0.1));
  const Matrix pa = a->predict(x), pb = b->predict(x);
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(pa(i, c), pb(i, static_cast<std::size_t>(name[c])), 1e-8);
}

TEST(Multinomial, SoftLabelsOfCertaintyAreHardLabels) {
  const Matrix x = random_features(120, 2, 11);
  const std::vector<int> label = random_classes(120, 3, x, 11);
  Matrix soft(120, 3);
  for (std::size_t i = 0; i < 120; ++i) soft(i, static_cast<std::size_t>(label[i])) = 1;
  const auto a = fit_multinomial({.x = x, .label = label, .classes = 3});
  const auto b = fit_multinomial({.x = x, .soft = &soft, .classes = 3});
  EXPECT_EQ(a->coefficients, b->coefficients);
}

TEST(Multinomial, GivesAClassWithoutRowsNextToNothing) {
  const Matrix x = random_features(60, 2, 12);
  std::vector<int> label(60);
  for (std::size_t i = 0; i < 60; ++i) label[i] = static_cast<int>(i % 2);
  const auto fit = fit_multinomial({.x = x, .label = label, .classes = 3});
  ASSERT_TRUE(fit) << fit.error().text();
  const Matrix p = fit->predict(x);
  for (std::size_t i = 0; i < 60; ++i) {
    EXPECT_LT(p(i, 2), 1e-6);
    EXPECT_NEAR(p(i, 0) + p(i, 1) + p(i, 2), 1, 1e-12);
  }
}

TEST(Multinomial, HasTheSameBitsForAnyNumberOfThreads) {
  const Matrix x = random_features(10000, 5, 13);
  const std::vector<int> label = random_classes(10000, 3, x, 13);
  const auto run = [&](int threads) {
    const ThreadLimit limit(threads);
    LogisticOptions options;
    options.penalties = {1e-3, 1e-2};
    return fit_multinomial({.x = x, .label = label, .classes = 3}, options);
  };
  const auto one = run(1), many = run(4);
  EXPECT_EQ(one->coefficients, many->coefficients);
  EXPECT_EQ(one->cv_log_loss, many->cv_log_loss);
}

TEST(Logistic, RefusesWhatItCannotUse) {
  const Matrix x(3, 1, {1, 2, 3});
  const std::vector<double> bad{0, 2, 1};
  EXPECT_EQ(fit_logistic({x, bad}).error().message, "target of row 1 must lie between 0 and 1, found 2");
  const std::vector<int> label{0, 1, 5};
  EXPECT_EQ(fit_multinomial({.x = x, .label = label, .classes = 3}).error().message,
            "class of row 2 must lie in 0..2, found 5");
  const std::vector<double> y{0, 1, 0};
  EXPECT_EQ(fit_logistic({x, y}).error().code, ErrorCode::kInsufficientData);  // 5 folds of 3 rows
  const Matrix many = random_features(40, 1, 1);
  const std::vector<std::int64_t> cluster(40, 9);
  LogisticOptions clustered;
  clustered.cluster = cluster;
  EXPECT_EQ(fit_logistic({many, random_labels(many, 1)}, clustered).error().message,
            "5 folds need at least 5 clusters, found 1");
  EXPECT_EQ(fit_logistic({x, y}, with_penalty(-1)).error().message, "a penalty must be positive and finite, found -1");
}

}  // namespace
}  // namespace gimbal::learn
