// The verbs of `gimbal policy`, one function each.
#pragma once

#include "gimbal/cli/command.h"

namespace gimbal::cli {

CommandGroup policy_commands();

Command policy_inspect_command();
Command policy_fit_command();
Command policy_predict_command();
Command policy_frontier_command();
Command policy_choose_command();
Command policy_apply_command();
Command policy_evaluate_command();
Command policy_power_command();
Command policy_tree_command();
Command policy_simulate_command();
Command policy_run_command();

}  // namespace gimbal::cli
