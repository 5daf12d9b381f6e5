// What a policy may do, as the user wrote it: bounds on units, capacities, minimal shares, a budget. Names are resolved against
// the arms and, where cells depend on columns, against a table of the same units.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/result.h"
#include "gimbal/data/table.h"
#include "gimbal/policy/bounds.h"
#include "gimbal/policy/constraints.h"

namespace gimbal::policy {

struct ArmNumber {
  std::string arm;
  double value = 0;
};
struct ForbiddenCell {
  std::string arm, column, level;
};
struct ArmResource {
  std::string arm;
  double constant = 0;
  std::string column;  // empty: the constant
};

struct Limits {
  double max_drift = 1;
  std::vector<ArmNumber> floors, ceilings;
  std::vector<ForbiddenCell> forbids;
  std::vector<ArmNumber> capacities, min_shares;
  std::optional<double> budget;
  std::vector<ArmResource> resources;

  bool has_constraints() const { return !capacities.empty() || !min_shares.empty() || budget.has_value(); }
  bool has_bounds() const { return max_drift < 1 || !floors.empty() || !ceilings.empty() || !forbids.empty(); }
  // Columns of the units that forbidden cells and resources read.
  std::vector<std::string> columns() const;

  void write(JsonWriter& json) const;  // one object
  static Result<Limits> read(const JsonView& json);
};

// "ARM=X": a fraction in [0, 1] (split at the last '='), "ARM:COLUMN=LEVEL", "ARM=X|ARM=@column". `flag` stands in errors.
Result<ArmNumber> parse_arm_fraction(std::string_view text, std::string_view flag);
Result<ForbiddenCell> parse_forbidden(std::string_view text);
Result<ArmResource> parse_resource(std::string_view text);

// Index of an arm. Errors: usage naming the flag and the arms found.
Result<std::size_t> find_arm(const std::vector<std::string>& arms, std::string_view name, std::string_view flag);

// `units`: the columns of the same n units; may be null when limits.columns() is empty.
Result<Bounds> resolve_bounds(const Limits& limits, const std::vector<std::string>& arms, const data::DataTable* units,
                              std::size_t n);
Result<std::vector<LinearConstraint>> resolve_constraints(const Limits& limits, const std::vector<std::string>& arms,
                                                          const data::DataTable* units, std::size_t n);

}  // namespace gimbal::policy
