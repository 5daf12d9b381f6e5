#include "gimbal/policy/honest.h"

#include <cmath>

#include "gimbal/base/parallel.h"
#include "gimbal/base/random.h"
#include "gimbal/stats/clustered.h"

namespace gimbal::policy {
namespace {

using testing::HasSubstr;

constexpr double kFloor = 1e-12;

// A random out-of-fold table with outcomes.
struct Training {
  std::shared_ptr<Table> table = std::make_shared<Table>();
  std::shared_ptr<Logged> logged = std::make_shared<Logged>();

  Training(std::size_t n, std::size_t arms, int seed, bool weighted, std::size_t clusters) {
    Stream stream(0, "policy.test.honest", seed);
    Table& t = *table;
    t.e = t.mu = t.var = Matrix(n, arms);
    for (std::size_t a = 0; a < arms; ++a) t.arms.push_back(std::to_string(a));
    std::vector<double> shift(clusters + 1);
    for (double& each : shift) each = stream.normal();
    for (std::size_t i = 0; i < n; ++i) {
      double total = 0;
      for (std::size_t a = 0; a < arms; ++a) {
        total += t.e(i, a) = 0.3 + stream.exponential();
        t.mu(i, a) = stream.normal();
        t.var(i, a) = 0.5 + stream.exponential();
      }
      for (std::size_t a = 0; a < arms; ++a) t.e(i, a) /= total;
      if (weighted) t.weight.push_back(stream.exponential());
      if (clusters > 0) logged->cluster.push_back(static_cast<std::int64_t>(i % clusters));
      const std::size_t given = stream.categorical(t.e.row(i));
      logged->action.push_back(static_cast<int>(given));
      const double common = clusters > 0 ? shift[i % clusters] : 0.0;
      logged->outcome.push_back(0.5 * t.mu(i, given) + common + stream.normal());
    }
  }
  HonestData data(Score score) const { return {table, logged, score, 0.1}; }
};

HonestCurve must(Result<HonestCurve> result) {
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().text());
  return *std::move(result);
}

const std::vector<Score> kScores = {Score::kIpw, Score::kCipw, Score::kSnips, Score::kDr};

TEST(HonestCurve, IsTheMeanAndSpreadOfTheScoresAtEveryLambda) {
  int seed = 0;
  for (const std::size_t arms : {2u, 3u, 4u}) {
    for (const Score score : kScores) {
      for (const bool weighted : {false, true}) {
        for (const std::size_t clusters : {0u, 40u}) {
          SCOPED_TRACE(fmt::format("{} arms, {}, weighted {}, {} clusters", arms, score_name(score), weighted, clusters));
          const Training training(150, arms, ++seed, weighted, clusters);
          const HonestCurve curve = must(HonestCurve::build(training.data(score)));
          for (const double lambda : {0.01, 0.3, 1.0, 5.0, 80.0, kInfinity}) {
            Matrix pi;
            curve.path()->probabilities(lambda, pi);
            // psi written out: D times the score of the logged outcome.
            std::vector<double> psi(150, 0.0);
            for (std::size_t i = 0; i < 150; ++i) {
              const auto given = static_cast<std::size_t>(training.logged->action[i]);
              const double y = training.logged->outcome[i], e = training.table->e(i, given);
              for (std::size_t a = 0; a < arms; ++a) {
                const double d = pi(i, a) - training.table->e(i, a), mu = training.table->mu(i, a);
                if (score == Score::kDr)
                  psi[i] += d * (mu + (a == given ? (y - mu) / e : 0.0));
                else if (a == given)
                  psi[i] += d * (y - (score == Score::kIpw ? 0.0 : 0.1)) / e;
              }
            }
            const auto expected = stats::mean_with_se(psi, training.table->weight, training.logged->cluster);
            ASSERT_TRUE(expected);
            const Moments found = curve.at(lambda);
            // 1e-9 relative is the path's contract.
            EXPECT_NEAR(found.tau, expected->mean, 1e-9 * (1 + std::fabs(expected->mean)));
            EXPECT_NEAR(std::sqrt(score_variance(found) / 150), expected->se, 1e-9 * (kFloor + expected->se) + 1e-12);
          }
        }
      }
    }
  }
}

TEST(HonestCurve, PrintsPointsThatAgreeWithPoliciesTakenOneByOne) {
  for (const std::size_t arms : {2u, 3u}) {
    for (const std::size_t clusters : {0u, 30u}) {
      const Training training(200, arms, 50 + static_cast<int>(arms), true, clusters);
      const HonestCurve curve = must(HonestCurve::build(training.data(Score::kDr)));
      const std::vector<double> lambdas = {2.0, 0.1, kInfinity, 0.5}, extra = {1.0};  // any order
      const TestSpec test{.n = 500};
      const auto found = curve.points(lambdas, extra, test, 3);
      ASSERT_TRUE(found) << found.error().text();
      std::vector<double> all = lambdas;
      all.push_back(1.0);
      Matrix psi(200, all.size());
      for (std::size_t p = 0; p < all.size(); ++p) {
        Matrix pi;
        curve.path()->probabilities(all[p], pi);
        const std::vector<double> column = held_out_psi(curve.data(), pi);
        for (std::size_t i = 0; i < 200; ++i) psi(i, p) = column[i];
      }
      const auto expected = honest_points(curve.data(), all, psi, lambdas.size(), test, 3);
      ASSERT_TRUE(expected) << expected.error().text();
      ASSERT_EQ(found->points.size(), 5u);
      EXPECT_NEAR(found->band_quantile, expected->band_quantile, 1e-6);
      for (std::size_t p = 0; p < 5; ++p) {
        EXPECT_EQ(found->points[p].lambda, all[p]);
        EXPECT_NEAR(found->points[p].tau, expected->points[p].tau, 1e-9);
        EXPECT_NEAR(found->points[p].se, expected->points[p].se, 1e-9);
        EXPECT_NEAR(found->points[p].power_low, expected->points[p].power_low, 1e-7);
        EXPECT_NEAR(found->points[p].power_high, expected->points[p].power_high, 1e-7);
      }
    }
  }
}

TEST(HonestCurve, FillsTheFieldsOfAPointConsistently) {
  const Training training(300, 2, 60, false, 0);
  const HonestCurve curve = must(HonestCurve::build(training.data(Score::kDr)));
  const TestSpec test{.n = 75};
  const std::vector<double> lambdas = {0.5, 2.0, kInfinity};
  const auto points = curve.points(lambdas, {}, test, 0);
  ASSERT_TRUE(points);
  EXPECT_GT(points->band_quantile, 1.9);
  EXPECT_LT(points->band_quantile, 2.5);  // three strongly correlated points: between 1.96 and Bonferroni's 2.39
  for (const HonestPoint& point : points->points) {
    const Moments m = curve.at(point.lambda);
    EXPECT_NEAR(point.se_train, std::sqrt(score_variance(m) / 300), 1e-12);
    EXPECT_NEAR(point.se, 2 * point.se_train, 1e-12);
    EXPECT_NEAR(point.z, point.tau / point.se, 1e-9);
    EXPECT_NEAR(point.power, power_at(point.z, test), 1e-12);
    EXPECT_NEAR(point.tau_high - point.tau, 1.959963984540054 * point.se_train, 1e-12);
    EXPECT_NEAR(point.band_high - point.tau, points->band_quantile * point.se_train, 1e-12);
    EXPECT_LT(point.power_low, point.power);
    EXPECT_GT(point.power_high, point.power);
    if (point.z1 > 0) {
      EXPECT_NEAR(point.units_required, std::pow(z_required(0.8, test) / point.z1, 2), 1e-9 * point.units_required);
    }
  }
}

TEST(HonestCurve, HasTheBandOfOnePointWhereAllPointsAreScalingsOfOneDirection) {
  const Training training(300, 2, 61, false, 0);
  const HonestCurve curve = must(HonestCurve::build(training.data(Score::kDr)));
  const double first = *curve.path()->lambda_max_z();
  const std::vector<double> lambdas = {first, first / 2, first / 10};
  const auto points = curve.points(lambdas, {}, TestSpec{.n = 300}, 0);
  ASSERT_TRUE(points);
  EXPECT_NEAR(points->band_quantile, 1.96, 0.05);  // 10,000 draws: the quantile's standard error is .02
}

// z1 left out one unit or cluster at a time: the textbook estimate of its standard error.
double jackknife_se_of_z1(const std::vector<double>& psi, const std::vector<std::int64_t>& group, std::int64_t groups) {
  std::vector<double> z;
  for (std::int64_t g = 0; g < groups; ++g) {
    std::vector<double> rest;
    std::vector<std::int64_t> rest_group;
    for (std::size_t i = 0; i < psi.size(); ++i)
      if (group[i] != g) rest.push_back(psi[i]), rest_group.push_back(group[i]);
    const auto mean = stats::mean_with_se(rest, {}, rest_group);
    z.push_back(mean->mean / (mean->se * std::sqrt(static_cast<double>(rest.size()))));
  }
  double mean = 0, squares = 0;
  for (const double each : z) mean += each / static_cast<double>(groups);
  for (const double each : z) squares += (each - mean) * (each - mean);
  return std::sqrt(static_cast<double>(groups - 1) / static_cast<double>(groups) * squares);
}

TEST(HonestCurve, HasThePowerIntervalOfTheJackknife) {
  for (const std::size_t clusters : {0u, 100u}) {
    const Training training(600, 2, 62, false, clusters);
    const HonestCurve curve = must(HonestCurve::build(training.data(Score::kDr)));
    const TestSpec test{.n = 200};
    const std::vector<double> lambdas = {1.0};
    const auto points = curve.points(lambdas, {}, test, 0);
    ASSERT_TRUE(points);
    Matrix pi;
    curve.path()->probabilities(1.0, pi);
    const std::vector<double> psi = held_out_psi(curve.data(), pi);
    std::vector<std::int64_t> group = training.logged->cluster;
    if (group.empty())
      for (std::size_t i = 0; i < 600; ++i) group.push_back(static_cast<std::int64_t>(i));
    const double se = jackknife_se_of_z1(psi, group, clusters == 0 ? 600 : static_cast<std::int64_t>(clusters));
    const HonestPoint& point = points->points[0];
    const double z_low = (point.z1 - 1.959963984540054 * se) * std::sqrt(test.n);
    const double z_high = (point.z1 + 1.959963984540054 * se) * std::sqrt(test.n);
    // The influence function and the jackknife differ by O(1/groups) of the standard error: 4 % of a few tenths of power.
    EXPECT_NEAR(point.power_low, power_at(z_low, test), 0.02);
    EXPECT_NEAR(point.power_high, power_at(z_high, test), 0.02);
  }
}

TEST(HonestCurve, CountsDuplicatedRowsOfOneClusterOnce) {
  const Training single(120, 3, 63, false, 0);
  Training twice(240, 3, 63, false, 0);
  for (std::size_t i = 0; i < 240; ++i) {
    for (std::size_t a = 0; a < 3; ++a) {
      twice.table->e(i, a) = single.table->e(i / 2, a);
      twice.table->mu(i, a) = single.table->mu(i / 2, a);
      twice.table->var(i, a) = single.table->var(i / 2, a);
    }
    twice.logged->action[i] = single.logged->action[i / 2];
    twice.logged->outcome[i] = single.logged->outcome[i / 2];
    twice.logged->cluster.push_back(static_cast<std::int64_t>(i / 2));
  }
  const HonestCurve one = must(HonestCurve::build(single.data(Score::kDr)));
  const HonestCurve two = must(HonestCurve::build(twice.data(Score::kDr)));
  for (const double lambda : {0.2, 1.0, kInfinity}) {
    EXPECT_NEAR(two.at(lambda).tau, one.at(lambda).tau, 1e-12);
    // n SE^2 doubles with n where the standard error stays; independent rows would give 2 SE^2 (239/240)/(119/120)...
    EXPECT_NEAR(score_variance(two.at(lambda)), 2 * score_variance(one.at(lambda)), 1e-9);
    EXPECT_NEAR(two.design_effect(lambda), 2.0 * (120.0 / 119.0) / (240.0 / 239.0), 1e-9);
    EXPECT_EQ(one.design_effect(lambda), 1.0);
  }
  const Moments plugin{0.5, 1.25};
  const Moments corrected = two.with_design_effect(1.0, plugin);
  EXPECT_EQ(corrected.tau, 0.5);
  EXPECT_NEAR(score_variance(corrected), two.design_effect(1.0) * 1.0, 1e-12);
}

TEST(HonestCurve, DoesNotDependOnConstantsInTheOutcome) {
  for (const Score score : {Score::kDr, Score::kCipw}) {
    const Training before(150, 3, 64, true, 30);
    Training after = before;
    after.table = std::make_shared<Table>(*before.table);
    after.logged = std::make_shared<Logged>(*before.logged);
    for (double& y : after.logged->outcome) y += 5;
    for (double& mu : after.table->mu.values()) mu += 5;
    HonestData shifted = after.data(score);
    shifted.c0 += 5;
    const HonestCurve a = must(HonestCurve::build(before.data(score))), b = must(HonestCurve::build(shifted));
    for (const double lambda : {0.2, 2.0, kInfinity}) {
      EXPECT_NEAR(a.at(lambda).tau, b.at(lambda).tau, 1e-11);
      EXPECT_NEAR(a.at(lambda).q, b.at(lambda).q, 1e-10);
    }
  }
}

TEST(HonestCurve, GivesTheSameBitsForAnyNumberOfThreads) {
  const Training training(5000, 3, 65, true, 700);
  std::vector<HonestPoints> found;
  for (const int threads : {1, 2, 8}) {
    const ThreadLimit limit(threads);
    const HonestCurve curve = must(HonestCurve::build(training.data(Score::kDr)));
    const std::vector<double> lambdas = {0.1, 1.0, 3.0, kInfinity};
    found.push_back(*curve.points(lambdas, {}, TestSpec{.n = 1000}, 0));
  }
  for (std::size_t k = 1; k < 3; ++k) {
    EXPECT_EQ(found[k].band_quantile, found[0].band_quantile);
    for (std::size_t p = 0; p < 4; ++p) {
      EXPECT_EQ(found[k].points[p].tau, found[0].points[p].tau);
      EXPECT_EQ(found[k].points[p].power_low, found[0].points[p].power_low);
    }
  }
}

TEST(HonestCurve, FollowsTheFrontierWithoutRandomization) {
  const Training training(200, 2, 66, false, 40);
  const HonestCurve curve = must(HonestCurve::build_deterministic(training.data(Score::kDr)));
  EXPECT_EQ(curve.path(), nullptr);
  const std::vector<double> lambdas = {0.5, 3.0, kInfinity};
  const auto points = curve.points(lambdas, {}, TestSpec{.n = 200}, 0);
  ASSERT_TRUE(points);
  for (const HonestPoint& point : points->points) {
    EXPECT_NEAR(point.tau, curve.at(point.lambda).tau, 1e-9);
    EXPECT_NEAR(point.se_train, std::sqrt(score_variance(curve.at(point.lambda)) / 200), 1e-9);
  }
  // At infinity both frontiers are the greedy policy.
  EXPECT_NEAR(points->points[2].tau, must(HonestCurve::build(training.data(Score::kDr))).at(kInfinity).tau, 1e-12);
}

// b_0 and 1 - b_1 differ in the last digit for most of these propensities: taken for a difference, that has a z of size 1.
TEST(HonestCurve, WithoutRandomizationTheFirstPointIsNoDifferenceToTheBit) {
  for (const bool clustered : {false, true}) {
    const Training training(200, 2, 66, false, clustered ? 40 : 0);
    const HonestCurve curve = must(HonestCurve::build_deterministic(training.data(Score::kDr)));
    const std::vector<double> lambdas = {0.0, kInfinity};
    const TestSpec test{.n = 200};
    const auto points = curve.points(lambdas, {}, test, 0);
    ASSERT_TRUE(points);
    const HonestPoint& first = points->points[0];
    EXPECT_EQ(first.tau, 0);
    EXPECT_EQ(first.se, 0);
    EXPECT_EQ(first.z, 0);
    EXPECT_NEAR(first.power, test.alpha / 2, 1e-12);
    EXPECT_EQ(curve.at(0).tau, 0);
    EXPECT_EQ(curve.at(0).q, 0);
  }
}

TEST(HonestCurve, RefusesRowsThatDoNotFit) {
  Training training(50, 2, 67, false, 0);
  training.logged->outcome.pop_back();
  EXPECT_EQ(HonestCurve::build(training.data(Score::kDr)).error().code, ErrorCode::kInvalidArgument);
  training = Training(50, 2, 67, false, 0);
  training.logged->action[3] = 2;
  EXPECT_THAT(HonestCurve::build(training.data(Score::kDr)).error().message,
              HasSubstr("unit 3 (counted from 0) was given arm 2"));
  training = Training(50, 2, 67, false, 1);
  EXPECT_EQ(HonestCurve::build(training.data(Score::kDr)).error().code, ErrorCode::kInsufficientData);
}

TEST(PromiseGap, IsOverpromisedBeyondTwoStandardErrorsOrWhenNothingIsDelivered) {
  EXPECT_EQ(promise_gap({0.041, 0.036, 0.002}, {}).verdict, PromiseVerdict::kOverpromised);  // 2.5 standard errors
  EXPECT_EQ(promise_gap({0.041, 0.038, 0.002}, {}).verdict, PromiseVerdict::kConsistent);
  EXPECT_EQ(promise_gap({0.01, -0.001, 0.02}, {}).verdict, PromiseVerdict::kOverpromised);
  EXPECT_EQ(promise_gap({0.0, 0.0, 0.0}, {}).verdict, PromiseVerdict::kUnknown);
  const auto warning = promise_warning(promise_gap({0.2, -0.01, 0.03}, {}));
  ASSERT_TRUE(warning);
  EXPECT_EQ(warning->code, "overpromised");
  EXPECT_EQ(warning->message,
            "the models promise 0.20 per unit; on rows they have not seen the same policies deliver -0.01 +- 0.03");
  EXPECT_FALSE(promise_warning(promise_gap({0.041, 0.038, 0.002}, {})).has_value());
}

}  // namespace
}  // namespace gimbal::policy
