#include "gimbal/sandbox/capabilities.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <span>
#include <utility>

#include "gimbal/sandbox/cgroup.h"
#include "gimbal/sandbox/landlock.h"
#include "gimbal/sandbox/launch_plan.h"

namespace gimbal::sandbox {
namespace {

constexpr int kProved = 42;  // an exit code that nothing else gives
constexpr int kNotProved = 43;
constexpr int kProbeFiles = 77;  // a limit of descriptors that nobody has by chance

constexpr Layer kFullLayers[] = {Layer::kUserns,  Layer::kPidns,   Layer::kNetns,   Layer::kIpcns, Layer::kUtsns,
                                 Layer::kMountns, Layer::kSeccomp, Layer::kRlimits, Layer::kNnp};
constexpr Layer kNoUsernsLayers[] = {Layer::kLandlock, Layer::kSeccomp, Layer::kRlimits, Layer::kNnp, Layer::kReaper};

constexpr const char* kUsernsRemedy =
    "sysctl kernel.unprivileged_userns_clone=1 and user.max_user_namespaces above 0; on Ubuntu 24.04 "
    "sysctl kernel.apparmor_restrict_unprivileged_userns=0; in a container a seccomp profile that allows unshare";

ino_t inode_of(const char* path) {
  struct stat info{};
  return stat(path, &info) == 0 ? info.st_ino : 0;
}

// The probes run inside, with system calls only.

int inside_userns(const void*) { return geteuid() == 1000 && syscall(SYS_setresuid, 0, 0, 0) != 0 ? kProved : kNotProved; }
int inside_pidns(const void*) { return getpid() == 2 && kill(1, 0) == 0 ? kProved : kNotProved; }
// No interface but a loopback that is down.
int inside_netns(const void*) {
  const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any < 0) return kNotProved;
  ifreq request{};
  request.ifr_ifindex = 2;  // 1 is the loopback
  if (ioctl(any, SIOCGIFNAME, &request) == 0) return kNotProved;
  request.ifr_ifindex = 1;
  if (ioctl(any, SIOCGIFNAME, &request) != 0) return kProved;
  return ioctl(any, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) == 0 ? kProved : kNotProved;
}
int inside_other(const char* path, const void* outside) {
  const ino_t mine = inode_of(path);
  return mine != 0 && mine != *static_cast<const ino_t*>(outside) ? kProved : kNotProved;
}
int inside_ipcns(const void* outside) { return inside_other("/proc/self/ns/ipc", outside); }
int inside_utsns(const void* outside) {
  utsname name{};
  if (uname(&name) != 0 || std::string_view(name.nodename) != "sandbox") return kNotProved;
  return inside_other("/proc/self/ns/uts", outside);
}
int inside_mountns(const void*) {
  if (access("/proc", F_OK) == 0 || access("/etc/shadow", F_OK) == 0 || access("/usr", R_OK) != 0) return kNotProved;
  if (open("/usr/gimbal-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 || errno != EROFS) return kNotProved;
  return open("/box/probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 ? kProved : kNotProved;
}
// The current directory is the work directory.
int inside_landlock(const void*) {
  if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES) return kNotProved;
  if (open("/usr", O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0) return kNotProved;
  return open("probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 ? kProved : kNotProved;
}
int inside_seccomp(const void*) {
  if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM) return kNotProved;
  syscall(SYS_unshare, 0);  // ends the process with SIGSYS
  return kNotProved;
}
int inside_rlimits(const void*) {
  rlimit files{};
  rlimit core{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || getrlimit(RLIMIT_CORE, &core) != 0) return kNotProved;
  return files.rlim_max == kProbeFiles && core.rlim_max == 0 ? kProved : kNotProved;
}
int inside_nnp(const void*) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? kProved : kNotProved; }
// Takes more memory than the group may have, which ends it.
int inside_cgroup(const void*) {
  constexpr std::size_t kTooMuch = std::size_t{256} << 20;
  void* memory = mmap(nullptr, kTooMuch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return kNotProved;
  for (std::size_t at = 0; at < kTooMuch; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
  return kNotProved;
}
int inside_all(const void*) { return geteuid() == 1000 && getpid() == 2 ? kProved : kNotProved; }

// Why a probe says no; empty when the layer is proved.
std::string try_layers(LayerSet layers, int (*probe)(const void*), const void* data, bool foreign_uid, int abi,
                       bool killed = false) {
  LaunchSpec spec;
  spec.argv = {"probe"};
  spec.limits.files = kProbeFiles;
  spec.confinement.layers = layers;
  spec.confinement.foreign_uid = foreign_uid;
  spec.confinement.landlock_abi = abi;
  const Result<int> status = launch_probe(spec, probe, data);
  if (!status) return status.error().message;
  if (killed ? WIFSIGNALED(*status) && WTERMSIG(*status) == SIGSYS : WIFEXITED(*status) && WEXITSTATUS(*status) == kProved) {
    return {};
  }
  return "set up without an error, but a probe inside found no effect";
}

Result<LayerSet> disabled_layers(std::string_view text) {
  LayerSet disabled;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view name = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (name.empty()) continue;
    const std::optional<Layer> layer = parse_layer(name);
    if (!layer) {
      return fail_at("GIMBAL_SANDBOX_DISABLE", ErrorCode::kInvalidArgument, "there is no layer \"{}\"", name);
    }
    disabled.add(*layer);
  }
  return disabled;
}

class Prober {
 public:
  explicit Prober(LayerSet disabled) : disabled_(disabled) {
    utsname name{};
    uname(&name);
    found_.kernel = name.release;
    found_.arch = name.machine;
    found_.landlock_abi = disabled.has(Layer::kLandlock) ? 0 : sandbox::landlock_abi();
  }

  Capabilities all() {
    const ino_t ipc = inode_of("/proc/self/ns/ipc");
    const ino_t uts = inode_of("/proc/self/ns/uts");
    userns();
    in_userns(Layer::kPidns, inside_pidns);
    in_userns(Layer::kNetns, inside_netns);
    in_userns(Layer::kIpcns, inside_ipcns, &ipc);
    in_userns(Layer::kUtsns, inside_utsns, &uts);
    in_userns(Layer::kMountns, inside_mountns);
    landlock();
    if (!switched_off(Layer::kSeccomp)) {
      report(Layer::kSeccomp, try_layers({Layer::kNnp, Layer::kSeccomp}, inside_seccomp, nullptr, false, 0, true),
             "allow-list of system calls", "a kernel with CONFIG_SECCOMP_FILTER");
    }
    if (!switched_off(Layer::kRlimits)) {
      report(Layer::kRlimits, try_layers({Layer::kRlimits}, inside_rlimits, nullptr, false, 0),
             found_.foreign_uid || geteuid() != 0 ? "" : "the number of processes is not limited for root", "");
    }
    if (!switched_off(Layer::kNnp)) {
      report(Layer::kNnp, try_layers({Layer::kNnp}, inside_nnp, nullptr, false, 0), "", "");
    }
    cgroup();
    if (!switched_off(Layer::kReaper)) {
      const bool readable = access("/proc/self/stat", R_OK) == 0;
      report(Layer::kReaper, readable ? "" : "/proc cannot be read", "", "mount /proc");
    }
    whole();
    return std::move(found_);
  }

 private:
  bool switched_off(Layer layer) {
    if (!disabled_.has(layer)) return false;
    found_.layers.push_back({layer, false, "switched off by GIMBAL_SANDBOX_DISABLE", "unset GIMBAL_SANDBOX_DISABLE"});
    return true;
  }
  void report(Layer layer, std::string problem, std::string detail, std::string remedy) {
    const bool available = problem.empty();
    found_.layers.push_back({layer, available, available ? std::move(detail) : std::move(problem), available ? "" : remedy});
  }
  void userns() {
    if (switched_off(Layer::kUserns)) {
      // The outer id of its own is still wanted for no-userns.
      found_.foreign_uid = geteuid() == 0 && try_layers({Layer::kNnp}, inside_nnp, nullptr, true, 0).empty();
      return;
    }
    std::string problem = "root";
    if (geteuid() == 0) problem = try_layers({Layer::kUserns}, inside_userns, nullptr, true, 0);
    found_.foreign_uid = problem.empty();
    if (!found_.foreign_uid) problem = try_layers({Layer::kUserns}, inside_userns, nullptr, false, 0);
    if (geteuid() == 0 && !problem.empty()) {
      found_.foreign_uid = try_layers({Layer::kNnp}, inside_nnp, nullptr, true, 0).empty();
    }
    report(Layer::kUserns, problem,
           fmt::format("uid 1000 -> {}", found_.foreign_uid ? static_cast<unsigned>(outer_id(kDefaultUidBase, 0)) : geteuid()),
           kUsernsRemedy);
  }
  void in_userns(Layer layer, int (*probe)(const void*), const void* data = nullptr) {
    if (switched_off(layer)) return;
    if (!found_.has(Layer::kUserns)) return report(layer, "needs userns", "", "see userns");
    report(layer, try_layers({Layer::kUserns, layer}, probe, data, found_.foreign_uid, 0), "", kUsernsRemedy);
  }
  void landlock() {
    if (switched_off(Layer::kLandlock)) return;
    std::string problem = "the kernel has no Landlock, or it is not in its list of security modules";
    if (found_.landlock_abi > 0) {
      problem = try_layers({Layer::kNnp, Layer::kLandlock}, inside_landlock, nullptr, false, found_.landlock_abi);
    }
    if (!problem.empty()) found_.landlock_abi = 0;
    report(Layer::kLandlock, problem, fmt::format("ABI {}", found_.landlock_abi),
           "Linux 5.13 or newer, started with landlock in lsm=");
  }
  // Optional: without it the monitor bounds the tree's memory.
  void cgroup() {
    if (switched_off(Layer::kCgroup)) return;
    constexpr const char* kRemedy =
        "none is needed: the monitor sums up the tree's memory every 20 ms; for a bound by the kernel, cgroup v2 with memory "
        "and "
        "pids handed down to a folder above our group that we may write (systemd: Delegate=yes and DelegateSubgroup=)";
    const Result<std::string> parent = find_cgroup_parent();
    if (!parent) return report(Layer::kCgroup, parent.error().message, "", kRemedy);
    LaunchSpec spec;
    spec.argv = {"probe"};
    spec.limits.memory_bytes = std::int64_t{32} << 20;
    spec.confinement.layers = {Layer::kCgroup};
    spec.confinement.cgroup_parent = *parent;
    const Result<int> status = launch_probe(spec, inside_cgroup, nullptr);
    std::string problem;
    if (!status) {
      problem = status.error().message;
    } else if (!WIFSIGNALED(*status) || WTERMSIG(*status) != SIGKILL) {
      problem = "set up without an error, but a probe inside could take more memory than allowed";
    }
    if (problem.empty()) found_.cgroup_parent = *parent;
    report(Layer::kCgroup, problem, *parent, kRemedy);
  }
  // Layers that work one by one must also work together.
  void whole() {
    Confinement full;
    for (const Layer layer : kFullLayers) {
      if (!found_.has(layer)) return;
      full.layers.add(layer);
    }
    if (found_.has(Layer::kLandlock)) full.layers.add(Layer::kLandlock);
    const std::string problem = try_layers(full.layers, inside_all, nullptr, found_.foreign_uid, found_.landlock_abi);
    if (problem.empty()) return;
    LayerReport& userns = found_.layers.at(static_cast<std::size_t>(Layer::kUserns));
    userns = {Layer::kUserns, false, "all layers together: " + problem, kUsernsRemedy};
  }

  LayerSet disabled_;
  Capabilities found_;
};

Error missing(std::span<const Layer> wanted, const Capabilities& capabilities, PolicyKind policy) {
  Error error{
      ErrorCode::kUnavailable, fmt::format("this machine cannot build the sandbox policy \"{}\"", policy_name(policy)), {}, {}};
  for (const Layer layer : wanted) {
    if (capabilities.has(layer)) continue;
    const LayerReport& report = capabilities.report(layer);
    error.notes.push_back(
        fmt::format("{}: {}{}{}", layer_name(layer), report.detail, report.remedy.empty() ? "" : "; remedy: ", report.remedy));
  }
  return error;
}

// Optional layers of every policy that confines.
void add_group(const Capabilities& capabilities, Confinement& confinement) {
  if (!capabilities.has(Layer::kCgroup)) return;
  confinement.layers.add(Layer::kCgroup);
  confinement.cgroup_parent = capabilities.cgroup_parent;
  confinement.memory_bound = "cgroup";
}

bool has_all(std::span<const Layer> wanted, const Capabilities& capabilities) {
  for (const Layer layer : wanted) {
    if (!capabilities.has(layer)) return false;
  }
  return true;
}

}  // namespace

bool Capabilities::has(Layer layer) const { return report(layer).available; }
const LayerReport& Capabilities::report(Layer layer) const { return layers.at(static_cast<std::size_t>(layer)); }

Result<Capabilities> probe(std::string_view disabled) {
  GIMBAL_TRY(const LayerSet off, disabled_layers(disabled));
  return Prober(off).all();
}

Result<Capabilities> probe() {
  const char* disabled = std::getenv("GIMBAL_SANDBOX_DISABLE");
  return probe(disabled == nullptr ? std::string_view() : disabled);
}

Result<Confinement> resolve_policy(PolicyKind policy, const Capabilities& capabilities, bool accept_risk) {
  Confinement confinement;
  confinement.policy = policy;
  if (policy == PolicyKind::kOff) {
    confinement.memory_bound = "none";
    return confinement;
  }
  confinement.memory_bound = "monitor";
  if (policy == PolicyKind::kRlimits) {
    if (!accept_risk) {
      return fail_at("--sandbox", ErrorCode::kUsage,
                     "\"rlimits\" isolates nothing: the program can read and change your files and use the network; "
                     "if you accept that, add --i-accept-risk");
    }
    if (!capabilities.has(Layer::kRlimits)) {
      constexpr Layer kOnly[] = {Layer::kRlimits};
      return fail(missing(kOnly, capabilities, policy));
    }
    confinement.layers.add(Layer::kRlimits);
    if (capabilities.has(Layer::kReaper)) confinement.layers.add(Layer::kReaper);
    add_group(capabilities, confinement);
    return confinement;
  }
  const bool full = has_all(kFullLayers, capabilities);
  const bool no_userns = has_all(kNoUsernsLayers, capabilities);
  confinement.foreign_uid = capabilities.foreign_uid;
  confinement.landlock_abi = capabilities.landlock_abi;
  if (policy != PolicyKind::kNoUserns && full) {
    confinement.policy = PolicyKind::kFull;
    for (const Layer layer : kFullLayers) confinement.layers.add(layer);
    if (capabilities.has(Layer::kLandlock)) confinement.layers.add(Layer::kLandlock);
    add_group(capabilities, confinement);
    return confinement;
  }
  if (policy != PolicyKind::kFull && no_userns) {
    confinement.policy = PolicyKind::kNoUserns;
    for (const Layer layer : kNoUsernsLayers) confinement.layers.add(layer);
    add_group(capabilities, confinement);
    return confinement;
  }
  Error error =
      missing(policy == PolicyKind::kNoUserns ? std::span<const Layer>(kNoUsernsLayers) : kFullLayers, capabilities, policy);
  if (policy == PolicyKind::kAuto) {
    for (std::string& note : missing(kNoUsernsLayers, capabilities, PolicyKind::kNoUserns).notes) {
      error.notes.push_back("for no-userns, " + std::move(note));
    }
  }
  error.notes.push_back(
      "--sandbox=off would run the program as it is, with your rights: it could read and change all your files");
  return fail(std::move(error));
}

}  // namespace gimbal::sandbox
