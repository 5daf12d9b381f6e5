#include "gimbal/cli/policy_flags.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/policy/baseline.h"
#include "gimbal/policy/charts_text.h"

namespace gimbal::cli {
namespace {

constexpr char kColumns[] = "Columns";
constexpr char kModels[] = "Models";
constexpr char kTest[] = "The later test";
constexpr char kLimits[] = "Bounds and shared constraints";

// Of two numbers for one arm the reader cannot tell which one counts.
Result<void> each_arm_once(const auto& items, std::string_view flag) {
  for (auto item = items.begin(); item != items.end(); ++item) {
    if (std::any_of(items.begin(), item, [&](const auto& earlier) { return earlier.arm == item->arm; })) {
      return fail_at(std::string(flag), ErrorCode::kUsage, "arm {} is given twice", gimbal::quoted(item->arm));
    }
  }
  return {};
}

}  // namespace

void add_data_options(Command& command, DataOptions& options) {
  command.option("--outcome", &options.outcome).value("COL").group(kColumns).help("the outcome; larger is better");
  command.option("--action", &options.action).value("COL").group(kColumns).help("the arm that was given");
  command.option("--propensity", &options.propensity)
      .value("HOW")
      .group(kColumns)
      .help("the probabilities with which arms were given: uniform, shares, columns:PREFIX, logistic or gbdt");
  command.option("--features", &options.features)
      .value("LIST")
      .group(kColumns)
      .help("covariates, with log(x), log1p(x), cat(x); default: every column without another role");
  command.option("--arms", &options.arms)
      .value("LIST")
      .group(kColumns)
      .help("the arms in their order; default: numeric or lexicographic");
  command.option("--id", &options.id).value("COL").group(kColumns).help("a name for each unit");
  command.option("--cluster", &options.cluster)
      .value("COL")
      .group(kColumns)
      .help("units that share a value are not independent (villages, schools)");
  command.option("--weight", &options.weight).value("COL").group(kColumns).help("how much each unit counts");
  command.flag("--minimize", &options.minimize).group(kColumns).help("smaller outcomes are better");
  command.flag("--drop-missing-outcome", &options.drop_missing_outcome)
      .group(kColumns)
      .help("skip rows whose outcome is not a number");
  command.option("--value-cost", &options.value_costs)
      .value("ARM=X|ARM=@COL")
      .group(kColumns)
      .help("subtract a cost from the outcome whenever the arm is given");
  command.option("--baseline", &options.baseline)
      .value("WHAT")
      .group(kColumns)
      .show_default("logging")
      .help("what a policy is compared with: logging, arm:NAME, columns:PREFIX or policy:FILE");
}

Result<policy::DataFlags> data_flags(const DataOptions& options) {
  policy::DataFlags flags;
  flags.outcome = options.outcome;
  flags.action = options.action;
  flags.id = options.id;
  flags.cluster = options.cluster;
  flags.weight = options.weight;
  flags.features = options.features;
  flags.arms = options.arms;
  flags.minimize = options.minimize;
  flags.drop_missing_outcome = options.drop_missing_outcome;
  if (!options.propensity.empty()) {
    GIMBAL_TRY(flags.propensity, policy::parse_propensity(options.propensity));
  }
  for (const std::string& text : options.value_costs) {
    GIMBAL_TRY(flags.value_costs.emplace_back(), policy::parse_value_cost(text));
  }
  if (!options.baseline.empty()) {
    GIMBAL_TRY(const policy::BaselineSpec spec, policy::parse_baseline(options.baseline));
    flags.baseline = spec.text();
  }
  return flags;
}

Result<policy::DataFlags> override_data_flags(policy::DataFlags stored, const DataOptions& options,
                                              const std::function<bool(std::string_view)>& was_given) {
  GIMBAL_TRY(policy::DataFlags given, data_flags(options));
  const auto column = [&](std::string_view key, std::string& target, const std::string& value) {
    if (was_given(key)) target = value == "none" ? std::string() : value;
  };
  column("outcome", stored.outcome, given.outcome);
  column("action", stored.action, given.action);
  column("id", stored.id, given.id);
  column("cluster", stored.cluster, given.cluster);
  column("weight", stored.weight, given.weight);
  if (was_given("propensity")) stored.propensity = given.propensity;
  if (was_given("minimize")) stored.minimize = given.minimize;
  if (was_given("drop-missing-outcome")) stored.drop_missing_outcome = given.drop_missing_outcome;
  if (was_given("value-cost")) stored.value_costs = given.value_costs;
  if (was_given("baseline")) stored.baseline = given.baseline;
  return stored;
}

void add_fit_options(Command& command, FitOptions& options) {
  command.option("--learner", &options.learner)
      .value("NAME")
      .group(kModels)
      .help("regression of the outcome in each arm: auto, mean, ols, ridge, logistic, gbdt or columns:PREFIX");
  command.option("--effect", &options.effect)
      .value("t|dr")
      .group(kModels)
      .help("t: differences of the arms' regressions; dr: regressed doubly robust contrasts, which shrinks effects");
  command.option("--variance", &options.variance)
      .value("NAME")
      .group(kModels)
      .help("squared prediction error: auto, arm, model, binomial or columns:PREFIX");
  command.option("--folds", &options.folds)
      .min(1)
      .max(20)
      .value("J")
      .group(kModels)
      .help("parts of cross-fitting; 1: none, and no honest curve");
  command.option("--clip", &options.clip)
      .min(0)
      .max(0.5)
      .group(kModels)
      .help("estimated propensities are raised to at least this");
  command.option("--trim", &options.trim)
      .min(0)
      .below(1)
      .group(kModels)
      .help("leave out units with a propensity below this for some arm");
  command.option("--unknown-category", &options.unknown_category)
      .value("error|missing")
      .group(kModels)
      .help("a level that training has not seen is an error or a missing value");
}

Result<policy::FitSpec> fit_spec(const FitOptions& options, std::uint64_t seed) {
  policy::FitSpec spec;
  GIMBAL_TRY(policy::set_learner(spec, options.learner));
  GIMBAL_TRY(policy::set_effect(spec, options.effect));
  GIMBAL_TRY(policy::set_variance(spec, options.variance));
  GIMBAL_TRY(policy::set_unknown_category(spec, options.unknown_category));
  spec.folds = options.folds;
  spec.clip = options.clip;
  spec.trim = options.trim;
  spec.seed = seed;
  return spec;
}

void add_test_options(Command& command, TestOptions& options, bool with_n_test) {
  if (with_n_test) {
    command.option("--n-test", &options.n_test)
        .min(2)
        .value("N")
        .group(kTest)
        .help("units of the test; default: rows of the population");
  }
  add_alpha(command, &options.alpha).group(kTest);
  command.option("--side", &options.side).value("two|one").group(kTest).help("a two-sided or a one-sided test");
}

Result<policy::Side> parse_side(const std::string& text) {
  if (text == "two") return policy::Side::kTwo;
  if (text == "one") return policy::Side::kOne;
  return fail_at("--side", ErrorCode::kUsage, "expected two or one, found {}", gimbal::quoted(text));
}

Result<std::optional<policy::CurveKind>> parse_curve(const std::string& text) {
  if (text.empty()) return std::optional<policy::CurveKind>();
  if (text == "honest") return std::optional(policy::CurveKind::kHonest);
  if (text == "plugin") return std::optional(policy::CurveKind::kPlugin);
  return fail_at("--curve", ErrorCode::kUsage, "expected honest or plugin, found {}", gimbal::quoted(text));
}

Result<policy::Score> parse_score(const std::string& text) {
  Result<policy::Score> score = policy::parse_score(text);
  if (!score) return fail(std::move(score).error().at("--score"));
  return score;
}

Result<std::string> parse_fallback(const std::string& text) {
  if (text.empty() || text == "none") return std::string();
  GIMBAL_TRY(parse_rule(text, "--fallback"));
  return text;
}

Error blame(Error error, std::string_view flag) {
  if (error.where == "--select") error.where = flag;
  return error;
}

Result<policy::SelectRule> parse_rule(const std::string& text, std::string_view flag) {
  Result<policy::SelectRule> rule = policy::parse_select_rule(text);
  if (!rule) {
    return fail(blame(std::move(rule).error(), flag));
  }
  return rule;
}

void add_frontier_options(Command& command, FrontierOptions& options, bool inputs) {
  if (inputs) {
    command.option("--nuisances", &options.nuisances)
        .file()
        .value("TABLE")
        .help("a nuisance table instead of a model (docs/formats/nuisances.md)");
    command.option("--population", &options.population)
        .file()
        .value("FILE")
        .help("covariates of the units to be treated; default: the training rows");
    command.option("--baseline", &options.baseline)
        .value("WHAT")
        .show_default("the model's, or the table's b_ columns")
        .help("what policies are compared with: logging, arm:NAME, columns:PREFIX or policy:FILE");
    command.option("--cluster", &options.cluster).value("COL").help("cluster column of the nuisance table");
    command.flag("--minimize", &options.minimize).help("smaller outcomes are better (nuisance tables; a model knows)");
    command.option("--unknown-category", &options.unknown_category)
        .value("error|missing")
        .help("levels that training has not seen");
  }
  command.option("--score", &options.score).value("dr|cipw|ipw|snips").help("how the test will score a policy");
  command.option("--c0", &options.c0).value("X").help("centre of cipw; default: the training mean of the outcome");
  command.option("--points", &options.points)
      .min(1)
      .max(10000)
      .value("N")
      .help("printed points, equally spaced in improvement");
  command.option("--at", &options.at)
      .whole_words()
      .value("RULE")
      .help("print exactly these points instead (rules of --select)");
  command.option("--curve", &options.curve)
      .value("honest|plugin")
      .show_default("honest where it exists")
      .help("the curve that rules refer to: honest (rows that the models have not seen) or plugin");
  command.flag("--deterministic", &options.deterministic).help("no randomization: an arm for sure, or the baseline (two arms)");
  add_test_options(command, options.test, true);
  command.option("--max-drift", &options.max_drift)
      .above(0)
      .max(1)
      .value("R")
      .group(kLimits)
      .help("no probability moves by more than R");
  command.option("--floor", &options.floors)
      .value("ARM=P")
      .group(kLimits)
      .help("every unit gets the arm with probability P at least");
  command.option("--ceiling", &options.ceilings)
      .value("ARM=P")
      .group(kLimits)
      .help("every unit gets the arm with probability P at most");
  command.option("--forbid", &options.forbids).value("ARM:COL=LEVEL").group(kLimits).help("these units never get the arm");
  command.option("--capacity", &options.capacities).value("ARM=S").group(kLimits).help("the arm's mean share is at most S");
  command.option("--min-share", &options.min_shares).value("ARM=S").group(kLimits).help("the arm's mean share is at least S");
  command.option("--budget", &options.budget).value("B").group(kLimits).help("the mean resource a unit is at most B");
  command.option("--resource", &options.resources)
      .value("ARM=X|ARM=@COL")
      .group(kLimits)
      .help("what the arm uses of the budget");
}

Result<policy::FrontierRequest> frontier_request(const FrontierOptions& options, const std::string& model, std::uint64_t seed) {
  policy::FrontierRequest out;
  if (model.ends_with(".csv") || model.ends_with(".csv.gz")) {
    return fail_at("MODEL", ErrorCode::kUsage, "{} is a table, not a model; a nuisance table is given as --nuisances {}",
                   gimbal::quoted(model), model);
  }
  out.model = model;
  out.nuisances = options.nuisances;
  out.population = options.population;
  if (!options.baseline.empty()) {
    GIMBAL_TRY(const policy::BaselineSpec spec, policy::parse_baseline(options.baseline));
    out.baseline = spec.text();
  }
  out.cluster = options.cluster;
  out.minimize = options.minimize;
  GIMBAL_TRY(out.score, parse_score(options.score));
  out.c0 = options.c0;
  out.points = static_cast<std::size_t>(options.points);
  if (options.test.n_test) out.n_test = static_cast<double>(*options.test.n_test);
  out.alpha = options.test.alpha;
  GIMBAL_TRY(out.side, parse_side(options.test.side));
  GIMBAL_TRY(out.curve, parse_curve(options.curve));
  out.deterministic = options.deterministic;
  out.limits.max_drift = options.max_drift;
  for (const std::string& text : options.floors) {
    GIMBAL_TRY(out.limits.floors.emplace_back(), policy::parse_arm_fraction(text, "--floor"));
  }
  for (const std::string& text : options.ceilings) {
    GIMBAL_TRY(out.limits.ceilings.emplace_back(), policy::parse_arm_fraction(text, "--ceiling"));
  }
  for (const std::string& text : options.capacities) {
    GIMBAL_TRY(out.limits.capacities.emplace_back(), policy::parse_arm_fraction(text, "--capacity"));
  }
  for (const std::string& text : options.min_shares) {
    GIMBAL_TRY(out.limits.min_shares.emplace_back(), policy::parse_arm_fraction(text, "--min-share"));
  }
  for (const std::string& text : options.forbids) {
    GIMBAL_TRY(out.limits.forbids.emplace_back(), policy::parse_forbidden(text));
  }
  for (const std::string& text : options.resources) {
    GIMBAL_TRY(out.limits.resources.emplace_back(), policy::parse_resource(text));
  }
  GIMBAL_TRY(each_arm_once(out.limits.floors, "--floor"));
  GIMBAL_TRY(each_arm_once(out.limits.ceilings, "--ceiling"));
  GIMBAL_TRY(each_arm_once(out.limits.capacities, "--capacity"));
  GIMBAL_TRY(each_arm_once(out.limits.min_shares, "--min-share"));
  GIMBAL_TRY(each_arm_once(out.limits.resources, "--resource"));
  out.limits.budget = options.budget;
  out.at = options.at;
  for (const std::string& rule : options.at) GIMBAL_TRY(parse_rule(rule, "--at"));
  policy::FitSpec spec;
  GIMBAL_TRY(policy::set_unknown_category(spec, options.unknown_category));
  out.unknown = spec.unknown;
  out.seed = seed;
  return out;
}

std::vector<NamedFile> files_of(const policy::LoadedFrontier& loaded, const std::string& folder) {
  std::vector<NamedFile> out;
  for (const policy::InputFile& file : loaded.inputs) {
    out.push_back({file.role, policy::locate_input(file.path, folder, file.sha256)});
  }
  return out;
}

void forward_warnings(CommandContext& context, const std::vector<Warning>& warnings) {
  for (const Warning& warning : warnings) context.warn(warning.code, warning.message, warning.count);
}

void warn_count(CommandContext& context, std::string code, std::size_t count, std::string_view noun, std::string_view rest) {
  if (count == 0) return;
  const auto n = static_cast<std::int64_t>(count);
  context.warn(std::move(code), fmt::format("{} {}{} {}", format_count(n), noun, count == 1 ? "" : "s", rest), n);
}

void warn_unknown_categories(CommandContext& context, std::size_t cells) {
  warn_count(context, "unknown_category", cells, "cell", "with a level that training has not seen, treated as missing");
}

std::string fixed_text(double value, int decimals) { return policy::decimal_text(value, decimals); }

std::string signed_fixed(double value, int decimals) {
  const std::string text = fixed_text(value, decimals);
  if (text.find_first_not_of("-0.") == std::string::npos) return text.front() == '-' ? text.substr(1) : text;
  return value > 0 ? "+" + text : text;
}

std::string p_text(const std::optional<double>& p) {
  if (!p) return "-";
  return *p < 1e-9 ? "< 1e-9" : format_significant(*p, 2);
}

std::string se_text(double se, int decimals) {
  const std::string text = fixed_text(se, decimals);
  return se > 0 && text.find_first_not_of("0.") == std::string::npos ? format_significant(se, 1) : text;
}

std::string percent_text(double share) {
  const double percent = 100 * share;
  constexpr double kRounding = 1e-9;  // of a sum of shares
  if (percent < 100 - kRounding && percent >= 99.95) return "> 99.9 %";
  if (percent > kRounding && percent < 0.05) return "< 0.1 %";
  return fmt::format("{:.1f} %", percent);
}

// No test is certain, even where the double is 1.
std::string power_text(double power) { return power >= 0.9995 ? "> 99.9 %" : percent_text(power); }

std::string describe_point(const policy::FrontierPoint& point, const policy::Frontier& frontier, policy::CurveKind curve) {
  const bool honest = curve == policy::CurveKind::kHonest && point.honest.has_value();
  const policy::TestSpec& test = frontier.options().test;
  const int decimals =
      policy::decimals_for(honest ? point.honest->tau_high - point.honest->tau_low : std::abs(point.moments.tau) / 4);
  std::string out = fmt::format("  lambda        {}\n", std::isfinite(*point.lambda)
                                                            ? format_significant(*point.lambda, 6)
                                                            : "infinity (everyone gets the best arm that the models see)");
  out += fmt::format("  improvement   {} per unit", signed_fixed(honest ? point.honest->tau : point.moments.tau, decimals));
  if (honest) {
    out += fmt::format(
        " on rows that the models have not seen ({} CI {} to {})\n                {} per unit promised by the models",
        policy::level_words(test.alpha), fixed_text(point.honest->tau_low, decimals),
        fixed_text(point.honest->tau_high, decimals), signed_fixed(point.moments.tau, decimals));
  } else {
    out += " promised by the models";
  }
  out += fmt::format("\n  power         {} with {} test units",
                     policy::percent_words(honest ? point.honest->power : point.power), format_count(std::llround(test.n)));
  const double required = honest ? point.honest->units_required : point.units_required;
  if (std::isfinite(required))
    out += fmt::format("; {} units give 80 %", format_count(std::llround(policy::whole_units(required))));
  out += "\n";
  for (const auto& [name, price] : point.shadow_prices) {
    out += fmt::format("  shadow price  {} of improvement per unit of \"{}\"\n", format_significant(price, 4), name);
  }
  TextTable table({"arm", "share"});
  for (std::size_t a = 0; a < frontier.arms().size(); ++a) {
    table.row({frontier.arms()[a], percent_text(point.summary.shares[a])});
  }
  return out + "\n" + table.indent(2).text();
}

void note_score(CommandContext& context, const policy::LoadedFrontier& loaded) {
  warn_count(context, "trimmed", loaded.trimmed, "unit", "of the population with a propensity below --trim left out");
  warn_unknown_categories(context, loaded.unknown_cells);
  if (loaded.frontier->options().score != policy::Score::kIpw) return;
  const policy::Table& table = loaded.frontier->model().table();
  double mean = 0, second = 0, total = 0;
  for (std::size_t i = 0; i < table.units(); ++i) {
    for (std::size_t a = 0; a < table.arm_count(); ++a) {
      const double w = table.weight_of(i) * table.e(i, a);
      mean += w * table.mu(i, a);
      second += w * (table.mu(i, a) * table.mu(i, a) + table.var(i, a));
      total += w;
    }
  }
  mean /= total;
  if (std::abs(mean) > std::sqrt(std::max(0.0, second / total - mean * mean))) {
    context.warn(
        "ipw_uncentred",
        "the outcome's mean exceeds its standard deviation, which ipw pays for with variance: prefer --score dr or cipw");
  }
}

}  // namespace gimbal::cli
