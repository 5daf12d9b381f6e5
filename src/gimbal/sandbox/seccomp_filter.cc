#include "gimbal/sandbox/seccomp_filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>

namespace gimbal::sandbox {
namespace {

// Ends the process: nothing but an attack (or a container engine) calls these.
constexpr const char* kKilled[] = {
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "mount",
    "umount",
    "umount2",
    "fsopen",
    "fsmount",
    "fsconfig",
    "fspick",
    "move_mount",
    "open_tree",
    "mount_setattr",
    "pivot_root",
    "chroot",
    "setns",
    "unshare",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "keyctl",
    "add_key",
    "request_key",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "reboot",
    "swapon",
    "swapoff",
    "open_by_handle_at",
    "pidfd_getfd",
    "iopl",
    "ioperm",
    "acct",
    "settimeofday",
    "clock_settime",
    "stime",
    // adjtimex and clock_adjtime are left to EPERM: reading the clock's state is harmless and some libraries do it.
};

// Calls that are allowed whatever their arguments. What is in neither list answers EPERM, so that a library's probing ends in
// an ordinary exception: socket, socketpair, setxattr, mknod, quotactl, name_to_handle_at, kcmp, ...
constexpr const char* kAllowed[] = {
    // files
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "pwritev",
    "preadv2",
    "pwritev2",
    "open",
    "openat",
    "openat2",
    "creat",
    "close",
    "close_range",
    "stat",
    "fstat",
    "lstat",
    "newfstatat",
    "statx",
    "statfs",
    "fstatfs",
    "lseek",
    "access",
    "faccessat",
    "faccessat2",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "flock",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "truncate",
    "ftruncate",
    "fallocate",
    "fadvise64",
    "readahead",
    "getdents",
    "getdents64",
    "getcwd",
    "chdir",
    "fchdir",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "rmdir",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "symlink",
    "symlinkat",
    "readlink",
    "readlinkat",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "umask",
    "utime",
    "utimes",
    "utimensat",
    "futimesat",
    "sendfile",
    "copy_file_range",
    "splice",
    "tee",
    "vmsplice",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd",
    "eventfd2",
    "inotify_init",
    "inotify_init1",
    "inotify_add_watch",
    "inotify_rm_watch",
    "memfd_create",
    "getxattr",
    "lgetxattr",
    "fgetxattr",
    "listxattr",
    "llistxattr",
    "flistxattr",
    // a descriptor that is a socket can only have been given to the program
    "recvmsg",
    "sendmsg",
    "recvfrom",
    "sendto",
    "shutdown",
    "getsockopt",
    "getsockname",
    "getpeername",
    // memory
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "msync",
    "mincore",
    "brk",
    "mlock",
    "mlock2",
    "munlock",
    "mlockall",
    "munlockall",
    "membarrier",
    "pkey_alloc",
    "pkey_free",
    "pkey_mprotect",
    "mbind",
    "get_mempolicy",
    "set_mempolicy",
    "shmget",
    "shmat",
    "shmdt",
    "shmctl",
    "semget",
    "semop",
    "semtimedop",
    "semctl",
    "msgget",
    "msgsnd",
    "msgrcv",
    "msgctl",
    // processes and threads
    "fork",
    "vfork",
    "exit",
    "exit_group",
    "wait4",
    "waitid",
    "pidfd_open",
    "set_tid_address",
    "set_robust_list",
    "get_robust_list",
    "futex",
    "futex_waitv",
    "rseq",
    "arch_prctl",
    "gettid",
    "getpid",
    "getppid",
    "getpgrp",
    "getpgid",
    "setpgid",
    "setsid",
    "getsid",
    "getpriority",
    "setpriority",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_getattr",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_rr_get_interval",
    "getrlimit",
    "setrlimit",
    "getrusage",
    "times",
    "getcpu",
    "ioprio_get",
    "restart_syscall",
    "seccomp",
    "capget",
    "landlock_create_ruleset",
    "landlock_add_rule",
    "landlock_restrict_self",
    // identity
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getresuid",
    "getresgid",
    "getgroups",
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setfsuid",
    "setfsgid",
    "uname",
    "sysinfo",
    // signals and time
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigpending",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sigaltstack",
    "signalfd",
    "signalfd4",
    "pause",
    "alarm",
    "getitimer",
    "setitimer",
    "timer_create",
    "timer_settime",
    "timer_gettime",
    "timer_getoverrun",
    "timer_delete",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    "nanosleep",
    "clock_nanosleep",
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "time",
    "getrandom",
};

constexpr const char* kSignals[] = {"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"};

// Terminal and descriptor requests that ordinary programs make. TIOCSTI and TIOCLINUX, which type into a terminal, are not
// here.
constexpr std::uint64_t kIoctls[] = {
    0x5401,  // TCGETS
    0x5402,  // TCSETS
    0x5403,  // TCSETSW
    0x5404,  // TCSETSF
    0x540F,  // TIOCGPGRP
    0x5410,  // TIOCSPGRP
    0x5413,  // TIOCGWINSZ
    0x541B,  // FIONREAD
    0x5421,  // FIONBIO
    0x5450,  // FIONCLEX
    0x5451,  // FIOCLEX
};

constexpr std::uint64_t kPrctls[] = {
    PR_SET_PDEATHSIG,    PR_GET_PDEATHSIG,    PR_GET_DUMPABLE,
    PR_SET_NAME,         PR_GET_NAME,         PR_GET_SECCOMP,
    PR_SET_SECCOMP,      PR_CAPBSET_READ,     PR_GET_TIMERSLACK,
    PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_THP_DISABLE,
    PR_GET_THP_DISABLE,  PR_GET_TID_ADDRESS,  0x53564d41 /* PR_SET_VMA: names of anonymous memory */,
};

constexpr std::uint64_t kNamespaceFlags[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                             CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
constexpr std::uint64_t kPersonalityQuery = 0xffffffff;

struct Builder {
  scmp_filter_ctx context;
  std::string failed;  // the first rule that was refused

  // Names unknown to this libseccomp are skipped: the call then answers EPERM, which is the safe side.
  void rule(std::uint32_t action, const char* name, std::span<const scmp_arg_cmp> conditions = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;
    const int error = seccomp_rule_add_array(context, action, number, static_cast<unsigned>(conditions.size()),
                                             conditions.empty() ? nullptr : conditions.data());
    // -EDOM: the call does not exist on this architecture.
    if (error != 0 && error != -EDOM && failed.empty()) failed = fmt::format("{} ({})", name, std::strerror(-error));
  }
  void rule(std::uint32_t action, const char* name, scmp_arg_cmp condition) {
    rule(action, name, std::span<const scmp_arg_cmp>(&condition, 1));
  }
};

scmp_arg_cmp compare(unsigned argument, scmp_compare how, std::uint64_t a, std::uint64_t b = 0) {
  return {argument, how, a, b};
}

}  // namespace

Result<std::vector<sock_filter>> compile_filter(const FilterOptions& options) {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> context(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release);
  if (!context) return fail(ErrorCode::kUnavailable, "libseccomp cannot make a filter");
  seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree: 8 comparisons a call instead of 200

  Builder build{context.get(), {}};
  for (const char* name : kKilled) build.rule(SCMP_ACT_KILL_PROCESS, name);
  for (const char* name : kAllowed) build.rule(SCMP_ACT_ALLOW, name);
  if (options.allow_signals) {
    for (const char* name : kSignals) build.rule(SCMP_ACT_ALLOW, name);
  }
  if (options.allow_exec) {
    build.rule(SCMP_ACT_ALLOW, "execve");
    build.rule(SCMP_ACT_ALLOW, "execveat");
  }

  std::uint64_t namespaces = 0;
  for (const std::uint64_t flag : kNamespaceFlags) {
    namespaces |= flag;
    build.rule(SCMP_ACT_KILL_PROCESS, "clone", compare(0, SCMP_CMP_MASKED_EQ, flag, flag));
  }
  build.rule(SCMP_ACT_ALLOW, "clone", compare(0, SCMP_CMP_MASKED_EQ, namespaces, 0));
  build.rule(SCMP_ACT_ERRNO(ENOSYS), "clone3");

  build.rule(SCMP_ACT_ALLOW, "personality", compare(0, SCMP_CMP_EQ, kPersonalityQuery));
  build.rule(SCMP_ACT_KILL_PROCESS, "personality", compare(0, SCMP_CMP_NE, kPersonalityQuery));
  for (const std::uint64_t request : kIoctls) build.rule(SCMP_ACT_ALLOW, "ioctl", compare(1, SCMP_CMP_EQ, request));
  for (const std::uint64_t option : kPrctls) build.rule(SCMP_ACT_ALLOW, "prctl", compare(0, SCMP_CMP_EQ, option));
  // Only of the calling process; raising a hard limit is refused by the kernel, for there is no capability.
  build.rule(SCMP_ACT_ALLOW, "prlimit64", compare(0, SCMP_CMP_EQ, 0));
  build.rule(SCMP_ACT_ALLOW, "sched_setaffinity", compare(0, SCMP_CMP_EQ, 0));
  if (!build.failed.empty()) return fail(ErrorCode::kUnavailable, "libseccomp refused the rule for {}", build.failed);

  const int file = memfd_create("filter", MFD_CLOEXEC);
  if (file < 0) return fail(ErrorCode::kUnavailable, "memfd_create: {}", std::strerror(errno));
  std::vector<sock_filter> program;
  int error = seccomp_export_bpf(context.get(), file);
  if (error == 0) {
    const off_t size = lseek(file, 0, SEEK_END);
    program.resize(static_cast<std::size_t>(size) / sizeof(sock_filter));
    if (pread(file, program.data(), static_cast<std::size_t>(size), 0) != size) error = -EIO;
  }
  close(file);
  if (error != 0) return fail(ErrorCode::kUnavailable, "libseccomp cannot export the filter: {}", std::strerror(-error));
  return program;
}

}  // namespace gimbal::sandbox
