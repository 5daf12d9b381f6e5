// `gimbal doctor`: what this machine can do, what is missing, and what to do about it.
#pragma once

#include <vector>

#include "gimbal/cli/command.h"
#include "gimbal/cli/paths.h"
#include "gimbal/run/doctor.h"

namespace gimbal::cli {

CommandGroup doctor_commands();

// What every command stands on: processor, memory, build, XGBoost, and the folders that are written.
std::vector<run::DoctorCheck> machine_checks(const EnvironmentLookup& environment);

}  // namespace gimbal::cli
