// Shares, effective sample size, largest weight and movement at many points of one path, in a single walk over the units.
#pragma once

#include <span>
#include <vector>

#include "gimbal/policy/path.h"
#include "gimbal/policy/path_unit.h"

namespace gimbal::policy {

// The same as summarize(table, probabilities(lambda)) for each of `lambdas` (in [0, +infinity], any order), at the price of one
// walk a unit instead of one solution a unit and point: O(n K (pieces + points)). Bits do not depend on the number of threads.
std::vector<PolicySummary> summarize_points(const UnitModel& model, std::span<const double> lambdas);

}  // namespace gimbal::policy
