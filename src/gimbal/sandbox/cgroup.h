// A control group of its own for one run: the kernel itself bounds the memory and the processes of the whole tree.
//
// Only cgroup v2, and only where the machine lets us: some folder at or above our own group must hand the controllers `memory`
// and `pids` to its children and be writable (root on the host, systemd's Delegate=yes with the program in a sub-group, a
// container with a writable cgroup mount). Groups are called gimbal-PID-N. They are removed when the run ends; those of a
// gimbal that was killed are empty (their processes died with it), and the next one removes them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "gimbal/base/result.h"

namespace gimbal::sandbox {

// The folder in which groups can be made. Looks at the own group (`self`: the text of /proc/self/cgroup) and what is above it
// under `mount`. A folder that has the controllers, no processes and is ours to write is told to hand them down. Removes groups
// that killed programs left. Errors: unavailable, with the reason.
Result<std::string> find_cgroup_parent(const std::string& mount = "/sys/fs/cgroup",
                                       const std::string& self = "/proc/self/cgroup");

class Cgroup {
 public:
  struct Limits {
    std::int64_t memory_bytes = 0;  // of all together, files in memory included; no swap beside it
    std::int64_t processes = 0;     // and threads
  };
  // Errors: unavailable, naming the file that could not be written.
  static Result<Cgroup> create(const std::string& parent, const Limits& limits);
  Cgroup(Cgroup&& other) noexcept;
  Cgroup& operator=(Cgroup&& other) noexcept;
  ~Cgroup();  // kills what is left inside and removes the group

  Result<void> add(pid_t process);
  void kill();  // everything inside, at once
  // Whether the kernel has ended the group because its memory was used up.
  bool out_of_memory() const;
  const std::string& folder() const { return folder_; }

 private:
  explicit Cgroup(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;  // empty: moved away
};

}  // namespace gimbal::sandbox
