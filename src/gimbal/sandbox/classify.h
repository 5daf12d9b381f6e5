// Which evidence means which status: one pure function, so that every line of the table is a test.
//
// In this order: what the monitor did, the CPU limit, a forbidden system call, other signals, the exit code refined by a hint.
// A hint comes from inside the untrusted program: it may only refine a failure, never make one `ok`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gimbal/sandbox/types.h"

namespace gimbal::sandbox {

enum class MonitorKill { kNone, kCancelled, kMemory, kOutput, kWall, kCpu };

// What the program says about its failure.
struct Hint {
  std::string exception;  // class, "ModuleNotFoundError"; empty: nothing known
  std::string message;    // "No module named 'numpy'"
};

struct Evidence {
  MonitorKill kill = MonitorKill::kNone;
  int wait_status = 0;        // of the main process, as wait4 gives it
  bool output_over = false;   // more output than allowed, even if it ended by itself
  bool cpu_over = false;      // the tree used its CPU time up
  bool fork_refused = false;  // it was seen at its limit of processes
  bool deep_stack = false;    // its stack had grown near its limit
  Hint hint = {};
};

struct Verdict {
  Status status = Status::kOk;
  std::optional<int> exit_code;
  std::optional<std::string> signal;
  std::optional<std::string> message;
};

Verdict classify(const Evidence& evidence);

// The hint in the last line of a Python traceback on stderr ("ModuleNotFoundError: No module named 'x'"); empty if there is
// none.
Hint hint_from_stderr(std::string_view text);

}  // namespace gimbal::sandbox
