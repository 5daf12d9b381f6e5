#include "gimbal/policy/constraints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/base/parallel.h"
#include "gimbal/policy/path.h"
#include "gimbal/policy/path_test_tables.h"
#include "gimbal/policy/slow_qp.h"

namespace gimbal::policy {
namespace {

using testing::p1;
using testing::random_table;
using testing::share;

ConstrainedFrontier build(std::shared_ptr<const Table> table, Score score, std::vector<LinearConstraint> constraints) {
  auto frontier = ConstrainedFrontier::build(std::move(table), {.score = score, .c0 = 0, .bounds = {}}, std::move(constraints));
  EXPECT_TRUE(frontier.has_value()) << frontier.error().text();
  return *frontier;
}

TEST(Constraints, SolveTheWorkedExampleOfACapacity) {
  const ConstrainedFrontier frontier = build(p1(), Score::kIpw, {capacity("1=0.8", 1, 2, .8)});
  const auto point = frontier.at(12);
  ASSERT_TRUE(point.has_value());
  Matrix pi;
  frontier.probabilities(*point, pi);
  EXPECT_NEAR(pi(0, 1), .9090909, 1e-6);
  EXPECT_NEAR(pi(1, 1), .6909091, 1e-6);
  EXPECT_NEAR(point->moments.tau, .3272727, 1e-6);
  EXPECT_NEAR(point->moments.q, 2.8606061, 1e-6);
  EXPECT_NEAR(z1(point->moments), .1972275, 1e-6);
  EXPECT_NEAR(point->eta[0], 2.6666667, 1e-6);
  EXPECT_NEAR(point->shadow_prices[0], .2222222, 1e-6);
  EXPECT_NEAR(point->usage[0], .8, 1e-12);
}

// A random set of one to three constraints that some policy keeps.
std::vector<LinearConstraint> random_constraints(Stream& stream, const Table& table) {
  const std::size_t k = table.arm_count(), n = table.units();
  std::vector<LinearConstraint> all;
  const std::uint64_t count = 1 + stream.below(3);
  if (count != 2) all.push_back(capacity("capacity", 1, k, .2 + .4 * stream.uniform()));
  if (count >= 2) {
    LinearConstraint budget{"budget", Matrix(n, k), 0};
    double least = 0, mean = 0;
    for (std::size_t i = 0; i < n; ++i) {
      double smallest = kInfinity;
      for (std::size_t a = 0; a < k; ++a) {
        budget.g(i, a) = stream.uniform();
        smallest = std::min(smallest, budget.g(i, a));
        mean += budget.g(i, a) / static_cast<double>(n * k);
      }
      least += smallest / static_cast<double>(n);
    }
    budget.limit = least + (.3 + .5 * stream.uniform()) * (mean - least);
    all.push_back(std::move(budget));
  }
  if (count == 3) all.push_back(minimal_share("minimal", 0, k, .3 * stream.uniform()));
  return all;
}

TEST(Constraints, SolutionsKeepTheKuhnTuckerConditions) {
  Stream stream(1, "policy.test_constraints");
  int binding = 0, solved = 0, together = 0;
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    const std::size_t k = 2 + seed % 4;
    const auto table = share(random_table({.units = 15, .arms = k, .deterministic_baseline = seed % 5 == 0}, seed));
    const Score score = seed % 2 == 0 ? Score::kDr : Score::kIpw;
    const std::vector<LinearConstraint> constraints = random_constraints(stream, *table);
    auto frontier = ConstrainedFrontier::build(table, {.score = score, .c0 = 0, .bounds = {}}, constraints);
    if (!frontier) {
      EXPECT_EQ(frontier.error().code, ErrorCode::kInfeasible);
      ++together;
      continue;
    }
    for (const double lambda : {.3, 3.0, 30.0, kInfinity}) {
      SCOPED_TRACE(fmt::format("seed {} lambda {}", seed, lambda));
      const auto point = frontier->at(lambda);
      ASSERT_TRUE(point.has_value()) << point.error().text();
      ++solved;
      Matrix pi;
      frontier->probabilities(*point, pi);
      const Moments direct = policy_moments(frontier->model(), pi);
      EXPECT_NEAR(direct.tau, point->moments.tau, 1e-12 * (1 + std::abs(direct.tau)));
      EXPECT_NEAR(direct.q, point->moments.q, 1e-11 * (1 + direct.q));
      for (std::size_t j = 0; j < constraints.size(); ++j) {
        double usage = 0;
        for (std::size_t i = 0; i < 15; ++i) {
          for (std::size_t a = 0; a < k; ++a)
            usage += constraints[j].g(constraints[j].g.rows() == 1 ? 0 : i, a) * pi(i, a) / 15;
        }
        EXPECT_NEAR(usage, point->usage[j], 1e-12);
        EXPECT_LE(usage, constraints[j].limit + 1e-9);
        EXPECT_GE(point->eta[j], 0);
        if (point->eta[j] > 0) {
          EXPECT_NEAR(usage, constraints[j].limit, 1e-9);
        }
        binding += point->eta[j] > 0 ? 1 : 0;
      }
      if (std::isinf(lambda)) continue;  // the slow program cannot resolve scores of 1e9
      for (std::size_t i = 0; i < 15; ++i) {
        std::vector<double> s(k), v(k), m(k), lo(k), hi(k);
        for (std::size_t a = 0; a < k; ++a) {
          m[a] = table->mu(i, a), v[a] = frontier->model().cost(i, a);
          s[a] = lambda * m[a];
          for (std::size_t j = 0; j < constraints.size(); ++j) {
            s[a] -= point->eta[j] * constraints[j].g(constraints[j].g.rows() == 1 ? 0 : i, a);
          }
          lo[a] = -table->baseline(i, a), hi[a] = 1 + lo[a];
        }
        const std::vector<double> slow = testing::slow_qp(s, v, m, score == Score::kDr, lo, hi);
        for (std::size_t a = 0; a < k; ++a) EXPECT_NEAR(pi(i, a) - table->baseline(i, a), slow[a], 1e-9);
      }
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(solved, 350);
  EXPECT_GT(binding, 300);
  EXPECT_LT(together, 20);
}

TEST(Constraints, AtInfinityACapacityGoesToTheLargestEffects) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::size_t n = 50;
    const auto table = share(random_table({.units = n, .arms = 2}, seed));
    const double most = .11 + .05 * static_cast<double>(seed % 5);  // 50 units: the last one in part
    const ConstrainedFrontier frontier = build(table, Score::kDr, {capacity("cap", 1, 2, most)});
    const auto point = frontier.at(kInfinity);
    ASSERT_TRUE(point.has_value()) << point.error().text();
    // By hand: the units in order of their effect as far as the capacity goes, the last one in part.
    std::vector<double> effects;
    double base = 0;
    for (std::size_t i = 0; i < n; ++i) {
      effects.push_back(table->mu(i, 1) - table->mu(i, 0));
      base -= effects.back() * table->e(i, 1) / static_cast<double>(n);
    }
    std::ranges::sort(effects, std::greater<>());
    double left = most * static_cast<double>(n), tau = base, price = 0;
    for (const double effect : effects) {
      if (effect <= 0 || left <= 0) break;
      tau += effect * std::min(1.0, left) / static_cast<double>(n);
      left -= 1;
      price = effect;
    }
    EXPECT_NEAR(point->moments.tau, tau, 1e-8);
    if (left < 0) {
      EXPECT_NEAR(point->shadow_prices[0], price, 1e-6);
    }
    EXPECT_LE(point->usage[0], most + 1e-9);
  }
}

TEST(Constraints, TheShadowPriceIsTheWorthOfALargerLimit) {
  const auto table = share(random_table({.units = 400, .arms = 3}, 4));
  const auto lagrangian = [&](double most) {
    const auto point = build(table, Score::kDr, {capacity("cap", 2, 3, most)}).at(5);
    return point->moments.tau - point->moments.q / (2 * 5);
  };
  const auto point = build(table, Score::kDr, {capacity("cap", 2, 3, .2)}).at(5);
  // The derivative of the best tau - q / (2 lambda) in the limit, by central differences (error of order 1e-8).
  EXPECT_NEAR((lagrangian(.2 + 1e-4) - lagrangian(.2 - 1e-4)) / 2e-4, point->shadow_prices[0], 1e-5);
}

TEST(Constraints, SlackOnesLeaveThePathAlone) {
  for (const std::size_t k : {2u, 4u}) {
    const auto table = share(random_table({.units = 30, .arms = k}, 9));
    const ConstrainedFrontier frontier = build(table, Score::kDr, {capacity("cap", 1, k, 1), minimal_share("min", 0, k, 0)});
    const auto path = FrontierPath::build(table, {.score = Score::kDr, .c0 = 0, .bounds = {}});
    for (const double lambda : {.1, 1.0, 10.0, kInfinity}) {
      const auto point = frontier.at(lambda);
      ASSERT_TRUE(point.has_value());
      EXPECT_NEAR(point->moments.tau, path->at(lambda).tau, 1e-9);
      EXPECT_NEAR(point->moments.q, path->at(lambda).q, 1e-8);
      EXPECT_EQ(point->eta[0], 0);
    }
  }
}

TEST(Constraints, AnUnmeetableOneIsRefusedWithTheSmallestAttainableValue) {
  LinearConstraint budget{"budget 0.1", Matrix(1, 2, std::vector<double>{.25, .5}), .1};
  const auto frontier = ConstrainedFrontier::build(p1(), {}, {budget});
  ASSERT_FALSE(frontier.has_value());
  EXPECT_EQ(exit_code(frontier.error().code), 3);
  EXPECT_EQ(frontier.error().text(), "budget 0.1: no policy meets this constraint: the smallest attainable value is 0.25");
}

TEST(Constraints, OnesThatContradictEachOtherAreRefused) {
  const auto frontier =
      ConstrainedFrontier::build(p1(), {}, {capacity("capacity 1=0.3", 1, 2, .3), minimal_share("min-share 1=0.5", 1, 2, .5)});
  ASSERT_FALSE(frontier.has_value());
  EXPECT_EQ(exit_code(frontier.error().code), 3);
  EXPECT_EQ(frontier.error().text(), "no policy meets these shared constraints together: capacity 1=0.3, min-share 1=0.5");
}

TEST(Constraints, TheGridStartsAtTheLargestZAndIsEquallySpacedInTau) {
  const auto table = share(random_table({.units = 200, .arms = 2}, 3));
  const ConstrainedFrontier frontier = build(table, Score::kDr, {capacity("cap", 1, 2, .6)});
  const auto grid = frontier.grid(21);
  ASSERT_TRUE(grid.has_value());
  ASSERT_EQ(grid->size(), 21u);
  const double gap = (grid->back().moments.tau - grid->front().moments.tau) / 20;
  for (std::size_t p = 0; p < 21; ++p) {
    EXPECT_NEAR((*grid)[p].moments.tau, grid->front().moments.tau + gap * static_cast<double>(p), gap / 19);
    EXPECT_LE(z1((*grid)[p].moments), z1(grid->front().moments) * (1 + 1e-8));
    if (p > 0) {
      EXPECT_GT((*grid)[p].lambda, (*grid)[p - 1].lambda);
    }
  }
  EXPECT_TRUE(std::isinf(grid->back().lambda));
  // Before the capacity binds the path is the unconstrained one, and so is its start.
  const auto path = FrontierPath::build(table, {});
  EXPECT_NEAR(grid->front().lambda, path->lambda_max_z().value(), 1e-12 * grid->front().lambda);
}

// P1 by hand: the capacity takes hold of the path at the lambda at which both units together reach it.
TEST(Constraints, TheFirstPointIsWhereTheCapacityTakesHoldExactly) {
  const auto table = p1();
  const auto path = FrontierPath::build(table, {.score = Score::kIpw, .c0 = 0, .bounds = {}});
  ASSERT_TRUE(path->lambda_max_z().has_value());
  const double free = *path->lambda_max_z();
  // Before it the share of arm 1 is .4 + lambda * slope.
  const double slope = (path->share_of(1).at(free / 2).tau - .4) / (free / 2);
  for (const double most : {.41, .5, .6}) {
    const ConstrainedFrontier frontier = build(table, Score::kIpw, {capacity("cap", 1, 2, most)});
    const double expected = std::min(free, (most - .4) / slope);
    const auto start = frontier.lambda_max_z();
    ASSERT_TRUE(start.has_value() && start->has_value());
    EXPECT_NEAR(**start, expected, 1e-12 * expected);
    EXPECT_EQ(frontier.grid(5)->front().lambda, **start);
  }
}

TEST(Constraints, ABaselineAtTheLimitHasAnExactFirstPointToo) {
  // The capacity binds from lambda = 0 on: D is proportional to lambda with another direction.
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto table = share(random_table({.units = 40, .arms = 2 + seed % 3}, seed));
    double now = 0;
    for (std::size_t i = 0; i < 40; ++i) now += table->e(i, 1) / 40;
    const ConstrainedFrontier frontier =
        build(table, seed % 2 == 0 ? Score::kDr : Score::kIpw, {capacity("cap", 1, table->arm_count(), now)});
    const auto start = frontier.lambda_max_z();
    ASSERT_TRUE(start.has_value() && start->has_value());
    const double lambda = **start, z = z1(frontier.at(lambda)->moments);
    EXPECT_NEAR(z1(frontier.at(lambda * .9)->moments), z, 1e-10 * z);
    EXPECT_NEAR(z1(frontier.at(lambda * .5)->moments), z, 1e-10 * z);
    EXPECT_LT(z1(frontier.at(lambda * 1.02)->moments), z * (1 - 1e-12));
  }
}

// q = lambda tau at a maximum of z inside (the derivative of tau^2 / q along the path).
TEST(Constraints, AMaximumOfZInsideIsExact) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto table = share(random_table({.units = 60, .arms = 2 + seed % 3}, seed));
    const ConstrainedFrontier frontier =
        build(table, seed % 2 == 0 ? Score::kDr : Score::kIpw, {capacity("cap", 1, table->arm_count(), .15)});
    ASSERT_FALSE(frontier.baseline_feasible());
    const auto start = frontier.lambda_max_z();
    ASSERT_TRUE(start.has_value() && start->has_value());
    if (std::isinf(**start)) continue;
    const Moments best = frontier.at(**start)->moments;
    EXPECT_NEAR(best.q, **start * best.tau, 1e-10 * best.q);
    for (const double factor : {.5, .99, 1.01, 2.0}) EXPECT_LE(z1(frontier.at(**start * factor)->moments), z1(best));
  }
}

TEST(Constraints, TheShadowPriceAtInfinityIsThatOfTheLinearProgram) {
  // P1, capacity .8: one unit in full, the other in part, so that its effect is the price: .5.
  const ConstrainedFrontier frontier = build(p1(), Score::kIpw, {capacity("1=0.8", 1, 2, .8)});
  EXPECT_NEAR(frontier.at(kInfinity)->shadow_prices[0], .5, 1e-13);
}

TEST(Constraints, ALimitThatNoPolicyMeetsIsNamedByItsOwnSense) {
  const auto text = [](LinearConstraint constraint) {
    return ConstrainedFrontier::build(p1(), {}, {std::move(constraint)}).error().text();
  };
  // Resources may be negative: -1 is below the smallest attainable -0.5.
  EXPECT_EQ(text({"budget -1", Matrix(1, 2, std::vector<double>{-.25, -.5}), -1}),
            "budget -1: no policy meets this constraint: the smallest attainable value is -0.5");
  EXPECT_EQ(text({"budget -1", Matrix(1, 2, std::vector<double>{.25, .5}), -1}),
            "budget -1: no policy meets this constraint: the smallest attainable value is 0.25");
  // Arm 1 is impossible for the second unit, so half of the units is the most that it can have.
  Table half = *p1();
  half.e(1, 0) = 1, half.e(1, 1) = 0;
  const auto table = share(std::move(half));
  EXPECT_EQ(ConstrainedFrontier::build(table, {}, {minimal_share("min-share 1=0.9", 1, 2, .9)}).error().text(),
            "min-share 1=0.9: no policy meets this constraint: the largest attainable value is 0.5");
  EXPECT_EQ(ConstrainedFrontier::build(table, {}, {capacity("capacity 0=0.1", 0, 2, .1)}).error().text(),
            "capacity 0=0.1: no policy meets this constraint: the smallest attainable value is 0.5");
}

TEST(Constraints, AGridTakesLittleMoreThanOneSolutionAPoint) {
  const auto table = share(random_table({.units = 2000, .arms = 3}, 3));
  const ConstrainedFrontier frontier = build(table, Score::kDr, {capacity("cap", 1, 3, .45)});
  const auto grid = frontier.grid(101);
  ASSERT_EQ(grid->size(), 101u);
  EXPECT_LT(frontier.solved(), 190u);  // 25 probes, the search for the first point, and the points
}

TEST(Constraints, AGridHearsAStopBetweenSolutions) {
  const auto table = share(random_table({.units = 50, .arms = 3}, 3));
  const ConstrainedFrontier frontier = build(table, Score::kDr, {capacity("cap", 1, 3, .45)});
  std::stop_source source;
  int done = 0;
  const auto stopped = frontier.grid(101, {.stop = source.get_token(), .point_done = [&] {
                                             if (++done == 10) source.request_stop();
                                           }});
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
  EXPECT_EQ(done, 10);
}

// Units with upper bounds: every arm may stand at one, and then no arm is free.
TEST(Constraints, WithBoundsOnUnitsSolutionsAreThoseOfTheSlowProgram) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const std::size_t n = 20, k = 3 + seed % 3;
    const auto table = share(random_table({.units = n, .arms = k}, seed));
    const Score score = seed % 2 == 0 ? Score::kDr : Score::kIpw;
    const PathSpec spec{.score = score, .c0 = 0, .bounds = {.max_drift = .1, .floor = {}, .ceiling = {}, .forbidden = {}}};
    double now = 0;
    for (std::size_t i = 0; i < n; ++i) now += table->e(i, 1) / static_cast<double>(n);
    const auto frontier = ConstrainedFrontier::build(table, spec, {capacity("cap", 1, k, now + .01)});
    ASSERT_TRUE(frontier.has_value());
    for (const double lambda : {.3, 3.0, 30.0, 3.1}) {
      const auto point = frontier->at(lambda);
      ASSERT_TRUE(point.has_value()) << point.error().text();
      Matrix pi;
      frontier->probabilities(*point, pi);
      EXPECT_NEAR(policy_moments(frontier->model(), pi).tau, point->moments.tau, 1e-12);
      for (std::size_t i = 0; i < n; ++i) {
        std::vector<double> s(k), v(k), m(k), lo(k, -.1), hi(k, .1);
        for (std::size_t a = 0; a < k; ++a) {
          m[a] = table->mu(i, a), v[a] = frontier->model().cost(i, a);
          s[a] = lambda * m[a] - (a == 1 ? point->eta[0] : 0.0);
          lo[a] = std::max(lo[a], -table->e(i, a)), hi[a] = std::min(hi[a], 1 - table->e(i, a));
        }
        const std::vector<double> slow = testing::slow_qp(s, v, m, score == Score::kDr, lo, hi);
        for (std::size_t a = 0; a < k; ++a) EXPECT_NEAR(pi(i, a) - table->e(i, a), slow[a], 1e-9);
      }
    }
  }
}

TEST(Constraints, WithAnInfeasibleBaselineTheGridStartsWhereZIsLargest) {
  const auto table = share(random_table({.units = 100, .arms = 2}, 6));
  const ConstrainedFrontier frontier = build(table, Score::kDr, {capacity("cap", 1, 2, .35)});
  EXPECT_FALSE(frontier.baseline_feasible());
  const auto grid = frontier.grid(11);
  ASSERT_TRUE(grid.has_value());
  const double start = grid->front().lambda;
  const double z_start = z1(grid->front().moments);
  for (const double factor : {.01, .5, .9, 1.1, 2.0}) EXPECT_LE(z1(frontier.at(start * factor)->moments), z_start * (1 + 1e-8));
}

// Nobody gains by leaving the baseline, so only the limit moves units: at infinity those who lose least.
TEST(Constraints, ABaselineThatIsBestForAllStillHasAPathAlongLambda) {
  Table table;
  table.arms = {"0", "1"};
  const std::size_t n = 100;
  table.e = Matrix(n, 2, .5), table.mu = Matrix(n, 2, 1), table.var = Matrix(n, 2, 1), table.b = Matrix(n, 2);
  for (std::size_t i = 0; i < n; ++i) {
    table.mu(i, 1) = 1 - .01 * static_cast<double>(i + 1);
    table.b(i, 0) = 1;
  }
  LinearConstraint least{"1=0.1", Matrix(n, 2), -.1};
  for (std::size_t i = 0; i < n; ++i) least.g(i, 1) = -1;
  const ConstrainedFrontier frontier = build(std::make_shared<const Table>(table), Score::kDr, {least});
  const auto end = frontier.at(kInfinity), small = frontier.at(1e-3);
  ASSERT_TRUE(end.has_value() && small.has_value());
  EXPECT_NEAR(end->moments.tau, -.0055, 1e-9);  // the ten smallest losses, .01 to .1
  // At lambda 0 all carry the limit, each by 1 over its k = c^2 + s2_1/e_1 + s2_0/e_0.
  double move = 0, loss = 0;
  for (int i = 1; i <= 100; ++i) move += 1 / (1e-4 * i * i + 4), loss += .01 * i / (1e-4 * i * i + 4);
  EXPECT_NEAR(small->moments.tau, -.1 * loss / move, 1e-4);
  EXPECT_NEAR(end->shadow_prices[0], .105, .005 + 1e-6);  // the next unit loses .11, the last one lost .10
}

TEST(Constraints, GiveTheSameBytesForAnyNumberOfThreads) {
  const auto table = share(random_table({.units = 9000, .arms = 3}, 7));
  std::vector<double> reference;
  for (const int threads : {1, 2, 8}) {
    const ThreadLimit limit(threads);
    const auto point = build(table, Score::kDr, {capacity("cap", 1, 3, .3), minimal_share("min", 2, 3, .4)}).at(4);
    const std::vector<double> values{point->moments.tau, point->moments.q, point->eta[0], point->eta[1]};
    if (reference.empty()) reference = values;
    EXPECT_EQ(values, reference);
  }
}

}  // namespace
}  // namespace gimbal::policy
