#include "gimbal/policy/nuisance_table.h"

#include <algorithm>

#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/data/csv.h"
#include "gimbal/policy/baseline.h"
#include "gimbal/policy/logged_data.h"

namespace gimbal::policy {
namespace {

Result<std::vector<std::string>> arms_of(const data::DataTable& table) {
  std::vector<std::string> arms;
  for (const std::string& name : table.names())
    if (name.starts_with("mu_") && name.size() > 3) arms.push_back(name.substr(3));
  if (arms.size() >= 2) return arms;
  return fail_at(
      table.path(), ErrorCode::kInvalidArgument,
      "a nuisance table needs columns e_<arm>, mu_<arm>, var_<arm> for at least two arms; found {} column{} that begin{} "
      "with mu_{}",
      arms.size(), arms.size() == 1 ? "" : "s", arms.size() == 1 ? "s" : "", arms.empty() ? "" : ": mu_" + arms[0]);
}

// The columns prefix + arm, or an empty matrix when the table has none of them. Some but not all is an error.
Result<Matrix> optional_arm_columns(const data::DataTable& table, const std::string& prefix,
                                    const std::vector<std::string>& arms, std::string_view role, bool probabilities) {
  const bool any =
      std::any_of(arms.begin(), arms.end(), [&](const std::string& arm) { return table.find(prefix + arm) != nullptr; });
  if (!any) return Matrix();
  return read_arm_columns(table, prefix, arms, "", role, probabilities);
}

Result<void> check_not_negative(const data::DataTable& table, const std::string& prefix, const std::vector<std::string>& arms,
                                const Matrix& values) {
  Diagnostics bad;
  for (std::size_t i = 0; i < values.rows(); ++i)
    for (std::size_t a = 0; a < arms.size(); ++a)
      if (values(i, a) < 0)
        bad.add(table.where(i, *table.find(prefix + arms[a])),
                fmt::format("\"{}{}\" must not be negative, found {}", prefix, arms[a], shortest(values(i, a))));
  if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  return {};
}

Result<std::vector<double>> read_weight(const data::DataTable& table) {
  const data::Column* column = table.find("weight");
  if (!column) return std::vector<double>();
  GIMBAL_TRY(std::vector<double> weight, data::finite_numbers(table, *column, "weight"));
  Diagnostics bad;
  double total = 0;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    total += weight[i];
    if (weight[i] < 0)
      bad.add(table.where(i, *column), fmt::format("\"weight\" must not be negative, found {}", shortest(weight[i])));
  }
  if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  if (!(total > 0))
    return fail_at(table.path(), ErrorCode::kInvalidArgument, "at least one weight must be above 0, found only 0");
  return weight;
}

// The arm of each row, by the names of the mu_ columns.
Result<std::vector<int>> read_actions(const data::DataTable& table, const data::Column& column,
                                      const std::vector<std::string>& arms, const Matrix& e) {
  GIMBAL_TRY(const data::Categories found, data::require_categories(table, column, "arm"));
  std::vector<int> arm_of(found.levels.size(), -1);
  for (std::size_t level = 0; level < found.levels.size(); ++level) {
    const auto at = std::find(arms.begin(), arms.end(), found.levels[level]);
    if (at != arms.end()) arm_of[level] = static_cast<int>(at - arms.begin());
  }
  std::vector<int> action(table.rows());
  Diagnostics bad;
  for (std::size_t i = 0; i < action.size(); ++i) {
    const auto level = static_cast<std::size_t>(found.codes[i]);
    action[i] = arm_of[level];
    if (action[i] < 0)
      bad.add(table.where(i, column), fmt::format("unknown arm {}; the arms are those of the mu_ columns: {}",
                                                  gimbal::quoted(found.levels[level]), join(arms, ", ")));
    else if (!(e(i, static_cast<std::size_t>(action[i])) > 0))
      bad.add(table.where(i, column), fmt::format("the arm {} was given although its propensity \"e_{}\" is 0",
                                                  gimbal::quoted(found.levels[level]), found.levels[level]));
  }
  if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  return action;
}

Result<std::vector<std::int64_t>> read_clusters(const data::DataTable& table, const std::string& name) {
  GIMBAL_TRY(const data::Column* column, data::require_column(table, name, "--cluster"));
  GIMBAL_TRY(const data::Categories categories, data::require_categories(table, *column, "cluster"));
  return std::vector<std::int64_t>(categories.codes.begin(),
                                   categories.codes.end());  // levels stand by first appearance: dense
}

double negated(double value) { return 0.0 - value; }  // 0 stays 0, where -value would be -0

void negate(Matrix& m) {
  for (double& value : m.values()) value = negated(value);
}

data::CsvOptions csv_options(const NuisanceReadOptions& options) {
  data::CsvOptions csv;
  csv.text_columns = {"id", "a"};
  if (!options.cluster_column.empty()) csv.text_columns.insert(options.cluster_column);
  return csv;
}

Result<NuisanceTable> from_columns(const data::DataTable& table, const NuisanceReadOptions& options) {
  NuisanceTable out;
  Table& t = out.table;
  GIMBAL_TRY(t.arms, arms_of(table));
  GIMBAL_TRY(t.e, read_arm_columns(table, "e_", t.arms, "", "propensity", true));
  GIMBAL_TRY(t.mu, read_arm_columns(table, "mu_", t.arms, "", "prediction", false));
  GIMBAL_TRY(t.var, read_arm_columns(table, "var_", t.arms, "", "variance", false));
  GIMBAL_TRY(check_not_negative(table, "var_", t.arms, t.var));
  GIMBAL_TRY(t.b, optional_arm_columns(table, "b_", t.arms, "baseline", true));
  if (!t.b.empty()) GIMBAL_TRY(check_support(t.b, t.e, t.arms, "the baseline"));
  GIMBAL_TRY(t.weight, read_weight(table));
  GIMBAL_TRY(out.full_mu, optional_arm_columns(table, "full_mu_", t.arms, "prediction", false));
  GIMBAL_TRY(out.full_var, optional_arm_columns(table, "full_var_", t.arms, "variance", false));
  if (!out.full_var.empty()) GIMBAL_TRY(check_not_negative(table, "full_var_", t.arms, out.full_var));
  if (out.full_mu.empty() != out.full_var.empty())
    return fail_at(table.path(), ErrorCode::kInvalidArgument,
                   "full_mu_<arm> and full_var_<arm> belong together; found one kind only");

  if (const data::Column* id = table.find("id")) {
    GIMBAL_TRY(data::require_distinct(table, *id, "id"));
    out.id.reserve(table.rows());
    for (std::size_t i = 0; i < table.rows(); ++i) out.id.push_back(id->text(i));
  }
  if (const data::Column* y = table.find("y")) {
    GIMBAL_TRY(out.y, data::finite_numbers(table, *y, "outcome"));
    if (options.minimize)
      for (double& value : out.y) value = negated(value);
  }
  if (options.minimize) {
    negate(t.mu);
    negate(out.full_mu);
  }
  const data::Column* a = table.find("a");
  if (a && !out.y.empty()) {
    Logged logged;
    GIMBAL_TRY(logged.action, read_actions(table, *a, t.arms, t.e));
    logged.outcome = out.y;
    if (!options.cluster_column.empty()) {
      GIMBAL_TRY(logged.cluster, read_clusters(table, options.cluster_column));
    }
    out.logged = std::move(logged);
  } else if (!options.cluster_column.empty()) {
    return fail_at("--cluster", ErrorCode::kUsage,
                   "clusters matter for the honest curve alone, which needs the columns y and a; {} lacks {}", table.path(),
                   out.y.empty() ? "y" : "a");
  }
  return out;
}

void add_names(std::vector<std::string>& header, const std::string& prefix, const std::vector<std::string>& arms,
               const Matrix& values) {
  if (values.empty()) return;
  for (const std::string& arm : arms) header.push_back(prefix + arm);
}

void add_cells(data::CsvWriter& out, const Matrix& values, std::size_t i, bool negate = false) {
  if (values.empty()) return;
  for (const double value : values.row(i)) out.cell(negate ? negated(value) : value);
}

}  // namespace

Table NuisanceTable::full_table() const {
  Table out = table;
  if (!full_mu.empty()) {
    out.mu = full_mu;
    out.var = full_var;
  }
  return out;
}

Result<NuisanceTable> read_nuisance_table(const std::string& path, const NuisanceReadOptions& options) {
  GIMBAL_TRY(const data::DataTable table, data::read_table(path, csv_options(options)));
  return from_columns(table, options);
}

Result<NuisanceTable> parse_nuisance_table(std::string_view text, const std::string& name, const NuisanceReadOptions& options) {
  GIMBAL_TRY(const data::DataTable table, data::parse_table(text, name, csv_options(options)));
  return from_columns(table, options);
}

std::string format_nuisance_table(const NuisanceTable& table, bool minimize) {
  const Table& t = table.table;
  const std::size_t n = t.units();
  std::vector<std::string> header;
  if (!table.id.empty()) header.push_back("id");
  if (!t.weight.empty()) header.push_back("weight");
  add_names(header, "e_", t.arms, t.e);
  add_names(header, "mu_", t.arms, t.mu);
  add_names(header, "var_", t.arms, t.var);
  add_names(header, "b_", t.arms, t.b);
  const std::vector<double>& y = table.logged ? table.logged->outcome : table.y;
  if (!y.empty()) header.push_back("y");
  if (table.logged) header.push_back("a");
  const bool clustered = table.logged && !table.logged->cluster.empty();
  if (clustered) header.push_back("cluster");
  add_names(header, "full_mu_", t.arms, table.full_mu);
  add_names(header, "full_var_", t.arms, table.full_var);

  data::CsvWriter out(header);
  out.reserve(n * header.size() * 20);  // a shortest double has up to 18 characters beside its separator
  for (std::size_t i = 0; i < n; ++i) {
    if (!table.id.empty()) out.cell(table.id[i]);
    if (!t.weight.empty()) out.cell(t.weight[i]);
    add_cells(out, t.e, i);
    add_cells(out, t.mu, i, minimize);
    add_cells(out, t.var, i);
    add_cells(out, t.b, i);
    if (!y.empty()) out.cell(minimize ? negated(y[i]) : y[i]);
    if (table.logged) out.cell(t.arms[static_cast<std::size_t>(table.logged->action[i])]);
    if (clustered) out.cell(table.logged->cluster[i]);
    add_cells(out, table.full_mu, i, minimize);
    add_cells(out, table.full_var, i);
    out.end_row();
  }
  return out.take();
}

Result<void> write_nuisance_table(const std::string& path, const NuisanceTable& table, bool minimize) {
  return write_atomic(path, format_nuisance_table(table, minimize));
}

}  // namespace gimbal::policy
