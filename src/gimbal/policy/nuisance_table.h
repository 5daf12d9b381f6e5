// Nuisance tables: predictions for each unit as CSV, brought by the user or written by `fit` and `predict`.
//
// Columns, found by name: `id`, `weight`, then for every arm `e_<arm>`, `mu_<arm>`, `var_<arm>`, optional `b_<arm>`; optional
// `y`, `a` (outcome and logged arm, which make the honest curve possible: mu and var are then taken to be out-of-fold);
// `cluster` (dense ids, written where rows are clustered; read when named); optional `full_mu_<arm>`, `full_var_<arm>` (the
// full-data models' predictions for the same rows). The arms are the suffixes of the `mu_` columns in file order. `var_` is the
// mean squared error around mu, not the second moment. Other columns are left alone. Numbers are written with the shortest text
// that reads back to the same double.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

struct NuisanceTable {
  std::vector<std::string> id;  // empty: no ids
  Table table;
  std::vector<double> y;         // outcomes; empty: no column `y`
  std::optional<Logged> logged;  // outcome and action where `y` and `a` are both there, and clusters where a column is named
  Matrix full_mu, full_var;      // n x K, or empty

  // The table with the full-data models' predictions in place of the out-of-fold ones; the table itself without them.
  Table full_table() const;
};

struct NuisanceReadOptions {
  std::string cluster_column;  // "": none; needs `y` and `a`
  bool minimize = false;       // the file holds outcomes to be made small: y, mu and full_mu are negated
};

// Errors: not_found; parse_error, invalid_argument with file:line:column for each bad cell (up to 20): not a finite number,
// e outside [0, 1], a row of e or b that does not sum to 1 within 1e-6 (others are renormalized), var < 0, weight < 0, an
// unknown arm in `a`, e_a = 0 for the logged arm, a duplicate id, a missing column, fewer than two arms. not_identified with
// the count where b_a > 0 and e_a = 0. A `weight` column whose sum is 0 is an error. O(rows).
Result<NuisanceTable> read_nuisance_table(const std::string& path, const NuisanceReadOptions& options = {});
Result<NuisanceTable> parse_nuisance_table(std::string_view text, const std::string& name,
                                           const NuisanceReadOptions& options = {});

// The same table as CSV text. Column order: id, weight, e_, mu_, var_, b_ (each in arm order), y, a, cluster
// (dense ids, where rows are clustered), full_mu_, full_var_.
// With `minimize` y, mu and full_mu are negated, so that the file holds outcomes as they are and is read with `minimize` again.
std::string format_nuisance_table(const NuisanceTable& table, bool minimize = false);
Result<void> write_nuisance_table(const std::string& path, const NuisanceTable& table,
                                  bool minimize = false);  // atomic; .gz by suffix

}  // namespace gimbal::policy
