#include "gimbal/policy/select.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/policy/deterministic.h"
#include "gimbal/policy/path.h"
#include "gimbal/policy/path_test_tables.h"

namespace gimbal::policy {
namespace {

using testing::p1;
using testing::random_table;
using testing::share;

SelectRule rule(std::string_view text) {
  const auto parsed = parse_select_rule(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return *parsed;
}

FrontierPath build(std::shared_ptr<const Table> table, Score score) {
  auto path = FrontierPath::build(std::move(table), {.score = score, .c0 = 0, .bounds = {}});
  EXPECT_TRUE(path.has_value());
  return *path;
}

SelectCurve plug_in(const FrontierPath& path) {
  return {.curve = path.curve(),
          .lambda_min = *path.lambda_max_z(),
          .monotone = true,
          .max_z = path.lambda_max_z(),
          .arms = path.table().arms,
          .share_of = [&path](std::size_t arm) { return path.share_of(arm); }};
}

Choice choose(std::string_view text, const SelectCurve& curve, const TestSpec& test) {
  const auto choice = select(rule(text), curve, test);
  EXPECT_TRUE(choice.has_value()) << choice.error().text();
  return *choice;
}

TEST(SelectRule, ReadsEveryForm) {
  EXPECT_EQ(rule("power:0.8").kind, SelectRule::Kind::kPower);
  EXPECT_EQ(rule("power:0.8").value, .8);
  EXPECT_EQ(rule("max-z").kind, SelectRule::Kind::kMaxZ);
  EXPECT_EQ(rule("max-tau").kind, SelectRule::Kind::kMaxTau);
  EXPECT_EQ(rule("tau*power").kind, SelectRule::Kind::kTauPower);
  EXPECT_EQ(rule("lcb:1.96").value, 1.96);
  EXPECT_EQ(rule("lambda:12").value, 12);
  EXPECT_EQ(rule("lambda:inf").value, kInfinity);
  EXPECT_EQ(rule("tau:-0.5").value, -.5);
  const SelectRule shares = rule("share:No E-Mail<=0.25");
  EXPECT_EQ(shares.arm, "No E-Mail");
  EXPECT_EQ(shares.value, .25);
  EXPECT_EQ(shares.text, "share:No E-Mail<=0.25");
}

TEST(SelectRule, RefusesWithTheListOrTheRange) {
  const auto message = [](std::string_view text) {
    const auto parsed = parse_select_rule(text);
    EXPECT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(exit_code(parsed.error().code), 2);
    return parsed.error().text();
  };
  EXPECT_EQ(message("max-x"),
            "--select: expected one of power:B, max-z, max-tau, tau*power, lcb:KAPPA, lambda:V, tau:T, share:ARM<=S; found "
            "\"max-x\"; "
            "did you mean \"max-z\"?");
  EXPECT_EQ(message("power:1"), "--select: power needs a number above 0 and below 1, found \"1\"");
  EXPECT_EQ(message("power:"), "--select: power needs a number above 0 and below 1, found \"\"");
  EXPECT_EQ(message("lcb:0"), "--select: lcb needs a number above 0, found \"0\"");
  EXPECT_EQ(message("lambda:-1"), "--select: lambda needs a number of at least 0, or inf, found \"-1\"");
  EXPECT_EQ(message("tau:x"), "--select: tau needs a number, found \"x\"");
  EXPECT_EQ(message("tau:inf"), "--select: tau needs a number, found \"inf\"");
  EXPECT_EQ(message("share:1"), "--select: share needs ARM<=S, found \"1\"");
  EXPECT_EQ(message("share:1<=2"), "--select: share:ARM<=S needs a fraction from 0 to 1, found \"2\"");
}

TEST(Select, SolvesTheWorkedExampleOfThePowerRule) {
  const FrontierPath path = build(p1(), Score::kIpw);
  const Choice choice = choose("power:0.8", plug_in(path), {.n = 199});
  EXPECT_TRUE(choice.reached);
  EXPECT_NEAR(choice.lambda, 13.0248171, 1e-6);
  EXPECT_NEAR(choice.moments.tau, .4420889, 1e-6);
  EXPECT_NEAR(choice.power, .8, 1e-12);
  EXPECT_NEAR(choice.units_required, 199, 1e-9);
}

TEST(Select, APowerThatMaxTauReachesChoosesMaxTau) {
  const FrontierPath path = build(p1(), Score::kIpw);
  EXPECT_TRUE(std::isinf(choose("power:0.8", plug_in(path), {.n = 201}).lambda));
}

TEST(Select, AnUnreachablePowerSaysWhereItIsLargestAndHowManyUnitsItNeeds) {
  const FrontierPath path = build(p1(), Score::kIpw);
  const Choice choice = choose("power:0.8", plug_in(path), {.n = 150});
  EXPECT_FALSE(choice.reached);
  EXPECT_NEAR(choice.lambda, 11, 1e-12);
  EXPECT_NEAR(choice.units_required, 197.72, .005);
  EXPECT_EQ(choice.why, "no point has power 0.8 with 150 test units; the largest power is 0.6845");
}

TEST(Select, TheOtherRulesHitTheirPoints) {
  const FrontierPath path = build(p1(), Score::kIpw);
  const SelectCurve curve = plug_in(path);
  const TestSpec test{.n = 199};
  EXPECT_NEAR(choose("max-z", curve, test).lambda, 11, 1e-12);
  EXPECT_TRUE(std::isinf(choose("max-tau", curve, test).lambda));
  EXPECT_EQ(choose("lambda:3", curve, test).lambda, 3);
  EXPECT_NEAR(choose("tau:0.43", curve, test).moments.tau, .43, 1e-12);
  EXPECT_NEAR(choose("share:1<=0.95", curve, test).lambda, 137.5 / 12, 1e-12);  // pi_2 = .4 + .5 lambda / 11.4583 = .9
  EXPECT_TRUE(std::isinf(choose("share:1<=1", curve, test).lambda));
  const Choice too_much = choose("tau:0.5", curve, test);
  EXPECT_FALSE(too_much.reached);
  EXPECT_EQ(too_much.why, "the largest improvement is 0.45, below 0.5");
  const Choice too_small = choose("share:1<=0.1", curve, test);
  EXPECT_FALSE(too_small.reached);
  EXPECT_EQ(too_small.lambda, 0);
}

TEST(Select, AnUnknownArmIsAUsageErrorThatNamesTheArms) {
  const FrontierPath path = build(p1(), Score::kIpw);
  const auto choice = select(rule("share:2<=0.5"), plug_in(path), {.n = 100});
  ASSERT_FALSE(choice.has_value());
  EXPECT_EQ(exit_code(choice.error().code), 2);
  EXPECT_EQ(choice.error().text(), "--select: unknown arm \"2\" in share:2<=0.5; arms found: 0, 1");
}

// Random plug-in curves, solved by rule and by a fine search.
TEST(Select, OnThePlugInCurveRulesAgreeWithAFineSearch) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    const FrontierPath path = build(share(random_table({.units = 20, .arms = 2 + seed % 4}, seed)), Score::kDr);
    const SelectCurve curve = plug_in(path);
    const TestSpec test{.n = 4 + static_cast<double>(seed % 9)};
    // Lambdas from the start to beyond the end.
    std::vector<double> fine;
    const double low = *path.lambda_max_z(), high = path.breakpoints().back() * 1.01;
    for (int j = 0; j <= 4000; ++j) fine.push_back(low * std::pow(high / low, j / 4000.0));

    const double largest = std::sqrt(test.n) * z1(path.at(low)), smallest = std::sqrt(test.n) * z1(path.at(kInfinity));
    const double target = power_at(.5 * (largest + smallest), test);
    const Choice power = choose(fmt::format("power:{}", target), curve, test);
    ASSERT_TRUE(power.reached);
    EXPECT_NEAR(power.power, target, 1e-9);
    for (const double lambda : fine) {
      if (lambda > power.lambda * (1 + 1e-9)) {
        EXPECT_LT(power_at(std::sqrt(test.n) * z1(path.at(lambda)), test), target + 1e-12);
      }
    }

    const Choice bound = choose("lcb:0.5", curve, test);
    const auto lcb = [&](Moments m) { return m.tau - .5 * std::sqrt(score_variance(m) / test.n); };
    for (const double lambda : fine) EXPECT_LE(lcb(path.at(lambda)), lcb(bound.moments) + 1e-12);
    if (std::isfinite(bound.lambda) && bound.lambda > low * (1 + 1e-9)) {
      // The optimum satisfies lambda = n s / kappa + tau.
      const double s = std::sqrt(score_variance(bound.moments) / test.n);
      EXPECT_NEAR(bound.lambda, test.n * s / .5 + bound.moments.tau, 1e-6 * bound.lambda);
    }

    const Choice product = choose("tau*power", curve, test);
    const auto objective = [&](Moments m) { return m.tau * power_at(std::sqrt(test.n) * z1(m), test); };
    for (const double lambda : fine) EXPECT_LE(objective(path.at(lambda)), objective(product.moments) * (1 + 1e-7));

    const double middle = .5 * (path.at(low).tau + path.at(kInfinity).tau);
    const Choice tau = choose(fmt::format("tau:{}", middle), curve, test);
    EXPECT_NEAR(tau.moments.tau, middle, 1e-12);
    for (const double lambda : fine) {
      if (lambda < tau.lambda * (1 - 1e-9)) {
        EXPECT_LT(path.at(lambda).tau, middle);
      }
    }
  }
}

// A held-out curve rises and falls: noise around the path.
SegmentCurve noisy_curve(const FrontierPath& path, std::uint64_t seed) {
  Stream stream(seed, "policy.test_noise");
  Matrix phi(path.model().units(), path.model().arms());
  for (std::size_t i = 0; i < phi.rows(); ++i) {
    for (std::size_t a = 0; a < phi.cols(); ++a) phi(i, a) = .3 * path.table().mu(i, a) + stream.normal();
  }
  return path.tested([&](std::size_t i, std::span<double> out) { std::ranges::copy(phi.row(i), out.begin()); });
}

TEST(Select, OnAHeldOutCurveTheLargestLambdaIsFoundAlsoWhereZIsNotMonotone) {
  int reached = 0;
  for (std::uint64_t seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE(seed);
    const FrontierPath path = build(share(random_table({.units = 40, .arms = 2 + seed % 3}, seed)), Score::kDr);
    SelectCurve curve = plug_in(path);
    curve.curve = noisy_curve(path, seed);
    curve.monotone = false, curve.max_z = std::nullopt;
    const TestSpec test{.n = 60};
    std::vector<double> fine;
    const double low = curve.lambda_min, high = path.breakpoints().back() * 1.01;
    for (int j = 0; j <= 4000; ++j) fine.push_back(low * std::pow(high / low, j / 4000.0));
    double top = -kInfinity, least = kInfinity;
    for (const double lambda : fine) {
      top = std::max(top, z1(curve.curve.at(lambda))), least = std::min(least, z1(curve.curve.at(lambda)));
    }
    const double target = power_at(std::sqrt(test.n) * (.7 * top + .3 * least), test);
    if (target < 1e-6 || target > 1 - 1e-6) continue;
    const Choice power = choose(fmt::format("power:{}", target), curve, test);
    ASSERT_TRUE(power.reached);
    ++reached;
    EXPECT_GE(power.power, target - 1e-9);
    for (const double lambda : fine) {
      if (lambda > power.lambda * (1 + 1e-9)) {
        EXPECT_LT(power_at(std::sqrt(test.n) * z1(curve.curve.at(lambda)), test), target + 1e-9) << lambda;
      }
    }
    const Choice max_z = choose("max-z", curve, test);
    for (const double lambda : path.breakpoints()) {
      if (lambda >= low) {
        EXPECT_LE(z1(curve.curve.at(lambda)), max_z.z1 + 1e-12);
      }
    }
    const Choice nowhere = choose("power:0.999999999", curve, test);
    EXPECT_FALSE(nowhere.reached);
    EXPECT_GE(nowhere.z1, top - 1e-9);
  }
  EXPECT_GT(reached, 60);
}

TEST(Select, RulesOnPointsAgreeWithThoseOnTheCurve) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    const FrontierPath path = build(share(random_table({.units = 30, .arms = 3}, seed)), Score::kDr);
    const SelectCurve curve = plug_in(path);
    PointCurve points;
    points.lambdas = points_equally_spaced_in_tau(path.curve(), *path.lambda_max_z(), 15);
    for (const double lambda : points.lambdas) points.moments.push_back(path.at(lambda));
    points.at = [&](double lambda) -> Result<Moments> { return path.at(lambda); };
    points.arms = path.table().arms;
    const SegmentCurve shares = path.share_of(1);
    points.share_at = [&](double lambda, std::size_t) -> Result<double> { return shares.at(lambda).tau; };
    const TestSpec test{.n = 8};
    const double z = .5 * (z1(path.at(*path.lambda_max_z())) + z1(path.at(kInfinity)));
    const double middle = .5 * (path.at(*path.lambda_max_z()).tau + path.at(kInfinity).tau);
    for (const std::string& text :
         {fmt::format("power:{}", power_at(std::sqrt(8.0) * z, test)), fmt::format("tau:{}", middle), std::string("tau*power"),
          std::string("lcb:0.4"), std::string("max-tau"), std::string("lambda:2")}) {
      SCOPED_TRACE(text);
      const Choice exact = choose(text, curve, test);
      const auto solved = select(rule(text), points, test);
      ASSERT_TRUE(solved.has_value());
      EXPECT_EQ(solved->reached, exact.reached);
      // Golden section resolves the place of a smooth maximum to about 1e-4 of its bracket, its height far better.
      const bool maximum = text == "tau*power" || text == "lcb:0.4";
      EXPECT_NEAR(solved->moments.tau, exact.moments.tau, (maximum ? 1e-3 : 1e-8) * exact.moments.tau);
    }
  }
}

TEST(Points, AreEquallySpacedInTauAndEndAtMaxTau) {
  const FrontierPath path = build(p1(), Score::kIpw);
  const std::vector<double> lambdas = points_equally_spaced_in_tau(path.curve(), 11, 4);
  ASSERT_EQ(lambdas.size(), 4u);
  EXPECT_EQ(lambdas[0], 11);
  EXPECT_NEAR(path.at(lambdas[1]).tau, .43, 1e-12);
  EXPECT_NEAR(path.at(lambdas[2]).tau, .44, 1e-12);
  EXPECT_TRUE(std::isinf(lambdas[3]));
}

TEST(Points, AreOneWhereBothEndsCoincide) {
  const FrontierPath path = build(share(testing::make_table(1, 2, {.5, .5}, {0, 1}, {1, 1})), Score::kDr);
  EXPECT_THAT(points_equally_spaced_in_tau(path.curve(), *path.lambda_max_z(), 101), ::testing::ElementsAre(kInfinity));
}

TEST(LargestZ, FindsThePeakBetweenBreakpoints) {
  // One segment with z highest inside: tau = -1 + lambda, q = 10 + lambda^2 ... of a curve with one breakpoint at 40.
  const std::shared_ptr<double[]> breakpoints(new double[1]{40});
  const std::shared_ptr<SegmentCoefficients[]> c(new SegmentCoefficients[2]{{-1, 1, 10, 0, 2}, {39, 0, 3210, 0, 0}});
  const SegmentCurve curve(breakpoints, std::shared_ptr<const SegmentCoefficients[]>(c), 1);
  const auto inside = largest_z(curve, 0, true);
  ASSERT_TRUE(inside.has_value());
  // d/dlambda (lambda - 1)^2 / (10 + 2 lambda^2) = 0 at lambda = -5 (a minimum) or, on this side, none: the end is best.
  EXPECT_EQ(inside->lambda, 40);
  const std::shared_ptr<SegmentCoefficients[]> d(new SegmentCoefficients[2]{{1, 1, 10, 0, 2}, {41, 0, 3210, 0, 0}});
  const auto peak = largest_z(SegmentCurve(breakpoints, std::shared_ptr<const SegmentCoefficients[]>(d), 1), 0, true);
  EXPECT_NEAR(peak->lambda, 5, 1e-12);  // (1 + lambda) (2 * 2 lambda) = 2 (10 + 2 lambda^2)
}

// The deterministic frontier against its definition.
TEST(Deterministic, FollowsItsThresholds) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const auto table =
        share(random_table({.units = 12, .arms = 2, .deterministic_baseline = seed % 3 == 0, .weights = seed % 2 == 0}, seed));
    const PathSpec spec{.score = seed % 4 < 2 ? Score::kDr : Score::kIpw, .c0 = 0, .bounds = {}};
    const auto curve = deterministic_curve(table, spec);
    ASSERT_TRUE(curve.has_value());
    const FrontierPath path = build(table, spec.score);
    for (const double lambda : {.05, .5, 2.0, 7.0, 100.0, kInfinity}) {
      const auto pi = deterministic_probabilities(table, spec, lambda);
      ASSERT_TRUE(pi.has_value());
      for (std::size_t i = 0; i < 12; ++i) {
        const BinaryUnit unit = path.model().load_binary(i);
        const double b = table->baseline(i, 1);
        double expected = b;
        if (unit.c > unit.k * (1 - b) / (2 * lambda))
          expected = 1;
        else if (unit.c < -unit.k * b / (2 * lambda))
          expected = 0;
        EXPECT_NEAR((*pi)(i, 1), expected, 1e-15);
      }
      const Moments direct = policy_moments(path.model(), *pi);
      EXPECT_NEAR(curve->at(lambda).tau, direct.tau, 1e-12);
      EXPECT_NEAR(curve->at(lambda).q, direct.q, 1e-11);
      // It lies below the frontier: the path needs no larger q for the same tau.
      if (direct.tau > 1e-12 && direct.tau < path.at(kInfinity).tau * (1 - 1e-9)) {
        EXPECT_LE(path.at(lambda_of_tau(path.curve(), direct.tau)).q, direct.q * (1 + 1e-9));
      }
    }
  }
}

TEST(Deterministic, HeldOutMomentsAreThoseOfThePolicy) {
  const auto table = share(random_table({.units = 12, .arms = 2}, 4));
  Matrix phi(12, 2);
  Stream stream(3, "policy.test_phi");
  for (double& x : phi.values()) x = stream.normal();
  const auto curve = deterministic_tested(
      table, {}, [&](std::size_t i, std::span<double> out) { std::ranges::copy(phi.row(i), out.begin()); });
  ASSERT_TRUE(curve.has_value());
  const auto pi = deterministic_probabilities(table, {}, 3);
  double sum = 0, square = 0;
  for (std::size_t i = 0; i < 12; ++i) {
    const double psi = ((*pi)(i, 1) - table->e(i, 1)) * (phi(i, 1) - phi(i, 0));
    sum += psi / 12, square += psi * psi / 12;
  }
  EXPECT_NEAR(curve->at(3).tau, sum, 1e-13);
  EXPECT_NEAR(curve->at(3).q - sum * sum, (square - sum * sum) * 12 / 11, 1e-13);
}

TEST(Deterministic, RefusesThreeArms) {
  const auto curve = deterministic_curve(testing::p2(), {});
  ASSERT_FALSE(curve.has_value());
  EXPECT_EQ(curve.error().text(), "--deterministic: a frontier without randomization needs two arms, found 3");
}

}  // namespace
}  // namespace gimbal::policy
