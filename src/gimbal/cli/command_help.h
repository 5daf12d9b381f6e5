// The texts of --help, and the pieces that docs/cli.md and the man page share with them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gimbal/cli/command.h"
#include "gimbal/cli/registry.h"

namespace gimbal::cli {

// "gimbal policy evaluate POLICY... TEST --outcome COL [options]".
std::string usage_line(std::string_view path, const Command& command);
// "-o, --out FILE", "--bootstrap [B]", "--[no-]deterministic"; for a positional "POLICY...".
std::string option_synopsis(const OptionSpec& option);
// The help sentence with what the declaration says: "folds of cross-fitting (default: 5)".
std::string option_help(const OptionSpec& option);

// The options that are not hidden under their headings, in the order in which the headings first appear.
struct OptionGroup {
  std::string heading;
  std::vector<const OptionSpec*> options;
};
std::vector<OptionGroup> option_groups(const Command& command);

std::string program_help(std::span<const CommandEntry> entries);
std::string group_help(const CommandGroup& group);
std::string command_help(std::string_view path, const Command& command, const Command& common);

}  // namespace gimbal::cli
