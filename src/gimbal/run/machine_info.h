// The machine that a run ran on, as run.json records it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gimbal::run {

struct MachineInfo {
  std::string cpu;                 // "AMD EPYC 9B14"; the architecture where the model is not known
  int cores = 1;                   // that this process may use
  std::uint64_t memory_bytes = 0;  // of the machine; 0 when it cannot be read
  std::optional<std::string> gpu;
  std::string kernel;  // "Linux 6.1.0-18-amd64"
};

// Reads /proc/cpuinfo and /proc/meminfo; below a millisecond.
MachineInfo machine_info();

// The value of the first "name : value" line of a file such as /proc/cpuinfo; empty when there is none.
std::string proc_value(const std::string& file, std::string_view name);

// This machine's name in the network; tells apart who holds a lock in a shared folder.
std::string host_name();

}  // namespace gimbal::run
