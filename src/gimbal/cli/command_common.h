// The options that every command has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gimbal/cli/command.h"

namespace gimbal::cli {

struct CommonFlags {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  std::optional<std::string> config;
  std::uint64_t seed = 0;
  int threads = 0;
  bool help = false;
};

// Declares them, bound to `flags`, on a command that has no name and no body.
Command common_options(CommonFlags* flags);

}  // namespace gimbal::cli
