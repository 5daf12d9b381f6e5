// Simulated guarantees: what the whole procedure (fit, frontier, choice, test) does where the truth is known.
#include <cmath>

#include "gimbal/policy/simulate.h"
#include "gimbal/stats/intervals.h"

namespace gimbal::policy {
namespace {

constexpr double kBandLevel = 0.999;

Simulation must_simulate(const SimulationSpec& spec) {
  auto result = simulate(spec);
  if (!result) {
    ADD_FAILURE() << result.error().text();
    return Simulation();
  }
  return std::move(*result);
}

struct Reference {
  std::string rule;
  double tau_true, tau_plugin, tau_honest, significant;
};

// 200 replications each: the reference's Monte-Carlo errors are about .03 for shares and .002 for improvements, ours too.
void expect_reference(const SimulationSpec& spec, const std::vector<Reference>& expected) {
  const Simulation simulation = must_simulate(spec);
  ASSERT_EQ(simulation.rules.size(), expected.size());
  for (std::size_t r = 0; r < expected.size(); ++r) {
    const SimulatedRule& rule = simulation.rules[r];
    SCOPED_TRACE(rule.rule);
    EXPECT_NEAR(rule.tau_true, expected[r].tau_true, .008);
    EXPECT_NEAR(rule.tau_plugin, expected[r].tau_plugin, .008);
    EXPECT_NEAR(*rule.tau_honest, expected[r].tau_honest, .008);
    EXPECT_NEAR(rule.share_significant, expected[r].significant, .08);
  }
}

SimulationSpec few_rows_many_features() {
  SimulationSpec spec;
  spec.n_train = 400;
  spec.n_test = 800;
  spec.world.features = 15;
  return spec;
}

TEST(SimulateSlow, ReproducesTheWinnersCurseOfTheReference) {
  SimulationSpec trial;
  trial.rules = {"greedy", "honest:power:0.8"};
  expect_reference(trial, {{"greedy", .0747, .1050, .0703, .905}, {"honest:power:0.8", .0687, .0981, .0706, .915}});
  SimulationSpec targeted = trial;
  targeted.n_train = 2000;
  targeted.n_test = 4000;
  targeted.world.features = 10;
  targeted.world.logistic_logging = true;
  expect_reference(targeted, {{"greedy", .0512, .0827, .0478, .905}, {"honest:power:0.8", .0474, .0767, .0495, .935}});
}

TEST(SimulateSlow, KeepsTheHonestEstimateCentredWhereThePlugInPromisesManyTimesTheTruth) {
  SimulationSpec spec = few_rows_many_features();
  spec.world.logistic_logging = true;
  spec.rules = {"greedy"};
  const Simulation simulation = must_simulate(spec);
  const SimulatedRule& greedy = simulation.rules.at(0);
  double mean = 0, squares = 0;
  const auto reps = static_cast<double>(spec.reps);
  for (const SimulatedPoint& point : greedy.points) mean += (point.tau_honest - point.tau_true) / reps;
  for (const SimulatedPoint& point : greedy.points) squares += std::pow(point.tau_honest - point.tau_true - mean, 2);
  const double se = std::sqrt(squares / (reps - 1) / reps);
  // Beyond the Monte-Carlo error: fold models see a fifth fewer rows than the policy's own.
  EXPECT_LE(std::abs(mean), 3 * se + .01);
  EXPECT_GT(greedy.tau_plugin, 5 * greedy.tau_true);
}

TEST(SimulateSlow, CutsThePromiseByShrinkingEffects) {
  SimulationSpec spec = few_rows_many_features();
  spec.reps = 100;
  spec.rules = {"greedy"};
  const auto run = [&](Learner learner, Effect effect) {
    spec.fit.learner = learner;
    spec.fit.effect = effect;
    return must_simulate(spec).rules.at(0);
  };
  const auto gap = [](const SimulatedRule& rule) { return rule.tau_plugin - rule.tau_true; };
  const SimulatedRule levels = run(Learner::kOls, Effect::kT), shrunk_levels = run(Learner::kRidge, Effect::kT);
  const SimulatedRule effects = run(Learner::kRidge, Effect::kDr);
  // The reference's figures; Monte-Carlo errors of gaps are about .004 with 100 replications each, of the truth .003.
  EXPECT_NEAR(gap(levels), .142, .015);
  EXPECT_NEAR(gap(shrunk_levels), .109, .015);
  EXPECT_NEAR(gap(effects), .043, .015);
  EXPECT_NEAR(levels.tau_true, .041, .01);
  EXPECT_NEAR(shrunk_levels.tau_true, .040, .01);
  EXPECT_NEAR(effects.tau_true, .023, .01);
  EXPECT_LT(gap(effects), gap(levels) / 2);
}

TEST(SimulateSlow, SaysBetterInTheNullWorldNoMoreOftenThanHalfAlpha) {
  SimulationSpec spec = few_rows_many_features();
  spec.world.dgp = Dgp::kNull;
  spec.world.features = 5;
  spec.reps = 2000;
  spec.rules = {"greedy", "honest:power:0.8", "plugin:max-z"};
  const Simulation simulation = must_simulate(spec);
  const stats::CountBand band = stats::binomial_band(static_cast<std::int64_t>(spec.reps), spec.alpha / 2, kBandLevel);
  for (const SimulatedRule& rule : simulation.rules) {
    const auto count = std::llround(rule.share_significant * static_cast<double>(spec.reps));
    EXPECT_LE(count, band.hi) << rule.rule;
    EXPECT_GT(count, 0) << rule.rule;  // a test that never rejects would pass for the wrong reason
    EXPECT_EQ(rule.share_harmful, 0) << rule.rule;
  }
}

TEST(SimulateSlow, CoversTheTruthWithTheTestsInterval) {
  for (const Dgp dgp : {Dgp::kLinear, Dgp::kRegions}) {
    SimulationSpec spec;
    spec.world.dgp = dgp;
    spec.world.features = 4;
    spec.world.het = dgp == Dgp::kRegions ? 0.5 : 0.2;
    spec.n_train = 400;
    spec.n_test = 1500;
    spec.reps = 2000;
    spec.rules = {"greedy", "honest:power:0.8"};
    const Simulation simulation = must_simulate(spec);
    const stats::CountBand band = stats::binomial_band(static_cast<std::int64_t>(spec.reps), 1 - spec.alpha, kBandLevel);
    for (const SimulatedRule& rule : simulation.rules) {
      const auto count = std::llround(rule.coverage * static_cast<double>(spec.reps));
      EXPECT_TRUE(band.contains(count)) << dgp_name(dgp) << ", " << rule.rule << ": " << count << " of " << spec.reps;
    }
  }
}

}  // namespace
}  // namespace gimbal::policy
