// The words of the sandbox: statuses, limits, policies, layers, and what one execution returns.
//
// Everything here is a plain value. A Status says how a program ended; which evidence leads to which status is
// sandbox/classify.h. Sizes are bytes, times are milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::sandbox {

// How a program ended. `ok` follows from the wait status alone. The values before kRuntimeError besides kOk mean that nothing
// was executed; kNotRun and kCancelled mean that the execution was left out or stopped from outside.
enum class Status {
  kOk,
  kEmpty,
  kNotText,
  kNoCode,
  kSyntaxError,
  kMissingEntry,
  kMissingModule,
  kRuntimeError,
  kTimeoutCpu,
  kTimeoutWall,
  kMemory,
  kOutputLimit,
  kProcessLimit,
  kForbidden,
  kKilled,
  kNotRun,
  kCancelled,
};
std::string_view status_name(Status status);  // "timeout_cpu"
std::optional<Status> parse_status(std::string_view name);

// What one execution may use. Every field is positive.
struct Limits {
  std::int64_t cpu_ms = 10'000;                        // of the whole process tree
  std::int64_t wall_ms = 30'000;                       // from the start of the main process
  std::int64_t memory_bytes = std::int64_t{1} << 30;   // resident memory of the tree; address space of a process (+ stack)
  std::int64_t output_bytes = std::int64_t{16} << 20;  // stdout and stderr each
  std::int64_t disk_bytes = std::int64_t{64} << 20;    // the work directory, and the largest file
  std::int64_t stack_bytes = std::int64_t{256} << 20;  // of the main thread
  int processes = 16;                                  // processes and threads at the same time
  int files = 256;                                     // open descriptors of a process
};
// Errors: invalid_argument naming the field, for memory below 32 MiB, or anything not positive.
Result<void> check_limits(const Limits& limits);

enum class PolicyKind { kAuto, kFull, kNoUserns, kRlimits, kOff };
std::string_view policy_name(PolicyKind policy);  // "no-userns"
std::optional<PolicyKind> parse_policy(std::string_view name);

// In the order in which documents list them.
enum class Layer {
  kUserns,
  kPidns,
  kNetns,
  kIpcns,
  kUtsns,
  kMountns,
  kLandlock,
  kSeccomp,
  kRlimits,
  kNnp,
  kCgroup,
  kReaper,
};
inline constexpr int kLayerCount = 12;
std::string_view layer_name(Layer layer);  // "mountns"
std::optional<Layer> parse_layer(std::string_view name);

// A set of layers; iteration is in the order of the enumeration.
class LayerSet {
 public:
  constexpr LayerSet() = default;
  constexpr LayerSet(std::initializer_list<Layer> layers) {
    for (Layer layer : layers) add(layer);
  }
  constexpr void add(Layer layer) { bits_ |= 1u << static_cast<unsigned>(layer); }
  constexpr void remove(Layer layer) { bits_ &= ~(1u << static_cast<unsigned>(layer)); }
  constexpr bool has(Layer layer) const { return (bits_ >> static_cast<unsigned>(layer)) & 1u; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool operator==(const LayerSet&) const = default;
  std::vector<std::string> names() const;

 private:
  unsigned bits_ = 0;
};

// The layers that a process is started in, each proved by a probe; made by resolve_policy (sandbox/capabilities.h).
struct Confinement {
  PolicyKind policy = PolicyKind::kOff;  // kFull, kNoUserns, kRlimits or kOff
  LayerSet layers;
  int landlock_abi = 0;       // 0: no Landlock
  bool foreign_uid = false;   // started as root: the program runs under an unprivileged outer id, and RLIMIT_NPROC counts
  std::string memory_bound;   // what bounds the memory of the tree: "cgroup", "monitor"; "none" under kOff
  std::string cgroup_parent;  // where groups are made, with Layer::kCgroup (sandbox/cgroup.h)
};

// A path of the host that is visible inside, at `target` (empty: at the same path). Without the mount namespace it is a
// Landlock rule on `source`.
struct Bind {
  std::string source;
  std::string target;
  bool writable = false;
};

// One output stream: the bytes kept and how many there were.
struct Output {
  std::string bytes;       // at most Limits::output_bytes
  std::int64_t total = 0;  // counted until the program was dead
  bool truncated = false;  // total > bytes.size()
};

// The end of one execution (the fields of gimbal.sandbox.run/1).
struct RunResult {
  Status status = Status::kNotRun;
  std::optional<int> exit_code;
  std::optional<std::string> signal;  // "SIGSEGV"
  double cpu_ms = 0;                  // of the tree, without the sandbox's own set-up
  double wall_ms = 0;
  std::optional<std::int64_t> max_rss_bytes;
  int processes = 1;  // the most that were seen at the same time
  Output out;
  Output err;
  std::optional<std::string> message;  // a line for people: the limit that was hit, the exception
  PolicyKind policy = PolicyKind::kOff;
  LayerSet layers;
};

// The end of one test of a Python program (a result of gimbal.sandbox.batch/1).
struct TestResult {
  std::string id;
  Status status = Status::kNotRun;
  std::optional<int> exit_code;
  std::optional<std::string> signal;
  Output out;
  Output err;
  double cpu_ms = 0;
  double wall_ms = 0;
  std::optional<std::int64_t> max_rss_bytes;
  std::optional<std::string> message;
};

// "SIGKILL" for 9; "SIG42" for one without a name.
std::string signal_name(int signal);

}  // namespace gimbal::sandbox
