// Where every option's value comes from: default < user's config.toml < --config file < environment < flag.
//
// In a file, top-level keys are options of the command that runs (in the user's config.toml only the common ones), [policy]
// holds for every command of the component that has the option, [policy.fit] for one verb; the narrower wins. A key that no
// command concerned knows is an error with its position and the nearest known key; tables of other components are not read.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/toml.h"
#include "gimbal/cli/command.h"
#include "gimbal/cli/command_argv.h"
#include "gimbal/cli/command_context.h"

namespace gimbal::cli {

// What is being run.
struct Invocation {
  const CommandGroup* group = nullptr;
  const Command* command = nullptr;
  const Command* common = nullptr;           // the options of every command
  std::vector<std::string> component_names;  // of all groups, for tables of files

  std::string component() const { return group->name(); }
  std::string verb() const { return group->is_single() ? "" : command->name(); }
  std::string path() const;  // "gimbal policy fit"
  // The command's own, then the common ones.
  std::vector<const OptionSpec*> options() const;
};

using FileValues = std::map<const OptionSpec*, TomlEntry>;

// What a file says about the options of the invocation. `user_config`: top-level keys are common options alone.
// Errors: usage, with the position of the key or table.
Result<FileValues> file_values(const Invocation& invocation, const TomlTable& file, bool user_config);

// Sets every variable from the source that wins and says which one did. `files`: later ones win. --help is not among the
// result. Errors: usage; all wrong values are named, the first as the error and the others as notes.
Result<std::vector<ResolvedOption>> resolve_options(
    const Invocation& invocation, const Argv& argv, std::span<const FileValues> files,
    const std::function<std::optional<std::string>(const std::string&)>& environment);

// The word of --config: from the flags, or else from GIMBAL_CONFIG.
Result<std::optional<std::string>> config_path(
    const Argv& argv, const std::function<std::optional<std::string>(const std::string&)>& environment);

}  // namespace gimbal::cli
