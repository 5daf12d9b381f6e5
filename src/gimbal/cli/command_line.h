// From argv to exit code: finds the command, resolves its options, runs it, and reports errors as text or gimbal.error/1.
// main() is this with the process around it; tests call it with a Host of strings.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gimbal/cli/command_context.h"
#include "gimbal/cli/registry.h"

namespace gimbal::cli {

// `argv[0]` is the program's name. Never throws: a broken precondition and any other exception end with exit code 70 and a
// message that says what to report.
int run_command_line(std::span<const CommandEntry> entries, const std::vector<std::string>& argv, const Host& host);

}  // namespace gimbal::cli
