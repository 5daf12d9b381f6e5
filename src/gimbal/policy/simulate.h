// Simulated studies with a known truth: how much of what a rule promises is real, and how often its test succeeds.
//
// Each replication draws training rows, fits the nuisance models, builds the frontier, picks a point by every rule, draws a
// test set, evaluates the policies there, and compares with the true improvement, known up to the error of 8,000 fresh units
// whose means are given. The worlds (docs/policy.md, "Simulated studies"):
//
//   linear   X ~ N(0, I), P(A=1) = 1/2 or 1/(1 + exp(-(X1 + X2)/2)), mu_0 = 1 + X2/2, effect het (X1 + X3/2), noise N(0, 1)
//   regions  three arms, X ~ U[0, 1]^d, g = 0 where X1 + X2 < 0.8, 2 where it exceeds 1.2, else 1;
//            mu_a = 1 + X3/2 + het 1{a = g}, noise sd 2; logging (.2, .6, .2) where g is 0 or 1, (.4, .2, .4) where it is 2
//   null     linear with het = 0: every "better" is an error
//   spend    P(buy) = logistic(-3 + 0.3 X1 + A het X2), amount lognormal(3, 1), P(A=1) = 1/2: most outcomes are 0
//
// Streams are keyed by (purpose, replication), so results depend on the seed alone, not on threads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/json.h"
#include "gimbal/base/random.h"
#include "gimbal/base/result.h"
#include "gimbal/base/warning.h"
#include "gimbal/policy/fit_spec.h"
#include "gimbal/policy/select.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

enum class Dgp { kLinear, kRegions, kNull, kSpend };
std::string_view dgp_name(Dgp dgp);
Result<Dgp> parse_dgp(std::string_view text);  // usage error listing the four names

// A world with known means. Units have `features` covariates.
struct World {
  Dgp dgp = Dgp::kLinear;
  std::size_t features = 5;
  double het = 0.2;               // size of the effects
  bool logistic_logging = false;  // linear and null: the logging policy depends on X

  std::size_t arms() const { return dgp == Dgp::kRegions ? 3 : 2; }
  std::size_t fewest_features() const { return dgp == Dgp::kSpend ? 2 : 3; }
  void draw_covariates(Stream& stream, std::span<double> x) const;     // `features` draws
  void logging(std::span<const double> x, std::span<double> e) const;  // K probabilities
  void means(std::span<const double> x, std::span<double> mu) const;   // K true means
  double draw_outcome(Stream& stream, std::span<const double> x, std::size_t arm) const;
};

// How a rule picks its point: "greedy" (the largest plug-in improvement), or a rule of select.h on either curve.
struct SimulationRule {
  std::string text;  // "honest:power:0.8"
  CurveKind curve = CurveKind::kPlugin;
  SelectRule rule;
};
Result<SimulationRule> parse_simulation_rule(std::string_view text);  // "greedy", "plugin:RULE", "honest:RULE"

struct SimulationSpec {
  World world;
  std::size_t n_train = 1000, n_test = 2000, reps = 200;
  std::size_t fresh = 8000;      // units of the true improvement
  bool known_propensity = true;  // false: estimated by logistic regression
  FitSpec fit = default_fit();   // its seed is not used
  Score score = Score::kDr;      // of the frontier and the primary one of the test
  double alpha = 0.05;
  Side side = Side::kTwo;
  std::vector<std::string> rules = {"greedy", "plugin:power:0.8", "honest:power:0.8", "honest:max-z"};
  std::uint64_t seed = 0;

  static FitSpec default_fit();  // least squares, five folds
};

// One replication of one rule.
struct SimulatedPoint {
  double tau_true = 0, tau_plugin = 0;
  double tau_honest = 0;        // NaN without an honest curve
  double estimate = 0, se = 0;  // on the test set
  double predicted_power = 0;   // on the rule's curve
  bool reached = false;         // false: the point is max-z of the rule's curve
  bool significant = false;     // the verdict is "better"
  bool covered = false;         // the test's interval holds tau_true
};

// Shares and means over the replications; se_...: their Monte-Carlo standard errors.
struct SimulatedRule {
  std::string rule;
  double tau_true = 0, tau_plugin = 0;
  std::optional<double> tau_honest;
  double share_significant = 0, share_harmful = 0, share_reached = 0;  // harmful: tau_true < 0
  double coverage = 0, predicted_power = 0;
  double se_tau_true = 0, se_share_significant = 0;
  std::vector<SimulatedPoint> points;  // one a replication
};

struct Simulation {
  SimulationSpec spec;
  std::vector<SimulatedRule> rules;
  std::vector<Warning> warnings;
};

struct SimulationHooks {
  std::function<void()> step;  // a replication is done; any thread
  StopToken stop;
};

// Replications run in parallel. Errors: usage (rules, too few features, honest rules with one fold, columns as learner), those
// of the fits (an arm too small), interrupted.
Result<Simulation> simulate(const SimulationSpec& spec, const SimulationHooks& hooks = {});

// "dgp" ... "rules" of gimbal.policy.simulation/1, into the object that is open.
void write_simulation_fields(JsonWriter& json, const Simulation& simulation);

}  // namespace gimbal::policy
