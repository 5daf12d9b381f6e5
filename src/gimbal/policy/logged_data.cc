#include "gimbal/policy/logged_data.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::policy {
namespace {

constexpr double kSumTolerance = 1e-6;
// More different values than this, with fewer rows each than can be learned from, and the column is hardly the action.
constexpr std::size_t kManyArms = 20, kFewestRowsAnArm = 5;
constexpr double kSmallestOutcome = 1e-70;  // fourth powers of what is smaller vanish, and with them standard errors

// Every column that a flag names must exist before anything is computed.
Result<void> check_named_columns(const data::DataTable& table, const DataFlags& flags) {
  const std::pair<std::string_view, const std::string*> named[] = {{"--outcome", &flags.outcome},
                                                                   {"--action", &flags.action},
                                                                   {"--id", &flags.id},
                                                                   {"--cluster", &flags.cluster},
                                                                   {"--weight", &flags.weight}};
  for (const auto& [flag, name] : named) {
    if (!name->empty()) GIMBAL_TRY(data::require_column(table, *name, flag));
  }
  return {};
}

// A column without a single number is another than was meant: one line says so, not one a row.
Result<void> check_holds_numbers(const data::DataTable& table, const data::Column& column) {
  if (column.is_numeric() || table.rows() < 2 ||
      std::ranges::any_of(data::numbers_or_nan(column), [](double value) { return std::isfinite(value); })) {
    return {};
  }
  std::vector<std::string> found;
  for (const std::string& level : column.levels) found.push_back(gimbal::quoted(level));
  return fail_at("--outcome", ErrorCode::kParseError, "column {} of {} holds no numbers, found {}{}",
                 gimbal::quoted(column.name), table.path(), found.empty() ? "empty cells" : list_some(found),
                 found.size() > 1 ? "; is it the action?" : "");
}

// The arms in their order, and the arm of each row.
Result<void> resolve_arms(const data::DataTable& table, const DataFlags& flags, bool may_lack_rows, LoggedData& out) {
  const data::Column& column = *table.find(flags.action);
  GIMBAL_TRY(const data::Categories found, data::require_categories(table, column, "action"));
  // Levels that no kept row carries any more do not exist.
  std::vector<bool> present(found.levels.size(), false);
  for (const std::int32_t code : found.codes) present[static_cast<std::size_t>(code)] = true;
  std::vector<std::string> names;
  for (std::size_t level = 0; level < found.levels.size(); ++level) {
    if (present[level]) names.push_back(found.levels[level]);
  }
  const std::string found_text = join(ordered_arms(names), ", ");
  if (flags.arms.empty()) {
    out.arms = ordered_arms(names);
  } else {
    out.arms = flags.arms;
    std::set<std::string> seen;
    for (const std::string& arm : out.arms) {
      if (!seen.insert(arm).second) return fail_at("--arms", ErrorCode::kUsage, "arm \"{}\" is named twice", arm);
    }
  }
  if (!flags.arms.empty() && out.arms.size() < 2) {
    return fail_at("--arms", ErrorCode::kInvalidArgument, "lists 1 arm ({}), at least two are needed; column \"{}\" holds: {}",
                   out.arms.front(), flags.action, found_text);
  }
  if (flags.arms.empty() && out.arms.size() > kManyArms && out.arms.size() > table.rows() / kFewestRowsAnArm) {
    return fail_at("--action", ErrorCode::kInvalidArgument, "column {} has {} different values in {} rows; is it the action?",
                   gimbal::quoted(flags.action), out.arms.size(), table.rows());
  }
  if (out.arms.size() < 2) {
    return fail_at(table.path(), ErrorCode::kInvalidArgument, "at least two arms are needed, found {} in column \"{}\": {}",
                   out.arms.size(), flags.action, found_text);
  }
  for (const std::string& arm : out.arms) {
    if (may_lack_rows || std::find(names.begin(), names.end(), arm) != names.end()) continue;
    return fail_at("--arms", ErrorCode::kUsage, "no row of {} was given arm {}; arms found: {}{}", table.path(),
                   gimbal::quoted(arm), found_text, did_you_mean(arm, names));
  }
  std::vector<int> arm_of(found.levels.size(), -1);
  for (std::size_t a = 0; a < out.arms.size(); ++a) {
    const auto at = std::find(found.levels.begin(), found.levels.end(), out.arms[a]);
    if (at != found.levels.end()) arm_of[static_cast<std::size_t>(at - found.levels.begin())] = static_cast<int>(a);
  }
  out.logged.action.resize(table.rows());
  Diagnostics unknown;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const std::size_t level = static_cast<std::size_t>(found.codes[i]);
    out.logged.action[i] = arm_of[level];
    if (arm_of[level] < 0) {
      unknown.add(table.where(i, column), fmt::format("arm {} is not among the arms {}; arms found in the file: {}",
                                                      gimbal::quoted(found.levels[level]), join(out.arms, ", "), found_text));
    }
  }
  if (!unknown.empty()) return fail(unknown.to_error(ErrorCode::kInvalidArgument));
  return {};
}

// Outcome, sign, cost columns and constant costs.
Result<void> resolve_outcome(const data::DataTable& table, const DataFlags& flags, std::vector<double> outcome,
                             LoggedData& out) {
  out.raw_outcome = std::move(outcome);
  out.outcome_sign = flags.outcome_sign();
  out.arm_cost.assign(out.arms.size(), 0.0);
  out.logged.outcome.resize(table.rows());
  for (std::size_t i = 0; i < table.rows(); ++i) out.logged.outcome[i] = out.outcome_sign * out.raw_outcome[i];
  for (const ValueCost& cost : flags.value_costs) {
    const auto at = std::find(out.arms.begin(), out.arms.end(), cost.arm);
    if (at == out.arms.end()) {
      return fail_at("--value-cost", ErrorCode::kUsage, "unknown arm {}; arms found: {}", gimbal::quoted(cost.arm),
                     join(out.arms, ", "));
    }
    const int arm = static_cast<int>(at - out.arms.begin());
    if (cost.column.empty()) {
      out.arm_cost[static_cast<std::size_t>(arm)] += cost.constant;
      for (std::size_t i = 0; i < table.rows(); ++i) {
        if (out.logged.action[i] == arm) out.logged.outcome[i] -= cost.constant;
      }
      continue;
    }
    GIMBAL_TRY(const data::Column* column, data::require_column(table, cost.column, "--value-cost"));
    GIMBAL_TRY(const std::vector<double> values, data::finite_numbers(table, *column, "value cost"));
    for (std::size_t i = 0; i < table.rows(); ++i) {
      if (out.logged.action[i] == arm) out.logged.outcome[i] -= values[i];
    }
  }
  return {};
}

Result<void> resolve_weights(const data::DataTable& table, const DataFlags& flags, LoggedData& out) {
  if (flags.weight.empty()) return {};
  const data::Column& column = *table.find(flags.weight);
  GIMBAL_TRY(out.weight, data::finite_numbers(table, column, "weight"));
  Diagnostics bad;
  double total = 0;
  for (std::size_t i = 0; i < out.weight.size(); ++i) {
    total += out.weight[i];
    if (out.weight[i] < 0) {
      bad.add(table.where(i, column),
              fmt::format("weight \"{}\" must not be negative, found {}", flags.weight, shortest(out.weight[i])));
    }
  }
  if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  if (!(total > 0)) {
    return fail_at("--weight", ErrorCode::kInvalidArgument,
                   "at least one weight in column \"{}\" must be above 0, found only 0", flags.weight);
  }
  return {};
}

Result<void> resolve_propensity(const data::DataTable& table, const DataFlags& flags, LoggedData& out) {
  if (!flags.propensity) return {};
  const std::size_t arms = out.arms.size();
  if (flags.propensity->kind == PropensitySpec::Kind::kUniform) {
    out.e = Matrix(table.rows(), arms, 1.0 / static_cast<double>(arms));
  } else if (flags.propensity->kind == PropensitySpec::Kind::kColumns) {
    GIMBAL_TRY(out.e, read_arm_columns(table, flags.propensity->prefix, out.arms, "--propensity", "propensity", true));
    Diagnostics impossible;
    for (std::size_t i = 0; i < table.rows(); ++i) {
      const std::size_t arm = static_cast<std::size_t>(out.logged.action[i]);
      if (out.e(i, arm) > 0) continue;
      impossible.add(table.where(i), fmt::format("the arm \"{}\" was given although its propensity is {}", out.arms[arm],
                                                 shortest(out.e(i, arm))));
    }
    if (!impossible.empty()) return fail(impossible.to_error(ErrorCode::kInvalidArgument));
  }
  return {};
}

}  // namespace

std::vector<double> LoggedData::fitted_outcome() const {
  std::vector<double> out(logged.outcome.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    // Where only a sign and constants apply, the file's own value is taken: adding a cost back would round.
    const double net_of_constants = outcome_sign * raw_outcome[i] - arm_cost[static_cast<std::size_t>(logged.action[i])];
    const double columns = net_of_constants - logged.outcome[i];
    out[i] = columns == 0 ? raw_outcome[i] : raw_outcome[i] - outcome_sign * columns;
  }
  return out;
}

LoggedData LoggedData::select_rows(std::span<const std::size_t> index) const {
  LoggedData out;
  out.table = table.select_rows(index);
  out.arms = arms;
  out.arm_cost = arm_cost;
  out.outcome_sign = outcome_sign;
  out.dropped_missing_outcome = dropped_missing_outcome;
  for (const std::size_t i : index) {
    out.logged.action.push_back(logged.action[i]);
    out.logged.outcome.push_back(logged.outcome[i]);
    out.raw_outcome.push_back(raw_outcome[i]);
    if (!weight.empty()) out.weight.push_back(weight[i]);
  }
  if (!logged.cluster.empty()) {
    std::unordered_map<std::int64_t, std::int64_t> dense;  // ids are renumbered 0..G-1 by first appearance
    for (const std::size_t i : index) {
      out.logged.cluster.push_back(dense.emplace(logged.cluster[i], static_cast<std::int64_t>(dense.size())).first->second);
    }
  }
  if (!e.empty()) out.e = e.select_rows(index);
  return out;
}

std::vector<std::string> ordered_arms(std::vector<std::string> names) {
  const bool integers =
      std::all_of(names.begin(), names.end(), [](const std::string& name) { return parse_int(name).has_value(); });
  std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    if (!integers) return a < b;
    const auto left = parse_int(a), right = parse_int(b);
    return *left != *right ? *left < *right : a < b;
  });
  return names;
}

Result<Matrix> read_arm_columns(const data::DataTable& table, const std::string& prefix, const std::vector<std::string>& arms,
                                std::string_view flag, std::string_view role, bool probabilities) {
  Matrix out(table.rows(), arms.size());
  const double largest = role == "variance" ? data::kLargestMagnitude * data::kLargestMagnitude : data::kLargestMagnitude;
  for (std::size_t a = 0; a < arms.size(); ++a) {
    GIMBAL_TRY(const data::Column* column, data::require_column(table, prefix + arms[a], flag));
    GIMBAL_TRY(const std::vector<double> values, data::finite_numbers(table, *column, role, "", largest));
    for (std::size_t i = 0; i < values.size(); ++i) out(i, a) = values[i];
  }
  if (!probabilities) return out;
  Diagnostics bad;
  for (std::size_t i = 0; i < out.rows(); ++i) {
    double sum = 0;
    bool inside = true;
    for (const double p : out.row(i)) {
      sum += p;
      inside = inside && p >= 0 && p <= 1;
    }
    if (inside && std::abs(sum - 1) <= kSumTolerance) {
      for (double& p : out.row(i)) p /= sum;
      continue;
    }
    std::vector<std::string> values;
    for (const double p : out.row(i)) values.push_back(shortest(p));
    bad.add(table.where(i),
            fmt::format("{} must lie in [0, 1] and sum to 1, found {} (sum {})", role, join(values, ", "), shortest(sum)));
  }
  if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  return out;
}

Result<LoggedData> load_logged(const std::string& path, const DataFlags& flags, const LoadOptions& options) {
  if (options.propensity_needed && !flags.propensity) return fail(missing_propensity());
  if (flags.outcome.empty()) return fail_at("--outcome", ErrorCode::kUsage, "the column that holds the outcome must be named");
  if (flags.action.empty())
    return fail_at("--action", ErrorCode::kUsage, "the column that holds the arm that was given must be named");
  data::CsvOptions csv;
  for (const std::string* name : {&flags.action, &flags.id, &flags.cluster}) {
    if (!name->empty()) csv.text_columns.insert(*name);
  }
  if (!flags.features.empty()) {
    GIMBAL_TRY(const std::vector<data::FeatureSpec> specs, data::parse_features(flags.features));
    csv.text_columns.merge(data::text_columns(specs));
    // With named features and no prefixes the columns that are needed are known, so the others are not held.
    const bool prefixed =
        !options.prefixes.empty() || (flags.propensity && flags.propensity->kind == PropensitySpec::Kind::kColumns);
    if (!options.all_columns && !prefixed) {
      data::NameSet only = options.also;
      for (const data::FeatureSpec& spec : specs) only.insert(spec.column);
      for (const std::string* name : {&flags.outcome, &flags.action, &flags.id, &flags.cluster, &flags.weight}) {
        if (!name->empty()) only.insert(*name);
      }
      for (const ValueCost& cost : flags.value_costs) {
        if (!cost.column.empty()) only.insert(cost.column);
      }
      csv.only = std::move(only);
    }
  }
  GIMBAL_TRY(data::DataTable table, data::read_table(path, csv));
  return prepare_logged(std::move(table), flags, options);
}

Result<LoggedData> prepare_logged(data::DataTable table, const DataFlags& flags, const LoadOptions& options) {
  if (options.propensity_needed && !flags.propensity) return fail(missing_propensity());
  GIMBAL_TRY(check_named_columns(table, flags));
  if (flags.outcome == flags.action) {
    return fail_at("--outcome", ErrorCode::kUsage, "column \"{}\" cannot be both the outcome and the action", flags.outcome);
  }
  LoggedData out;
  if (flags.drop_missing_outcome) {
    const std::vector<double> values = data::numbers_or_nan(*table.find(flags.outcome));
    std::vector<std::size_t> keep;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) keep.push_back(i);
    }
    out.dropped_missing_outcome = values.size() - keep.size();
    if (keep.empty()) {
      return fail_at("--drop-missing-outcome", ErrorCode::kInvalidArgument, "no row of {} has a finite outcome \"{}\"",
                     table.path(), flags.outcome);
    }
    if (out.dropped_missing_outcome > 0) table = table.select_rows(keep);
  }
  GIMBAL_TRY(check_holds_numbers(table, *table.find(flags.outcome)));
  GIMBAL_TRY(std::vector<double> outcome, data::finite_numbers(table, *table.find(flags.outcome), "outcome",
                                                               "use --drop-missing-outcome to skip such rows"));
  double largest = 0;
  for (const double y : outcome) largest = std::max(largest, std::fabs(y));
  if (largest > 0 && largest < kSmallestOutcome) {
    return fail_at(
        "--outcome", ErrorCode::kInvalidArgument,
        "no value of \"{}\" in {} is above {} in magnitude: give the outcome in a smaller unit, so that its numbers are "
        "larger",
        flags.outcome, table.path(), kSmallestOutcome);
  }
  if (!flags.id.empty()) GIMBAL_TRY(data::require_distinct(table, *table.find(flags.id), "id"));
  if (!flags.cluster.empty()) {
    GIMBAL_TRY(const data::Categories clusters, data::require_categories(table, *table.find(flags.cluster), "cluster"));
    // Dense over the rows that are kept: levels may hold more.
    std::vector<std::int64_t> dense(clusters.levels.size(), -1);
    std::int64_t count = 0;
    for (const std::int32_t code : clusters.codes) {
      std::int64_t& id = dense[static_cast<std::size_t>(code)];
      if (id < 0) id = count++;
      out.logged.cluster.push_back(id);
    }
  }
  GIMBAL_TRY(resolve_arms(table, flags, options.arms_may_lack_rows, out));
  GIMBAL_TRY(resolve_outcome(table, flags, std::move(outcome), out));
  GIMBAL_TRY(resolve_weights(table, flags, out));
  GIMBAL_TRY(resolve_propensity(table, flags, out));
  out.table = std::move(table);
  return out;
}

}  // namespace gimbal::policy
