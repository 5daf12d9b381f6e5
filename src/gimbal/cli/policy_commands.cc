#include "gimbal/cli/policy_commands.h"

namespace gimbal::cli {

CommandGroup policy_commands() {
  CommandGroup group("policy", "Find targeting policies that a later test can confirm.");
  group.description(
      "From logged decisions to a policy on the frontier between its expected improvement and the power to prove that "
      "improvement on data that were "
      "not used to build it. Start with `gimbal policy inspect`, or let `gimbal policy run` do everything.");
  group.add(policy_inspect_command());
  group.add(policy_run_command());
  group.add(policy_fit_command());
  group.add(policy_predict_command());
  group.add(policy_frontier_command());
  group.add(policy_choose_command());
  group.add(policy_apply_command());
  group.add(policy_evaluate_command());
  group.add(policy_power_command());
  group.add(policy_tree_command());
  group.add(policy_simulate_command());
  return group;
}

}  // namespace gimbal::cli
