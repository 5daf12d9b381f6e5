#include "gimbal/sandbox/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace gimbal::sandbox {
namespace {

constexpr std::string_view kPrefix = "gimbal-";

// A file of the kernel in one piece; empty when it cannot be read.
std::string read_short(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::array<char, 4096> buffer;
  const ssize_t size = read(file, buffer.data(), buffer.size());
  close(file);
  return size <= 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(size));
}

// One write, as the kernel wants it. (cgroupfs makes no files: where a controller is missing, O_CREAT fails.)
bool write_short(const std::string& path, std::string_view text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  close(file);
  errno = error;
  return written;
}

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const auto is_border = [&](std::size_t i) { return i >= text.size() || text[i] == ' ' || text[i] == '\n'; };
    if ((at == 0 || is_border(at - 1)) && is_border(at + word.size())) return true;
  }
  return false;
}
bool has_both(const std::string& text) { return has_word(text, "memory") && has_word(text, "pids"); }

// The path in the line "0::/user.slice/x" of /proc/self/cgroup.
std::string own_group(const std::string& self) {
  std::string_view text = self;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("0::/")) return std::string(line.substr(3));
  }
  return {};
}

// Why `folder` is no parent for groups of ours; empty: it is one.
std::string refusal(const std::string& folder) {
  if (access(folder.c_str(), W_OK | X_OK) != 0 || access((folder + "/cgroup.procs").c_str(), W_OK) != 0) {
    return "not writable";
  }
  if (has_both(read_short(folder + "/cgroup.subtree_control"))) return {};
  if (!has_both(read_short(folder + "/cgroup.controllers"))) return "the memory and pids controllers are not delegated to it";
  // A group with processes cannot hand controllers down.
  if (!read_short(folder + "/cgroup.procs").empty()) return "has processes of its own";
  if (!write_short(folder + "/cgroup.subtree_control", "+memory +pids")) return std::strerror(errno);
  return {};
}

void remove_abandoned(const std::string& parent) {
  std::error_code error;
  std::vector<std::string> abandoned;
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    pid_t pid = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + kPrefix.size(), end, pid);
    if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '-') continue;
    if (::kill(pid, 0) != 0 && errno == ESRCH) abandoned.push_back(entry.path().string());
  }
  for (const std::string& folder : abandoned) rmdir(folder.c_str());  // only an empty group can be removed
}

}  // namespace

Result<std::string> find_cgroup_parent(const std::string& mount, const std::string& self) {
  if (access((mount + "/cgroup.controllers").c_str(), R_OK) != 0) {
    return fail(ErrorCode::kUnavailable, "no cgroup v2 at {}", mount);
  }
  const std::string own = own_group(read_short(self));
  if (own.empty()) return fail(ErrorCode::kUnavailable, "{} names no cgroup v2", self);
  std::string nearest;
  for (std::string path = own == "/" ? "" : own;; path.resize(path.rfind('/'))) {
    const std::string folder = mount + path;
    std::string why = refusal(folder);
    if (why.empty()) {
      remove_abandoned(folder);
      return folder;
    }
    if (nearest.empty() || nearest.ends_with("processes of its own")) nearest = folder + ": " + std::move(why);
    if (path.empty()) break;
  }
  return fail(ErrorCode::kUnavailable, "{}", nearest);
}

Result<Cgroup> Cgroup::create(const std::string& parent, const Limits& limits) {
  static std::atomic<int> number = 0;
  const std::string folder = fmt::format("{}/{}{}-{}", parent, kPrefix, getpid(), number++);
  if (mkdir(folder.c_str(), 0755) != 0) {
    return fail(ErrorCode::kUnavailable, "cannot make the control group {}: {}", folder, std::strerror(errno));
  }
  Cgroup group(folder);
  // Without swap the limit means what it says; a kernel without swap accounting has no such file.
  write_short(folder + "/memory.swap.max", "0");
  const std::pair<const char*, std::string> files[] = {
      {"memory.max", std::to_string(limits.memory_bytes)},
      {"memory.oom.group", "1"},  // the program is ended as a whole, never with a part missing
      {"pids.max", std::to_string(limits.processes)},
  };
  for (const auto& [name, value] : files) {
    if (write_short(folder + "/" + name, value)) continue;
    return fail(ErrorCode::kUnavailable, "cannot write {}/{}: {}", folder, name, std::strerror(errno));
  }
  return group;
}

Cgroup::Cgroup(Cgroup&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept {
  std::swap(folder_, other.folder_);
  return *this;
}

Cgroup::~Cgroup() {
  if (folder_.empty()) return;
  // A killed process leaves its group a moment after it was reaped.
  for (int i = 0; i < 100 && rmdir(folder_.c_str()) != 0 && errno == EBUSY; ++i) {
    kill();
    usleep(1000);
  }
}

Result<void> Cgroup::add(pid_t process) {
  if (write_short(folder_ + "/cgroup.procs", std::to_string(process))) return {};
  return fail(ErrorCode::kUnavailable, "cannot put a process into {}: {}", folder_, std::strerror(errno));
}

void Cgroup::kill() { write_short(folder_ + "/cgroup.kill", "1"); }

bool Cgroup::out_of_memory() const {
  const std::string events = read_short(folder_ + "/memory.events");
  constexpr std::string_view kKey = "\noom_kill ";
  const std::size_t at = events.find(kKey);
  return at != std::string::npos && at + kKey.size() < events.size() && events[at + kKey.size()] != '0';
}

}  // namespace gimbal::sandbox
