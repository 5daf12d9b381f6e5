// Sample-size planning: the power that tests of given sizes have at points of a frontier, and the size that a power needs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/policy/frontier.h"

namespace gimbal::policy {

struct PowerAt {
  double n = 0, power = 0;
  std::optional<double> low, high;  // interval from the standard error of z1, on the honest curve
};

struct PowerRow {
  std::string at;
  double lambda = 0;          // infinity: max-tau
  double tau = 0, z1 = 0;     // of the curve planned with
  double units_required = 0;  // for the power asked for; infinity where z1 <= 0
  std::vector<PowerAt> power;
};

// One row a rule. A rule that cannot be met is an error (infeasible) when `strict`, else it is left out.
Result<std::vector<PowerRow>> power_rows(const Frontier& frontier, CurveKind curve, std::span<const std::string> rules,
                                         std::span<const double> sizes, double power, bool strict);

// "curve" ... "rows" of gimbal.policy.power/1.
void write_power_fields(JsonWriter& json, std::span<const PowerRow> rows, CurveKind curve, const TestSpec& test);

}  // namespace gimbal::policy
