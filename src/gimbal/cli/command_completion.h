// Shell completion, generated from the declarations: `gimbal completion bash|zsh|fish`.
#pragma once

#include <span>
#include <string>

#include "gimbal/cli/command.h"
#include "gimbal/cli/registry.h"

namespace gimbal::cli {

enum class Shell { kBash, kZsh, kFish };
// The script that teaches `shell` the commands, their options, and the values of choices; files where an option wants one.
std::string completion_script(Shell shell, std::span<const CommandEntry> entries);

CommandGroup completion_commands();

}  // namespace gimbal::cli
