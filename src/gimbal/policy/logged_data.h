// Logged decisions read from a table: arms, outcomes, clusters, weights and, where they are given, logging probabilities.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gimbal/data/csv.h"
#include "gimbal/data/encoding.h"
#include "gimbal/data/table.h"
#include "gimbal/policy/data_flags.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

struct LoggedData {
  data::DataTable table;                    // the loaded columns of the rows that are kept
  std::vector<std::string> arms;            // K >= 2 names, in their order
  Logged logged;                            // outcome is larger-is-better and net of costs
  std::vector<double> raw_outcome;          // as in the file
  std::vector<double> arm_cost;             // K constants already subtracted from `outcome`
  std::vector<double> weight;               // empty: 1 for every unit
  Matrix e;                                 // n x K where given (uniform, columns); empty where they are to be estimated
  std::size_t dropped_missing_outcome = 0;  // rows left out by --drop-missing-outcome

  std::size_t rows() const { return table.rows(); }
  double outcome_sign = 1;  // -1 with --minimize
  // Outcome before constant costs and sign, but net of cost columns: what the regressions are fitted to, so that a 0/1 outcome
  // stays 0/1. outcome = outcome_sign * fitted_outcome - arm_cost[action].
  std::vector<double> fitted_outcome() const;
  // The rows named by `index`, in that order.
  LoggedData select_rows(std::span<const std::size_t> index) const;
};

struct LoadOptions {
  data::NameSet also =
      {};  // further columns to load (--by, prediction columns, baseline columns), prefixes resolved by the caller
  bool all_columns = false;                // load every column even when features are named
  std::vector<std::string> prefixes = {};  // load every column that begins with one of these
  bool arms_may_lack_rows = false;  // arms named by the flags that no row was given: of a test set (usage error otherwise)
  bool propensity_needed = true;    // error missing_propensity() when the flags name none
};

// The columns that the flags need, and all others when no features are named.
// Errors: as data::read_table; not_found naming the flag and the nearest columns; parse_error with file:line:field for outcomes
// that are not finite numbers, empty actions or clusters, propensities outside [0, 1], rows that do not sum to 1 within 1e-6 or
// give the logged arm 0; usage for unknown arms (with the arms found) and fewer than two arms; conflict for duplicate ids;
// invalid_argument for weights that are negative or all 0.
Result<LoggedData> load_logged(const std::string& path, const DataFlags& flags, const LoadOptions& options = {});
// The same from a table in memory whose action, id and cluster columns were kept as text.
Result<LoggedData> prepare_logged(data::DataTable table, const DataFlags& flags, const LoadOptions& options = {});

// n x K matrix of the columns prefix + arm. `role` names the values in messages ("propensity"). Probabilities are checked and
// renormalized when `probabilities`.
Result<Matrix> read_arm_columns(const data::DataTable& table, const std::string& prefix, const std::vector<std::string>& arms,
                                std::string_view flag, std::string_view role, bool probabilities);

// Default order: numeric when all are integers, else lexicographic.
std::vector<std::string> ordered_arms(std::vector<std::string> names);

}  // namespace gimbal::policy
