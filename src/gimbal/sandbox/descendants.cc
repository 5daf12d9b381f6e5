#include "gimbal/sandbox/descendants.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "gimbal/base/result.h"

namespace gimbal::sandbox {
namespace {

struct ProcessLine {
  pid_t pid = 0;
  pid_t parent = 0;
  char state = '?';
  std::int64_t ticks = 0;
  std::int64_t pages = 0;
  bool alive() const { return state != 'Z' && state != 'X'; }
};

bool read_line(pid_t pid, ProcessLine& line) {
  std::array<char, 1024> buffer;
  const int file = open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t size = read(file, buffer.data(), buffer.size());
  close(file);
  if (size <= 0) return false;
  std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  const std::size_t name_end = text.rfind(')');  // a name may hold anything, ")" too
  if (name_end == std::string_view::npos || name_end + 4 > text.size()) return false;
  line.pid = pid;
  line.state = text[name_end + 2];
  text.remove_prefix(name_end + 3);
  // Fields from the fourth on, proc(5): 4 ppid, 14 utime, 15 stime, 16 cutime, 17 cstime, 24 rss.
  for (int field = 4; field <= 24; ++field) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    std::int64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(std::min(text.size(), text.find(' ')));
    if (parsed.ec != std::errc()) continue;  // an unsigned field beyond our range; none of ours
    if (field == 4) line.parent = static_cast<pid_t>(value);
    if (field >= 14 && field <= 17) line.ticks += value;
    if (field == 24) line.pages = value;
  }
  return true;
}

// "Pss:   295 kB" of /proc/PID/smaps_rollup; nullopt when the process is gone or may not be looked at.
std::optional<std::int64_t> proportional_bytes(pid_t pid) {
  std::array<char, 2048> buffer;
  const int file = open(fmt::format("/proc/{}/smaps_rollup", pid).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  const ssize_t size = read(file, buffer.data(), buffer.size());
  close(file);
  if (size <= 0) return std::nullopt;
  std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  const std::size_t line = text.find("\nPss:");
  if (line == std::string_view::npos) return std::nullopt;
  text.remove_prefix(line + 5);
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ')));
  std::int64_t kib = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), kib).ec != std::errc()) return std::nullopt;
  return kib * 1024;
}

std::vector<ProcessLine> descendants(pid_t root) {
  std::vector<ProcessLine> all;
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return all;
  while (const dirent* entry = readdir(folder)) {
    pid_t pid = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    const auto parsed = std::from_chars(entry->d_name, end, pid);
    ProcessLine line;
    if (parsed.ec == std::errc() && parsed.ptr == end && read_line(pid, line)) all.push_back(line);
  }
  closedir(folder);
  std::unordered_set<pid_t> inside = {root};
  std::vector<ProcessLine> found;
  for (bool grew = true; grew;) {
    grew = false;
    for (const ProcessLine& line : all) {
      if (!inside.contains(line.parent) || !inside.insert(line.pid).second) continue;
      found.push_back(line);
      grew = true;
    }
  }
  return found;
}

}  // namespace

std::vector<pid_t> living_children(pid_t root) {
  std::vector<pid_t> children;
  for (const ProcessLine& line : descendants(root)) {
    if (line.parent == root && line.alive()) children.push_back(line.pid);
  }
  std::sort(children.begin(), children.end());
  return children;
}

DescendantUsage scan_descendants(pid_t root, std::int64_t shared_bytes, pid_t left_out, std::int64_t shares_above) {
  static const double ms_per_tick = 1000.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  static const std::int64_t page_bytes = sysconf(_SC_PAGESIZE);
  DescendantUsage usage;
  std::vector<ProcessLine> alive = descendants(root);
  std::erase_if(alive, [&](const ProcessLine& line) {
    if (line.pid == left_out) return true;
    usage.cpu_ms += static_cast<double>(line.ticks) * ms_per_tick;
    return !line.alive();
  });
  usage.processes = static_cast<int>(alive.size());
  const auto resident = [&](const ProcessLine& line) {
    return std::max<std::int64_t>(0, line.pages * page_bytes - shared_bytes);
  };
  for (const ProcessLine& line : alive) usage.resident_bytes += resident(line);
  if (usage.resident_bytes <= shares_above) return usage;
  // While processes end, the shares of those read later grow, and the sum is too large: then it is taken again.
  for (int look = 0; look < 3 && usage.resident_bytes > shares_above; ++look) {
    std::int64_t shares = 0;
    for (const ProcessLine& line : alive) {
      ProcessLine now;
      const std::optional<std::int64_t> share = proportional_bytes(line.pid);
      if (share) {
        shares += *share;
      } else if (read_line(line.pid, now) && now.alive()) {
        shares += resident(now);
      }
    }
    usage.resident_bytes = std::min(usage.resident_bytes, shares);
  }
  return usage;
}

std::int64_t resident_bytes(pid_t pid) {
  ProcessLine line;
  return read_line(pid, line) ? line.pages * sysconf(_SC_PAGESIZE) : 0;
}

bool kill_descendants(pid_t root, pid_t keep, int rounds) {
  constexpr int kPasses = 4;  // three that stop, one that kills
  for (int round = 0; round < rounds; ++round) {
    for (int pass = 0; pass < kPasses; ++pass) {
      bool alive = false;
      for (const ProcessLine& line : descendants(root)) {
        if (line.pid == keep || !line.alive()) continue;
        alive = true;
        kill(line.pid, pass + 1 < kPasses ? SIGSTOP : SIGKILL);
      }
      if (!alive) return true;
    }
    usleep(500);
  }
  return false;
}

}  // namespace gimbal::sandbox
