#include "gimbal/cli/registry.h"

#include <array>

#include "gimbal/cli/command_completion.h"
#include "gimbal/cli/command_docs.h"
#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/diversity_tour.h"
#include "gimbal/cli/doctor.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_tour.h"
#include "gimbal/cli/reward_commands.h"
#include "gimbal/cli/runs.h"
#include "gimbal/cli/sandbox_commands.h"
#include "gimbal/cli/tour.h"
#include "gimbal/cli/version.h"

namespace gimbal::cli {

std::span<const CommandEntry> command_entries() {
  static constexpr auto kEntries = std::to_array<CommandEntry>({
      {"policy", "Find targeting policies that a later test can confirm.", policy_commands, policy_doctor_checks,
       policy_tour_steps},
      {"reward", "Verify answers of models and say why each is right or wrong.", reward_commands},
      {"diversity", "Measure how many different usable answers a sampling budget gives.", diversity_commands, nullptr,
       diversity_tour_steps},
      {"sandbox", "Run untrusted programs inside layers that this machine can prove.", sandbox_commands, sandbox_doctor_checks},
      {"runs", "List, show, compare and report run directories.", runs_commands},
      {"doctor", "Say what this machine can do and what is missing.", doctor_commands},
      {"tour", "Run each system on small real data and print what came out.", tour_commands},
      {"completion", "Print a completion script for a shell.", completion_commands},
      {"docs", "Print the reference of all commands.", docs_commands},
      {"version", "Print the version, the commit, and what was built in.", version_commands},
  });
  return kEntries;
}

}  // namespace gimbal::cli
