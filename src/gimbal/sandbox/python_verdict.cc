#include "gimbal/sandbox/python_verdict.h"

#include <string_view>

namespace gimbal::sandbox {
namespace {

// A fork or thread that the kernel refused (EAGAIN is 11 on Linux).
bool is_refused_process(const ProgramHint& hint) {
  return (hint.name == "BlockingIOError" && hint.message.find("Errno 11") != std::string::npos) ||
         (hint.name == "RuntimeError" && hint.message == "can't start new thread");
}

// The class as classify() understands it: a ModuleNotFoundError of the standard library or without a module is no sign of a
// missing package, and a BlockingIOError is of interest only when it is a refused process.
Hint hint_for(const ProgramHint& hint) {
  Hint found{hint.name, hint.message};
  const bool no_package = hint.name == "ModuleNotFoundError" && hint.module.empty();
  if (no_package || hint.name == "BlockingIOError") {
    found.message = hint.name + ": " + hint.message;
    found.exception.clear();
  }
  return found;
}

}  // namespace

Verdict judge(const ExecutionEnd& end, const Limits& limits) {
  Evidence evidence;
  evidence.kill = end.killer;
  evidence.wait_status = end.wait_status;
  evidence.output_over = end.output_truncated;
  evidence.cpu_over = end.cpu_ms >= static_cast<double>(limits.cpu_ms);
  evidence.fork_refused = is_refused_process(end.hint);
  evidence.deep_stack = true;  // the usual way to SIGSEGV in Python; the message asks
  evidence.hint = hint_for(end.hint);
  Verdict verdict = classify(evidence);
  if (verdict.status != Status::kRuntimeError || !verdict.exit_code) return verdict;
  if (end.hint.syntax) verdict.status = Status::kSyntaxError;
  if (!verdict.message && !end.hint.name.empty()) verdict.message = evidence.hint.message;
  if (!verdict.message) verdict.message = fmt::format("exit code {}", *verdict.exit_code);
  return verdict;
}

}  // namespace gimbal::sandbox
