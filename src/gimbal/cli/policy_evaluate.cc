// gimbal policy evaluate: policies on a test set, with standard errors and a verdict.
#include "gimbal/cli/policy_evaluate.h"

#include <filesystem>
#include <set>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_fit.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/data/jsonl.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/policy/evaluate_document.h"
#include "gimbal/policy/nuisance_table.h"
#include "gimbal/stats/descriptive.h"

namespace gimbal::cli {
namespace {

constexpr std::size_t kMostLevels = 12;  // a numeric --by column with more distinct values is cut into quarters

using Flags = EvaluateOptions;
using Given = std::function<bool(std::string_view)>;

struct NamedPolicy {
  std::string path, sha256;
  policy::PolicyFile file;
};

Result<std::vector<NamedPolicy>> read_policies(const Flags& flags) {
  std::vector<NamedPolicy> out;
  for (const std::string& path : flags.policies) {
    NamedPolicy named{path, "", {}};
    GIMBAL_TRY(named.file, policy::read_policy_file(path));
    GIMBAL_TRY(named.sha256, sha256_file(path));
    if (!out.empty()) {
      const policy::PolicyFile &first = out.front().file, &other = named.file;
      if (other.arms != first.arms || other.data.outcome != first.data.outcome || other.data.action != first.data.action ||
          other.data.minimize != first.data.minimize ||
          (other.source == policy::PolicyFile::Source::kNuisances) !=
              (first.source == policy::PolicyFile::Source::kNuisances)) {
        return fail_at(path, ErrorCode::kInvalidArgument,
                       "policies of one test must share arms, outcome, action and direction with {}", out.front().path);
      }
    }
    out.push_back(std::move(named));
  }
  return out;
}

// The test must not be the training data, nor share units with it; with --allow-train-data the result says that it does.
Result<void> check_separate(CommandContext& context, const std::vector<NamedPolicy>& policies, const Flags& flags,
                            const std::string& test_sha, const data::DataTable& table) {
  for (const NamedPolicy& named : policies) {
    const auto rows = static_cast<std::int64_t>(table.rows());
    if (named.file.training_sha256 == test_sha) {
      if (!flags.allow_train_data) {
        return fail_at(flags.test, ErrorCode::kConflict,
                       "this is the file that {} was trained on, so the result would be far too good; use --allow-train-data "
                       "if that is what you want",
                       named.path);
      }
      context.warn("train_data", fmt::format("{} was trained on this file: its improvement is far too good", named.path), rows);
      continue;
    }
    const std::string ids_path = named.path + ".ids";
    const data::Column* ids = named.file.data.id.empty() ? nullptr : table.find(named.file.data.id);
    if (!ids || !exists(ids_path)) continue;
    GIMBAL_TRY(const std::vector<std::uint64_t> trained, read_id_hashes(ids_path));
    Diagnostics shared;
    for (std::size_t i = 0; i < table.rows(); ++i) {
      const std::string id = ids->text(i);
      if (std::ranges::binary_search(trained, hash64(id))) {
        shared.add(table.where(i, *ids), fmt::format("id {} is among the training data of {}", gimbal::quoted(id), named.path));
      }
    }
    if (shared.empty()) continue;
    if (!flags.allow_train_data) {
      return fail(shared.to_error(ErrorCode::kConflict).with_note("--allow-train-data evaluates all the same"));
    }
    context.warn("train_data",
                 fmt::format("{} of {} test rows are among the training data of {}: its improvement is too good",
                             format_count(static_cast<std::int64_t>(shared.total())), format_count(rows), named.path),
                 static_cast<std::int64_t>(shared.total()));
  }
  return {};
}

Result<policy::Grouping> grouping(const data::DataTable& table, const std::string& name) {
  GIMBAL_TRY(const data::Column* column, data::require_column(table, name, "--by"));
  policy::Grouping out{name, {}, {}};
  const data::Categories levels = data::as_categories(*column);
  if (!column->is_numeric() || levels.levels.size() <= kMostLevels) {
    out.levels = levels.levels;
    out.level_of = levels.codes;
    return out;
  }
  std::vector<double> present;
  for (const double x : column->numbers) {
    if (!std::isnan(x)) present.push_back(x);
  }
  const double shares[] = {0.25, 0.5, 0.75};
  GIMBAL_TRY(const std::vector<double> cuts, stats::quantiles(present, shares));
  const std::string q[] = {format_significant(cuts[0], 4), format_significant(cuts[1], 4), format_significant(cuts[2], 4)};
  out.levels = {"<= " + q[0], q[0] + " to " + q[1], q[1] + " to " + q[2], "> " + q[2]};
  for (const double x : column->numbers) {
    out.level_of.push_back(std::isnan(x) ? -1 : static_cast<std::int32_t>((x > cuts[0]) + (x > cuts[1]) + (x > cuts[2])));
  }
  return out;
}

// Policy files that carry models (or trees).
Result<PreparedTest> prepare_with_models(CommandContext& context, const Given& given, const Flags& flags,
                                         const std::vector<NamedPolicy>& policies, const std::string& test_sha,
                                         data::UnknownCategory unknown) {
  PreparedTest out;
  GIMBAL_TRY(policy::DataFlags columns, override_data_flags(policies.front().file.data, flags.columns, given));
  columns.arms = policies.front().file.arms;
  data::CsvOptions csv;
  for (const NamedPolicy& named : policies) csv.text_columns.merge(policy::text_columns(named.file));
  for (const std::string* name : {&columns.action, &columns.id, &columns.cluster}) {
    if (!name->empty()) csv.text_columns.insert(*name);
  }
  GIMBAL_TRY(data::DataTable table, data::read_table(flags.test, csv));
  GIMBAL_TRY(check_separate(context, policies, flags, test_sha, table));
  if (!columns.cluster.empty() && !table.find(columns.cluster)) {
    return fail_at(
        "--cluster", ErrorCode::kNotFound,
        "{} has no column \"{}\", by which the policy's rows are clustered; --cluster none treats units as independent",
        flags.test, columns.cluster);
  }
  // The policy brings propensities; given ones are read with the outcomes so that each logged arm is checked.
  GIMBAL_TRY(out.data,
             policy::prepare_logged(std::move(table), columns, {.arms_may_lack_rows = true, .propensity_needed = false}));
  std::set<std::size_t> dropped;
  for (const NamedPolicy& named : policies) {
    if (!named.file.model || named.file.model->spec.trim <= 0) continue;
    GIMBAL_TRY(const policy::Predictions predicted, named.file.model->predict(out.data.table, unknown));
    for (std::size_t i = 0; i < out.data.rows(); ++i) {
      if (*std::ranges::min_element(predicted.table.e.row(i)) < named.file.model->spec.trim) dropped.insert(i);
    }
  }
  if (!dropped.empty()) {
    std::vector<std::size_t> keep;
    for (std::size_t i = 0; i < out.data.rows(); ++i) {
      if (!dropped.contains(i)) keep.push_back(i);
    }
    if (keep.empty())
      return fail_at("--trim", ErrorCode::kInsufficientData,
                     "no test unit has a propensity above the model's --trim for every arm");
    out.trimmed = dropped.size();
    out.data = out.data.select_rows(keep);
  }
  const std::string baseline = given("baseline") ? columns.baseline : std::string();
  out.baseline = baseline.empty() ? policies.front().file.baseline : baseline;
  for (const NamedPolicy& named : policies) {
    const std::string name = std::filesystem::path(named.path).filename().string();
    if (named.file.model) {
      GIMBAL_TRY(out.policies.emplace_back(), prepare_policy(named.file, name, out.data.table, baseline, unknown, out));
    } else {
      if (out.data.e.empty()) {
        return fail_at("--propensity", ErrorCode::kUsage, "{} carries no propensity model: name uniform or columns:PREFIX",
                       named.path);
      }
      PreparedPolicy prepared;
      prepared.name = name;
      prepared.e = out.data.e;
      GIMBAL_TRY(policy::AppliedPolicy applied, policy::apply_policy(named.file, out.data.table, unknown));
      prepared.pi = std::move(applied.pi);
      GIMBAL_TRY(prepared.b,
                 policy::baseline_probabilities(out.baseline, nullptr, out.data.arms, prepared.e, &out.data.table, unknown));
      out.policies.push_back(std::move(prepared));
    }
    if (flags.c0) out.policies.back().c0 = *flags.c0;
  }
  return out;
}

// Policies made from nuisance tables: the test is one too.
Result<PreparedTest> prepare_with_nuisances(CommandContext& context, const Given& given, const Flags& flags,
                                            const std::vector<NamedPolicy>& policies, const std::string& test_sha) {
  PreparedTest out;
  GIMBAL_TRY(const policy::DataFlags columns, override_data_flags(policies.front().file.data, flags.columns, given));
  GIMBAL_TRY(policy::NuisanceTable table,
             policy::read_nuisance_table(flags.test, {.cluster_column = columns.cluster, .minimize = columns.minimize}));
  GIMBAL_TRY(out.data.table, data::read_table(flags.test));
  GIMBAL_TRY(check_separate(context, policies, flags, test_sha, out.data.table));
  if (!table.logged)
    return fail_at(flags.test, ErrorCode::kNotFound, "a test needs the columns y (outcome) and a (the arm that was given)");
  if (table.table.arms != policies.front().file.arms) {
    return fail_at(flags.test, ErrorCode::kInvalidArgument, "the table's arms ({}) are not those of the policy ({})",
                   join(table.table.arms, ", "), join(policies.front().file.arms, ", "));
  }
  out.data.arms = table.table.arms;
  out.data.logged = *table.logged;
  out.data.weight = table.table.weight;
  const bool own = !given("baseline");
  out.baseline = own ? policies.front().file.baseline : columns.baseline;
  for (const NamedPolicy& named : policies) {
    PreparedPolicy prepared;
    prepared.name = std::filesystem::path(named.path).filename().string();
    policy::Table units = table.table;
    if (named.file.baseline != "columns:b_" || units.b.empty()) {
      GIMBAL_TRY(units.b, policy::baseline_probabilities(named.file.baseline, named.file.baseline_policy, units.arms, units.e,
                                                         &out.data.table, data::UnknownCategory::kError));
    }
    prepared.b = units.b;
    if (!own) {
      GIMBAL_TRY(prepared.b, policy::baseline_probabilities(columns.baseline, nullptr, units.arms, units.e, &out.data.table,
                                                            data::UnknownCategory::kError));
    }
    const auto shared = std::make_shared<const policy::Table>(std::move(units));
    GIMBAL_TRY(prepared.pi, policy::policy_probabilities(named.file, shared, &out.data.table, data::UnknownCategory::kError));
    prepared.e = shared->e;
    prepared.mu = shared->mu;
    prepared.c0 = flags.c0.value_or(named.file.c0);
    if (named.file.promise && out.baseline == named.file.baseline)
      prepared.predicted =
          policy::Predicted{named.file.promise->tau, named.file.promise->tau_honest, named.file.promise->power_honest};
    out.policies.push_back(std::move(prepared));
  }
  return out;
}

// Probabilities that stand in the test file itself.
Result<PreparedTest> prepare_columns(CommandContext& context, const Flags& flags) {
  if (flags.policy_columns.empty()) {
    return fail_at("POLICY", ErrorCode::kUsage,
                   "give policy files, or --policy-columns PREFIX for probabilities in the test file");
  }
  PreparedTest out;
  GIMBAL_TRY(policy::DataFlags columns, data_flags(flags.columns));
  const bool logged_only = !flags.pscore.empty();
  if (logged_only && columns.baseline != "logging") {
    return fail_at("--baseline", ErrorCode::kUsage, "with --pscore only the logging policy is known, found \"{}\"",
                   columns.baseline);
  }
  if (!logged_only && (!columns.propensity || columns.propensity->is_estimated() ||
                       columns.propensity->kind == policy::PropensitySpec::Kind::kShares)) {
    return fail_at("--propensity", ErrorCode::kUsage,
                   "a test of probabilities in columns needs given propensities: uniform, columns:PREFIX, or --pscore COL");
  }
  policy::LoadOptions load;
  load.all_columns = true;
  load.propensity_needed = !logged_only;
  GIMBAL_TRY(out.data, policy::load_logged(flags.test, columns, load));
  out.baseline = columns.baseline;
  const data::DataTable& table = out.data.table;
  std::vector<double> e_logged;
  if (logged_only) {
    GIMBAL_TRY(const data::Column* column, data::require_column(table, flags.pscore, "--pscore"));
    GIMBAL_TRY(e_logged, data::finite_numbers(table, *column, "propensity"));
    Diagnostics bad;
    for (std::size_t i = 0; i < e_logged.size(); ++i) {
      if (!(e_logged[i] > 0 && e_logged[i] <= 1)) {
        bad.add(table.where(i, *column),
                fmt::format("the propensity of the logged arm must lie in (0, 1], found {}", shortest(e_logged[i])));
      }
    }
    if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  }
  Matrix mu, b;
  if (!flags.prediction_columns.empty()) {
    GIMBAL_TRY(mu, policy::read_arm_columns(table, flags.prediction_columns, out.data.arms, "--prediction-columns",
                                            "prediction", false));
    for (std::size_t i = 0; i < mu.rows(); ++i) {
      for (std::size_t a = 0; a < mu.cols(); ++a) mu(i, a) = out.data.outcome_sign * mu(i, a) - out.data.arm_cost[a];
    }
  }
  if (!logged_only) {
    GIMBAL_TRY(b, policy::baseline_probabilities(columns.baseline, nullptr, out.data.arms, out.data.e, &table,
                                                 data::UnknownCategory::kError));
  }
  for (const std::string& prefix : flags.policy_columns) {
    PreparedPolicy prepared;
    prepared.name = prefix;
    prepared.c0 = flags.c0.value_or(0);
    if (logged_only) {
      prepared.e_logged = e_logged;
      if (const data::Column* single = table.find(prefix)) {
        GIMBAL_TRY(prepared.pi_logged, data::finite_numbers(table, *single, "policy probability"));
      } else {
        GIMBAL_TRY(const Matrix pi,
                   policy::read_arm_columns(table, prefix, out.data.arms, "--policy-columns", "policy probability", true));
        for (std::size_t i = 0; i < table.rows(); ++i)
          prepared.pi_logged.push_back(pi(i, static_cast<std::size_t>(out.data.logged.action[i])));
      }
      for (std::size_t i = 0; i < table.rows(); ++i) {
        if (prepared.pi_logged[i] < 0 || prepared.pi_logged[i] > 1) {
          return fail_at(table.where(i), ErrorCode::kInvalidArgument,
                         "the probability of policy \"{}\" must lie in [0, 1], found {}", prefix,
                         shortest(prepared.pi_logged[i]));
        }
      }
    } else {
      GIMBAL_TRY(prepared.pi,
                 policy::read_arm_columns(table, prefix, out.data.arms, "--policy-columns", "policy probability", true));
      prepared.e = out.data.e;
      prepared.mu = mu;
      prepared.b = b;
    }
    out.policies.push_back(std::move(prepared));
  }
  if (!flags.c0) context.warn("c0_zero", "no centre is known for cipw: 0 is used; give --c0, the training mean of the outcome");
  return out;
}

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
  context.print(evaluation_text(evaluation));
  return flags.require == "better" && !evaluation.all_better() ? 1 : 0;
}

}  // namespace

policy::TestedPolicy PreparedPolicy::tested() const {
  policy::TestedPolicy out;
  out.name = name;
  if (pi_logged.empty()) {
    out.pi = &pi;
    out.e = &e;
    out.b = b.empty() ? nullptr : &b;
    out.mu = mu.empty() ? nullptr : &mu;
  }
  out.pi_logged = pi_logged;
  out.e_logged = e_logged;
  out.c0 = c0;
  out.predicted = predicted;
  return out;
}

Result<PreparedPolicy> prepare_policy(const policy::PolicyFile& file, const std::string& name, const data::DataTable& table,
                                      const std::string& baseline, data::UnknownCategory unknown, PreparedTest& counts) {
  PreparedPolicy out;
  out.name = name;
  policy::PolicyFile untrimmed = file;  // rows below --trim have been left out before
  untrimmed.model->spec.trim = 0;
  GIMBAL_TRY(policy::AppliedPolicy applied, policy::apply_policy(untrimmed, table, unknown));
  counts.unknown_cells = std::max(counts.unknown_cells, applied.units.unknown_cells);
  counts.clipped += applied.units.clipped;
  out.pi = std::move(applied.pi);
  out.e = applied.units.nuisances->e;
  out.mu = applied.units.nuisances->mu;
  out.b = applied.units.nuisances->b;
  if (!baseline.empty()) {
    GIMBAL_TRY(out.b, policy::baseline_probabilities(baseline, nullptr, file.arms, out.e, &table, unknown));
  }
  out.c0 = file.c0;
  // The promise was made against the policy's own baseline.
  if (file.promise && (baseline.empty() || baseline == file.baseline)) {
    out.predicted = policy::Predicted{file.promise->tau, file.promise->tau_honest, file.promise->power_honest};
  }
  return out;
}

std::string run_folder_of(const std::string& policy_path) {
  const std::filesystem::path folder = std::filesystem::absolute(policy_path).parent_path();
  if (folder.filename() != "artifacts" || !exists((folder.parent_path() / "run.json").string())) return "";
  return folder.parent_path().string();
}

Result<int> record_test_use(const std::string& run_folder, const std::string& test_sha256, const std::string& policy_sha256,
                            const Clock& clock) {
  const std::string path = (std::filesystem::path(run_folder) / "artifacts" / "test_use.jsonl").string();
  std::set<std::string> others;
  bool known = false;
  if (exists(path)) {
    GIMBAL_TRY(const data::JsonlRecords records, data::read_jsonl(path, {.allow_torn = true}));
    for (const JsonView& record : records.records) {
      GIMBAL_TRY(const std::string test, record.string("test_sha256"));
      GIMBAL_TRY(const std::string policy, record.string("policy_sha256"));
      if (test != test_sha256) continue;
      if (policy == policy_sha256)
        known = true;
      else
        others.insert(policy);
    }
  }
  if (!known) {
    JsonWriter line;
    line.begin_object()
        .field("schema", "gimbal.policy.test_use/1")
        .field("at", format_utc(clock.now()))
        .field("test_sha256", test_sha256);
    line.field("policy_sha256", policy_sha256).end_object();
    GIMBAL_TRY(append_durable(path, line.text() + "\n"));
  }
  return static_cast<int>(others.size());
}

Result<EvaluatedTest> evaluate_test(CommandContext& context, const EvaluateOptions& flags,
                                    const std::function<bool(std::string_view)>& given) {
  EvaluatedTest out;
  GIMBAL_TRY(const ParsedFlags parsed, parse_flags(flags));
  GIMBAL_TRY(const std::vector<NamedPolicy> policies, read_policies(flags));
  std::string test_sha;
  GIMBAL_TRY(refuse_standard_input(flags.test, "TEST"));
  if (!exists(flags.test)) return fail(ErrorCode::kNotFound, "cannot read {}: no such file", gimbal::quoted(flags.test));
  if (!policies.empty()) {
    GIMBAL_TRY(test_sha, sha256_file(flags.test));
  }
  PreparedTest& test = out.test;
  if (policies.empty()) {
    GIMBAL_TRY(test, prepare_columns(context, flags));
  } else if (policies.front().file.source == policy::PolicyFile::Source::kNuisances) {
    GIMBAL_TRY(test, prepare_with_nuisances(context, given, flags, policies, test_sha));
  } else {
    GIMBAL_TRY(test, prepare_with_models(context, given, flags, policies, test_sha, parsed.unknown));
  }
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

std::string evaluation_text(const policy::Evaluation& evaluation) {
  const std::string low = policy::level_words(evaluation.spec.alpha) + " CI low";
  const std::size_t primary = static_cast<std::size_t>(evaluation.spec.primary);
  std::string out;
  for (const policy::PolicyEvaluation& each : evaluation.policies) out += policy::summary_line(each, evaluation.spec) + "\n";
  for (const policy::PolicyEvaluation& each : evaluation.policies) {
    const int decimals = policy::decimals_for(each.estimates[primary]->ci_high - each.estimates[primary]->ci_low);
    const auto fixed = [&](const std::optional<double>& value) { return value ? fixed_text(*value, decimals) : "-"; };
    TextTable table({"score", "improvement", "se", low, "high", "p"});
    constexpr policy::Score kAll[] = {policy::Score::kIpw, policy::Score::kCipw, policy::Score::kSnips, policy::Score::kDr};
    for (const policy::Score score : kAll) {
      const std::optional<policy::Estimate>& estimate = each.estimates[static_cast<std::size_t>(score)];
      if (!estimate) continue;
      table.row({std::string(policy::score_name(score)) + (score == evaluation.spec.primary ? " *" : ""),
                 signed_fixed(estimate->tau, decimals), fixed(estimate->se), fixed(estimate->ci_low), fixed(estimate->ci_high),
                 p_text(estimate->p)});
    }
    out +=
        fmt::format("\n{}: {} units{}, effective sample size {}, largest weight {}\n{}", each.name, format_count(evaluation.n),
                    evaluation.clusters ? fmt::format(" in {} clusters", format_count(*evaluation.clusters)) : "",
                    each.ess >= 100 ? format_count(std::llround(each.ess)) : format_significant(each.ess, 3),
                    format_significant(each.max_weight, 4), table.indent(2).text());
    if (each.bootstrap) {
      out += fmt::format("  studentized bootstrap, {} draws: {} to {}\n", format_count(each.bootstrap->draws),
                         fixed(each.bootstrap->ci_low), fixed(each.bootstrap->ci_high));
    }
    if (each.subgroups.empty()) continue;
    TextTable groups({"group", "units", "improvement", low, "high", "adjusted p"});
    for (const policy::Subgroup& group : each.subgroups) {
      groups.row({group.column + " = " + group.level, format_count(group.n),
                  group.tau ? signed_fixed(*group.tau, decimals) : "-", fixed(group.ci_low), fixed(group.ci_high),
                  p_text(group.p_adjusted)});
    }
    out += "\n" + groups.indent(2).text();
  }
  if (!evaluation.contrasts.empty()) out += "\n";
  for (const policy::ContrastEvaluation& contrast : evaluation.contrasts) {
    const std::optional<policy::Estimate>& estimate = contrast.estimates[primary];
    if (!estimate) continue;
    const int decimals = policy::decimals_for(estimate->ci_high - estimate->ci_low);
    out += fmt::format("{} against {}: {} per unit ({} CI {} to {}): {}\n", contrast.policy, contrast.against,
                       signed_fixed(estimate->tau, decimals), policy::level_words(evaluation.spec.alpha),
                       fixed_text(estimate->ci_low, decimals), fixed_text(estimate->ci_high, decimals),
                       policy::verdict_name(contrast.verdict));
  }
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
