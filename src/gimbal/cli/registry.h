// The list of command groups. A row is cheap; a group is built only when it is chosen (or documented, or tested).
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "gimbal/cli/command.h"
#include "gimbal/run/doctor.h"
#include "gimbal/run/tour.h"

namespace gimbal::cli {

struct CommandEntry {
  std::string_view name;
  std::string_view summary;  // the group's own; a test compares
  CommandGroup (*build)();
  std::vector<run::DoctorCheck> (*doctor_checks)() = nullptr;  // what the group needs of the machine
  std::vector<run::TourStep> (*tour_steps)() = nullptr;
};

// In the order of `gimbal --help`. To add a group: declare its functions in registry.cc and add a row there.
std::span<const CommandEntry> command_entries();

}  // namespace gimbal::cli
