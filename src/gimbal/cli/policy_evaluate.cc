// gimbal policy evaluate: policies on a test set, with standard errors and a verdict.
#include "gimbal/cli/policy_evaluate.h"

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_fit.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/cli/policy_groups.h"
#include "gimbal/cli/policy_test_use.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/policy/evaluate_document.h"

namespace gimbal::cli {
namespace {

using Flags = EvaluateOptions;

// What can be said before a file is read.
struct ParsedFlags {
  std::optional<policy::Score> score;
  policy::Side side = policy::Side::kTwo;
  policy::Adjust adjust = policy::Adjust::kHolm;
  data::UnknownCategory unknown = data::UnknownCategory::kError;
};

Result<ParsedFlags> parse_flags(const Flags& flags) {
  ParsedFlags out;
  if (!flags.score.empty()) {
    GIMBAL_TRY(out.score, parse_score(flags.score));
  }
  GIMBAL_TRY(out.side, parse_side(flags.level.side));
  GIMBAL_TRY(out.adjust, policy::parse_adjust(flags.adjust));
  policy::FitSpec fit;
  GIMBAL_TRY(policy::set_unknown_category(fit, flags.unknown_category));
  out.unknown = fit.unknown;
  if (flags.policies.empty()) return out;
  const std::pair<std::string_view, bool> of_columns[] = {{"--policy-columns", !flags.policy_columns.empty()},
                                                          {"--pscore", !flags.pscore.empty()},
                                                          {"--prediction-columns", !flags.prediction_columns.empty()}};
  for (const auto& [flag, given] : of_columns) {
    if (given)
      return fail_at(std::string(flag), ErrorCode::kUsage, "is for policies in columns; {} brings its own",
                     flags.policies.front());
  }
  return out;
}

Result<policy::EvaluationSpec> evaluation_spec(CommandContext& context, const Flags& flags, const ParsedFlags& parsed,
                                               const PreparedTest& test) {
  policy::EvaluationSpec spec;
  const bool predictions = std::ranges::all_of(test.policies, [](const PreparedPolicy& p) { return !p.mu.empty(); });
  // Without predictions the self-normalized score is the one that needs no centre.
  spec.primary = parsed.score.value_or(predictions ? policy::Score::kDr : policy::Score::kSnips);
  spec.alpha = flags.level.alpha;
  spec.side = parsed.side;
  spec.adjust = parsed.adjust;
  spec.minimize = test.data.outcome_sign < 0;
  spec.baseline = test.baseline;
  if (test.policies.front().pi_logged.empty()) spec.arms = test.data.arms;
  for (const std::string& name : flags.by) {
    GIMBAL_TRY(spec.groupings.emplace_back(), grouping(test.data.table, name));
  }
  if (flags.contrast) {
    for (std::size_t i = 0; i < test.policies.size(); ++i) {
      for (std::size_t j = i + 1; j < test.policies.size(); ++j) spec.contrasts.emplace_back(i, j);
    }
  }
  if (flags.bootstrap > 0) spec.bootstrap = policy::BootstrapRequest{static_cast<int>(flags.bootstrap), context.seed};
  return spec;
}

Result<void> note_test_use(CommandContext& context, const std::vector<NamedPolicy>& policies, const std::string& test_sha) {
  for (const NamedPolicy& named : policies) {
    const std::string folder = run_folder_of(named.path);
    if (folder.empty()) continue;
    GIMBAL_TRY(const int before, record_test_use(folder, test_sha, named.sha256, context.clock()));
    if (before > 0) {
      context.warn(
          "test_reused",
          fmt::format(
              "this test set has already been used {} time{} in this run: its verdicts no longer have their nominal error",
              before, before == 1 ? "" : "s"),
          before);
    }
  }
  return {};
}

Result<int> evaluate(CommandContext& context, const Flags& flags) {
  if (!flags.require.empty() && flags.require != "better") {
    return fail_at("--require", ErrorCode::kUsage, "expected better, found {}", gimbal::quoted(flags.require));
  }
  GIMBAL_TRY(const EvaluatedTest tested,
             evaluate_test(context, flags, [&](std::string_view key) { return context.given(key); }));
  const policy::Evaluation& evaluation = tested.evaluation;
  DocumentWriter document("gimbal.policy.evaluation/1");
  policy::write_evaluation_fields(document.json(), evaluation);
  GIMBAL_TRY(finish_document(context, document, flags.out));
  context.print(evaluation_text(evaluation, tested.test.outcome));
  return flags.require == "better" && !evaluation.all_better() ? 1 : 0;
}

}  // namespace

Result<EvaluatedTest> evaluate_test(CommandContext& context, const EvaluateOptions& flags, const WasGiven& given) {
  EvaluatedTest out;
  GIMBAL_TRY(const ParsedFlags parsed, parse_flags(flags));
  GIMBAL_TRY(const std::vector<NamedPolicy> policies, read_policies(flags.policies));
  std::string test_sha;
  GIMBAL_TRY(refuse_standard_input(flags.test, "TEST"));
  if (!exists(flags.test)) return fail(ErrorCode::kNotFound, "cannot read {}: no such file", gimbal::quoted(flags.test));
  if (!policies.empty()) {
    GIMBAL_TRY(test_sha, sha256_file(flags.test));
  }
  PreparedTest& test = out.test;
  GIMBAL_TRY(test, prepare_test(context, flags, given, policies, test_sha, parsed.unknown));
  context.lap("read");
  GIMBAL_TRY(const policy::EvaluationSpec spec, evaluation_spec(context, flags, parsed, test));
  std::vector<policy::TestedPolicy> tested;
  for (const PreparedPolicy& prepared : test.policies) tested.push_back(prepared.tested());
  GIMBAL_TRY(out.evaluation, policy::evaluate(test.data.logged, test.data.weight, tested, spec));
  context.lap("compute");
  forward_warnings(context, out.evaluation.warnings);
  warn_unknown_categories(context, test.unknown_cells);
  warn_count(context, "trimmed", test.trimmed, "unit", "with a propensity below --trim left out");
  warn_count(context, "missing_outcome", test.data.dropped_missing_outcome, "row", "without an outcome skipped");
  // Overlap is known without the outcomes: a test that is refused for it has not been used.
  if (flags.strict) {
    if (std::optional<Error> error = out.evaluation.overlap_error()) return fail(std::move(*error));
  }
  GIMBAL_TRY(note_test_use(context, policies, test_sha));
  return out;
}

Command policy_evaluate_command() {
  auto flags = std::make_shared<Flags>();
  Command command("evaluate", "Evaluate policies on a test set: improvement, interval, verdict.");
  command.description(
      "Four estimates of the improvement over the baseline with analytic standard errors (clusters and weights counted); "
      "--score names the one "
      "that gives the verdict. Column names come from the policy file; a flag given again overrides, and --cluster none treats "
      "units as independent.");
  command.positional("POLICY", &flags->policies).file().count(0).help("policy files; none with --policy-columns");
  command.positional("TEST", &flags->test).file().help("logged data that no policy was trained on");
  add_data_options(command, flags->columns);
  command.option("--policy-columns", &flags->policy_columns)
      .value("PREFIX")
      .group("Policies in columns")
      .help("the test file holds the probabilities PREFIX + arm");
  command.option("--pscore", &flags->pscore)
      .value("COL")
      .group("Policies in columns")
      .help("propensity of the logged arm alone");
  command.option("--prediction-columns", &flags->prediction_columns)
      .value("PREFIX")
      .group("Policies in columns")
      .help("predicted outcomes PREFIX + arm, for dr");
  command.option("--score", &flags->score)
      .value("dr|cipw|ipw|snips")
      .show_default("dr; snips without predictions")
      .help("the estimate that gives the verdict");
  command.option("--c0", &flags->c0).value("X").help("centre of cipw; default: the policy file's");
  add_test_options(command, flags->level, false);
  command.option("--adjust", &flags->adjust).value("holm|fixed-sequence|none").help("for several policies");
  command.option("--by", &flags->by).value("COL").help("the improvement in each level of a column");
  command.flag("--contrast", &flags->contrast).help("the difference between each pair of policies");
  add_bootstrap(command, &flags->bootstrap, 2000);
  add_strict(command, &flags->strict).help("poor overlap ends with exit code 3");
  command.option("--require", &flags->require)
      .value("better")
      .help("exit code 1 unless every policy is better than the baseline");
  command.flag("--allow-train-data", &flags->allow_train_data).help("evaluate on rows that the policy was trained on");
  command.option("--unknown-category", &flags->unknown_category)
      .value("error|missing")
      .help("levels that training has not seen");
  add_out(command, &flags->out);
  command.example("gimbal policy evaluate policy.json holdout.csv --by region");
  command.run([flags](CommandContext& context) { return evaluate(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
