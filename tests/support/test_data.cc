#include "support/test_data.h"

#include <cstdlib>
#include <filesystem>

namespace gimbal::testing {

std::string find_test_data(const std::string& name) {
  const char* shared = std::getenv("GIMBAL_SHARED");
  for (const std::filesystem::path& root :
       {std::filesystem::path("data"), std::filesystem::path(shared ? shared : "../shared") / "data"}) {
    if (std::filesystem::exists(root / name)) return (root / name).string();
  }
  return "";
}

}  // namespace gimbal::testing
