// After the fork: system calls only. No allocation, no locks, no library that might take one (the caller has other threads).
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "gimbal/sandbox/launch_plan.h"
#include "gimbal/sandbox/remove_tree.h"

namespace gimbal::sandbox {
namespace {

// Numbers and structures of the mount system calls (Linux 5.2 and 5.12), the same on every architecture.
constexpr long kOpenTree = 428;
constexpr long kMoveMount = 429;
constexpr long kCloseRange = 436;
constexpr long kMountSetattr = 442;
constexpr unsigned kOpenTreeClone = 1;
constexpr unsigned kOpenTreeCloexec = O_CLOEXEC;
constexpr unsigned kRecursive = 0x8000;   // AT_RECURSIVE
constexpr unsigned kFromEmptyPath = 0x4;  // MOVE_MOUNT_F_EMPTY_PATH
constexpr std::uint64_t kReadOnly = 1, kNoSuid = 2, kNoDev = 4, kNoExec = 8;
struct MountAttributes {
  std::uint64_t set = 0, clear = 0, propagation = 0, userns = 0;
};

int close_range_of(unsigned first, unsigned last) { return static_cast<int>(syscall(kCloseRange, first, last, 0u)); }

void send_report(int socket, const Report& report, int descriptor = -1) {
  iovec part{const_cast<Report*>(&report), sizeof report};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

// A failed step: false travels up, `failure` says which.
struct Failure {
  Step step = Step::kNone;
  int error = 0;
  int subject = -1;

  bool at(Step where, int which = -1) {
    step = where;
    error = errno;
    subject = which;
    return false;
  }
};

bool copy_bytes(int from, int to) {
  char buffer[16384];
  for (off_t offset = 0;;) {
    const ssize_t n = pread(from, buffer, sizeof buffer, offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0;
    offset += n;
    for (ssize_t written = 0; written < n;) {
      const ssize_t w = write(to, buffer + written, static_cast<std::size_t>(n - written));
      if (w < 0) return false;
      written += w;
    }
  }
}

// In the current directory, which is the work directory.
bool copy_in(const Plan& plan, int work, Failure& failure) {
  for (std::size_t i = 0; i < plan.copies.size(); ++i) {
    const Plan::CopyIn& copy = plan.copies[i];
    const int to = openat(work, copy.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, copy.mode);
    if (to < 0 || !copy_bytes(copy.descriptor, to)) return failure.at(Step::kCopyIn, static_cast<int>(i));
    close(to);
  }
  return true;
}

bool become_identity(const Plan& plan, Failure& failure) {
  if (!plan.set_identity) return true;
  // Raw calls: the library's would try to change all threads of the process that it remembers.
  if (syscall(SYS_setgroups, 0, nullptr) != 0 && !plan.userns) return failure.at(Step::kIdentity);
  if (syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) != 0 || syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) != 0) {
    return failure.at(Step::kIdentity);
  }
  return true;
}

// Trees are taken before the new root covers anything, and before the identity changes (the interpreter may lie in a folder
// that only its owner may enter).
bool take_trees(Plan& plan, Failure& failure) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failure.at(Step::kMountsPrivate);
  for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
    Plan::Mount& item = plan.mounts[i];
    item.tree = static_cast<int>(syscall(kOpenTree, AT_FDCWD, item.source, kOpenTreeClone | kOpenTreeCloexec | kRecursive));
    if (item.tree < 0) return failure.at(Step::kMountSource, static_cast<int>(i));
    MountAttributes attributes;
    attributes.set = kNoSuid | (item.writable ? 0 : kReadOnly) | (item.device ? kNoExec : kNoDev);
    if (syscall(kMountSetattr, item.tree, "", AT_EMPTY_PATH | kRecursive, &attributes, sizeof attributes) != 0) {
      return failure.at(Step::kMountReadOnly, static_cast<int>(i));
    }
  }
  return true;
}

// `work` becomes a descriptor of the work directory.
bool build_root(Plan& plan, int& work, Failure& failure) {
  // /usr exists everywhere, and nothing of the old root is needed from here on.
  if (mount("tmpfs", "/usr", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,nr_inodes=2048,mode=0755") != 0) {
    return failure.at(Step::kMountRoot);
  }
  if (chdir("/usr") != 0) return failure.at(Step::kMountRoot);
  for (const char* folder : plan.folders) {
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) return failure.at(Step::kMountTree);
  }
  for (const Plan::File& file : plan.files) {
    const int out = open(file.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (out < 0) return failure.at(Step::kMountTree);
    if (write(out, file.content, file.size) != static_cast<ssize_t>(file.size)) return failure.at(Step::kMountTree);
    close(out);
  }
  for (const Plan::Link& link : plan.links) {
    if (symlink(link.content, link.path) != 0) return failure.at(Step::kMountTree);
  }
  for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
    const Plan::Mount& item = plan.mounts[i];
    if (syscall(kMoveMount, item.tree, "", AT_FDCWD, item.target, kFromEmptyPath) != 0) {
      return failure.at(Step::kMountTarget, static_cast<int>(i));
    }
    close(item.tree);
  }
  if (mount("tmpfs", "box", "tmpfs", MS_NOSUID | MS_NODEV, plan.work_options) != 0) return failure.at(Step::kMountWork);
  work = open("box", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (work < 0) return failure.at(Step::kMountWork);
  MountAttributes attributes;
  attributes.set = kReadOnly;
  if (syscall(kMountSetattr, AT_FDCWD, ".", 0, &attributes, sizeof attributes) != 0) return failure.at(Step::kMountReadOnly);
  // The new root on top of the old, then the old away: pivot_root(2), "pivot_root(".", ".")".
  if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) {
    return failure.at(Step::kPivotRoot);
  }
  return true;
}

// Leaves open the numbers that the program gets, and `report` moved behind them (its new number).
bool arrange_descriptors(Plan& plan, int& report, Failure& failure) {
  int top = 2;
  for (const auto& [ours, inside] : plan.descriptors) {
    if (inside > top) top = inside;
  }
  const int scratch = top + 1;
  const int moved_report = fcntl(report, F_DUPFD_CLOEXEC, scratch);
  if (moved_report < 0) return failure.at(Step::kDescriptors);
  for (std::size_t i = 0; i < plan.descriptors.size(); ++i) {
    plan.moved[i] = fcntl(plan.descriptors[i].first, F_DUPFD_CLOEXEC, scratch);
    if (plan.moved[i] < 0) return failure.at(Step::kDescriptors, plan.descriptors[i].first);
  }
  int next = 0;
  for (std::size_t i = 0; i < plan.descriptors.size(); ++i) {
    const int inside = plan.descriptors[i].second;
    if (inside > next) close_range_of(static_cast<unsigned>(next), static_cast<unsigned>(inside - 1));
    if (dup2(plan.moved[i], inside) != inside) return failure.at(Step::kDescriptors, inside);
    next = inside + 1;
  }
  // Now everything from `next` on but the report.
  if (next < moved_report && close_range_of(static_cast<unsigned>(next), static_cast<unsigned>(moved_report - 1)) != 0) {
    return failure.at(Step::kDescriptors);
  }
  if (close_range_of(static_cast<unsigned>(moved_report) + 1, ~0u) != 0) return failure.at(Step::kDescriptors);
  report = moved_report;
  return true;
}

bool drop_capabilities(Failure& failure) {
  for (int capability = 0; capability < 64; ++capability) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) break;  // EINVAL: past the last; EPERM: had none
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0) return failure.at(Step::kCapabilities);
  return true;
}

bool apply_landlock(const Plan& plan, Failure& failure) {
  if (plan.landlock_size == 0) return true;
  const int ruleset = landlock_create(plan.landlock, plan.landlock_size);
  if (ruleset < 0) return failure.at(Step::kLandlock);
  for (std::size_t i = 0; i < plan.rules.size(); ++i) {
    const Plan::Rule& rule = plan.rules[i];
    const int path = open(rule.path, O_PATH | O_CLOEXEC);
    if (path < 0 && rule.optional) continue;
    if (path < 0 || landlock_allow_path(ruleset, path, rule.access) != 0)
      return failure.at(Step::kLandlock, static_cast<int>(i));
    close(path);
  }
  if (landlock_restrict(ruleset) != 0) return failure.at(Step::kLandlock);
  close(ruleset);
  return true;
}

void reset_signals() {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } standard = {};  // the kernel's sigaction
  for (int signal = 1; signal <= 64; ++signal) syscall(SYS_rt_sigaction, signal, &standard, nullptr, 8);
  const unsigned long none = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, 8);
}

// From here the process is the program. Returns only on failure. `report` is closed by execve.
bool become_program(Plan& plan, int& report, Failure& failure) {
  if (setsid() < 0 && !plan.as_init) return failure.at(Step::kSession);
  if (!arrange_descriptors(plan, report, failure)) return false;
  if (!plan.userns && !become_identity(plan, failure)) return false;
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // after the change of identity, which clears it
  if (plan.work_dir != nullptr && chdir(plan.work_dir) != 0) return failure.at(Step::kEnterWork);
  if (plan.drop_capabilities && !drop_capabilities(failure)) return false;
  if (plan.no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failure.at(Step::kNoNewPrivs);
  if (!apply_landlock(plan, failure)) return false;
  reset_signals();
  umask(022);
  // Late: under a small address space even the calls above might fail.
  for (std::size_t i = 0; i < plan.limits.size(); ++i) {
    if (syscall(SYS_prlimit64, 0, plan.limits[i].resource, &plan.limits[i].value, nullptr) != 0) {
      return failure.at(Step::kRlimits, plan.limits[i].resource);
    }
  }
  if (!plan.filter.empty()) {
    sock_fprog program{static_cast<unsigned short>(plan.filter.size()), plan.filter.data()};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return failure.at(Step::kSeccomp);
  }
  if (plan.probe != nullptr) _exit(plan.probe(plan.probe_data));
  int worst = ENOENT;
  for (const char* path : plan.programs) {
    execve(path, plan.argv.data(), plan.envp.data());
    if (errno != ENOENT && errno != ENOTDIR) worst = errno;
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
  }
  errno = worst;
  return failure.at(Step::kExec);
}

[[noreturn]] void fail_child(int report, const Failure& failure) {
  Report message;
  message.kind = ReportKind::kFailed;
  message.step = failure.step;
  message.error = failure.error;
  message.subject = failure.subject;
  send_report(report, message);
  _exit(127);
}

// The parent of a process, from /proc/PID/stat ("12 (name) R 7 ..."; the name may hold anything). 0: no such process.
pid_t parent_of(int proc, const char* pid) {
  char path[32];
  const std::size_t length = strnlen(pid, 16);
  std::memcpy(path, pid, length);
  std::memcpy(path + length, "/stat", 6);
  const int file = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[512];
  const ssize_t n = read(file, text, sizeof text);
  close(file);
  ssize_t at = n - 1;
  while (at >= 0 && text[at] != ')') --at;
  pid_t parent = 0;
  for (at += 4; at < n && text[at] >= '0' && text[at] <= '9'; ++at) parent = parent * 10 + (text[at] - '0');
  return parent;
}

struct KernelEntry {  // linux_dirent64
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[1];
};

pid_t number_of(const char* digits) {
  pid_t number = 0;
  for (; *digits >= '0' && *digits <= '9'; ++digits) number = number * 10 + (*digits - '0');
  return number;
}

// Whether the process is a child of `root`, or of a child of it, and so on. Orphans come to us, so no chain is broken for long.
bool descends(int proc, const char* name, pid_t root) {
  char digits[16];
  const char* pid = name;
  for (int depth = 0; depth < 4096; ++depth) {
    const pid_t parent = parent_of(proc, pid);
    if (parent == root) return true;
    if (parent <= 1) return false;
    char* end = digits + sizeof digits;
    *--end = '\0';
    for (pid_t rest = parent; rest > 0; rest /= 10) *--end = static_cast<char>('0' + rest % 10);
    pid = end;
  }
  return false;
}

// One pass over /proc.
void signal_descendants(int proc, pid_t self, int signal) {
  lseek(proc, 0, SEEK_SET);
  alignas(KernelEntry) char buffer[8192];
  for (long n; (n = syscall(SYS_getdents64, proc, buffer, sizeof buffer)) > 0;) {
    for (long at = 0; at < n;) {
      unsigned short length = 0;
      std::memcpy(&length, buffer + at + offsetof(KernelEntry, length), sizeof length);
      const char* name = buffer + at + offsetof(KernelEntry, name);
      at += length;
      if (name[0] >= '1' && name[0] <= '9' && descends(proc, name, self)) kill(number_of(name), signal);
    }
  }
}

// Without a pid namespace: everything below us, orphans which came to us as their sub-reaper included. They are stopped before
// they are killed: a process that is killed makes room for another fork, so killing alone may chase a fork bomb for ever; a
// stopped one keeps its place under the limit of processes, and soon nobody is left who can fork.
void kill_children() {
  constexpr int kStopPasses = 3;
  const pid_t self = static_cast<pid_t>(syscall(SYS_getpid));
  const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  while (proc >= 0) {
    for (int pass = 0; pass < kStopPasses; ++pass) signal_descendants(proc, self, SIGSTOP);
    signal_descendants(proc, self, SIGKILL);
    if (waitpid(-1, nullptr, 0) < 0 && errno == ECHILD) break;
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
  close(proc);
}

double own_cpu_ms() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

[[noreturn]] void end_init(const Plan& plan, bool caller_lives) {
  if (!plan.pidns) {
    kill_children();
    if (plan.host_folder != nullptr && !(plan.keep_folder && caller_lives)) remove_tree(plan.host_folder);
  }
  _exit(0);  // as pid 1: the kernel kills and reaps whatever is left
}

// Adopts orphans, tells how `program` ended, obeys the caller.
[[noreturn]] void run_init(Plan& plan, int report, pid_t program) {
  prctl(PR_SET_NAME, "gimbal-init", 0, 0, 0);
  dup2(report, 0);
  close_range_of(1, ~0u);
  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  const int children = signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK);
  for (;;) {
    // Before the first poll too: the program may have ended already.
    for (;;) {
      int status = 0;
      rusage usage{};
      const pid_t ended = wait4(-1, &status, WNOHANG, &usage);
      if (ended <= 0) break;
      if (ended != program) continue;
      Report message;
      message.kind = ReportKind::kEnded;
      message.ended = Ended{status, usage, own_cpu_ms()};
      send_report(0, message);
      end_init(plan, true);
    }
    pollfd watched[2] = {{0, POLLIN, 0}, {children, POLLIN, 0}};
    if (poll(watched, 2, -1) < 0 && errno != EINTR) end_init(plan, false);
    if (watched[1].revents != 0) {
      signalfd_siginfo info;
      while (read(children, &info, sizeof info) > 0) {
      }
    }
    if (watched[0].revents != 0) {
      char order = 0;
      const ssize_t n = recv(0, &order, 1, MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (n <= 0 || order == static_cast<char>(Order::kKill)) end_init(plan, n > 0);
      if (order == static_cast<char>(Order::kCpuSignal)) kill(-program, SIGXCPU);
    }
  }
}

}  // namespace

void run_child(Plan& plan, int report) {
  Failure failure;
  char order = 0;
  if (recv(report, &order, 1, 0) != 1 || order != static_cast<char>(Order::kGo)) _exit(127);
  if (setsid() < 0) {
    failure.at(Step::kSession);
    fail_child(report, failure);
  }
  if (plan.mountns && !take_trees(plan, failure)) fail_child(report, failure);
  if (plan.userns && !become_identity(plan, failure)) fail_child(report, failure);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  int work = -1;
  if (plan.mountns) {
    if (!build_root(plan, work, failure)) fail_child(report, failure);
  } else if (plan.host_folder != nullptr) {
    work = open(plan.host_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (work < 0) {
      failure.at(Step::kMountWork);
      fail_child(report, failure);
    }
  }
  if (!copy_in(plan, work, failure)) fail_child(report, failure);
  if (plan.utsns && sethostname("sandbox", 7) != 0) {
    failure.at(Step::kHostName);
    fail_child(report, failure);
  }
  if (work >= 0) {
    Report message;
    message.kind = ReportKind::kWork;
    send_report(report, message, work);
    close(work);
  }
  if (plan.as_init) {
    become_program(plan, report, failure);
    fail_child(report, failure);
  }
  if (!plan.pidns && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
    failure.at(Step::kInit);
    fail_child(report, failure);
  }

  // Shares our memory until execve, so `failure` tells; the stack below belongs to it meanwhile.
  const pid_t program = vfork();
  if (program == 0) {
    int own_report = report;
    become_program(plan, own_report, failure);
    _exit(127);
  }
  if (program < 0) failure.at(Step::kFork);
  if (failure.step != Step::kNone) {
    if (plan.host_folder != nullptr && !plan.pidns) remove_tree(plan.host_folder);
    fail_child(report, failure);
  }
  Report started;
  started.kind = ReportKind::kStarted;
  send_report(report, started);
  run_init(plan, report, program);
}

}  // namespace gimbal::sandbox
