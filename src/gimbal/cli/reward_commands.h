// gimbal reward ...: grade answers, compare two, list the verifiers.
#pragma once

#include "gimbal/cli/command.h"

namespace gimbal::cli {

CommandGroup reward_commands();

Command reward_check_command();
Command reward_score_command();
Command reward_code_command();
Command reward_check_tasks_command();
Command reward_list_command();

}  // namespace gimbal::cli
