// Everything the child needs, laid out in memory before the fork, so that after it there are system calls only.
//
// Internal to the launcher: launch.cc fills a Plan and forks, launch_child.cc carries it out.
#pragma once

#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "gimbal/sandbox/landlock.h"
#include "gimbal/sandbox/launch.h"

namespace gimbal::sandbox {

// Where the child is; the name goes into the error.
enum class Step : std::int32_t {
  kNone,
  kStart,
  kSession,
  kMountsPrivate,
  kMountSource,
  kMountReadOnly,
  kIdentity,
  kMountRoot,
  kMountTree,
  kMountTarget,
  kMountWork,
  kCopyIn,
  kPivotRoot,
  kHostName,
  kInit,
  kFork,
  kDescriptors,
  kCapabilities,
  kNoNewPrivs,
  kLandlock,
  kRlimits,
  kSeccomp,
  kEnterWork,
  kExec,
};
const char* step_name(Step step);

// What the child writes on the report socket, one packet each.
enum class ReportKind : std::int32_t { kWork, kFailed, kStarted, kEnded };
struct Report {
  ReportKind kind = ReportKind::kFailed;
  Step step = Step::kNone;    // kFailed
  std::int32_t error = 0;     // kFailed: errno
  std::int32_t subject = -1;  // kFailed: which mount, rule or limit
  Ended ended;                // kEnded
};
// What the caller writes. A closed socket means the same as kKill.
enum class Order : char { kGo = 'g', kKill = 'k', kCpuSignal = 'x' };

struct Plan {
  struct Mount {
    const char* source;
    const char* target;  // relative to the new root
    bool writable;
    bool device;
    int tree = -1;  // the child's
  };
  struct File {
    const char* path;
    const char* content;
    std::size_t size;
  };
  struct Link {
    const char* content;
    const char* path;
  };
  struct Rule {
    const char* path;
    std::uint64_t access;
    bool optional;  // a path that is not there is skipped
  };
  struct Limit {
    int resource;
    rlimit value;
  };
  struct CopyIn {
    const char* name;
    int descriptor;
    mode_t mode;
  };

  std::uint64_t clone_flags = 0;
  bool userns = false, mountns = false, utsns = false, pidns = false, as_init = false;
  bool set_identity = false;  // change to uid/gid before anything else that counts
  uid_t uid = 0;
  gid_t gid = 0;

  std::vector<Mount> mounts;
  std::vector<const char*> folders;  // relative to the new root, parents first
  std::vector<File> files;
  std::vector<Link> links;
  const char* work_options = nullptr;
  const char* work_dir = nullptr;     // as the program sees it
  const char* host_folder = nullptr;  // removed by the init at the end; null with the mount namespace
  bool keep_folder = false;           // removed by the caller instead, if it is alive
  std::vector<CopyIn> copies;

  std::vector<std::pair<int, int>> descriptors;  // ours -> inside, sorted by the number inside
  std::vector<int> moved;                        // as many, the child's scratch
  bool drop_capabilities = false, no_new_privs = false;
  std::vector<Limit> limits;
  LandlockRuleset landlock;
  std::size_t landlock_size = 0;  // 0: none
  std::vector<Rule> rules;
  std::vector<sock_filter> filter;  // empty: none

  std::vector<const char*> programs;  // candidates, in the order of PATH
  std::vector<char*> argv, envp;      // with the closing null

  // Instead of executing a program: the confined process calls this and exits with what it returns (capabilities.cc).
  int (*probe)(const void* data) = nullptr;
  const void* probe_data = nullptr;

  // Keeps a text alive as long as the plan.
  const char* keep(std::string text) { return texts_.emplace_back(std::move(text)).c_str(); }

 private:
  std::deque<std::string> texts_;
};

// Errors: unavailable (a bind's source is missing), sandbox_error. `host_folder`: the work directory when there is no mount
// namespace.
Result<void> fill_plan(const LaunchSpec& spec, const std::string& host_folder, Plan& plan);

// Confines a child as `spec` says (argv is not used), lets it call `probe` (system calls only) and returns its wait status.
Result<int> launch_probe(const LaunchSpec& spec, int (*probe)(const void* data), const void* data);

// Runs in the child, never returns. `report` is its end of the socket.
[[noreturn]] void run_child(Plan& plan, int report);

}  // namespace gimbal::sandbox
