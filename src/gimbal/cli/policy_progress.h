// Progress and interruption of frontiers that are solved point by point (shared constraints): what `frontier`, `choose` and
// `run` hand to the solver.
#pragma once

#include <cstddef>

#include "gimbal/cli/command_context.h"
#include "gimbal/policy/constraints.h"

namespace gimbal::cli {

// `steps`: about how many points will be solved; 0: no progress is shown. The line lives as long as the hooks.
policy::SolveHooks solve_hooks(const CommandContext& context, std::size_t steps);

}  // namespace gimbal::cli
