// Child processes: started without a shell, in a process group of their own, with pipes to their standard streams.
//
// For programs that the user names (models and verifiers behind `exec:`, helpers). Untrusted programs run in the sandbox, not
// here. A child gets the environment and folder of this process, no descriptor but its three streams, and default signals.
// Ending it ends its whole group: SIGTERM, two seconds later SIGKILL; the end is seen through a pidfd, so no process id is ever
// signalled after it was reaped.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal {

struct ProcessSpec {
  std::vector<std::string> argv;                                   // argv[0] is looked up in PATH unless it has a slash
  std::vector<std::pair<std::string, std::string>> environment{};  // added to this process's own, or replacing
  bool pipe_error = false;                                         // standard error through a pipe; else it is shared
};

struct ProcessEnd {
  int wait_status = 0;       // as waitpid gives it
  bool ok() const;           // exit status 0
  std::string text() const;  // "exit status 3", "signal 9 (Killed)"
};

// Owns the process: destruction ends its group and reaps it. Not thread-safe.
class Process {
 public:
  // Errors: not_found (no such program, with PATH's name); permission; unavailable (no process can be made).
  static Result<Process> start(const ProcessSpec& spec);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  // Our ends of the pipes, non-blocking, closed on exec; -1 once closed (and error() without pipe_error).
  int input() const { return input_; }
  int output() const { return output_; }
  int error() const { return error_; }
  int pidfd() const { return pidfd_; }  // readable when the process has ended
  void close_input();                   // the child reads end of file

  // The end if it has come; does not block. Whatever is left of the group is killed before the process is reaped.
  std::optional<ProcessEnd> poll_end();
  // The end if it comes within `seconds`.
  std::optional<ProcessEnd> wait_end(double seconds);
  // SIGTERM to the group, after `grace_s` SIGKILL; reaps.
  ProcessEnd stop(double grace_s = 2.0);

 private:
  Process() = default;
  void release();
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int input_ = -1;
  int output_ = -1;
  int error_ = -1;
  std::optional<ProcessEnd> end_;
};

// Writes what the descriptor takes now and returns the number of bytes, 0 when it is full; nullopt when nobody reads any more.
// No SIGPIPE is raised.
std::optional<std::size_t> write_some(int descriptor, std::string_view bytes);

// Words of a command line as a POSIX shell splits them: blanks, 'literal', "with \" and \\", backslash. No variables, globs,
// pipes or redirections are known, and an unquoted character that a shell would treat as one of them (| & ; < > ( ) $ ` * ? #
// at a word's start) is refused, so that nothing is silently taken literally. Errors: invalid_argument.
Result<std::vector<std::string>> split_command(std::string_view command);

}  // namespace gimbal
