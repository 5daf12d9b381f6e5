#include "gimbal/sandbox/launch_plan.h"

#include <dirent.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string_view>

#include "gimbal/base/file.h"
#include "gimbal/sandbox/seccomp_filter.h"

namespace gimbal::sandbox {
namespace {

constexpr int kInsideId = 1000;
constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Kind {
  bool exists = false;
  bool folder = false;
  bool link = false;
};
Kind kind_of(const std::string& path, bool follow) {
  struct stat info{};
  if ((follow ? stat(path.c_str(), &info) : lstat(path.c_str(), &info)) != 0) return {};
  return {true, S_ISDIR(info.st_mode), S_ISLNK(info.st_mode)};
}

// What "a/b" starts with is covered by "a".
bool lies_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

// Collects the new root's content and the Landlock rules that go with it.
class RootBuilder {
 public:
  RootBuilder(Plan& plan, int abi) : plan_(plan), everything_(landlock_everything(abi).handled_files) {}

  void folder(std::string_view path) {  // absolute; parents too
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      const std::string part(path.substr(1, end == std::string_view::npos ? end : end - 1));
      if (!part.empty() && seen_.insert(part).second) plan_.folders.push_back(plan_.keep(part));
      if (end == std::string_view::npos) return;
    }
  }
  void file(std::string_view path, std::string content) {
    folder(path.substr(0, path.rfind('/')));
    const std::size_t size = content.size();
    plan_.files.push_back({plan_.keep(std::string(path.substr(1))), plan_.keep(std::move(content)), size});
  }
  void link(std::string_view path, std::string content) {
    folder(path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)));
    plan_.links.push_back({plan_.keep(std::move(content)), plan_.keep(std::string(path.substr(1)))});
  }
  void rule(const std::string& path, bool is_folder, bool writable, bool device = false) {
    constexpr std::uint64_t kFileRights =
        kLandlockExecute | kLandlockWriteFile | kLandlockReadFile | kLandlockTruncate | kLandlockIoctlDevice;
    std::uint64_t access = kLandlockExecute | kLandlockReadFile | kLandlockReadDir;
    if (device) access = kLandlockReadFile | kLandlockWriteFile | kLandlockIoctlDevice;
    if (writable) access = everything_ & ~kLandlockIoctlDevice;
    if (!is_folder) access &= kFileRights;
    plan_.rules.push_back({plan_.keep(path), access & everything_, false});
  }
  void bind(const std::string& source, const std::string& target, bool is_folder, bool writable, bool device = false) {
    const bool covered = !writable && source == target && std::any_of(plan_.mounts.begin(), plan_.mounts.end(), [&](auto& m) {
      const std::string other = std::string("/") + m.target;
      return other == m.source && (other == target || lies_below(target, other));
    });
    if (covered) return;
    if (plan_.mountns) {
      if (is_folder) {
        folder(target);
      } else {
        file(target, "");
      }
      plan_.mounts.push_back({plan_.keep(source), plan_.keep(target.substr(1)), writable, device, -1});
    }
    rule(plan_.mountns ? target : source, is_folder, writable, device);
  }

 private:
  Plan& plan_;
  std::uint64_t everything_;
  std::set<std::string> seen_;
};

// What every program sees, read-only: the system's programs and libraries, four devices, one user.
void system_files(RootBuilder& root, bool mountns) {
  root.bind("/usr", "/usr", true, false);
  for (const char* name : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    const Kind kind = kind_of(name, false);
    char content[PATH_MAX];
    if (kind.folder) root.bind(name, name, true, false);
    if (!kind.link || !mountns) continue;
    const ssize_t n = readlink(name, content, sizeof content);
    if (n > 0) root.link(name, std::string(content, static_cast<std::size_t>(n)));
  }
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/full", "/dev/urandom"}) {
    if (kind_of(device, true).exists) root.bind(device, device, false, false, true);
  }
  if (kind_of("/etc/ld.so.cache", true).exists) root.bind("/etc/ld.so.cache", "/etc/ld.so.cache", false, false);
  if (kind_of("/etc/alternatives", true).folder) root.bind("/etc/alternatives", "/etc/alternatives", true, false);
  char zone[PATH_MAX];
  if (realpath("/etc/localtime", zone) != nullptr) {
    if (mountns && lies_below(zone, "/usr")) {
      root.link("/etc/localtime", zone);
    } else if (!lies_below(zone, "/usr")) {
      root.bind(zone, "/etc/localtime", false, false);
    }
  }
  if (!mountns) return;
  root.file("/etc/passwd", fmt::format("user:x:{0}:{0}::{1}:/bin/sh\n", kInsideId, kWorkDir));
  root.file("/etc/group", fmt::format("user:x:{}:\n", kInsideId));
  root.folder(kWorkDir);
}

// The usual places for temporary files lead to the work directory, unless the caller made something visible there: then they
// are plain folders, and TMPDIR alone says where to write.
void temporary_folders(RootBuilder& root, const std::vector<Bind>& binds) {
  for (const char* place : {"/tmp", "/dev/shm"}) {  // /dev/shm: named semaphores; removed with the work directory
    const bool taken = std::any_of(binds.begin(), binds.end(),
                                   [&](const Bind& bind) { return bind.target == place || lies_below(bind.target, place); });
    if (!taken) root.link(place, kWorkDir);
  }
}

std::string_view variable(const std::vector<std::string>& env, std::string_view name) {
  for (const std::string& entry : env) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return std::string_view(entry).substr(name.size() + 1);
    }
  }
  return {};
}

void programs(const LaunchSpec& spec, Plan& plan) {
  const std::string& name = spec.argv[0];
  if (name.find('/') != std::string::npos) {
    plan.programs.push_back(plan.keep(name));
    return;
  }
  std::string_view path = variable(spec.env, "PATH");
  if (path.empty()) path = kDefaultPath;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    if (end > 0) plan.programs.push_back(plan.keep(std::string(path.substr(0, end)) + "/" + name));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
}

// Tasks that run under this user now: without an id of our own RLIMIT_NPROC counts them all.
std::int64_t tasks_of_user(uid_t user) {
  std::int64_t tasks = 0;
  DIR* processes = opendir("/proc");
  if (processes == nullptr) return 0;
  while (const dirent* entry = readdir(processes)) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    const std::string path = std::string("/proc/") + entry->d_name + "/task";
    struct stat info{};
    if (stat(path.c_str(), &info) != 0 || info.st_uid != user) continue;
    tasks += static_cast<std::int64_t>(info.st_nlink) - 2;
  }
  closedir(processes);
  return tasks;
}

void limits(const LaunchSpec& spec, Plan& plan) {
  const Limits& limit = spec.limits;
  const auto both = [&](int resource, std::int64_t value) {
    plan.limits.push_back({resource, {static_cast<rlim_t>(value), static_cast<rlim_t>(value)}});
  };
  // The stack comes on top: it is reserved within the address space when a thread starts.
  both(RLIMIT_AS, limit.memory_bytes + limit.stack_bytes);
  both(RLIMIT_STACK, limit.stack_bytes);
  both(RLIMIT_FSIZE, limit.disk_bytes);
  both(RLIMIT_NOFILE, limit.files);
  both(RLIMIT_CORE, 0);
  both(RLIMIT_MEMLOCK, 64 << 10);
  both(RLIMIT_MSGQUEUE, 0);
  if (spec.limit_cpu) {
    const std::int64_t seconds = (limit.cpu_ms + 999) / 1000;
    plan.limits.push_back({RLIMIT_CPU, {static_cast<rlim_t>(seconds), static_cast<rlim_t>(seconds + 1)}});
  }
  std::int64_t processes = limit.processes;
  if (plan.userns) {
    processes += plan.as_init ? 0 : 1;  // our init counts
  } else if (!plan.set_identity) {
    processes += tasks_of_user(geteuid());
  }
  both(RLIMIT_NPROC, processes);
}

Result<void> filter(bool signals_confined, Plan& plan) {
  // Compiled once in the life of the program; both are constants.
  static const Result<std::vector<sock_filter>> kFree = compile_filter({.allow_exec = true, .allow_signals = true});
  static const Result<std::vector<sock_filter>> kNoSignals = compile_filter({.allow_exec = true, .allow_signals = false});
  GIMBAL_TRY(plan.filter, signals_confined ? kFree : kNoSignals);
  return {};
}

}  // namespace

const char* step_name(Step step) {
  switch (step) {
    case Step::kNone:
      return "none";
    case Step::kStart:
      return "start";
    case Step::kSession:
      return "session";
    case Step::kMountsPrivate:
      return "private mounts";
    case Step::kMountSource:
      return "bind source";
    case Step::kMountReadOnly:
      return "read-only bind";
    case Step::kIdentity:
      return "identity";
    case Step::kMountRoot:
      return "root tmpfs";
    case Step::kMountTree:
      return "root tree";
    case Step::kMountTarget:
      return "bind target";
    case Step::kMountWork:
      return "work directory";
    case Step::kCopyIn:
      return "copy in";
    case Step::kPivotRoot:
      return "pivot_root";
    case Step::kHostName:
      return "host name";
    case Step::kInit:
      return "init";
    case Step::kFork:
      return "fork";
    case Step::kDescriptors:
      return "descriptors";
    case Step::kCapabilities:
      return "capabilities";
    case Step::kNoNewPrivs:
      return "no_new_privs";
    case Step::kLandlock:
      return "landlock";
    case Step::kRlimits:
      return "rlimits";
    case Step::kSeccomp:
      return "seccomp";
    case Step::kEnterWork:
      return "change to the work directory";
    case Step::kExec:
      return "execve";
  }
  return "unknown";
}

Result<void> fill_plan(const LaunchSpec& spec, const std::string& host_folder, Plan& plan) {
  const LayerSet& layers = spec.confinement.layers;
  plan.userns = layers.has(Layer::kUserns);
  plan.pidns = layers.has(Layer::kPidns);
  plan.mountns = layers.has(Layer::kMountns);
  plan.utsns = layers.has(Layer::kUtsns);
  plan.as_init = spec.as_init && plan.pidns;
  const std::pair<Layer, std::uint64_t> flags[] = {{Layer::kUserns, CLONE_NEWUSER}, {Layer::kPidns, CLONE_NEWPID},
                                                   {Layer::kNetns, CLONE_NEWNET},   {Layer::kIpcns, CLONE_NEWIPC},
                                                   {Layer::kUtsns, CLONE_NEWUTS},   {Layer::kMountns, CLONE_NEWNS}};
  for (const auto& [layer, flag] : flags) {
    if (layers.has(layer)) plan.clone_flags |= flag;
  }
  plan.set_identity = spec.confinement.foreign_uid;
  plan.uid = static_cast<uid_t>(plan.userns ? kInsideId : outer_id(spec.uid_base, spec.worker));
  plan.gid = static_cast<gid_t>(plan.uid);
  plan.drop_capabilities = plan.userns || plan.set_identity || layers.has(Layer::kNnp);
  plan.no_new_privs = layers.has(Layer::kNnp);

  RootBuilder root(plan, spec.confinement.landlock_abi);
  system_files(root, plan.mountns);
  std::vector<Bind> binds = spec.binds;
  for (Bind& bind : binds) {
    if (bind.target.empty()) bind.target = bind.source;
    if (!bind.target.starts_with('/') || bind.target == "/") {
      return fail(ErrorCode::kInvalidArgument, "a bind's target must be an absolute path below /, found \"{}\"", bind.target);
    }
  }
  // Outer folders first, so that inner ones are seen to be covered, or mounted on top.
  std::stable_sort(binds.begin(), binds.end(), [](const Bind& a, const Bind& b) { return a.target.size() < b.target.size(); });
  if (plan.mountns) temporary_folders(root, binds);
  for (const Bind& bind : binds) {
    const Kind kind = kind_of(bind.source, true);
    if (!kind.exists) return fail(ErrorCode::kUnavailable, "cannot bind {}: there is no such path", bind.source);
    root.bind(bind.source, bind.target, kind.folder, bind.writable);
  }
  plan.work_options = plan.keep(fmt::format("size={},nr_inodes={},mode=0700", spec.limits.disk_bytes,
                                            std::max<std::int64_t>(64, spec.limits.disk_bytes / 4096)));
  plan.host_folder = plan.mountns || host_folder.empty() ? nullptr : plan.keep(host_folder);
  plan.keep_folder = spec.keep_work;
  plan.work_dir = plan.mountns ? kWorkDir : plan.host_folder;
  if (plan.work_dir != nullptr) root.rule(plan.work_dir, true, true);

  plan.landlock_size = 0;
  if (layers.has(Layer::kLandlock)) {
    plan.landlock = landlock_everything(spec.confinement.landlock_abi);
    plan.landlock_size = landlock_ruleset_size(spec.confinement.landlock_abi);
    // Listing folders (not reading files) of a root that holds nothing else anyway: programs walk up from their directory.
    if (plan.mountns) plan.rules.push_back({"/", kLandlockReadDir, false});
    if (plan.mountns) plan.rules.push_back({"/etc", kLandlockReadFile | kLandlockReadDir, false});
  }
  if (layers.has(Layer::kSeccomp)) {
    GIMBAL_TRY(filter(plan.pidns || spec.confinement.landlock_abi >= 6, plan));
  }
  if (layers.has(Layer::kRlimits)) limits(spec, plan);

  for (const CopiedFile& file : spec.files) {
    if (file.name.empty() || file.name == "." || file.name == ".." || file.name.find('/') != std::string::npos) {
      return fail(ErrorCode::kInvalidArgument, "expected a plain file name to copy in, found \"{}\"", file.name);
    }
    plan.copies.push_back({plan.keep(file.name), file.descriptor, static_cast<mode_t>(file.executable ? 0755 : 0644)});
  }
  plan.descriptors = spec.descriptors;
  std::sort(plan.descriptors.begin(), plan.descriptors.end(), [](auto& a, auto& b) { return a.second < b.second; });
  plan.moved.assign(plan.descriptors.size(), -1);

  programs(spec, plan);
  const auto text = [&](std::string value) { return const_cast<char*>(plan.keep(std::move(value))); };
  for (const std::string& argument : spec.argv) plan.argv.push_back(text(argument));
  plan.argv.push_back(nullptr);
  for (const std::string& entry : spec.env) plan.envp.push_back(text(entry));
  if (plan.work_dir != nullptr) {
    for (const char* name : {"HOME", "TMPDIR", "PWD"}) {
      if (variable(spec.env, name).empty()) plan.envp.push_back(text(fmt::format("{}={}", name, plan.work_dir)));
    }
  }
  plan.envp.push_back(nullptr);
  return {};
}

}  // namespace gimbal::sandbox
