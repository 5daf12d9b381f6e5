#include "gimbal/sandbox/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "gimbal/sandbox/descendants.h"
#include "gimbal/sandbox/launch_plan.h"
#include "gimbal/sandbox/remove_tree.h"

namespace gimbal::sandbox {
namespace {

void close_all(int first, int second) {
  if (first >= 0) close(first);
  if (second >= 0) close(second);
}

bool send_order(int socket, Order order) {
  const char byte = static_cast<char>(order);
  return send(socket, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

// Reads one packet; `descriptor` becomes what came with it. False: nothing there (`flags` without waiting) or closed.
bool receive_report(int socket, Report& report, int& descriptor, int flags) {
  iovec part{&report, sizeof report};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = 0;
  do {
    n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
  } while (n < 0 && errno == EINTR);
  const cmsghdr* header = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return n == static_cast<ssize_t>(sizeof report);
}

// One write, as the kernel demands of the maps.
bool write_map(pid_t pid, const char* name, const std::string& text) {
  const std::string path = fmt::format("/proc/{}/{}", pid, name);
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  close(file);
  errno = error;
  return written;
}

// Inside id 1000 is an unprivileged outer id of its own when we are root, else the caller's.
bool write_maps(pid_t pid, const LaunchSpec& spec) {
  const bool foreign = spec.confinement.foreign_uid;
  const auto outer = [&](unsigned own) { return foreign ? static_cast<unsigned>(outer_id(spec.uid_base, spec.worker)) : own; };
  if (!foreign && !write_map(pid, "setgroups", "deny") && errno != ENOENT) return false;
  return write_map(pid, "uid_map", fmt::format("1000 {} 1", outer(geteuid()))) &&
         write_map(pid, "gid_map", fmt::format("1000 {} 1", outer(getegid())));
}

// The files of the work directory are memory of the group, and so are our init and the kernel's own books about the tree.
// The program's memory alone is what the monitor bounds.
Result<Cgroup> make_group(const LaunchSpec& spec, pid_t child) {
  constexpr std::int64_t kOurs = std::int64_t{16} << 20;
  Cgroup::Limits limits;
  limits.memory_bytes = spec.limits.memory_bytes + spec.limits.disk_bytes + kOurs;
  limits.processes = spec.limits.processes + 2;
  GIMBAL_TRY(Cgroup group, Cgroup::create(spec.confinement.cgroup_parent, limits));
  GIMBAL_TRY(group.add(child));
  return group;
}

Result<std::string> make_host_folder(const LaunchSpec& spec) {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  std::string path = (error ? std::filesystem::path("/tmp") : parent) / "gimbal-box-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return fail(ErrorCode::kSandboxError, "cannot make the work directory {}: {}", path, std::strerror(errno));
  }
  if (spec.confinement.foreign_uid) {
    const auto id = static_cast<uid_t>(outer_id(spec.uid_base, spec.worker));
    if (chown(path.c_str(), id, id) != 0) {
      const int problem = errno;
      rmdir(path.c_str());
      return fail(ErrorCode::kSandboxError, "cannot give {} to user {}: {}", path, id, std::strerror(problem));
    }
  }
  return path;
}

Error start_error(const LaunchSpec& spec, const Plan& plan, const Report& report) {
  const auto subject = static_cast<std::size_t>(report.subject);
  std::string what;
  if (report.subject >= 0) {
    if (report.step == Step::kMountSource || report.step == Step::kMountReadOnly || report.step == Step::kMountTarget) {
      what = fmt::format(" of {}", plan.mounts.at(subject).source);
    } else if (report.step == Step::kLandlock) {
      what = fmt::format(" rule for {}", plan.rules.at(subject).path);
    } else if (report.step == Step::kCopyIn) {
      what = fmt::format(" of {}", plan.copies.at(subject).name);
    } else {
      what = fmt::format(" {}", report.subject);
    }
  }
  if (report.step == Step::kExec && (report.error == ENOENT || report.error == EACCES)) {
    std::string places;
    for (const char* path : plan.programs) places += (places.empty() ? "" : ", ") + std::string(path);
    return Error{ErrorCode::kNotFound,
                 fmt::format("{}: {} inside the sandbox (looked at {})", spec.argv[0],
                             report.error == ENOENT ? "not found" : "not executable", places),
                 {},
                 {}};
  }
  Error error{ErrorCode::kSandboxError,
              fmt::format("the sandbox could not be set up: step \"{}\"{}: {}", step_name(report.step), what,
                          std::strerror(report.error)),
              {},
              {}};
  if (report.step == Step::kLandlock && report.error == EACCES && plan.set_identity) {
    error.notes.push_back(
        fmt::format("programs run as user {}, who may not enter it; without a mount namespace only what every user can read "
                    "can be made visible "
                    "(for Python: an interpreter below /usr)",
                    plan.uid));
  }
  return error;
}

}  // namespace

int outer_id(int uid_base, int worker) { return uid_base + (getpid() % 64 * 64 + worker) % 4096; }

Child::Child(Child&& other) noexcept { *this = std::move(other); }

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  std::swap(report_, other.report_);
  std::swap(work_fd_, other.work_fd_);
  std::swap(has_pidns_, other.has_pidns_);
  std::swap(own_folder_, other.own_folder_);
  std::swap(keep_folder_, other.keep_folder_);
  std::swap(work_dir_, other.work_dir_);
  std::swap(group_, other.group_);
  return *this;
}

Child::~Child() {
  if (running()) {
    kill_all();
    wait();
  }
  close_all(pidfd_, report_);
  close_all(work_fd_, -1);
  if (keep_folder_) remove_tree(work_dir_.c_str());
}

std::optional<Ended> Child::poll_end() {
  Report report;
  int descriptor = -1;
  while (report_ >= 0 && receive_report(report_, report, descriptor, MSG_DONTWAIT)) {
    if (descriptor >= 0) close(descriptor);
    if (report.kind == ReportKind::kEnded) return report.ended;
  }
  return std::nullopt;
}

void Child::signal_cpu() {
  if (running()) send_order(report_, Order::kCpuSignal);
}

void Child::kill_all() {
  if (!running()) return;
  if (has_pidns_) {
    syscall(SYS_pidfd_send_signal, pidfd_, SIGKILL, nullptr, 0);
  } else if (!send_order(report_, Order::kKill)) {
    shutdown(report_, SHUT_WR);
  }
}

Child::Reaped Child::wait(std::chrono::milliseconds limit) {
  Reaped reaped;
  if (!running()) return reaped;
  pollfd ended{pidfd_, POLLIN, 0};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    const int ready = poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(0, left)));
    if (ready > 0 || (ready == 0 && left <= 0)) break;
  }
  if (ended.revents == 0) {
    // Without a pid namespace the init's end would set free what it is about to end; so that goes first.
    if (!has_pidns_) kill_descendants(pid_);
    syscall(SYS_pidfd_send_signal, pidfd_, SIGKILL, nullptr, 0);
  }
  while (wait4(pid_, &reaped.wait_status, __WALL, &reaped.usage) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (group_) {
    reaped.out_of_memory = group_->out_of_memory();
    group_.reset();
  }
  if (own_folder_ && !keep_folder_) remove_tree(work_dir_.c_str());  // the init has done it unless it was killed
  return reaped;
}

struct Launcher {
  static Result<Child> start(const LaunchSpec& spec, int (*probe)(const void*), const void* data);
};

Result<Child> launch(const LaunchSpec& spec) { return Launcher::start(spec, nullptr, nullptr); }

Result<int> launch_probe(const LaunchSpec& spec, int (*probe)(const void*), const void* data) {
  GIMBAL_TRY(Child child, Launcher::start(spec, probe, data));
  const Child::Reaped reaped = child.wait();
  const std::optional<Ended> ended = child.poll_end();
  if (!ended && reaped.out_of_memory) return SIGKILL;
  if (!ended) return fail(ErrorCode::kSandboxError, "the probe did not report its end");
  return ended->wait_status;
}

Result<Child> Launcher::start(const LaunchSpec& spec, int (*probe)(const void*), const void* data) {
  GIMBAL_TRY(check_limits(spec.limits));
  if (spec.argv.empty() || spec.argv[0].empty()) return fail(ErrorCode::kInvalidArgument, "expected a command to run");

  Child child;
  child.has_pidns_ = spec.confinement.layers.has(Layer::kPidns);
  if (!spec.confinement.layers.has(Layer::kMountns)) {
    GIMBAL_TRY(child.work_dir_, make_host_folder(spec));
    child.own_folder_ = true;
    child.keep_folder_ = spec.keep_work;
  }
  Plan plan;
  plan.probe = probe;
  plan.probe_data = data;
  const Result<void> filled = fill_plan(spec, child.work_dir_, plan);
  int sockets[2] = {-1, -1};
  if (!filled || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    const int error = errno;
    if (child.own_folder_) rmdir(child.work_dir_.c_str());
    if (!filled) return fail(filled.error());
    return fail(ErrorCode::kSandboxError, "the sandbox could not be set up: step \"socket\": {}", std::strerror(error));
  }
  if (plan.mountns) child.work_dir_ = kWorkDir;

  // No handler of ours may run in the child.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int pidfd = -1;
  const long pid = syscall(SYS_clone, plan.clone_flags | CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, nullptr);
  if (pid == 0) run_child(plan, sockets[1]);
  const int clone_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(sockets[1]);
  child.report_ = sockets[0];
  if (pid < 0) {
    if (child.own_folder_) rmdir(child.work_dir_.c_str());
    return fail(ErrorCode::kSandboxError, "the sandbox could not be set up: step \"namespaces\": {}",
                std::strerror(clone_error));
  }
  child.pid_ = static_cast<pid_t>(pid);
  child.pidfd_ = pidfd;
  if (plan.userns && !write_maps(child.pid_, spec)) {
    return fail(ErrorCode::kSandboxError, "the sandbox could not be set up: step \"uid map\": {}", std::strerror(errno));
  }
  if (spec.confinement.layers.has(Layer::kCgroup)) {
    GIMBAL_TRY(child.group_, make_group(spec, child.pid_));
  }
  send_order(child.report_, Order::kGo);

  for (;;) {
    Report report;
    int descriptor = -1;
    if (!receive_report(child.report_, report, descriptor, 0)) {
      // Closed by execve, which is the success of a program that is its own init; otherwise the child died on the way.
      if (plan.as_init) return child;
      const Child::Reaped reaped = child.wait();
      return fail(ErrorCode::kSandboxError, "the sandbox's init ended before the program started (wait status {})",
                  reaped.wait_status);
    }
    if (report.kind == ReportKind::kWork) child.work_fd_ = descriptor;
    if (report.kind == ReportKind::kStarted) return child;
    if (report.kind == ReportKind::kFailed) {
      child.wait();
      return fail(start_error(spec, plan, report));
    }
  }
}

}  // namespace gimbal::sandbox
