#include "gimbal/policy/bounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/policy/path.h"
#include "gimbal/policy/path_test_tables.h"
#include "gimbal/policy/slow_qp.h"

namespace gimbal::policy {
namespace {

using testing::make_table;
using testing::p1;
using testing::random_table;
using testing::share;

// Bounds of every kind; the baseline may break them.
Bounds random_bounds(Stream& stream, const Table& table) {
  Bounds bounds;
  const std::size_t k = table.arm_count();
  const std::uint64_t kind = stream.below(5);
  if (kind == 0 || kind == 4) bounds.max_drift = .05 + .5 * stream.uniform();
  if (kind == 1 || kind == 4) {
    bounds.ceiling.assign(k, 1.0);
    bounds.ceiling[stream.below(k)] = .2 + .6 * stream.uniform();
    if (k > 3) bounds.ceiling[stream.below(k)] = .3 + .6 * stream.uniform();
  }
  if (kind == 2) {
    bounds.floor.assign(k, 0.0);
    for (double& x : bounds.floor) x = .9 * stream.uniform() / static_cast<double>(k);
  }
  if (kind == 3) {
    bounds.forbidden.assign(table.units() * k, 0);
    for (std::size_t i = 0; i < table.units(); ++i) {
      if (stream.bernoulli(.5)) bounds.forbidden[i * k + stream.below(k)] = 1;
    }
  }
  return bounds;
}

TEST(Bounds, EveryUnitOfABoundedPathSolvesItsQuadraticProgram) {
  Stream stream(1, "policy.test_bounds");
  int paths = 0, violated = 0;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    const std::size_t k = 2 + seed % 4;
    const auto table = share(random_table({.units = 4,
                                           .arms = k,
                                           .deterministic_baseline = seed % 5 == 0,
                                           .other_baseline = seed % 5 == 1,
                                           .ties = seed % 3 == 0},
                                          seed));
    const Score score = seed % 2 == 0 ? Score::kDr : Score::kIpw;
    auto path = FrontierPath::build(table, {.score = score, .c0 = 0, .bounds = random_bounds(stream, *table)});
    if (!path) {
      EXPECT_EQ(path.error().code, ErrorCode::kInfeasible);
      continue;
    }
    ++paths;
    violated += path->model().baseline_violations() > 0 ? 1 : 0;
    std::vector<double> lambdas{0, .01, 1e4};
    for (int j = 0; j < 6 && !path->breakpoints().empty(); ++j) {
      lambdas.push_back(path->breakpoints()[stream.below(path->breakpoints().size())] * (.5 + stream.uniform()));
    }
    std::vector<double> lo(k), hi(k);
    for (const double lambda : lambdas) {
      SCOPED_TRACE(fmt::format("seed {} lambda {}", seed, lambda));
      Matrix pi;
      path->probabilities(lambda, pi);
      for (std::size_t i = 0; i < table->units(); ++i) {
        unit_box(*table, path->model().spec().bounds, i, lo, hi);
        std::vector<double> s(k), v(k), m(k);
        for (std::size_t a = 0; a < k; ++a) {
          m[a] = table->mu(i, a), s[a] = lambda * m[a], v[a] = path->model().cost(i, a);
        }
        const std::vector<double> slow = testing::slow_qp(s, v, m, score == Score::kDr, lo, hi);
        ASSERT_EQ(slow.size(), k);
        for (std::size_t a = 0; a < k; ++a) {
          // The slow program's own elimination carries lambda mu with 16 digits and divides by v >= .05.
          ASSERT_NEAR(pi(i, a) - table->baseline(i, a), slow[a], 1e-9 + 1e-13 * lambda) << i << " " << a;
        }
      }
      const Moments direct = policy_moments(path->model(), pi), along = path->at(lambda);
      ASSERT_NEAR(along.tau, direct.tau, 1e-9 * (std::abs(direct.tau) + 1e-3));
      ASSERT_NEAR(along.q, direct.q, 1e-9 * (direct.q + 1e-3));
    }
    // The limit is where the path ends.
    Matrix pi;
    path->probabilities(kInfinity, pi);
    const Moments direct = policy_moments(path->model(), pi);
    ASSERT_NEAR(path->at(kInfinity).tau, direct.tau, 1e-9 * (std::abs(direct.tau) + 1e-3)) << seed;
    ASSERT_NEAR(path->at(kInfinity).q, direct.q, 1e-9 * (direct.q + 1e-3)) << seed;
  }
  EXPECT_GT(paths, 250);
  EXPECT_GT(violated, 60);
}

TEST(Bounds, HeldOutMomentsFollowABoundedPath) {
  Stream stream(2, "policy.test_bounds");
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const std::size_t k = 2 + seed % 4;
    const auto table = share(random_table({.units = 10, .arms = k, .deterministic_baseline = seed % 3 == 0}, seed));
    auto path = FrontierPath::build(table, {.score = Score::kDr, .c0 = 0, .bounds = random_bounds(stream, *table)});
    if (!path) continue;
    Matrix phi(10, k), pi;
    for (double& x : phi.values()) x = stream.normal();
    const SegmentCurve curve =
        path->mean_of([&](std::size_t i, std::span<double> out) { std::ranges::copy(phi.row(i), out.begin()); });
    for (const double lambda : {0.0, .3, 1.0, 3.0, 30.0, kInfinity}) {
      path->probabilities(lambda, pi);
      double tau = 0, q = 0;
      for (std::size_t i = 0; i < 10; ++i) {
        double psi = 0;
        for (std::size_t a = 0; a < k; ++a) psi += (pi(i, a) - table->baseline(i, a)) * phi(i, a);
        tau += psi / 10, q += psi * psi / 10;
      }
      ASSERT_NEAR(curve.at(lambda).tau, tau, 1e-10) << seed << " " << lambda;
      ASSERT_NEAR(curve.at(lambda).q, q, 1e-10) << seed << " " << lambda;
    }
  }
}

TEST(Bounds, LargestZIsWhereThePathStartsWhenTheBaselineIsForbidden) {
  // Arm 1 is capped at .2 where the baseline gives it .4: D cannot be 0, z first rises.
  Bounds bounds;
  bounds.ceiling = {1, .2};
  const auto table = share(make_table(2, 2, {.6, .4, .6, .4}, {1, 2, 2, 1}, {1, 1, 1, 1}));
  const auto path = FrontierPath::build(table, {.score = Score::kDr, .c0 = 0, .bounds = bounds});
  ASSERT_TRUE(path.has_value());
  EXPECT_EQ(path->model().baseline_violations(), 2u);
  const double lambda = path->lambda_max_z().value();
  for (const double other : {lambda * .9, lambda * 1.1, 0.0, kInfinity}) {
    EXPECT_LE(z1(path->at(other)), z1(path->at(lambda)) + 1e-12) << other;
  }
}

TEST(Bounds, MaxDriftLimitsEveryArm) {
  const auto path = FrontierPath::build(
      p1(), {.score = Score::kIpw, .c0 = 0, .bounds = {.max_drift = .1, .floor = {}, .ceiling = {}, .forbidden = {}}});
  ASSERT_TRUE(path.has_value());
  Matrix pi;
  path->probabilities(kInfinity, pi);
  EXPECT_NEAR(pi(0, 1), .5, 1e-15);
  EXPECT_NEAR(path->at(kInfinity).tau, .075, 1e-15);
  EXPECT_NEAR(path->lambda_max_z().value(), .1 * 55 / 3, 1e-12);
}

std::string error_of(std::shared_ptr<const Table> table, Bounds bounds) {
  const auto path = FrontierPath::build(std::move(table), {.score = Score::kDr, .c0 = 0, .bounds = std::move(bounds)});
  if (path) return "";
  EXPECT_EQ(exit_code(path.error().code), 3);
  return path.error().text();
}

TEST(Bounds, NamesTheFirstUnitThatCannotKeepThem) {
  EXPECT_EQ(error_of(p1(), {.max_drift = 1, .floor = {.6, .6}, .ceiling = {}, .forbidden = {}}),
            "no policy keeps the bounds for unit 0 (counted from 0): the lower bounds of its arms sum to 1.2, above 1");
  EXPECT_EQ(error_of(p1(), {.max_drift = 1, .floor = {}, .ceiling = {.3, .6}, .forbidden = {}}),
            "no policy keeps the bounds for unit 0 (counted from 0): the upper bounds of its arms sum to 0.9, below 1");
  EXPECT_EQ(
      error_of(p1(), {.max_drift = 1, .floor = {0, .1}, .ceiling = {}, .forbidden = {0, 0, 0, 1}}),
      "no policy keeps the bounds for unit 1 (counted from 0): arm \"1\" must have at least probability 0.1 and may have at "
      "most 0");
}

TEST(Bounds, AFloorOnAnImpossibleArmIsInfeasible) {
  EXPECT_THAT(
      error_of(testing::p4(), {.max_drift = 1, .floor = {0, 0, .1}, .ceiling = {}, .forbidden = {}}),
      ::testing::HasSubstr("unit 1 (counted from 0): arm \"2\" must have at least probability 0.1 and may have at most 0"));
}

TEST(Bounds, SlackBoundsChangeNothing) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const std::size_t k = 2 + seed % 4;
    const auto table = share(random_table({.units = 10, .arms = k}, seed));
    Bounds slack;
    slack.ceiling.assign(k, 1.0), slack.floor.assign(k, 0.0);
    const auto plain = FrontierPath::build(table, {.score = Score::kDr, .c0 = 0, .bounds = {}});
    const auto bounded = FrontierPath::build(table, {.score = Score::kDr, .c0 = 0, .bounds = slack});
    ASSERT_TRUE(plain && bounded);
    EXPECT_EQ(plain->breakpoints().size(), bounded->breakpoints().size());
    for (const double lambda : {.1, 1.0, 5.0, kInfinity}) EXPECT_NEAR(plain->at(lambda).q, bounded->at(lambda).q, 1e-13);
  }
}

}  // namespace
}  // namespace gimbal::policy
