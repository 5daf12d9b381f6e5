#include "gimbal/cli/paths.h"

#include <filesystem>
#include <system_error>

namespace gimbal::cli {

namespace {

// The base directory of the XDG specification: the variable when it is an absolute path, else a folder below $HOME.
std::string base_folder(const EnvironmentLookup& environment, const std::string& variable, const std::string& below_home) {
  if (const auto folder = environment(variable); folder && folder->starts_with('/')) return *folder;
  const auto home = environment("HOME");
  return home && !home->empty() ? *home + "/" + below_home : std::string();
}

}  // namespace

std::string user_config_path(const EnvironmentLookup& environment) {
  const std::string folder = base_folder(environment, "XDG_CONFIG_HOME", ".config");
  return folder.empty() ? folder : folder + "/gimbal/config.toml";
}

std::string cache_folder(const EnvironmentLookup& environment) {
  const std::string folder = base_folder(environment, "XDG_CACHE_HOME", ".cache");
  return folder.empty() ? folder : folder + "/gimbal";
}

std::string program_data_folder() {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& folder : {fs::path("data"), program / ".." / "data", program / ".." / "share" / "gimbal" / "data"}) {
    if (fs::is_directory(folder, error)) return folder.lexically_normal().string();
  }
  return "";
}

}  // namespace gimbal::cli
