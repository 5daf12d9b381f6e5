// The reference of all commands as Markdown (docs/cli.md) and as a manual page (docs/man/gimbal.1), from the declarations.
// A test checks that the committed files are what these functions give.
#pragma once

#include <span>
#include <string>

#include "gimbal/cli/command.h"
#include "gimbal/cli/registry.h"

namespace gimbal::cli {

std::string cli_markdown(std::span<const CommandEntry> entries);
std::string man_page(std::span<const CommandEntry> entries);

CommandGroup docs_commands();

}  // namespace gimbal::cli
