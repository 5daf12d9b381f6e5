// Folders that the command line uses: configuration, cache, and the data that belong to the program.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace gimbal::cli {

using EnvironmentLookup = std::function<std::optional<std::string>(const std::string&)>;

// $XDG_CONFIG_HOME/gimbal/config.toml, or ~/.config/gimbal/config.toml; empty when neither variable is set.
std::string user_config_path(const EnvironmentLookup& environment);
// $XDG_CACHE_HOME/gimbal, or ~/.cache/gimbal; empty when neither variable is set.
std::string cache_folder(const EnvironmentLookup& environment);
// The folder that holds <component>/...: data/ in the working folder, beside the program's folder (build/gimbal), or installed
// (share/gimbal/data). Empty when there is none.
std::string program_data_folder();

}  // namespace gimbal::cli
