// The options that say which verifier judges and how.
#pragma once

#include <string>

#include "gimbal/cli/command.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/sandbox_commands.h"
#include "gimbal/reward/verifiers.h"

namespace gimbal::cli {

struct VerifierFlags {
  std::string verifier = "math";
  reward::VerifierOptions options;
  std::int64_t timeout_ms = 10'000;
  std::optional<std::int64_t> workers;
  std::optional<std::string> tasks, task_cache;
  std::string python;
  SandboxPolicyFlags policy;
};

void add_verifier_flags(Command& command, VerifierFlags* flags);
// Those of `code` alone; `tasks`: --tasks among them.
void add_code_flags(Command& command, VerifierFlags* flags, bool tasks);

// What external programs write to stderr goes to the log; warns where nothing isolates programs. Errors: usage at --verifier;
// unavailable without a sandbox.
Result<std::unique_ptr<reward::Verifier>> make_verifier(CommandContext& context, const VerifierFlags& flags);

// Interpreter and confinement that the flags ask for. Errors: unavailable, usage.
Result<reward::CodeRunnerOptions> code_environment(CommandContext& context, const VerifierFlags& flags);

// "math" or "hendrycks", of flags that are in force.
std::string_view profile_name(const VerifierFlags& flags);

}  // namespace gimbal::cli
