// Where run directories lie: the names they get, and the folders that are made for them.
#pragma once

#include <string>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"
#include "gimbal/run/run_directory.h"

namespace gimbal::run {

// The folder of a new run: `setup.path`, which must be new or empty, or a fresh one with the default name.
// Errors: already_exists, permission.
Result<std::string> make_run_folder(const RunSetup& setup, const Clock& clock);

std::string without_trailing_slash(std::string path);

}  // namespace gimbal::run
