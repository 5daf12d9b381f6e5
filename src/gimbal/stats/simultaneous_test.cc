#include "gimbal/stats/simultaneous.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gimbal/base/parallel.h"
#include "gimbal/stats/descriptive.h"
#include "gimbal/stats/distributions.h"
#include "gimbal/stats/intervals.h"

namespace gimbal::stats {
namespace {

Stream stream() { return Stream(1, "test.simultaneous"); }

Matrix identity(std::size_t p) {
  Matrix out(p, p);
  for (std::size_t i = 0; i < p; ++i) out(i, i) = 1;
  return out;
}

// All pairwise differences of p coordinates.
Matrix pairs(std::size_t p) {
  Matrix out(p * (p - 1) / 2, p);
  std::size_t row = 0;
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t j = 0; j < i; ++j, ++row) {
      out(row, i) = 1;
      out(row, j) = -1;
    }
  }
  return out;
}

// The standard error of a simulated 95 % quantile is sqrt(.95 * .05 / draws) / density, the density about .12 to .15 here:
// .0045 with 150,000 draws. Five of them.
constexpr std::size_t kManyDraws = 150'000;
constexpr double kTolerance = .0225;

double quantile95(const Matrix& c, const Matrix& contrasts = {}) {
  return max_abs_quantile(c, contrasts, .95, kManyDraws, stream()).value();
}

TEST(MaxAbsQuantile, OfOneCoordinateIsTheNormalQuantile) { EXPECT_NEAR(quantile95(Matrix(1, 1, 7.0)), 1.959964, kTolerance); }

TEST(MaxAbsQuantile, OfIndependentCoordinatesIsSidaks) {
  const double expected = normal_quantile((1 + std::pow(.95, 1.0 / 6)) / 2);
  Matrix c = identity(6);
  for (std::size_t i = 0; i < 6; ++i) c(i, i) = std::pow(100.0, static_cast<double>(i));  // standardised: scales do not matter
  EXPECT_NEAR(quantile95(c), expected, kTolerance);
}

TEST(MaxAbsQuantile, OfPairwiseDifferencesIsTukeysRange) {
  // Studentized range, 5 groups, infinitely many degrees of freedom, 5 %: 3.858; over sqrt(2).
  EXPECT_NEAR(quantile95(identity(5), pairs(5)), 3.858 / std::sqrt(2), kTolerance);
  // Adding what all coordinates share changes no difference; centring makes the covariance singular.
  Matrix centred(5, 5, -0.2);
  for (std::size_t i = 0; i < 5; ++i) centred(i, i) = 0.8;
  EXPECT_NEAR(quantile95(centred, pairs(5)), 3.858 / std::sqrt(2), kTolerance);
}

TEST(MaxAbsQuantile, OfCopiesOfOneCoordinateIsTheNormalQuantile) {
  Matrix c(40, 40);
  for (std::size_t i = 0; i < 40; ++i) {
    for (std::size_t j = 0; j < 40; ++j) c(i, j) = static_cast<double>((i + 1) * (j + 1)) * 1e-6;
  }
  EXPECT_NEAR(quantile95(c), 1.959964, kTolerance);
}

TEST(MaxAbsQuantile, OfOneContrastIsTheAbsoluteNormalWhateverTheCovariance) {
  const Matrix c(3, 3, {4, 1, 0.5, 1, 9, -2, 0.5, -2, 1});
  const Matrix contrast(1, 3, {1.0, 2.0, -1.0});
  for (const double level : {.1, .5, .9}) {
    const double q = max_abs_quantile(c, contrast, level, kManyDraws, stream()).value();
    EXPECT_NEAR(2 * normal_cdf(q) - 1, level, 5 * std::sqrt(.25 / kManyDraws));
  }
}

TEST(MaxAbsQuantile, AgreesWithTheBivariateNormal) {
  // Correlation rho: P(max(|X|, |Y|) <= q) by integrating P(|Y| <= q | X = x) over x, Simpson's rule.
  for (const double rho : {-.7, .3, .95}) {
    const double q = quantile95(Matrix(2, 2, {4, 6 * rho, 6 * rho, 9}));
    constexpr int kSteps = 2000;
    const double step = 2 * q / kSteps;
    const double scale = std::sqrt(1 - rho * rho);
    double probability = 0;
    for (int i = 0; i <= kSteps; ++i) {
      const double x = -q + i * step;
      const double inside = normal_cdf((q - rho * x) / scale) - normal_cdf((-q - rho * x) / scale);
      probability += (i == 0 || i == kSteps ? 1 : i % 2 == 1 ? 4 : 2) * step / 3 * normal_pdf(x) * inside;
    }
    EXPECT_NEAR(probability, .95, 5 * std::sqrt(.95 * .05 / kManyDraws)) << rho;
  }
}

TEST(MaxAbsQuantile, LeavesOutContrastsThatCannotVary) {
  Matrix c = identity(3);
  c(2, 2) = 0;
  EXPECT_NEAR(quantile95(c), normal_quantile((1 + std::sqrt(.95)) / 2), kTolerance);
  EXPECT_EQ(max_abs_quantile(Matrix(2, 2), {}, .95, 100, stream()).value(), 0);
  EXPECT_EQ(max_abs_quantile(Matrix(2, 2, 1.0), pairs(2), .95, 100, stream()).value(), 0);  // equal coordinates: no difference
}

TEST(MaxAbsQuantile, HasTheSameBitsForAnyNumberOfThreads) {
  double one = 0;
  for (const int threads : {1, 2, 8}) {
    const ThreadLimit limit(threads);
    const double q = max_abs_quantile(identity(4), pairs(4), .9, 3000, stream()).value();
    if (threads == 1) one = q;
    EXPECT_EQ(q, one);
  }
}

TEST(MaxAbsQuantile, RefusesWhatIsNotACovariance) {
  const auto message = [](const Matrix& c, const Matrix& contrasts = {}, double level = .95, std::size_t draws = 10) {
    const auto result = max_abs_quantile(c, contrasts, level, draws, stream());
    return result ? "accepted" : result.error().message;
  };
  EXPECT_EQ(message(Matrix(2, 3)), "a covariance matrix must be square and not empty, found 2 x 3");
  EXPECT_EQ(message(Matrix()), "a covariance matrix must be square and not empty, found 0 x 0");
  EXPECT_EQ(message(Matrix(2, 2, {1, .5, .4, 1})),
            "a covariance matrix must be symmetric: entry (1, 0) is 0.4, its mirror 0.5");
  EXPECT_EQ(message(Matrix(2, 2, {1, 2, 2, 1})), "a covariance matrix must be positive semidefinite");
  EXPECT_EQ(message(Matrix(2, 2, {1, 0, 0, -1})), "a covariance matrix must be positive semidefinite");
  EXPECT_EQ(message(Matrix(2, 2, {0, 1, 1, 1})), "a covariance matrix must be positive semidefinite");
  EXPECT_EQ(message(Matrix(3, 3, {1, .9, -.9, .9, 1, .9, -.9, .9, 1})), "a covariance matrix must be positive semidefinite");
  EXPECT_EQ(message(Matrix(1, 1, {NAN})), "covariance 0 must be a finite number, found nan");
  EXPECT_EQ(message(identity(2), Matrix(1, 3)), "contrasts of 3 coordinates for a covariance of 2");
  EXPECT_EQ(message(identity(2), {}, 1.0), "a level must lie in (0, 1), found 1");
  EXPECT_EQ(message(identity(2), {}, .95, 0), "a simulated quantile needs at least one draw");
}

}  // namespace
}  // namespace gimbal::stats
