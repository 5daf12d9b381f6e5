// The verbs of `gimbal sandbox`, what they share, and the rows of `gimbal doctor`.
#pragma once

#include <vector>

#include "gimbal/cli/command.h"
#include "gimbal/run/doctor.h"
#include "gimbal/sandbox/capabilities.h"

namespace gimbal::cli {

CommandGroup sandbox_commands();
std::vector<run::DoctorCheck> sandbox_doctor_checks();

Command sandbox_check_command();
Command sandbox_run_command();
Command sandbox_batch_command();
Command sandbox_bench_command();

// --sandbox and --i-accept-risk.
struct SandboxPolicyFlags {
  sandbox::PolicyKind policy = sandbox::PolicyKind::kAuto;
  bool accept_risk = false;
};
void add_policy_options(Command& command, SandboxPolicyFlags& flags);

}  // namespace gimbal::cli
