// gimbal policy choose: one point of a frontier by a rule, solved exactly, as a policy file.
#include "gimbal/cli/policy_choose.h"

#include <array>
#include <cmath>
#include <filesystem>

#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/cli/policy_progress.h"
#include "gimbal/cli/policy_training_rows.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/policy/document.h"

namespace gimbal::cli {
namespace {

struct Flags {
  std::optional<std::string> source;  // frontier.json or a model
  FrontierOptions frontier;
  std::string select = "power:0.8", fallback;
  std::optional<std::string> out;
};

// A document has fixed them already; to ignore one silently would give another policy than was asked for.
Result<void> refuse_flags_of_frontier(const CommandContext& context) {
  Command own("frontier", "");
  FrontierOptions unused;
  add_frontier_options(own, unused, true);
  for (const ResolvedOption& option : context.options) {
    if (option.source != Source::kFlag || option.name == "curve" || !own.find(option.name)) continue;
    return fail_at(
        "--" + option.name, ErrorCode::kUsage,
        "the frontier document has its own; compute another with `gimbal policy frontier`, or name the model instead");
  }
  return {};
}

// A frontier has its options already; of a model, or of a table of predictions, it is computed first.
Result<policy::LoadedFrontier> load(const Flags& flags, CommandContext& context) {
  if (flags.source && !flags.source->ends_with(".csv") && !flags.source->ends_with(".csv.gz")) {
    GIMBAL_TRY(const JsonView json, policy::read_document(*flags.source, {policy::kFrontierSchema, policy::kModelSchema}));
    if (json.expect_schema(policy::kFrontierSchema)) {
      GIMBAL_TRY(refuse_flags_of_frontier(context));
      return policy::load_frontier_document(*flags.source);
    }
  }
  GIMBAL_TRY(const policy::FrontierRequest request, frontier_request(flags.frontier, flags.source.value_or(""), context.seed));
  return policy::load_frontier(request);
}

Result<int> choose(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(parse_rule(flags.select, "--select"));
  GIMBAL_TRY(const std::string fallback, parse_fallback(flags.fallback));
  GIMBAL_TRY(const std::optional<policy::CurveKind> curve, parse_curve(flags.frontier.curve));
  GIMBAL_TRY(const policy::LoadedFrontier loaded, load(flags, context));
  // A document's paths may be relative to its own folder.
  const std::string folder = flags.source ? std::filesystem::path(*flags.source).parent_path().string() : "";
  if (flags.out) GIMBAL_TRY(check_written(std::array{NamedFile{"--out", *flags.out}}, files_of(loaded, folder)));
  context.lap("read");
  GIMBAL_TRY(const ChosenPoint chosen,
             choose_point(loaded, flags.select, curve, fallback, solve_hooks(context, loaded.frontier->search_steps())));
  context.lap("compute");
  forward_warnings(context, loaded.frontier->warnings());
  warn_plugin_choice(context, chosen, loaded);
  std::optional<std::string> written;
  if (chosen.stands() && flags.out) {
    const policy::PolicyFile file = policy::make_policy(loaded, chosen.point, flags.select, chosen.curve, chosen.fallback);
    std::vector<OutputFile> files;
    const std::string ids = policy::locate_input(ids_path_of(loaded.request.model), folder);
    if (!loaded.request.model.empty() && exists(ids)) {
      files.push_back({ids_path_of(*flags.out), ""});
      GIMBAL_TRY(files.back().content, read_file(ids));
    }
    files.push_back({*flags.out, file.text() + "\n"});
    GIMBAL_TRY(write_outputs(files));
    written = flags.out;
  }
  DocumentWriter document("gimbal.policy.choose/1");
  write_choice_fields(document.json(), chosen, *loaded.frontier, written);
  GIMBAL_TRY(finish_document(context, document));
  if (!chosen.stands()) {
    if (context.json) return 3;
    return fail(unreachable(chosen, *loaded.frontier, fallback));
  }
  std::string text =
      fmt::format("{} on the {} curve{}\n", chosen.select, chosen.curve == policy::CurveKind::kHonest ? "honest" : "plug-in",
                  chosen.fallback ? fmt::format(" is out of reach; {} instead", fallback) : "");
  text += describe_point(chosen.point, *loaded.frontier, chosen.curve);
  if (chosen.select == "max-z") {
    text += "\nmax-z alone is rarely what one wants: z is nearly flat for small lambda while the improvement goes to zero.\n";
  }
  text += written ? fmt::format("\nNext: gimbal policy evaluate {} TEST.csv\n", *written)
                  : "\nNext: write the policy with -o policy.json\n";
  context.print(text);
  return 0;
}

}  // namespace

Result<ChosenPoint> choose_point(const policy::LoadedFrontier& loaded, const std::string& select,
                                 std::optional<policy::CurveKind> curve, const std::string& fallback,
                                 const policy::SolveHooks& hooks) {
  const policy::Frontier& frontier = *loaded.frontier;
  ChosenPoint out;
  out.select = select;
  out.curve = curve.value_or(frontier.curve());
  GIMBAL_TRY(const policy::SelectRule rule, policy::parse_select_rule(select));
  if (frontier.moves_nobody()) {
    // Every point is the baseline: no rule has an answer, and no fallback either.
    out.choice.reached = false;
    out.choice.lambda = policy::kInfinity;
    out.choice.why =
        fmt::format("{}: every policy is the baseline, and there is nothing to choose", frontier.why_nobody_moves());
  } else {
    GIMBAL_TRY(out.choice, frontier.choose(rule, out.curve, hooks));
  }
  double lambda = out.choice.lambda;
  if (!out.choice.reached && !fallback.empty() && !frontier.moves_nobody()) {
    GIMBAL_TRY(const policy::SelectRule other, policy::parse_select_rule(fallback));
    const Result<policy::Choice> choice = frontier.choose(other, out.curve, hooks);
    if (!choice) return fail(blame(choice.error(), "--fallback"));
    out.fallback = choice->reached;
    if (choice->reached) lambda = choice->lambda;
  }
  const double lambdas[] = {lambda};
  GIMBAL_TRY(std::vector<policy::FrontierPoint> points, frontier.points(lambdas, 1, hooks));
  out.point = std::move(points.front());
  out.point.at = out.fallback ? fallback : select;
  return out;
}

void write_choice_fields(JsonWriter& json, const ChosenPoint& chosen, const policy::Frontier& frontier,
                         const std::optional<std::string>& policy_file) {
  json.field("select", chosen.select).field("curve", chosen.curve == policy::CurveKind::kHonest ? "honest" : "plugin");
  json.field("reached", chosen.choice.reached).field("fallback", chosen.fallback).key("point");
  policy::write_point(json, chosen.point, frontier.arms());
  json.field("policy_file", policy_file);
}

Error unreachable(const ChosenPoint& chosen, const policy::Frontier& frontier, const std::string& fallback) {
  if (frontier.moves_nobody()) return {ErrorCode::kNotIdentified, chosen.choice.why, {}, "--select"};
  const policy::Choice& choice = chosen.choice;
  Error error{ErrorCode::kInfeasible, fmt::format("{}: {}", chosen.select, choice.why), {}, "--select"};
  const std::string at = std::isfinite(choice.lambda) ? format_significant(choice.lambda, 6) : "infinity";
  const std::string curve = chosen.curve == policy::CurveKind::kHonest ? "honest" : "plug-in";
  if (chosen.select.starts_with("power:")) {
    error.notes.push_back(fmt::format("that is at lambda {} on the {} curve, with an improvement of {} per unit", at, curve,
                                      signed_significant(choice.moments.tau)));
    error.notes.push_back(std::isfinite(choice.units_required)
                              ? fmt::format("n_required there: {} test units for {}",
                                            format_count(std::llround(policy::whole_units(choice.units_required))),
                                            chosen.select)
                              : "no test size would show it: no improvement is expected there");
  } else {
    error.notes.push_back(
        fmt::format("the closest point is at lambda {} on the {} curve: improvement {} per unit, power {} with {} test units",
                    at, curve, signed_significant(choice.moments.tau), policy::percent_words(choice.power),
                    format_count(std::llround(frontier.options().test.n))));
  }
  error.notes.push_back(fallback.empty()
                            ? "--fallback max-z takes the point that is easiest to prove instead, and marks the policy"
                            : fmt::format("--fallback {} cannot be met either", fallback));
  return error;
}

void warn_plugin_choice(CommandContext& context, const ChosenPoint& chosen, const policy::LoadedFrontier& loaded) {
  if (chosen.curve != policy::CurveKind::kPlugin || loaded.data.cluster.empty()) return;
  if (loaded.frontier->has_honest()) {
    context.warn("plugin_clusters", "the plug-in curve knows no clusters; its power takes the honest curve's design effect");
  } else {
    context.warn(
        "clusters_ignored",
        fmt::format("clusters (\"{}\") are ignored: the promised power is that of independent units, the test's verdict is not",
                    loaded.data.cluster));
  }
}

Command policy_choose_command() {
  auto flags = std::make_shared<Flags>();
  Command command("choose", "Pick one point of a frontier by a rule and write the policy.");
  command.description(
      "Rules: power:B (the largest lambda with that power), max-z, max-tau, tau*power, lcb:KAPPA, lambda:V, tau:T, "
      "share:ARM<=S. They are solved "
      "exactly, not between printed points. A rule that cannot be met ends with exit code 3 and says what would be needed.");
  command.positional("FRONTIER", &flags->source)
      .file()
      .optional()
      .help("a document of `gimbal policy frontier`, or a model with the flags of `frontier`");
  command.option("--select", &flags->select).value("RULE").help("the rule");
  command.option("--fallback", &flags->fallback)
      .value("RULE|none")
      .help("the rule that stands in when the first cannot be met");
  add_frontier_options(command, flags->frontier, true);
  command.option("-o, --out, --output", &flags->out).value("FILE").written().beside({".ids"}).help("the policy file");
  command.example("gimbal policy choose frontier.json --select power:0.8 -o policy.json");
  command.run([flags](CommandContext& context) { return choose(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
