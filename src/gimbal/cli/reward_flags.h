// The options that say which verifier judges and how.
#pragma once

#include <string>

#include "gimbal/cli/command.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/reward/verifiers.h"

namespace gimbal::cli {

struct VerifierFlags {
  std::string verifier = "math";
  reward::VerifierOptions options;
  std::int64_t timeout_ms = 10'000;
};

void add_verifier_flags(Command& command, VerifierFlags* flags);

// What external programs write to stderr goes to the log. Errors: usage at --verifier.
Result<std::unique_ptr<reward::Verifier>> make_verifier(const CommandContext& context, const VerifierFlags& flags);

// "math" or "hendrycks", of flags that are in force.
std::string_view profile_name(const VerifierFlags& flags);

}  // namespace gimbal::cli
