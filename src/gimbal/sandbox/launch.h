// Starts one process inside all layers of a Confinement.
//
// The steps, in the child: own session, namespaces (identity maps are written by the parent), a new root of read-only binds
// with a fresh work directory, closing every descriptor but the wanted ones, limits, no capabilities, no_new_privs, Landlock,
// seccomp, execve. Everything is prepared before the fork; the child only makes system calls. A step that fails comes back as
// sandbox_error "step (errno)", never as the end of a program.
//
// Between the caller and the program stands a small init process (pid 1 of the pid namespace): it adopts and reaps orphans,
// reports the end of the main process, and exits, and with it the kernel ends all the rest. Without a pid namespace it is a
// child sub-reaper that kills what is left. It also ends everything when the caller dies (its control socket closes).
// `as_init` makes the program itself pid 1 (the Python fork server, which does this work on its own).
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/sandbox/cgroup.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::sandbox {

// The work directory inside: fresh, empty, writable; it is the cwd, HOME and TMPDIR (and /tmp is a link to it). Without the
// mount namespace it is a new folder of the host (Child::work_dir()).
inline constexpr const char* kWorkDir = "/box";
// Started as root, programs run under outer user ids from here on.
inline constexpr int kDefaultUidBase = 61000;
// The outer id of a worker of this process. Limits of processes count all processes of a user, so two gimbals at the same time
// need different ids: each takes its own 64 of 4096 by its process id.
int outer_id(int uid_base, int worker);

struct CopiedFile {
  std::string name;     // a plain file name inside the work directory
  int descriptor = -1;  // read from its start by the child; stays the caller's
  bool executable = false;
};

struct LaunchSpec {
  std::vector<std::string> argv;  // argv[0] is looked up in the PATH of `env` unless it has a slash
  std::vector<std::string> env;   // the whole environment, "NAME=value"; HOME, TMPDIR and PWD are added
  std::vector<Bind> binds;        // beside the system's read-only ones
  std::vector<CopiedFile> files;  // put into the work directory before the start
  Limits limits;
  Confinement confinement;
  // Ours -> the number inside. Every other descriptor is closed in the child.
  std::vector<std::pair<int, int>> descriptors;
  // The program becomes pid 1 of its pid namespace. Without one it is ignored: then the small init stays its parent.
  bool as_init = false;
  bool limit_cpu = true;  // RLIMIT_CPU from limits.cpu_ms; false for a server that runs many programs
  // Without the mount namespace: the work directory stays until the Child is destroyed, not only until the program's end.
  bool keep_work = false;
  int worker = 0;  // different for processes that run at the same time: gives each its own outer user id
  int uid_base = kDefaultUidBase;
};

// How the main process ended.
struct Ended {
  int wait_status = 0;
  rusage usage{};          // of the main process and the children it waited for
  double init_cpu_ms = 0;  // what the sandbox itself used, to be taken off the whole tree's
};

// A running sandbox. Owns the process: destruction kills the whole tree and reaps it.
class Child {
 public:
  Child() = default;
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const { return pid_; }      // the top process outside: the init, or the program with as_init
  int pidfd() const { return pidfd_; }    // readable when the top process has ended
  int report() const { return report_; }  // readable when `next_report` has something to say
  // The work directory as a descriptor that stays valid after the end; -1 under policies without a work directory.
  int work_fd() const { return work_fd_; }
  const std::string& work_dir() const { return work_dir_; }  // as the program sees it
  bool running() const { return pid_ > 0; }

  // The end of the main process if it has been reported (not with as_init; there `wait` tells). Does not block.
  std::optional<Ended> poll_end();
  // SIGXCPU to the main process and its group, as the kernel sends it at the soft limit (not with as_init).
  void signal_cpu();
  // Kills the whole tree and returns; `wait` then reaps. Safe to call twice.
  void kill_all();
  // Waits until the top process and all others are gone: at most `limit`, then kills. Returns its wait status and the resources
  // of all processes of the tree that were reaped.
  struct Reaped {
    int wait_status = 0;
    rusage usage{};
    bool out_of_memory = false;  // the kernel ended the control group for its memory
  };
  Reaped wait(std::chrono::milliseconds limit = std::chrono::milliseconds(2000));

 private:
  friend struct Launcher;
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int report_ = -1;
  int work_fd_ = -1;
  bool has_pidns_ = false;
  bool own_folder_ = false;  // work_dir_ is a folder of the host which the init removes
  bool keep_folder_ = false;
  std::string work_dir_;
  std::optional<Cgroup> group_;
};

// Returns once the program has been executed (execve succeeded). About 2 ms. Thread-safe.
// Errors: sandbox_error naming the step; not_found when argv[0] is not there inside (with the PATH searched); unavailable when
// a bind's source is missing.
Result<Child> launch(const LaunchSpec& spec);

}  // namespace gimbal::sandbox
