#include "gimbal/learn/optimize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gimbal/base/random.h"

namespace gimbal::learn {
namespace {

TEST(Roots, AreFoundToTheLastDigits) {
  const auto f = [](double x) { return std::cos(x) - x; };
  const auto halved = bisect(f, 0, 1), secant = illinois(f, 0, 1);
  ASSERT_TRUE(halved && secant);
  EXPECT_NEAR(halved->x, 0.7390851332151607, 1e-12);
  EXPECT_NEAR(secant->x, 0.7390851332151607, 1e-12);
  EXPECT_LT(secant->evaluations, 15);
  EXPECT_GT(halved->evaluations, 35);
}

TEST(Roots, OfAStepLieInsideTheFinalBracket) {
  const auto step = [](double x) { return x < 0.3 ? -1.0 : 5.0; };
  for (const auto& root : {bisect(step, -2, 7), illinois(step, -2, 7)}) {
    ASSERT_TRUE(root);
    EXPECT_LT(root->lo, 0.3);
    EXPECT_GE(root->hi, 0.3);
    EXPECT_LE(root->hi - root->lo, 1e-11);
  }
}

TEST(Roots, OfFlatAndKinkedFunctionsNeedNoMoreThanAFewHalvingsMore) {
  // x^9 is flat at its root: plain regula falsi crawls; the safeguard halves.
  const auto flat = illinois([](double x) { return std::pow(x - 0.25, 9); }, -1, 2, {.x_tolerance = 1e-10});
  ASSERT_TRUE(flat);
  EXPECT_NEAR(flat->x, 0.25, 1e-4);
  EXPECT_LT(flat->evaluations, 150);
  const auto kink = illinois([](double x) { return x < 1 ? 1e-6 * (x - 1) : 1e6 * (x - 1); }, -10, 10);
  EXPECT_NEAR(kink->x, 1, 1e-10);
  EXPECT_LT(kink->evaluations, 150);
}

TEST(Roots, AtAnEndAreTakenAndMissingOnesRefused) {
  EXPECT_EQ(bisect([](double x) { return x; }, 0, 1)->x, 0);
  EXPECT_EQ(illinois([](double x) { return x - 1; }, 0, 1)->x, 1);
  EXPECT_EQ(bisect([](double) { return 2.0; }, 0, 1).error().message,
            "no change of sign between 0 and 1: the function is 2 and 2 there");
  EXPECT_FALSE(illinois([](double x) { return x; }, 1, 0));
}

TEST(GoldenSection, FindsInteriorAndEndMinima) {
  const auto f = [](double x) { return (x - 0.37) * (x - 0.37); };
  // A quadratic cannot be located better than the square root of the machine precision.
  EXPECT_NEAR(golden_section(f, -3, 5).x, 0.37, 1e-7);
  EXPECT_EQ(golden_section(f, 1, 5).x, 1);
  EXPECT_EQ(golden_section(f, -5, 0).x, 0);
}

// Minimum of a convex quadratic over a box by coordinate descent: slow and obvious.
std::vector<double> coordinate_descent(const Matrix& h, const std::vector<double>& g, const std::vector<double>& lower,
                                       const std::vector<double>& upper) {
  std::vector<double> x(g.size(), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::clamp(0.0, lower[i], upper[i]);
  for (int sweep = 0; sweep < 20000; ++sweep)
    for (std::size_t i = 0; i < x.size(); ++i) {
      double rest = g[i];
      for (std::size_t k = 0; k < x.size(); ++k)
        if (k != i) rest += h(i, k) * x[k];
      x[i] = std::clamp(-rest / h(i, i), lower[i], upper[i]);
    }
  return x;
}

TEST(ProjectedNewton, SolvesRandomBoxQuadratics) {
  Stream stream(1, "test.box");
  for (int problem = 0; problem < 50; ++problem) {
    const std::size_t d = 1 + static_cast<std::size_t>(stream.below(6));
    Matrix root(d, d), h(d, d);
    for (double& v : root.values()) v = stream.normal();
    for (std::size_t a = 0; a < d; ++a)
      for (std::size_t b = 0; b < d; ++b) {
        h(a, b) = a == b ? 0.5 : 0.0;
        for (std::size_t k = 0; k < d; ++k) h(a, b) += root(a, k) * root(b, k);
      }
    std::vector<double> g(d), lower(d, 0.0), upper(d, std::numeric_limits<double>::infinity());
    for (double& v : g) v = 3 * stream.normal();
    if (problem % 2 == 0) upper.assign(d, 0.5);
    const CurvedFunction f = [&](std::span<const double> x, std::span<double> gradient, Matrix* hessian) {
      double value = 0;
      for (std::size_t a = 0; a < d; ++a) {
        gradient[a] = g[a];
        for (std::size_t b = 0; b < d; ++b) gradient[a] += h(a, b) * x[b];
        value += 0.5 * x[a] * (gradient[a] + g[a]);
      }
      if (hessian) *hessian = h;
      return value;
    };
    const std::vector<double> start(d, 1.0);
    const MinimizeResult result = projected_newton(f, start, lower, upper);
    EXPECT_TRUE(result.converged);
    EXPECT_LT(result.iterations, 30);
    const std::vector<double> expected = coordinate_descent(h, g, lower, upper);
    for (std::size_t i = 0; i < d; ++i) EXPECT_NEAR(result.x[i], expected[i], 1e-8);
  }
}

TEST(ProjectedNewton, SolvesAPiecewiseQuadraticDual) {
  // min_x sum (x_i - c_i)^2 / 2 over 0 <= x <= 1 with sum x <= s: the negative dual in eta >= 0 is piecewise quadratic with
  // kinks in its slope where an x_i meets a bound.
  const std::vector<double> c{0.2, 0.9, 1.7, 0.6};
  const double s = 1.5;
  const CurvedFunction f = [&](std::span<const double> eta, std::span<double> gradient, Matrix* hessian) {
    double value = eta[0] * s;
    gradient[0] = s;
    for (const double ci : c) {
      const double x = std::clamp(ci - eta[0], 0.0, 1.0);
      value -= 0.5 * (x - ci) * (x - ci) + eta[0] * x;
      gradient[0] -= x;
      if (hessian && x > 0 && x < 1) (*hessian)(0, 0) += 1;
    }
    return value;
  };
  const std::vector<double> start{0}, lower{0}, upper{std::numeric_limits<double>::infinity()};
  const MinimizeResult result = projected_newton(f, start, lower, upper);
  EXPECT_TRUE(result.converged);
  // At eta in (.2, .6) the parts are 0, .9-eta, 1, .6-eta: .9 + 1 + .6 - 2 eta = 1.5 gives eta = .5.
  EXPECT_NEAR(result.x[0], 0.5, 1e-10);
}

TEST(ProjectedNewton, StaysAtTheBoundWhenTheConstraintIsSlack) {
  const CurvedFunction f = [](std::span<const double> x, std::span<double> gradient, Matrix* hessian) {
    gradient[0] = 2 * (x[0] + 1);
    if (hessian) (*hessian)(0, 0) = 2;
    return (x[0] + 1) * (x[0] + 1);
  };
  const std::vector<double> start{5}, lower{0}, upper{std::numeric_limits<double>::infinity()};
  const MinimizeResult result = projected_newton(f, start, lower, upper);
  EXPECT_EQ(result.x[0], 0);
  EXPECT_TRUE(result.converged);
}

double rosenbrock(std::span<const double> x, std::span<double> gradient) {
  double value = 0;
  std::fill(gradient.begin(), gradient.end(), 0.0);
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
    value += 100 * a * a + b * b;
    gradient[i] += -400 * a * x[i] - 2 * b;
    gradient[i + 1] += 200 * a;
  }
  return value;
}

TEST(Lbfgs, WalksTheRosenbrockValleyToItsEnd) {
  for (const std::size_t d : {2u, 10u, 100u}) {
    std::vector<double> start(d, -1.2);
    const MinimizeResult result = lbfgs(rosenbrock, start);
    EXPECT_TRUE(result.converged);
    EXPECT_LE(result.gradient_norm, 1e-8);
    if (d == 2) {
      EXPECT_NEAR(result.x[0], 1, 1e-7);
      EXPECT_NEAR(result.x[1], 1, 1e-7);
    }
    EXPECT_LT(result.evaluations, 2000);
  }
}

TEST(Lbfgs, StepsBackFromWhereTheFunctionDoesNotExist) {
  // -log x + x: infinite for x <= 0, minimum at 1.
  const SmoothFunction f = [](std::span<const double> x, std::span<double> gradient) {
    gradient[0] = 1 - 1 / x[0];
    return x[0] > 0 ? x[0] - std::log(x[0]) : std::numeric_limits<double>::infinity();
  };
  const std::vector<double> start{30};
  EXPECT_NEAR(lbfgs(f, start).x[0], 1, 1e-7);
}

TEST(Lbfgs, OnAQuadraticOfManyScalesReachesTheGradientTolerance) {
  const SmoothFunction f = [](std::span<const double> x, std::span<double> gradient) {
    double value = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double scale = std::pow(10.0, static_cast<double>(i) / 10.0);
      gradient[i] = scale * (x[i] - 1);
      value += 0.5 * scale * (x[i] - 1) * (x[i] - 1);
    }
    return value;
  };
  const std::vector<double> start(40, 0.0);
  // Without a tolerance on values, which would end it at 1e-14, a gradient of 4e-7 here.
  const MinimizeResult result = lbfgs(f, start, {.value_tolerance = 0});
  EXPECT_LE(result.gradient_norm, 1e-8);
}

}  // namespace
}  // namespace gimbal::learn
