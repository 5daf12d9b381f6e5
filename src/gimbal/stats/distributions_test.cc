#include "gimbal/stats/distributions.h"

#include <gtest/gtest.h>

#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <limits>

#include "gimbal/base/check.h"
#include "gimbal/base/random.h"

namespace gimbal::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Reference values have 17 digits, from 40-digit arithmetic. Incomplete functions lose a few digits for large arguments.
void expect_close(double found, double expected, double relative = 1e-13) {
  EXPECT_NEAR(found / expected, 1, relative) << found << " for " << expected;
}

TEST(Normal, AgreesWithReferenceValuesFarIntoTheTail) {
  expect_close(normal_upper(1.5), 0.066807201268858066, 1e-15);
  expect_close(normal_upper(10), 7.6198530241605261e-24);
  expect_close(normal_upper(37), 5.7255712225245768e-300, 1e-12);  // rounding of x / sqrt(2) times x
  EXPECT_EQ(normal_cdf(-37), normal_upper(37));
  EXPECT_EQ(normal_cdf(0), 0.5);
  EXPECT_EQ(normal_cdf(kInfinity), 1);
  EXPECT_EQ(normal_upper(kInfinity), 0);
  expect_close(normal_pdf(1), 0.24197072451914337, 1e-15);
}

TEST(Normal, QuantileAgreesWithAnIndependentImplementation) {
  const boost::math::normal_distribution<double> reference;
  // The random streams use this quantile: its relative error must stay near the last digit everywhere.
  for (int i = 1; i < 4000; ++i) {
    const double p = i / 4000.0;
    if (i != 2000) expect_close(normal_quantile(p), boost::math::quantile(reference, p), 2e-15);
  }
  for (double p = 1e-3; p > 1e-300; p *= 0.37) expect_close(normal_quantile(p), boost::math::quantile(reference, p), 2e-15);
}

TEST(Normal, QuantileInvertsTheCdfAndKnowsItsEnds) {
  Stream s(1, "test.normal_quantile");
  for (int i = 0; i < 2000; ++i) {
    const double p = s.uniform_open();
    // dp = pdf dx; |x| pdf / p < 3 for p > 1e-3: a few units of the last place.
    expect_close(normal_cdf(normal_quantile(p)), p, 1e-14);
  }
  EXPECT_EQ(normal_quantile(0), -kInfinity);
  EXPECT_EQ(normal_quantile(1), kInfinity);
}

TEST(StudentT, AgreesWithReferenceValues) {
  expect_close(student_t_upper(2, 3), 0.069662984279421588);
  expect_close(student_t_upper(1.5, 2.5), 0.12391822654314813);
  expect_close(student_t_upper(40, 10), 1.1404288715428773e-12);
  expect_close(student_t_quantile(.975, 5), 2.5705818356363155);
  expect_close(student_t_quantile(.975, 1), 12.706204736174705);
  expect_close(student_t_quantile(.9999, 2.5), 34.867969321114773, 1e-12);  // 1 - .9999 is known to 1e-12 only
  expect_close(student_t_pdf(1, 4), 0.21466252583997981);
}

TEST(StudentT, IsSymmetricAndTendsToTheNormal) {
  for (const double x : {0.0, 0.3, 1.7, 12.0}) {
    EXPECT_DOUBLE_EQ(student_t_cdf(x, 3.5) + student_t_cdf(-x, 3.5), 1);
    EXPECT_DOUBLE_EQ(student_t_cdf(x, 3.5), 1 - student_t_upper(x, 3.5));
    EXPECT_NEAR(student_t_cdf(x, 1e9), normal_cdf(x), 1e-8);  // the difference is of order 1/df
  }
  EXPECT_EQ(student_t_quantile(.5, 7), 0);
  EXPECT_EQ(student_t_upper(kInfinity, 2), 0);
  EXPECT_EQ(student_t_upper(-kInfinity, 2), 1);
  EXPECT_EQ(student_t_upper(1e200, 3), 0);  // x^2 overflows
  EXPECT_EQ(f_upper(1e308, 3, 4), 0);
}

TEST(F, AgreesWithReferenceValues) {
  expect_close(f_upper(4, 3, 10), 0.041347681036082542);
  expect_close(f_upper(100, 5, 40), 1.6330337489718712e-21);
  expect_close(f_quantile(.95, 3, 10), 3.7082648190468445, 1e-12);
  expect_close(f_pdf(1.5, 3, 10), 0.24338778073276663);
  EXPECT_EQ(f_cdf(-1, 2, 2), 0);
  EXPECT_EQ(f_upper(0, 2, 2), 1);
  EXPECT_EQ(f_cdf(kInfinity, 2, 2), 1);
}

TEST(F, IsTheSquareOfStudentsT) {
  for (const double x : {0.2, 1.0, 3.0}) expect_close(f_upper(x * x, 1, 6), 2 * student_t_upper(x, 6));
}

TEST(ChiSquared, AgreesWithReferenceValues) {
  expect_close(chi_squared_upper(3, 4), 0.55782540037107457);
  expect_close(chi_squared_upper(200, 10), 1.6139305336977305e-37);
  expect_close(chi_squared_quantile(.95, 10), 18.307038053275147);
  expect_close(chi_squared_pdf(3, 4), 0.16734762011132237);
  EXPECT_EQ(chi_squared_pdf(0, 2), 0.5);
  EXPECT_EQ(chi_squared_cdf(0, 3), 0);
  EXPECT_EQ(chi_squared_quantile(1, 3), kInfinity);
}

TEST(Beta, AgreesWithReferenceValues) {
  expect_close(beta_cdf(.3, 2, 5), 0.579825);
  expect_close(beta_quantile(.1, 2.5, .7), 0.47612263469362522);
  expect_close(beta_pdf(.3, 2, 5), 2.1609);
  EXPECT_EQ(beta_pdf(0, 1, 3), 3);
  EXPECT_EQ(beta_pdf(1, .5, .5), kInfinity);
  EXPECT_EQ(beta_cdf(-.1, 2, 2), 0);
  EXPECT_EQ(beta_upper(1.1, 2, 2), 0);
}

TEST(Continuous, QuantilesInvertCdfs) {
  Stream s(2, "test.quantiles");
  for (int i = 0; i < 500; ++i) {
    const double p = s.uniform_open();
    const double a = std::exp(6 * s.uniform() - 2);
    const double b = std::exp(6 * s.uniform() - 2);
    // Steep ends (small shapes) turn one unit of the last place of x into more of p.
    EXPECT_NEAR(student_t_cdf(student_t_quantile(p, a), a), p, 1e-11) << p << " " << a;
    EXPECT_NEAR(f_cdf(f_quantile(p, a, b), a, b), p, 1e-11) << p << " " << a << " " << b;
    EXPECT_NEAR(chi_squared_cdf(chi_squared_quantile(p, a), a), p, 1e-11) << p << " " << a;
  }
}

TEST(Continuous, DensitiesAreDerivativesOfCdfs) {
  constexpr double kStep = 1e-5;  // central difference: error about step^2 and 1e-16 / step
  for (const double x : {0.15, 0.5, 0.8}) {
    EXPECT_NEAR((student_t_cdf(x + kStep, 3) - student_t_cdf(x - kStep, 3)) / (2 * kStep), student_t_pdf(x, 3), 1e-8);
    EXPECT_NEAR((f_cdf(x + kStep, 4, 7) - f_cdf(x - kStep, 4, 7)) / (2 * kStep), f_pdf(x, 4, 7), 1e-8);
    EXPECT_NEAR((chi_squared_cdf(x + kStep, 3) - chi_squared_cdf(x - kStep, 3)) / (2 * kStep), chi_squared_pdf(x, 3), 1e-8);
    EXPECT_NEAR((beta_cdf(x + kStep, 2, 3) - beta_cdf(x - kStep, 2, 3)) / (2 * kStep), beta_pdf(x, 2, 3), 1e-8);
  }
}

TEST(Binomial, AgreesWithReferenceValues) {
  expect_close(binomial_log_pdf(3, 10, .3), -1.3211512777668886);
  expect_close(binomial_log_pdf(499'000, 1'000'000, .5), -9.1335462149596645);
  expect_close(binomial_log_pdf(1, 1'000'000, .5), -693133.36504938735);
  expect_close(binomial_cdf(3, 10, .3), 0.6496107184);
  expect_close(binomial_log_cdf(5, 10'000, .5), -6890.2080953572659);
  expect_close(binomial_log_cdf(30, 100, .5), -10.145541324646482);
}

TEST(Binomial, EqualsTheSumOfItsTerms) {
  Stream s(3, "test.binomial");
  for (int i = 0; i < 300; ++i) {
    const auto n = static_cast<std::int64_t>(s.below(60));
    const double p = s.below(5) == 0 ? static_cast<double>(s.below(2)) : s.uniform();
    double cumulative = 0;
    for (std::int64_t k = 0; k <= n; ++k) {
      double choose = 1;
      for (std::int64_t j = 0; j < k; ++j) choose *= static_cast<double>(n - j) / static_cast<double>(k - j);
      const double term = choose * std::pow(p, static_cast<double>(k)) * std::pow(1 - p, static_cast<double>(n - k));
      cumulative += term;
      EXPECT_NEAR(binomial_pdf(k, n, p), term, 1e-13);
      EXPECT_NEAR(binomial_cdf(k, n, p), cumulative, 1e-13);
      EXPECT_NEAR(binomial_upper(k, n, p), 1 - cumulative, 1e-13);
      EXPECT_NEAR(std::exp(binomial_log_cdf(k, n, p)), cumulative, 1e-12) << k << " " << n << " " << p;
    }
    EXPECT_EQ(binomial_cdf(-1, n, p), 0);
    EXPECT_EQ(binomial_upper(n, n, p), 0);
    EXPECT_EQ(binomial_pdf(n + 1, n, p), 0);
  }
}

TEST(Binomial, QuantileIsTheSmallestCountThatReachesTheLevel) {
  Stream s(4, "test.binomial_quantile");
  for (int i = 0; i < 500; ++i) {
    const auto n = static_cast<std::int64_t>(s.below(200));
    const double p = s.uniform();
    const double q = s.uniform();
    const std::int64_t k = binomial_quantile(q, n, p);
    EXPECT_GE(binomial_cdf(k, n, p), q);
    EXPECT_LT(binomial_cdf(k - 1, n, p), q);
    EXPECT_EQ(binomial_quantile(binomial_cdf(k, n, p), n, p), k);  // to the bit
  }
  EXPECT_EQ(binomial_quantile(0, 10, .5), 0);
  EXPECT_EQ(binomial_quantile(1, 10, 1), 10);
}

TEST(Distributions, RefuseWhatTheyCannotMean) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(normal_cdf(nan), CheckFailure);
  EXPECT_THROW(normal_quantile(1.5), CheckFailure);
  EXPECT_THROW(student_t_cdf(1, 0), CheckFailure);
  EXPECT_THROW(f_cdf(1, 1, -1), CheckFailure);
  EXPECT_THROW(chi_squared_quantile(nan, 1), CheckFailure);
  EXPECT_THROW(beta_cdf(.5, kInfinity, 1), CheckFailure);
  EXPECT_THROW(binomial_cdf(1, -1, .5), CheckFailure);
  EXPECT_THROW(binomial_pdf(1, 2, 1.5), CheckFailure);
}

}  // namespace
}  // namespace gimbal::stats
