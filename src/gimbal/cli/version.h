// What this program is: version, commit, compiler, and what was built into it. Goes into `gimbal version` and run.json.
#pragma once

#include <string>

#include "gimbal/cli/command.h"

namespace gimbal::cli {

struct BuildInfo {
  std::string version;     // "0.1.0"
  std::string commit;      // 12 hexadecimal digits, "-dirty" behind them when the tree had changes; "unknown" without git
  std::string compiler;    // "GNU 12.2.0"
  std::string build_type;  // "Release"
  std::string sanitize;    // "address,undefined"; usually empty
  bool xgboost = false;    // knows XGBoost (whether the library is there: `gimbal doctor`)
};
BuildInfo build_info();

CommandGroup version_commands();

}  // namespace gimbal::cli
