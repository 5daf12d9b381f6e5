#include "gimbal/sandbox/classify.h"

#include <sys/wait.h>

#include <algorithm>
#include <cctype>
#include <csignal>

namespace gimbal::sandbox {
namespace {

bool is_crash(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGFPE || signal == SIGILL;
}

std::optional<std::string> hint_text(const Hint& hint) {
  if (hint.exception.empty()) return std::nullopt;
  return hint.message.empty() ? hint.exception : hint.exception + ": " + hint.message;
}

}  // namespace

Verdict classify(const Evidence& evidence) {
  Verdict verdict;
  const bool signalled = WIFSIGNALED(evidence.wait_status);
  const int signal = signalled ? WTERMSIG(evidence.wait_status) : 0;
  if (signalled) {
    verdict.signal = signal_name(signal);
  } else {
    verdict.exit_code = WEXITSTATUS(evidence.wait_status);
  }
  const auto say = [&](Status status, std::optional<std::string> message) {
    verdict.status = status;
    verdict.message = std::move(message);
    return verdict;
  };

  switch (evidence.kill) {
    case MonitorKill::kCancelled:
      return say(Status::kCancelled, "stopped from outside");
    case MonitorKill::kMemory:
      return say(Status::kMemory, "the processes together used more memory than allowed");
    case MonitorKill::kOutput:
      return say(Status::kOutputLimit, "more output than allowed");
    case MonitorKill::kWall:
      return say(Status::kTimeoutWall, "still running after the allowed time");
    case MonitorKill::kCpu:
      return say(Status::kTimeoutCpu, "more CPU time than allowed");
    case MonitorKill::kNone:
      break;
  }
  if (evidence.output_over) return say(Status::kOutputLimit, "more output than allowed");
  if (evidence.cpu_over || signal == SIGXCPU) return say(Status::kTimeoutCpu, "more CPU time than allowed");
  if (signal == SIGSYS) return say(Status::kForbidden, "a forbidden system call");
  if (is_crash(signal)) {
    return say(Status::kRuntimeError, *verdict.signal + (signal == SIGSEGV && evidence.deep_stack ? " (stack overflow?)" : ""));
  }
  if (signalled) return say(Status::kKilled, "killed by " + *verdict.signal);
  if (*verdict.exit_code == 0) return say(Status::kOk, std::nullopt);
  if (evidence.hint.exception == "MemoryError") return say(Status::kMemory, hint_text(evidence.hint));
  if (evidence.hint.exception == "ModuleNotFoundError") return say(Status::kMissingModule, hint_text(evidence.hint));
  if (evidence.fork_refused || evidence.hint.exception == "BlockingIOError") {
    return say(Status::kProcessLimit, hint_text(evidence.hint).value_or("no more processes than allowed could be started"));
  }
  return say(Status::kRuntimeError, hint_text(evidence.hint));
}

Hint hint_from_stderr(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  const std::size_t start = text.rfind('\n');
  if (start == std::string_view::npos || text.find("Traceback (most recent call last)") == std::string_view::npos) {
    // MemoryError may leave no room for a traceback.
    return text == "MemoryError" ? Hint{"MemoryError", ""} : Hint{};
  }
  const std::string_view line = text.substr(start + 1);
  const std::string_view name = line.substr(0, line.find(':'));
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.'; };
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_word)) return {};
  Hint hint{std::string(name), {}};
  if (line.size() > name.size() + 2) hint.message = std::string(line.substr(name.size() + 2));
  return hint;
}

}  // namespace gimbal::sandbox
