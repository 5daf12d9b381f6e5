// gimbal policy simulate: the winner's curse, and what the honest curve does about it, with known truth.
#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/base/progress.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/policy/simulate.h"

namespace gimbal::cli {
namespace {

struct Flags {
  std::string dgp = "linear", propensity = "rct", learner = "ols", effect = "t", variance = "auto", score = "dr";
  std::int64_t reps = 200, n_train = 1000, n_test = 2000, features = 5;
  int folds = 5;
  double het = 0.2;
  bool known_propensity = true;
  std::vector<std::string> rules;
  TestOptions test;
  std::optional<std::string> out;
};

Result<policy::SimulationSpec> specification(const Flags& flags, std::uint64_t seed) {
  policy::SimulationSpec spec;
  GIMBAL_TRY(spec.world.dgp, policy::parse_dgp(flags.dgp));
  if (flags.propensity != "rct" && flags.propensity != "logistic") {
    return fail_at("--propensity", ErrorCode::kUsage, "expected rct or logistic, found {}", gimbal::quoted(flags.propensity));
  }
  spec.world.logistic_logging = flags.propensity == "logistic";
  spec.world.features = static_cast<std::size_t>(flags.features);
  spec.world.het = flags.het;
  spec.n_train = static_cast<std::size_t>(flags.n_train);
  spec.n_test = static_cast<std::size_t>(flags.n_test);
  spec.reps = static_cast<std::size_t>(flags.reps);
  spec.known_propensity = flags.known_propensity;
  GIMBAL_TRY(policy::set_learner(spec.fit, flags.learner));
  GIMBAL_TRY(policy::set_effect(spec.fit, flags.effect));
  GIMBAL_TRY(policy::set_variance(spec.fit, flags.variance));
  spec.fit.folds = flags.folds;
  GIMBAL_TRY(spec.score, policy::parse_score(flags.score));
  spec.alpha = flags.test.alpha;
  GIMBAL_TRY(spec.side, parse_side(flags.test.side));
  if (!flags.rules.empty()) {
    spec.rules = flags.rules;
  } else if (flags.folds == 1) {
    std::erase_if(spec.rules, [](const std::string& rule) { return rule.starts_with("honest:"); });
  }
  spec.seed = seed;
  return spec;
}

std::string summary(const policy::Simulation& simulation) {
  const policy::SimulationSpec& spec = simulation.spec;
  std::string out = fmt::format(
      "{} world: {} replications, {} training and {} test units, {} features, {} learner\n\n", policy::dgp_name(spec.world.dgp),
      format_count(static_cast<std::int64_t>(spec.reps)), format_count(static_cast<std::int64_t>(spec.n_train)),
      format_count(static_cast<std::int64_t>(spec.n_test)), spec.world.features, spec.fit.learner_text());
  const auto percent = [](double share) { return fmt::format("{:.1f}", 100 * share); };
  TextTable table({"rule", "true", "+-", "plug-in", "honest", "shown", "+-", "foreseen", "covered", "harmful", "reached"});
  for (const policy::SimulatedRule& rule : simulation.rules) {
    table.row({rule.rule, signed_significant(rule.tau_true), format_significant(rule.se_tau_true, 1),
               signed_significant(rule.tau_plugin), rule.tau_honest ? signed_significant(*rule.tau_honest) : "-",
               percent(rule.share_significant), percent(rule.se_share_significant), percent(rule.predicted_power),
               percent(rule.coverage), percent(rule.share_harmful), percent(rule.share_reached)});
  }
  out += table.text();
  const std::string_view legend =
      "true: improvement of the chosen policy, by known means; plug-in, honest: what the two curves promise for it. In percent "
      "of the replications: shown, the test says \"better\"; foreseen, the power that the rule's curve predicts; covered, the "
      "test's interval holds the truth; harmful, the truth is below 0; reached, the rule could be met (else max-z). +-: "
      "Monte-Carlo standard errors.";
  out += "\n" + wrap_text(legend);
  return out;
}

Result<int> simulate(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(const policy::SimulationSpec spec, specification(flags, context.seed));
  Progress progress("simulating", spec.reps, context.progress_mode(), context.clock(), "replications");
  policy::SimulationHooks hooks;
  hooks.step = [&] { progress.advance(); };
  hooks.stop = context.stop();
  GIMBAL_TRY(const policy::Simulation simulation, policy::simulate(spec, hooks));
  context.lap("compute");
  forward_warnings(context, simulation.warnings);
  context.print(summary(simulation));
  DocumentWriter document("gimbal.policy.simulation/1");
  policy::write_simulation_fields(document.json(), simulation);
  GIMBAL_TRY(finish_document(context, document, flags.out));
  return 0;
}

}  // namespace

Command policy_simulate_command() {
  auto flags = std::make_shared<Flags>();
  Command command("simulate", "Show with known truth what rules promise and what they deliver.");
  command.description(
      "Draws training and test data from a world whose means are known, fits, chooses and tests, many times over: how much of "
      "the "
      "promise is real (the winner's curse), and how often the test succeeds.\n\nThe worlds (linear, regions, null, spend) are "
      "described in docs/policy.md.");
  command.option("--dgp", &flags->dgp).value("linear|regions|null|spend").help("the world that data are drawn from");
  command.option("--reps", &flags->reps).min(1).value("N").help("replications");
  command.option("--n-train", &flags->n_train).min(2).value("N").help("training units of a replication");
  command.option("--n-test", &flags->n_test).min(2).value("N").help("test units of a replication");
  command.option("--features", &flags->features).min(2).max(1000).value("D").help("covariates of a unit");
  command.option("--het", &flags->het).value("X").help("size of the effects (0: none)");
  command.option("--propensity", &flags->propensity)
      .value("rct|logistic")
      .help("logging of the linear and null worlds: a coin, or a probability that depends on the covariates");
  command.flag("--known-propensity", &flags->known_propensity)
      .negatable()
      .help("the logging probabilities are given; without: estimated by logistic regression");
  command.option("--learner", &flags->learner)
      .value("NAME")
      .help("regression of the outcome: auto, mean, ols, ridge, logistic or gbdt");
  command.option("--effect", &flags->effect)
      .value("t|dr")
      .help("differences of regressions, or regressed doubly robust contrasts");
  command.option("--variance", &flags->variance).value("NAME").help("squared prediction error: auto, arm, model or binomial");
  command.option("--folds", &flags->folds)
      .min(1)
      .max(20)
      .value("J")
      .help("parts of cross-fitting; 1: none, and no honest curve");
  command.option("--score", &flags->score).value("dr|cipw|ipw|snips").help("the score of frontier and test");
  command.option("--rule", &flags->rules)
      .whole_words()
      .value("RULE")
      .show_default("greedy, plugin:power:0.8, honest:power:0.8, honest:max-z")
      .help("greedy, plugin:RULE or honest:RULE, RULE as for --select");
  add_test_options(command, flags->test, false);
  add_out(command, &flags->out);
  command.example("gimbal policy simulate", "Two hundred small trials in a few seconds.");
  command.example("gimbal policy simulate --n-train 400 --n-test 800 --features 15 --propensity logistic",
                  "Few rows and many features: the plug-in promise is several times the truth.");
  command.run([flags](CommandContext& context) { return simulate(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
