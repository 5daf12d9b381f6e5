// Simulated guarantees of the evaluation: counts over many test sets must lie inside their binomial bands at 99.9 %.
#include <cmath>

#include "gimbal/base/parallel.h"
#include "gimbal/base/random.h"
#include "gimbal/policy/evaluate.h"
#include "gimbal/policy/path.h"
#include "gimbal/stats/intervals.h"

namespace gimbal::policy {
namespace {

constexpr double kBandLevel = 0.999;

// A test set of n units with K arms: covariate x in [0, 1], e in [.2, .8], outcomes bounded by construction. The policy leans
// to the last arm where x is large; predictions are off on purpose (estimates must not need them to be right).
struct World {
  std::size_t arms = 2;
  double effect = 0.3;

  double mean(double x, std::size_t a) const {
    return 0.5 + 0.2 * x + effect * static_cast<double>(a) * (x - 0.4) / static_cast<double>(arms);
  }
  void probabilities(double x, std::span<double> e, std::span<double> pi) const {
    double total_e = 0, total_pi = 0;
    for (std::size_t a = 0; a < arms; ++a) {
      total_e += e[a] = 1 + 0.5 * std::sin(6 * x + static_cast<double>(a));
      total_pi += pi[a] = 0.1 + x * static_cast<double>(a) + (1 - x) * static_cast<double>(arms - 1 - a);
    }
    for (std::size_t a = 0; a < arms; ++a)
      e[a] = 0.2 + (1 - 0.2 * static_cast<double>(arms)) * e[a] / total_e, pi[a] /= total_pi;
  }
  // E over x ~ U[0, 1] by the midpoint rule.
  double improvement() const {
    std::vector<double> e(arms), pi(arms);
    double sum = 0;
    const int cells = 200'000;
    for (int k = 0; k < cells; ++k) {
      const double x = (k + 0.5) / cells;
      probabilities(x, e, pi);
      for (std::size_t a = 0; a < arms; ++a) sum += (pi[a] - e[a]) * mean(x, a);
    }
    return sum / cells;
  }
};

struct TestSet {
  Logged logged;
  Matrix pi, e, mu;

  TestSet(const World& world, std::size_t n, Stream stream) : pi(n, world.arms), e(n, world.arms), mu(n, world.arms) {
    for (std::size_t i = 0; i < n; ++i) {
      const double x = stream.uniform();
      world.probabilities(x, e.row(i), pi.row(i));
      for (std::size_t a = 0; a < world.arms; ++a) mu(i, a) = 0.4 + 0.5 * x * x * static_cast<double>(a);
      const std::size_t a = stream.categorical(e.row(i));
      logged.action.push_back(static_cast<int>(a));
      logged.outcome.push_back(world.mean(x, a) + stream.uniform() - 0.5);
    }
  }
  TestedPolicy policy() const {
    TestedPolicy out;
    out.name = "p";
    out.pi = &pi, out.e = &e, out.mu = &mu, out.c0 = 0.6;
    return out;
  }
};

// Runs body(rep) for all repetitions on the pool.
void repeat(std::size_t reps, const std::function<void(std::size_t)>& body) {
  parallel_for(reps, 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t rep = begin; rep < end; ++rep) body(rep);
  });
}

TEST(EvaluateSlow, CoversTheTrueImprovementWithAllFourScores) {
  constexpr std::size_t kReps = 4000;
  for (const std::size_t arms : {2u, 3u}) {
    const World world{arms, 0.3};
    const double truth = world.improvement();
    std::vector<std::array<int, 4>> covered(kReps);
    repeat(kReps, [&](std::size_t rep) {
      const TestSet set(world, 2000, Stream(0, "policy.test.coverage", arms, rep));
      const auto result = evaluate(set.logged, {}, {{set.policy()}}, EvaluationSpec{});
      for (std::size_t s = 0; s < 4; ++s) {
        const Estimate& estimate = *result->policies[0].estimates[s];
        covered[rep][s] = estimate.ci_low <= truth && truth <= estimate.ci_high;
      }
    });
    const stats::CountBand band = stats::binomial_band(kReps, 0.95, kBandLevel);
    for (std::size_t s = 0; s < 4; ++s) {
      std::int64_t count = 0;
      for (const auto& each : covered) count += each[s];
      EXPECT_TRUE(band.contains(count)) << arms << " arms, " << score_name(static_cast<Score>(s)) << ": " << count << " of "
                                        << kReps;
    }
  }
}

TEST(EvaluateSlow, SaysBetterNoMoreOftenThanHalfAlphaWhenNothingHelps) {
  constexpr std::size_t kReps = 4000;
  const World null_world{2, 0.0};
  std::vector<std::array<int, 4>> better(kReps);
  repeat(kReps, [&](std::size_t rep) {
    const TestSet set(null_world, 1000, Stream(0, "policy.test.null", rep));
    for (std::size_t s = 0; s < 4; ++s) {
      EvaluationSpec spec;
      spec.primary = static_cast<Score>(s);
      better[rep][s] = evaluate(set.logged, {}, {{set.policy()}}, spec)->policies[0].verdict == Verdict::kBetter;
    }
  });
  const stats::CountBand band = stats::binomial_band(kReps, 0.025, kBandLevel);
  for (std::size_t s = 0; s < 4; ++s) {
    std::int64_t count = 0;
    for (const auto& each : better) count += each[s];
    EXPECT_LE(count, band.hi) << score_name(static_cast<Score>(s));
    EXPECT_GT(count, 0);  // a test that never rejects would pass for the wrong reason
  }
}

TEST(EvaluateSlow, KeepsTheFamilyWiseErrorOfFivePoliciesAtAlpha) {
  constexpr std::size_t kReps = 4000;
  const World null_world{2, 0.0};
  std::vector<int> holm(kReps), plain(kReps);
  repeat(kReps, [&](std::size_t rep) {
    const TestSet set(null_world, 500, Stream(0, "policy.test.family", rep));
    // Five policies that differ in where they lean to arm 1, hence nearly independent tests.
    std::vector<Matrix> pi(5, set.e);
    for (std::size_t i = 0; i < 500; ++i) pi[i % 5](i, 0) = 0, pi[i % 5](i, 1) = 1;
    std::vector<TestedPolicy> policies(5, set.policy());
    for (std::size_t k = 0; k < 5; ++k) policies[k].pi = &pi[k];
    for (const Adjust adjust : {Adjust::kHolm, Adjust::kNone}) {
      EvaluationSpec spec;
      spec.adjust = adjust;
      const auto result = evaluate(set.logged, {}, policies, spec);
      int any = 0;
      for (const auto& policy : result->policies) any |= policy.verdict != Verdict::kInconclusive;
      (adjust == Adjust::kHolm ? holm : plain)[rep] = any;
    }
  });
  std::int64_t with = 0, without = 0;
  for (std::size_t rep = 0; rep < kReps; ++rep) with += holm[rep], without += plain[rep];
  EXPECT_LE(with, stats::binomial_band(kReps, 0.05, kBandLevel).hi);
  EXPECT_GT(with, kReps / 50);
  EXPECT_GT(without, kReps / 6);  // 1 - .95^5 = 23 %: the adjustment is what does it
}

// Villages of ten: arms are drawn a village at a time, and outcomes share a village effect with intra-cluster correlation .3.
TEST(EvaluateSlow, CoversWithClustersAndFailsWithoutThem) {
  constexpr std::size_t kReps = 4000, kClusters = 200, kSize = 10, kN = kClusters * kSize;
  const double truth = 0.25 * 0.2;  // D_1 is .5 in every second village; the effect is .2
  std::vector<std::array<int, 8>> covered(kReps);
  repeat(kReps, [&](std::size_t rep) {
    Stream stream(0, "policy.test.clusters", rep);
    Logged logged;
    Matrix pi(kN, 2), e(kN, 2, 0.5), mu(kN, 2, 0.0);
    for (std::size_t g = 0; g < kClusters; ++g) {
      const bool treated = stream.bernoulli(0.5), chosen = stream.bernoulli(0.5);
      const double village = std::sqrt(0.3) * std::sqrt(12.0) * (stream.uniform() - 0.5);
      for (std::size_t m = 0; m < kSize; ++m) {
        const std::size_t i = g * kSize + m;
        pi(i, 1) = chosen ? 1.0 : 0.5, pi(i, 0) = 1 - pi(i, 1);
        mu(i, 1) = 0.1;  // half of the true effect
        logged.action.push_back(treated);
        logged.outcome.push_back(0.2 * treated + village + std::sqrt(0.7) * std::sqrt(12.0) * (stream.uniform() - 0.5));
        logged.cluster.push_back(static_cast<std::int64_t>(g));
      }
    }
    TestedPolicy policy;
    policy.name = "p";
    policy.pi = &pi, policy.e = &e, policy.mu = &mu, policy.c0 = 0.1;
    const auto with = evaluate(logged, {}, {{policy}}, EvaluationSpec{});
    logged.cluster.clear();
    const auto without = evaluate(logged, {}, {{policy}}, EvaluationSpec{});
    for (std::size_t s = 0; s < 4; ++s) {
      const Estimate& a = *with->policies[0].estimates[s];
      const Estimate& b = *without->policies[0].estimates[s];
      covered[rep][s] = a.ci_low <= truth && truth <= a.ci_high;
      covered[rep][4 + s] = b.ci_low <= truth && truth <= b.ci_high;
    }
  });
  const stats::CountBand band = stats::binomial_band(kReps, 0.95, kBandLevel);
  for (std::size_t s = 0; s < 4; ++s) {
    std::int64_t with = 0, without = 0;
    for (const auto& each : covered) with += each[s], without += each[4 + s];
    EXPECT_TRUE(band.contains(with)) << score_name(static_cast<Score>(s)) << ": " << with;
    EXPECT_LT(without, static_cast<std::int64_t>(kReps * 9 / 10)) << score_name(static_cast<Score>(s));
  }
}

// The frontier's promise with true nuisances is the power of the later test, for each score that the frontier optimizes.
TEST(EvaluateSlow, RealizesThePowerThatTheFrontierPredicts) {
  constexpr std::size_t kPopulation = 400, kReps = 20'000, kTest = 400;
  for (const Score score : {Score::kCipw, Score::kDr}) {
    auto table = std::make_shared<Table>();
    table->arms = {"0", "1", "2"};
    table->e = table->mu = table->var = Matrix(kPopulation, 3);
    Stream make(0, "policy.test.power.population");
    for (std::size_t i = 0; i < kPopulation; ++i) {
      double total = 0;
      for (std::size_t a = 0; a < 3; ++a) {
        total += table->e(i, a) = 0.5 + make.uniform();
        table->mu(i, a) = 1 + 0.2 * make.normal();  // power between .5 and .9, where a wrong promise would show
        table->var(i, a) = 0.5 + 0.5 * static_cast<double>(a);
      }
      for (std::size_t a = 0; a < 3; ++a) table->e(i, a) /= total;
    }
    const double c0 = 1.0;
    const auto path = FrontierPath::build(table, PathSpec{score, c0, {}});
    ASSERT_TRUE(path) << path.error().text();
    const TestSpec test{.n = kTest};
    for (const double share : {0.02, 0.3, 0.9}) {
      const double lambda = *path->lambda_saturated(share);
      Matrix pi;
      path->probabilities(lambda, pi);
      const double predicted = power_at(z1(path->at(lambda)) * std::sqrt(test.n), test);
      std::vector<int> significant(kReps);
      repeat(kReps, [&](std::size_t rep) {
        Stream stream(0, "policy.test.power", static_cast<int>(score), share, rep);
        Logged logged;
        std::vector<std::size_t> rows(kTest);
        for (std::size_t k = 0; k < kTest; ++k) {
          const std::size_t i = rows[k] = stream.below(kPopulation);
          const std::size_t a = stream.categorical(table->e.row(i));
          logged.action.push_back(static_cast<int>(a));
          logged.outcome.push_back(table->mu(i, a) + std::sqrt(table->var(i, a) * 12) * (stream.uniform() - 0.5));
        }
        const Matrix pi_rows = pi.select_rows(rows), e_rows = table->e.select_rows(rows), mu_rows = table->mu.select_rows(rows);
        TestedPolicy policy;
        policy.name = "p";
        policy.pi = &pi_rows, policy.e = &e_rows, policy.mu = &mu_rows, policy.c0 = c0;
        EvaluationSpec spec;
        spec.primary = score;
        significant[rep] = evaluate(logged, {}, {{policy}}, spec)->policies[0].verdict == Verdict::kBetter;
      });
      double realized = 0;
      for (const int each : significant) realized += each / static_cast<double>(kReps);
      EXPECT_NEAR(realized, predicted, 0.03) << score_name(score) << " at lambda " << lambda;
      EXPECT_GT(predicted, 0.2);
      EXPECT_LT(predicted, 0.98);
    }
  }
}

}  // namespace
}  // namespace gimbal::policy
