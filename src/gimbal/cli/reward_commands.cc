#include "gimbal/cli/reward_commands.h"

namespace gimbal::cli {

CommandGroup reward_commands() {
  CommandGroup group("reward", "Verify answers of models and say why each is right or wrong.");
  group.description(
      "Verifiers turn an answer and a gold value into a score in [0, 1] with what was extracted and the reason. `check` "
      "compares "
      "two strings, `score` grades a file of answers, `code` tests programs, `check-tasks` tests the tasks themselves, `list` "
      "shows the verifiers and their options.");
  group.add(reward_check_command());
  group.add(reward_score_command());
  group.add(reward_code_command());
  group.add(reward_check_tasks_command());
  group.add(reward_list_command());
  return group;
}

}  // namespace gimbal::cli
