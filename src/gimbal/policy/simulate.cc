#include "gimbal/policy/simulate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/learn/gbdt.h"
#include "gimbal/policy/crossfit.h"
#include "gimbal/policy/evaluate.h"
#include "gimbal/policy/frontier.h"
#include "gimbal/policy/policy_file.h"

namespace gimbal::policy {
namespace {

constexpr std::array<std::string_view, 4> kDgpNames = {"linear", "regions", "null", "spend"};
constexpr std::string_view kPropensityPrefix = "e_";
constexpr double kLogSpend = 3.0, kLogSpendSd = 1.0;  // amount ~ lognormal(3, 1)

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

// The arm that is best in a unit's region of the world `regions`.
std::size_t region(std::span<const double> x) {
  const double sum = x[0] + x[1];
  return sum < 0.8 ? 0 : sum > 1.2 ? 2 : 1;
}

double purchase_probability(const World& world, std::span<const double> x, std::size_t arm) {
  return logistic(-3 + 0.3 * x[0] + (arm == 1 ? world.het * x[1] : 0.0));
}

std::vector<std::string> arm_names(std::size_t arms) {
  std::vector<std::string> names;
  for (std::size_t a = 0; a < arms; ++a) names.push_back(std::to_string(a));
  return names;
}

// Units drawn from a world. Without outcomes only x, e and the true means are filled.
struct Sample {
  Matrix x, e, mu;
  Logged logged;

  Sample(const World& world, std::size_t n, Stream stream, bool outcomes)
      : x(n, world.features), e(n, world.arms()), mu(n, world.arms()) {
    for (std::size_t i = 0; i < n; ++i) {
      world.draw_covariates(stream, x.row(i));
      world.logging(x.row(i), e.row(i));
      world.means(x.row(i), mu.row(i));
      if (!outcomes) continue;
      const std::size_t arm = stream.categorical(e.row(i));
      logged.action.push_back(static_cast<int>(arm));
      logged.outcome.push_back(world.draw_outcome(stream, x.row(i), arm));
    }
  }

  // The columns that models read: x1, x2, ... and the logging probabilities.
  data::DataTable table() const {
    data::DataTable out("simulated data");
    for (std::size_t j = 0; j < x.cols(); ++j) out.add_numbers(fmt::format("x{}", j + 1), x.column(j));
    for (std::size_t a = 0; a < e.cols(); ++a) out.add_numbers(fmt::format("{}{}", kPropensityPrefix, a), e.column(a));
    return out;
  }

  LoggedData logged_data(bool known_propensity) const {
    LoggedData out;
    out.table = table();
    out.arms = arm_names(e.cols());
    out.logged = logged;
    out.raw_outcome = logged.outcome;
    out.arm_cost.assign(e.cols(), 0.0);
    if (known_propensity) out.e = e;
    return out;
  }
};

class Replication {
 public:
  Replication(const SimulationSpec& spec, std::span<const SimulationRule> rules, std::size_t rep)
      : spec_(spec), rules_(rules), rep_(rep) {}

  Result<std::vector<SimulatedPoint>> run() {
    GIMBAL_TRY(fit());
    GIMBAL_TRY(draw_units());
    std::vector<SimulatedPoint> points;
    for (const SimulationRule& rule : rules_) {
      GIMBAL_TRY(SimulatedPoint point, try_rule(rule));
      points.push_back(point);
    }
    return points;
  }

 private:
  Stream stream(std::string_view purpose) const { return Stream(spec_.seed, "policy.simulate", purpose, rep_); }

  Result<void> fit() {
    const Sample sample(spec_.world, spec_.n_train, stream("train"), true);
    DataFlags flags;
    flags.outcome = "y";
    flags.action = "a";
    flags.propensity = spec_.known_propensity ? PropensitySpec{PropensitySpec::Kind::kColumns, std::string(kPropensityPrefix)}
                                              : PropensitySpec{PropensitySpec::Kind::kLogistic, ""};
    for (std::size_t j = 0; j < spec_.world.features; ++j) flags.features.push_back(fmt::format("x{}", j + 1));
    FitSpec fit = spec_.fit;
    fit.seed = stream("fit").next() >> 1;  // folds of their own; stays in the range of a signed integer
    GIMBAL_TRY(CrossfitResult fitted, crossfit(sample.logged_data(spec_.known_propensity), flags, fit));
    FrontierInput input;
    input.population = std::make_shared<const Table>(fitted.nuisance.full_table());
    if (fit.folds > 1) {
      input.training = std::make_shared<const Table>(fitted.nuisance.table);
      input.logged = std::make_shared<const Logged>(*fitted.nuisance.logged);
    }
    FrontierOptions options;
    options.score = spec_.score;
    options.c0 = fitted.model.c0;
    options.test = {static_cast<double>(spec_.n_test), spec_.alpha, spec_.side};
    GIMBAL_TRY(Frontier frontier, Frontier::build(std::move(input), std::move(options)));
    frontier_.emplace(std::move(frontier));
    model_ = std::move(fitted.model);
    return {};
  }

  Result<void> draw_units() {
    test_.emplace(spec_.world, spec_.n_test, stream("test"), true);
    fresh_.emplace(spec_.world, spec_.fresh, stream("fresh"), false);
    GIMBAL_TRY(test_nuisances_, nuisances_of(*test_));
    GIMBAL_TRY(fresh_nuisances_, nuisances_of(*fresh_));
    return {};
  }

  Result<std::shared_ptr<const Table>> nuisances_of(const Sample& sample) const {
    GIMBAL_TRY(Predictions predicted, model_.predict(sample.table(), data::UnknownCategory::kError));
    return std::make_shared<const Table>(std::move(predicted.table));
  }

  // The point of a rule; where it cannot be met, the point of the same curve that is easiest to prove. Where no effect is
  // predicted every lambda is the baseline.
  Result<Choice> pick(const SimulationRule& rule) const {
    if (frontier_->moves_nobody()) {
      Choice baseline;
      baseline.reached = rule.rule.kind == SelectRule::Kind::kMaxTau;
      baseline.lambda = kInfinity;
      baseline.power = power_at(0, frontier_->options().test);
      return baseline;
    }
    GIMBAL_TRY(Choice choice, frontier_->choose(rule.rule, rule.curve));
    if (choice.reached) return choice;
    GIMBAL_TRY(Choice fallback, frontier_->choose({SelectRule::Kind::kMaxZ, 0, "", "max-z"}, rule.curve));
    fallback.reached = false;
    return fallback;
  }

  Result<SimulatedPoint> try_rule(const SimulationRule& rule) const {
    GIMBAL_TRY(const Choice choice, pick(rule));
    SimulatedPoint out;
    out.reached = choice.reached;
    out.predicted_power = choice.power;
    GIMBAL_TRY(const Moments plugin, frontier_->plugin_at(choice.lambda));
    out.tau_plugin = plugin.tau;
    out.tau_honest = std::numeric_limits<double>::quiet_NaN();
    if (frontier_->has_honest()) {
      GIMBAL_TRY(const Moments honest, frontier_->honest_at(choice.lambda));
      out.tau_honest = honest.tau;
    }

    PolicyFile policy;
    policy.arms = model_.arms;
    policy.lambda = policy.effective_lambda = choice.lambda;
    policy.score = spec_.score;
    policy.centre = frontier_->centre();
    GIMBAL_TRY(const Matrix fresh_pi, policy_probabilities(policy, fresh_nuisances_, nullptr, data::UnknownCategory::kError));
    NeumaierSum tau;
    for (std::size_t i = 0; i < spec_.fresh; ++i) {
      // Against the first arm: rounding then makes no policy of the null world harmful.
      for (std::size_t a = 1; a < policy.arms.size(); ++a) {
        tau += (fresh_pi(i, a) - fresh_nuisances_->e(i, a)) * (fresh_->mu(i, a) - fresh_->mu(i, 0));
      }
    }
    out.tau_true = tau.value() / static_cast<double>(spec_.fresh);

    GIMBAL_TRY(const Matrix pi, policy_probabilities(policy, test_nuisances_, nullptr, data::UnknownCategory::kError));
    TestedPolicy tested;
    tested.name = rule.text;
    tested.pi = &pi;
    tested.e = &test_nuisances_->e;
    tested.mu = &test_nuisances_->mu;
    tested.c0 = model_.c0;
    EvaluationSpec evaluation;
    evaluation.primary = spec_.score;
    evaluation.alpha = spec_.alpha;
    evaluation.side = spec_.side;
    evaluation.arms = policy.arms;
    GIMBAL_TRY(const Evaluation result, evaluate(test_->logged, {}, {{tested}}, evaluation));
    const PolicyEvaluation& only = result.policies.front();
    const Estimate& estimate = *only.estimates[static_cast<std::size_t>(spec_.score)];
    out.estimate = estimate.tau;
    out.se = estimate.se;
    out.significant = only.verdict == Verdict::kBetter;
    out.covered = estimate.ci_low <= out.tau_true && out.tau_true <= estimate.ci_high;
    return out;
  }

  const SimulationSpec& spec_;
  std::span<const SimulationRule> rules_;
  std::size_t rep_;
  Model model_;
  std::optional<Frontier> frontier_;
  std::optional<Sample> test_, fresh_;
  std::shared_ptr<const Table> test_nuisances_, fresh_nuisances_;
};

Result<void> check(const SimulationSpec& spec, std::span<const SimulationRule> rules) {
  const World& world = spec.world;
  if (world.features < world.fewest_features()) {
    return fail_at("--features", ErrorCode::kUsage, "the DGP {} needs at least {} features, found {}", dgp_name(world.dgp),
                   world.fewest_features(), world.features);
  }
  if (world.logistic_logging && (world.dgp == Dgp::kRegions || world.dgp == Dgp::kSpend)) {
    return fail_at("--propensity", ErrorCode::kUsage,
                   "logistic logging belongs to the DGPs linear and null; {} has a logging policy of its own",
                   dgp_name(world.dgp));
  }
  if (spec.reps < 1) return fail_at("--reps", ErrorCode::kUsage, "expected an integer of at least 1, found {}", spec.reps);
  if (spec.n_train < 2 || spec.n_test < 2) {
    return fail_at(spec.n_train < 2 ? "--n-train" : "--n-test", ErrorCode::kUsage,
                   "expected an integer of at least 2, found {}", std::min(spec.n_train, spec.n_test));
  }
  if (spec.fit.learner == Learner::kColumns || spec.fit.variance == VarianceKind::kColumns) {
    return fail_at(spec.fit.learner == Learner::kColumns ? "--learner" : "--variance", ErrorCode::kUsage,
                   "simulated data hold no columns of predictions; name a learner that is fitted");
  }
  for (const SimulationRule& rule : rules) {
    if (rule.curve == CurveKind::kHonest && spec.fit.folds == 1) {
      return fail_at("--rule", ErrorCode::kUsage, "{} needs an honest curve: --folds 2 or more", rule.text);
    }
  }
  return {};
}

template <typename Value>
double mean_of(const SimulatedRule& rule, Value&& value) {
  NeumaierSum sum;
  for (const SimulatedPoint& point : rule.points) sum += static_cast<double>(value(point));
  return sum.value() / static_cast<double>(rule.points.size());
}

void summarize_rule(SimulatedRule& rule) {
  const auto reps = static_cast<double>(rule.points.size());
  rule.tau_true = mean_of(rule, [](const SimulatedPoint& p) { return p.tau_true; });
  rule.tau_plugin = mean_of(rule, [](const SimulatedPoint& p) { return p.tau_plugin; });
  const double honest = mean_of(rule, [](const SimulatedPoint& p) { return p.tau_honest; });
  if (std::isfinite(honest)) rule.tau_honest = honest;
  rule.share_significant = mean_of(rule, [](const SimulatedPoint& p) { return p.significant; });
  rule.share_harmful = mean_of(rule, [](const SimulatedPoint& p) { return p.tau_true < 0; });
  rule.share_reached = mean_of(rule, [](const SimulatedPoint& p) { return p.reached; });
  rule.coverage = mean_of(rule, [](const SimulatedPoint& p) { return p.covered; });
  rule.predicted_power = mean_of(rule, [](const SimulatedPoint& p) { return p.predicted_power; });
  rule.se_share_significant = std::sqrt(rule.share_significant * (1 - rule.share_significant) / reps);
  const double square =
      mean_of(rule, [&](const SimulatedPoint& p) { return (p.tau_true - rule.tau_true) * (p.tau_true - rule.tau_true); });
  rule.se_tau_true = reps > 1 ? std::sqrt(square / (reps - 1)) : 0.0;
}

}  // namespace

std::string_view dgp_name(Dgp dgp) { return kDgpNames[static_cast<std::size_t>(dgp)]; }

Result<Dgp> parse_dgp(std::string_view text) {
  const auto at = std::ranges::find(kDgpNames, text);
  if (at != kDgpNames.end()) return static_cast<Dgp>(at - kDgpNames.begin());
  const std::vector<std::string> names(kDgpNames.begin(), kDgpNames.end());
  return fail_at("--dgp", ErrorCode::kUsage, "expected {}, found {}{}", join(names, ", "), gimbal::quoted(text),
                 did_you_mean(text, names));
}

void World::draw_covariates(Stream& stream, std::span<double> x) const {
  for (double& value : x) value = dgp == Dgp::kRegions ? stream.uniform() : stream.normal();
}

void World::logging(std::span<const double> x, std::span<double> e) const {
  if (dgp == Dgp::kRegions) {
    const bool last = region(x) == 2;
    e[0] = e[2] = last ? 0.4 : 0.2;
    e[1] = last ? 0.2 : 0.6;
    return;
  }
  e[1] = logistic_logging ? logistic((x[0] + x[1]) / 2) : 0.5;
  e[0] = 1 - e[1];
}

void World::means(std::span<const double> x, std::span<double> mu) const {
  if (dgp == Dgp::kRegions) {
    for (std::size_t a = 0; a < mu.size(); ++a) mu[a] = 1 + x[2] / 2 + (a == region(x) ? het : 0.0);
  } else if (dgp == Dgp::kSpend) {
    const double amount = std::exp(kLogSpend + kLogSpendSd * kLogSpendSd / 2);
    for (std::size_t a = 0; a < mu.size(); ++a) mu[a] = amount * purchase_probability(*this, x, a);
  } else {
    mu[0] = 1 + x[1] / 2;
    mu[1] = mu[0] + (dgp == Dgp::kNull ? 0.0 : het * (x[0] + x[2] / 2));
  }
}

double World::draw_outcome(Stream& stream, std::span<const double> x, std::size_t arm) const {
  if (dgp == Dgp::kSpend) {
    const bool buys = stream.bernoulli(purchase_probability(*this, x, arm));
    const double amount = std::exp(kLogSpend + kLogSpendSd * stream.normal());
    return buys ? amount : 0.0;
  }
  std::array<double, 3> mu{};
  means(x, std::span<double>(mu).first(arms()));
  return mu[arm] + (dgp == Dgp::kRegions ? 2.0 : 1.0) * stream.normal();
}

Result<SimulationRule> parse_simulation_rule(std::string_view text) {
  SimulationRule out;
  out.text = text;
  if (text == "greedy") {
    GIMBAL_TRY(out.rule, parse_select_rule("max-tau"));
    return out;
  }
  constexpr std::string_view kPlugin = "plugin:", kHonest = "honest:";
  if (!text.starts_with(kPlugin) && !text.starts_with(kHonest)) {
    return fail_at("--rule", ErrorCode::kUsage, "expected greedy, plugin:RULE or honest:RULE (RULE as for --select), found {}",
                   gimbal::quoted(text));
  }
  out.curve = text.starts_with(kPlugin) ? CurveKind::kPlugin : CurveKind::kHonest;
  Result<SelectRule> rule = parse_select_rule(text.substr(kPlugin.size()));
  if (!rule) {
    Error error = std::move(rule).error();
    error.where = "--rule";
    return fail(std::move(error));
  }
  out.rule = std::move(*rule);
  return out;
}

FitSpec SimulationSpec::default_fit() {
  FitSpec fit;
  fit.learner = Learner::kOls;
  return fit;
}

Result<Simulation> simulate(const SimulationSpec& spec, const SimulationHooks& hooks) {
  std::vector<SimulationRule> rules;
  for (const std::string& text : spec.rules) {
    GIMBAL_TRY(SimulationRule rule, parse_simulation_rule(text));
    rules.push_back(std::move(rule));
  }
  GIMBAL_TRY(check(spec, rules));
  std::vector<Result<std::vector<SimulatedPoint>>> results(spec.reps);
  const bool finished = parallel_for(spec.reps, 1, hooks.stop, [&](std::size_t begin, std::size_t end) {
    for (std::size_t rep = begin; rep < end; ++rep) {
      results[rep] = Replication(spec, rules, rep).run();
      if (hooks.step) hooks.step();
    }
  });
  if (!finished) return fail(ErrorCode::kInterrupted, "interrupted while replications were running; nothing was written");

  Simulation out;
  out.spec = spec;
  for (const SimulationRule& rule : rules) {
    out.rules.emplace_back();
    out.rules.back().rule = rule.text;
  }
  for (std::size_t rep = 0; rep < spec.reps; ++rep) {
    if (!results[rep])
      return fail(std::move(results[rep]).error().with_note(fmt::format("in replication {} (counted from 0)", rep)));
    for (std::size_t r = 0; r < rules.size(); ++r) out.rules[r].points.push_back((*results[rep])[r]);
  }
  for (SimulatedRule& rule : out.rules) summarize_rule(rule);
  if (spec.fit.learner == Learner::kAuto && !learn::gbdt_available()) {
    out.warnings.push_back(
        {"gbdt_unavailable", "XGBoost was not found (package libxgboost-dev): auto compares mean and linear models only", {}});
  }
  return out;
}

void write_simulation_fields(JsonWriter& json, const Simulation& simulation) {
  const SimulationSpec& spec = simulation.spec;
  const World& world = spec.world;
  json.field("dgp", dgp_name(world.dgp)).key("settings").begin_object();
  json.field("n_train", static_cast<std::int64_t>(spec.n_train)).field("n_test", static_cast<std::int64_t>(spec.n_test));
  json.field("features", static_cast<std::int64_t>(world.features)).field("het", world.dgp == Dgp::kNull ? 0.0 : world.het);
  json.field("propensity", world.logistic_logging ? "logistic" : "rct").field("known_propensity", spec.known_propensity);
  json.field("learner", spec.fit.learner_text()).field("effect", spec.fit.effect == Effect::kT ? "t" : "dr");
  json.field("variance", spec.fit.variance_text()).field("folds", spec.fit.folds).field("score", score_name(spec.score));
  json.field("alpha", spec.alpha).field("side", spec.side == Side::kTwo ? "two" : "one").field("seed", spec.seed).end_object();
  json.field("reps", static_cast<std::int64_t>(spec.reps)).key("rules").begin_array();
  for (const SimulatedRule& rule : simulation.rules) {
    json.begin_object().field("rule", rule.rule).field("tau_true", rule.tau_true).field("tau_plugin", rule.tau_plugin);
    json.field("tau_honest", rule.tau_honest).field("share_significant", rule.share_significant);
    json.field("share_harmful", rule.share_harmful).field("share_reached", rule.share_reached).field("coverage", rule.coverage);
    json.field("predicted_power", rule.predicted_power).key("se").begin_object().field("tau_true", rule.se_tau_true);
    json.field("share_significant", rule.se_share_significant).end_object().end_object();
  }
  json.end_array();
}

}  // namespace gimbal::policy
