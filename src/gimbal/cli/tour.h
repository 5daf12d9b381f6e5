// `gimbal tour`: runs each system on small real data, prints one table and writes an HTML report.
#pragma once

#include <span>
#include <vector>

#include "gimbal/cli/command.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/run/tour.h"

namespace gimbal::cli {

CommandGroup tour_commands();

struct TourFlags {
  std::optional<std::string> folder;  // run directory; default runs/tour-<time>
  std::optional<std::string> data;    // default: found beside the program
  std::vector<std::string> only;      // systems
};

// The body, with the steps given. Exit code: 0, or 1 when a step failed. Errors: unavailable without steps or data.
Result<int> run_tour(CommandContext& context, const TourFlags& flags, std::span<const run::TourStep> steps);

}  // namespace gimbal::cli
