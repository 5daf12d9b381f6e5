#include "gimbal/policy/simulate.h"

#include <cmath>

#include "gimbal/base/parallel.h"

namespace gimbal::policy {
namespace {

SimulationSpec small() {
  SimulationSpec spec;
  spec.n_train = 200;
  spec.n_test = 300;
  spec.reps = 12;
  spec.fresh = 1000;
  spec.world.features = 3;
  return spec;
}

std::string document(const Simulation& simulation) {
  JsonWriter json;
  json.begin_object();
  write_simulation_fields(json, simulation);
  json.end_object();
  return json.take();
}

// Sample means of outcomes by arm against the stated means, over units whose covariates are held fixed.
void expect_outcomes_have_their_means(const World& world, std::uint64_t seed) {
  Stream stream(seed, "policy.test.world");
  std::vector<double> x(world.features), mu(world.arms()), e(world.arms());
  for (int unit = 0; unit < 3; ++unit) {
    world.draw_covariates(stream, x);
    world.means(x, mu);
    world.logging(x, e);
    double total = 0;
    for (const double p : e) total += p;
    EXPECT_NEAR(total, 1, 1e-15);
    for (std::size_t a = 0; a < world.arms(); ++a) {
      constexpr int kDraws = 200'000;
      double sum = 0, squares = 0;
      for (int k = 0; k < kDraws; ++k) {
        const double y = world.draw_outcome(stream, x, a);
        sum += y;
        squares += y * y;
      }
      const double mean = sum / kDraws, se = std::sqrt((squares / kDraws - mean * mean) / kDraws);
      // Five standard errors: a false alarm once in 10^6.
      EXPECT_NEAR(mean, mu[a], 5 * se) << dgp_name(world.dgp) << ", arm " << a;
    }
  }
}

TEST(World, DrawsOutcomesAroundTheMeansItStates) {
  for (const Dgp dgp : {Dgp::kLinear, Dgp::kRegions, Dgp::kNull, Dgp::kSpend}) {
    World world;
    world.dgp = dgp;
    world.features = 3;
    world.het = 0.7;
    expect_outcomes_have_their_means(world, 1);
  }
}

TEST(World, IsTheOneThatIsDocumented) {
  World linear;
  linear.features = 3;
  linear.het = 0.4;
  std::vector<double> mu(2), e(2);
  const std::vector<double> x = {1, -2, 3};
  linear.means(x, mu);
  EXPECT_DOUBLE_EQ(mu[0], 1 - 1.0);
  EXPECT_DOUBLE_EQ(mu[1] - mu[0], 0.4 * 2.5);
  linear.logging(x, e);
  EXPECT_DOUBLE_EQ(e[1], 0.5);
  linear.logistic_logging = true;
  linear.logging(x, e);
  EXPECT_DOUBLE_EQ(e[1], 1 / (1 + std::exp(0.5)));
  linear.dgp = Dgp::kNull;
  linear.means(x, mu);
  EXPECT_EQ(mu[0], mu[1]);

  World regions;
  regions.dgp = Dgp::kRegions;
  regions.het = 0.3;
  std::vector<double> three(3);
  const auto check = [&](double x1, double x2, std::size_t best, std::vector<double> logging) {
    const std::vector<double> at = {x1, x2, 0.5};
    regions.means(at, three);
    for (std::size_t a = 0; a < 3; ++a) EXPECT_DOUBLE_EQ(three[a], 1.25 + (a == best ? 0.3 : 0.0));
    regions.logging(at, three);
    EXPECT_EQ(three, logging);
  };
  check(0.3, 0.4, 0, {.2, .6, .2});
  check(0.5, 0.5, 1, {.2, .6, .2});
  check(0.7, 0.6, 2, {.4, .2, .4});

  World spend;
  spend.dgp = Dgp::kSpend;
  spend.het = 0.5;
  spend.means(x, mu);
  EXPECT_DOUBLE_EQ(mu[0], std::exp(3.5) / (1 + std::exp(3 - 0.3)));
  EXPECT_DOUBLE_EQ(mu[1], std::exp(3.5) / (1 + std::exp(3 - 0.3 + 1)));
}

TEST(Simulate, IsTheSameForAnyNumberOfThreads) {
  std::string first;
  for (const int threads : {1, 2, 8}) {
    const ThreadLimit limit(threads);
    const auto result = simulate(small());
    ASSERT_TRUE(result) << result.error().text();
    if (first.empty()) first = document(*result);
    EXPECT_EQ(document(*result), first) << threads << " threads";
  }
}

TEST(Simulate, KeysReplicationsBySeedAndNumber) {
  SimulationSpec spec = small();
  const auto twelve = simulate(spec);
  ASSERT_TRUE(twelve) << twelve.error().text();
  spec.reps = 5;
  const auto five = simulate(spec);
  ASSERT_TRUE(five) << five.error().text();
  for (std::size_t rep = 0; rep < 5; ++rep) {
    EXPECT_EQ(five->rules[2].points[rep].estimate, twelve->rules[2].points[rep].estimate);
    EXPECT_EQ(five->rules[2].points[rep].tau_true, twelve->rules[2].points[rep].tau_true);
  }
  spec.seed = 1;
  const auto other = simulate(spec);
  ASSERT_TRUE(other) << other.error().text();
  EXPECT_NE(other->rules[2].points[0].estimate, five->rules[2].points[0].estimate);
}

TEST(Simulate, SummarizesWhatTheReplicationsSay) {
  SimulationSpec spec = small();
  spec.rules = {"greedy", "honest:power:0.8"};
  const auto result = simulate(spec);
  ASSERT_TRUE(result) << result.error().text();
  ASSERT_EQ(result->rules.size(), 2u);
  for (const SimulatedRule& rule : result->rules) {
    ASSERT_EQ(rule.points.size(), spec.reps);
    double tau = 0, squares = 0, significant = 0, harmful = 0, covered = 0;
    for (const SimulatedPoint& point : rule.points) {
      tau += point.tau_true / 12;
      significant += point.significant / 12.0;
      harmful += (point.tau_true < 0) / 12.0;
      covered += point.covered / 12.0;
      EXPECT_EQ(point.covered, std::abs(point.estimate - point.tau_true) <= 1.959963984540054 * point.se);
    }
    for (const SimulatedPoint& point : rule.points) squares += (point.tau_true - tau) * (point.tau_true - tau);
    EXPECT_NEAR(rule.tau_true, tau, 1e-14);
    EXPECT_NEAR(rule.se_tau_true, std::sqrt(squares / 11 / 12), 1e-14);
    EXPECT_NEAR(rule.share_significant, significant, 1e-14);
    EXPECT_NEAR(rule.se_share_significant, std::sqrt(significant * (1 - significant) / 12), 1e-14);
    EXPECT_NEAR(rule.share_harmful, harmful, 1e-14);
    EXPECT_NEAR(rule.coverage, covered, 1e-14);
  }
  EXPECT_EQ(result->rules[0].share_reached, 1.0);  // max-tau always exists
}

TEST(Simulate, CountsARuleThatIsOutOfReachAndFallsBackToMaxZ) {
  SimulationSpec spec = small();
  spec.rules = {"plugin:power:0.999", "plugin:max-z"};
  spec.n_test = 10;  // no policy can be shown on ten units
  const auto result = simulate(spec);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->rules[0].share_reached, 0.0);
  EXPECT_EQ(result->rules[1].share_reached, 1.0);
  for (std::size_t rep = 0; rep < spec.reps; ++rep) {
    EXPECT_EQ(result->rules[0].points[rep].tau_plugin, result->rules[1].points[rep].tau_plugin);
  }
}

TEST(Simulate, RunsEveryWorldLearnerAndScore) {
  for (const Dgp dgp : {Dgp::kLinear, Dgp::kRegions, Dgp::kNull, Dgp::kSpend}) {
    for (const Score score : {Score::kIpw, Score::kCipw, Score::kSnips, Score::kDr}) {
      SimulationSpec spec = small();
      spec.reps = 2;
      spec.world.dgp = dgp;
      spec.score = score;
      spec.fit.learner = score == Score::kDr ? Learner::kAuto : Learner::kRidge;
      spec.fit.effect = score == Score::kIpw ? Effect::kDr : Effect::kT;
      spec.known_propensity = score != Score::kSnips;
      const auto result = simulate(spec);
      ASSERT_TRUE(result) << dgp_name(dgp) << " " << score_name(score) << ": " << result.error().text();
      for (const SimulatedRule& rule : result->rules) EXPECT_TRUE(std::isfinite(rule.tau_true));
    }
  }
}

TEST(Simulate, FindsNoPolicyOfTheNullWorldHarmful) {
  SimulationSpec spec = small();
  spec.world.dgp = Dgp::kNull;
  const auto result = simulate(spec);
  ASSERT_TRUE(result) << result.error().text();
  for (const SimulatedRule& rule : result->rules) {
    EXPECT_EQ(rule.tau_true, 0.0);
    EXPECT_EQ(rule.share_harmful, 0.0);
    EXPECT_GT(rule.tau_plugin, 0.0);  // the winner's curse promises something all the same
  }
}

TEST(Simulate, HasNoHonestCurveWithOneFold) {
  SimulationSpec spec = small();
  spec.fit.folds = 1;
  spec.rules = {"greedy"};
  const auto result = simulate(spec);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_FALSE(result->rules[0].tau_honest.has_value());
  EXPECT_NE(document(*result).find("\"tau_honest\":null"), std::string::npos);
  spec.rules = {"honest:max-z"};
  EXPECT_EQ(simulate(spec).error().text(), "--rule: honest:max-z needs an honest curve: --folds 2 or more");
}

TEST(Simulate, PrintsTheDocumentInItsFixedOrder) {
  SimulationSpec spec = small();
  spec.reps = 1;
  spec.rules = {"greedy"};
  auto result = simulate(spec);
  ASSERT_TRUE(result) << result.error().text();
  SimulatedRule& rule = result->rules[0];
  rule.tau_true = 0.5, rule.tau_plugin = 0.75, rule.tau_honest = 0.25, rule.share_significant = 1, rule.share_harmful = 0;
  rule.share_reached = 1, rule.coverage = 1, rule.predicted_power = 0.875, rule.se_tau_true = 0.125,
  rule.se_share_significant = 0;
  EXPECT_EQ(document(*result),
            R"({"dgp":"linear","settings":{"n_train":200,"n_test":300,"features":3,"het":0.2,"propensity":"rct",)"
            R"("known_propensity":true,"learner":"ols","effect":"t","variance":"auto","folds":5,"score":"dr","alpha":0.05,)"
            R"("side":"two","seed":0},"reps":1,"rules":[{"rule":"greedy","tau_true":0.5,"tau_plugin":0.75,"tau_honest":0.25,)"
            R"("share_significant":1,"share_harmful":0,"share_reached":1,"coverage":1,"predicted_power":0.875,)"
            R"("se":{"tau_true":0.125,"share_significant":0}}]})");
}

TEST(Simulate, RefusesWhatItCannotSimulate) {
  const auto message = [](auto&& change) {
    SimulationSpec spec = small();
    change(spec);
    const auto result = simulate(spec);
    return result ? std::string("no error") : result.error().text();
  };
  EXPECT_EQ(message([](SimulationSpec& s) { s.world.features = 2; }),
            "--features: the DGP linear needs at least 3 features, found 2");
  EXPECT_EQ(message([](SimulationSpec& s) { s.world.dgp = Dgp::kSpend, s.world.logistic_logging = true; }),
            "--propensity: logistic logging belongs to the DGPs linear and null; spend has a logging policy of its own");
  EXPECT_EQ(message([](SimulationSpec& s) { s.rules = {"best"}; }),
            "--rule: expected greedy, plugin:RULE or honest:RULE (RULE as for --select), found \"best\"");
  EXPECT_NE(message([](SimulationSpec& s) { s.rules = {"plugin:powr:0.8"}; }).find("--rule: "), std::string::npos);
  EXPECT_NE(message([](SimulationSpec& s) { s.fit.learner = Learner::kColumns; }).find("--learner: "), std::string::npos);
  const std::string few = message([](SimulationSpec& s) { s.n_train = 12; });
  EXPECT_NE(few.find("arm \""), std::string::npos) << few;
  EXPECT_NE(few.find("in replication 0 (counted from 0)"), std::string::npos) << few;
  EXPECT_EQ(parse_dgp("linar").error().text(),
            "--dgp: expected linear, regions, null, spend, found \"linar\"; did you mean \"linear\"?");
}

TEST(Simulate, StopsWhenAsked) {
  std::stop_source source;
  source.request_stop();
  SimulationHooks hooks;
  hooks.stop = source.get_token();
  const auto result = simulate(small(), hooks);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInterrupted);
}

}  // namespace
}  // namespace gimbal::policy
