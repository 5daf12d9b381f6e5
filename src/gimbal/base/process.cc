#include "gimbal/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>

#include "gimbal/base/check.h"
#include "gimbal/base/text.h"

extern char** environ;

namespace gimbal {
namespace {

void close_descriptor(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

// Both ends closed on exec; the parent's end does not block.
struct Pipe {
  int read_end = -1;
  int write_end = -1;
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_descriptor(read_end);
    close_descriptor(write_end);
  }
  bool open() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read_end = ends[0];
    write_end = ends[1];
    return true;
  }
};

int take(int& descriptor) {
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  return std::exchange(descriptor, -1);
}

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (std::ranges::none_of(changes, [&](const auto& change) { return change.first == name; })) out.emplace_back(text);
  }
  for (const auto& [name, value] : changes) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

// The child's streams and signals.
struct SpawnPlan {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  void connect(int ours, int theirs) { posix_spawn_file_actions_adddup2(&actions, ours, theirs); }
};

ErrorCode spawn_error_code(int error) {
  if (error == ENOENT || error == ENOTDIR) return ErrorCode::kNotFound;
  if (error == EACCES || error == EPERM || error == ENOEXEC) return ErrorCode::kPermission;
  return ErrorCode::kUnavailable;
}

std::string spawn_advice(const std::string& program, int error) {
  if (error == ENOENT && program.find('/') == std::string::npos) return "there is no program of this name in PATH";
  if (error == ENOENT || error == ENOTDIR) return "there is no such file";
  if (error == EACCES) return "the file is not executable; expected a program, or an interpreter and a script";
  return std::strerror(error);
}

}  // namespace

bool ProcessEnd::ok() const { return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0; }

std::string ProcessEnd::text() const {
  if (WIFEXITED(wait_status)) return fmt::format("exit status {}", WEXITSTATUS(wait_status));
  return fmt::format("signal {} ({})", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
}

Result<Process> Process::start(const ProcessSpec& spec) {
  GIMBAL_CHECK(!spec.argv.empty(), "a process needs a program");
  Pipe input, output, error;
  if (!input.open() || !output.open() || (spec.pipe_error && !error.open()))
    return fail(ErrorCode::kUnavailable, "no pipe could be made for {}: {}", gimbal::quoted(spec.argv[0]),
                std::strerror(errno));
  SpawnPlan plan;
  plan.connect(input.read_end, STDIN_FILENO);
  plan.connect(output.write_end, STDOUT_FILENO);
  if (spec.pipe_error) plan.connect(error.write_end, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&plan.actions, STDERR_FILENO + 1);
  std::vector<std::string> argv = spec.argv, environment = environment_with(spec.environment);
  Process process;
  const int failed = posix_spawnp(&process.pid_, argv[0].c_str(), &plan.actions, &plan.attributes, pointers(argv).data(),
                                  pointers(environment).data());
  if (failed != 0) {
    process.pid_ = -1;
    return fail(spawn_error_code(failed), "{} could not be started: {}", gimbal::quoted(argv[0]),
                spawn_advice(argv[0], failed));
  }
  process.pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, process.pid_, 0));
  if (process.pidfd_ < 0) {
    const int reason = errno;
    kill(-process.pid_, SIGKILL);
    waitpid(std::exchange(process.pid_, -1), nullptr, 0);
    return fail(ErrorCode::kUnavailable, "{} cannot be watched: pidfd_open: {} (Linux 5.3 or later is needed)",
                gimbal::quoted(argv[0]), std::strerror(reason));
  }
  process.input_ = take(input.write_end);
  process.output_ = take(output.read_end);
  if (spec.pipe_error) process.error_ = take(error.read_end);
  return process;
}

Process::Process(Process&& other) noexcept { *this = std::move(other); }

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  release();
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::exchange(other.pidfd_, -1);
  input_ = std::exchange(other.input_, -1);
  output_ = std::exchange(other.output_, -1);
  error_ = std::exchange(other.error_, -1);
  end_ = std::exchange(other.end_, std::nullopt);
  return *this;
}

Process::~Process() { release(); }

void Process::release() {
  if (pid_ > 0 && !end_) stop();
  close_input();
  close_descriptor(output_);
  close_descriptor(error_);
  close_descriptor(pidfd_);
}

void Process::close_input() { close_descriptor(input_); }

std::optional<ProcessEnd> Process::poll_end() {
  if (end_) return end_;
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return std::nullopt;
  kill(-pid_, SIGKILL);  // before the leader is reaped, so that the group's number is still its own
  ProcessEnd end;
  while (waitpid(pid_, &end.wait_status, 0) < 0 && errno == EINTR) {
  }
  end_ = end;
  return end_;
}

std::optional<ProcessEnd> Process::wait_end(double seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (true) {
    if (auto end = poll_end()) return end;
    const double left = std::chrono::duration<double>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return std::nullopt;
    pollfd watched{pidfd_, POLLIN, 0};
    poll(&watched, 1, static_cast<int>(std::ceil(std::min(left, 3600.0) * 1000)));
  }
}

ProcessEnd Process::stop(double grace_s) {
  if (const auto end = poll_end()) return *end;
  kill(-pid_, SIGTERM);
  if (const auto end = wait_end(grace_s)) return *end;
  kill(-pid_, SIGKILL);
  while (true) {
    if (const auto end = wait_end(3600)) return *end;
  }
}

std::optional<std::size_t> write_some(int descriptor, std::string_view bytes) {
  sigset_t pipe_signal, before, pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) == 1;
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  ssize_t written;
  do {
    written = write(descriptor, bytes.data(), bytes.size());
  } while (written < 0 && errno == EINTR);
  const int reason = errno;
  if (written < 0 && reason == EPIPE && !was_pending) {
    const timespec at_once{};
    while (sigtimedwait(&pipe_signal, nullptr, &at_once) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (written >= 0) return static_cast<std::size_t>(written);
  if (reason == EAGAIN || reason == EWOULDBLOCK) return std::size_t{0};
  return std::nullopt;
}

Result<std::vector<std::string>> split_command(std::string_view command) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  const auto shell_only = [](char c, bool at_start) {
    return std::string_view("|&;<>()$`*?").find(c) != std::string_view::npos || (c == '#' && at_start);
  };
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (c == ' ' || c == '\t' || c == '\n') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
      continue;
    }
    if (c == '\'' || c == '"') {
      std::size_t at = i + 1;
      for (; at < command.size() && command[at] != c; ++at) {
        if (c == '"' && (command[at] == '$' || command[at] == '`'))
          return fail(ErrorCode::kInvalidArgument,
                      "the command runs without a shell: {} has no meaning inside double quotes; use sh -c '...'",
                      gimbal::quoted(command.substr(at, 1)));
        if (c == '"' && command[at] == '\\' && at + 1 < command.size() && (command[at + 1] == '"' || command[at + 1] == '\\'))
          ++at;
        word += command[at];
      }
      if (at >= command.size())
        return fail(ErrorCode::kInvalidArgument, "the command has an open quote: {}", gimbal::quoted(command.substr(i)));
      i = at;
    } else if (c == '\\') {
      if (i + 1 >= command.size())
        return fail(ErrorCode::kInvalidArgument, "the command ends in a backslash: {}", gimbal::quoted(command));
      word += command[++i];
    } else if (shell_only(c, !in_word)) {
      return fail(ErrorCode::kInvalidArgument,
                  "the command runs without a shell: {} has no meaning; quote it, or use sh -c '...'",
                  gimbal::quoted(command.substr(i, 1)));
    } else {
      word += c;
    }
    in_word = true;
  }
  if (in_word) words.push_back(std::move(word));
  if (words.empty()) return fail(ErrorCode::kInvalidArgument, "expected a program and its arguments, found nothing");
  return words;
}

}  // namespace gimbal
