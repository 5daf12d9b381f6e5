// The multipliers of shared constraints at one lambda (internal).
//
// The dual is concave in eta and its gradient is how far each constraint is exceeded. That is piecewise linear in one eta_j: a
// bracket with Newton steps ends on the piece of the answer, and a last linear step is exact. Several are solved by Newton
// steps from prices nearby and, where those do not settle, by projected Newton with a line search (cyclic brackets as a last
// resort), to a violation of at most 1e-9.
#pragma once

#include <span>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/policy/constraint_pass.h"

namespace gimbal::policy {

inline constexpr double kViolation = 1e-9;  // the spec's bound on |usage - limit| of a constraint with a positive price

struct DualSolution {
  Prices prices;
  Pass pass;
  // On the piece to which lambda belongs: d tau / d lambda and d eta / d lambda, the binding set held.
  double tau_slope = 0;
  std::vector<double> eta_slope;
};

// `scale`: the lambda at which units typically saturate. `guess`: shadow prices near the answer (zeros will do). Errors:
// infeasible where the constraints cannot be met together, limit where rounding keeps the violation above 1e-9.
Result<DualSolution> solve_dual(const ConstraintPasses& passes, double lambda, double scale, std::span<const double> guess,
                                ArmStates& states);

}  // namespace gimbal::policy
