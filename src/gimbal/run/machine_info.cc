#include "gimbal/run/machine_info.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"

namespace gimbal::run {

std::string proc_value(const std::string& file, std::string_view name) {
  const Result<std::string> text = read_file(file);
  if (!text) return "";
  for (const std::string_view line : split(*text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && trim(line.substr(0, colon)) == name)
      return std::string(trim(line.substr(colon + 1)));
  }
  return "";
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

MachineInfo machine_info() {
  MachineInfo info;
  struct utsname system{};
  const bool named = uname(&system) == 0;
  info.cpu = proc_value("/proc/cpuinfo", "model name");
  if (info.cpu.empty()) info.cpu = named ? system.machine : "unknown";
  info.cores = hardware_threads();
  const std::string memory = proc_value("/proc/meminfo", "MemTotal");  // "16303456 kB"
  info.memory_bytes = parse_uint(std::string_view(memory).substr(0, memory.find(' '))).value_or(0) * 1024;
  info.kernel = named ? fmt::format("{} {}", system.sysname, system.release) : "unknown";
  return info;
}

}  // namespace gimbal::run
