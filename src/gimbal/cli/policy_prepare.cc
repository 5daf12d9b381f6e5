#include "gimbal/cli/policy_prepare.h"

#include <filesystem>
#include <set>

#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/policy_evaluate.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/cli/policy_training_rows.h"
#include "gimbal/policy/nuisance_table.h"

namespace gimbal::cli {

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

namespace {

// Policy files that carry models (or trees).
Result<PreparedTest> with_models(CommandContext& context, const WasGiven& given, const EvaluateOptions& flags,
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
  for (const NamedPolicy& named : policies) {
    GIMBAL_TRY(check_separate(context, named.path, named.file, {flags.test, test_sha, &table}, flags.allow_train_data));
  }
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
    if (flags.c0) out.policies.back().c0 = columns.outcome_sign() * *flags.c0;
  }
  out.outcome = columns.outcome;
  if (const policy::DataFlags& trained = policies.front().file.data;
      columns.outcome != trained.outcome || columns.minimize != trained.minimize) {
    const auto goal = [](const policy::DataFlags& of) {
      return gimbal::quoted(of.outcome) + (of.minimize ? " (minimized)" : "");
    };
    context.warn("other_outcome",
                 fmt::format("the policy was trained on {}: its predictions and its promise are of that outcome, "
                             "not of {}; nothing is said to be predicted",
                             goal(trained), goal(columns)));
    for (PreparedPolicy& prepared : out.policies) prepared.predicted.reset();
  }
  return out;
}

// Policies made from nuisance tables: the test is one too.
Result<PreparedTest> with_nuisances(CommandContext& context, const WasGiven& given, const EvaluateOptions& flags,
                                    const std::vector<NamedPolicy>& policies, const std::string& test_sha) {
  PreparedTest out;
  GIMBAL_TRY(const policy::DataFlags columns, override_data_flags(policies.front().file.data, flags.columns, given));
  GIMBAL_TRY(policy::NuisanceTable table,
             policy::read_nuisance_table(flags.test, {.cluster_column = columns.cluster, .minimize = columns.minimize}));
  GIMBAL_TRY(out.data.table, data::read_table(flags.test));
  for (const NamedPolicy& named : policies) {
    GIMBAL_TRY(
        check_separate(context, named.path, named.file, {flags.test, test_sha, &out.data.table}, flags.allow_train_data));
  }
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
    prepared.c0 = flags.c0 ? columns.outcome_sign() * *flags.c0 : named.file.c0;
    if (named.file.promise && out.baseline == named.file.baseline)
      prepared.predicted =
          policy::Predicted{named.file.promise->tau, named.file.promise->tau_honest, named.file.promise->power_honest};
    out.policies.push_back(std::move(prepared));
  }
  return out;
}

// Probabilities that stand in the test file itself.
Result<PreparedTest> with_columns(CommandContext& context, const EvaluateOptions& flags) {
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
  out.outcome = columns.outcome;
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
    prepared.c0 = columns.outcome_sign() * flags.c0.value_or(0);
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

}  // namespace

Result<std::vector<NamedPolicy>> read_policies(const std::vector<std::string>& paths) {
  std::vector<NamedPolicy> out;
  for (const std::string& path : paths) {
    NamedPolicy named{path, "", {}};
    Result<policy::PolicyFile> file = policy::read_policy_file(path);
    if (!file && file.error().code == ErrorCode::kParseError)
      return fail(std::move(file).error().with_note("the order is POLICY... TEST"));
    GIMBAL_TRY(named.file, std::move(file));
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

Result<PreparedTest> prepare_test(CommandContext& context, const EvaluateOptions& options, const WasGiven& given,
                                  const std::vector<NamedPolicy>& policies, const std::string& test_sha,
                                  data::UnknownCategory unknown) {
  if (policies.empty()) return with_columns(context, options);
  if (policies.front().file.source == policy::PolicyFile::Source::kNuisances) {
    return with_nuisances(context, given, options, policies, test_sha);
  }
  return with_models(context, given, options, policies, test_sha, unknown);
}

}  // namespace gimbal::cli
