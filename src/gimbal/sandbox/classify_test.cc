#include "gimbal/sandbox/classify.h"

#include <gtest/gtest.h>

#include <csignal>

namespace gimbal::sandbox {
namespace {

int exited(int code) { return code << 8; }  // the encoding of wait(2)
int killed_by(int signal) { return signal; }

struct Case {
  const char* what;
  Evidence evidence;
  Status status;
};

TEST(Classify, FollowsTheTableInItsOrder) {
  const Hint memory{"MemoryError", ""};
  const Hint module{"ModuleNotFoundError", "No module named 'x'"};
  const Case cases[] = {
      {"exit 0", {.wait_status = exited(0)}, Status::kOk},
      {"exit 1", {.wait_status = exited(1)}, Status::kRuntimeError},
      {"a hint makes no failure ok, and no ok a failure", {.wait_status = exited(0), .hint = memory}, Status::kOk},
      {"MemoryError", {.wait_status = exited(1), .hint = memory}, Status::kMemory},
      {"no module", {.wait_status = exited(1), .hint = module}, Status::kMissingModule},
      {"fork refused, failed", {.wait_status = exited(1), .fork_refused = true}, Status::kProcessLimit},
      {"fork refused, went on", {.wait_status = exited(0), .fork_refused = true}, Status::kOk},
      {"memory before no processes", {.wait_status = exited(1), .fork_refused = true, .hint = memory}, Status::kMemory},
      {"segmentation", {.wait_status = killed_by(SIGSEGV)}, Status::kRuntimeError},
      {"abort", {.wait_status = killed_by(SIGABRT)}, Status::kRuntimeError},
      {"bus", {.wait_status = killed_by(SIGBUS)}, Status::kRuntimeError},
      {"division", {.wait_status = killed_by(SIGFPE)}, Status::kRuntimeError},
      {"illegal instruction", {.wait_status = killed_by(SIGILL)}, Status::kRuntimeError},
      {"SIGTERM", {.wait_status = killed_by(SIGTERM)}, Status::kKilled},
      {"SIGKILL from nowhere", {.wait_status = killed_by(SIGKILL)}, Status::kKilled},
      {"SIGSYS", {.wait_status = killed_by(SIGSYS)}, Status::kForbidden},
      {"SIGXCPU", {.wait_status = killed_by(SIGXCPU)}, Status::kTimeoutCpu},
      {"CPU used up, SIGKILL by the kernel", {.wait_status = killed_by(SIGKILL), .cpu_over = true}, Status::kTimeoutCpu},
      {"CPU used up before a forbidden call", {.wait_status = killed_by(SIGSYS), .cpu_over = true}, Status::kTimeoutCpu},
      {"too much output, exit 0", {.wait_status = exited(0), .output_over = true}, Status::kOutputLimit},
      {"monitor: memory", {.kill = MonitorKill::kMemory, .wait_status = killed_by(SIGKILL)}, Status::kMemory},
      {"monitor: output", {.kill = MonitorKill::kOutput, .wait_status = killed_by(SIGKILL)}, Status::kOutputLimit},
      {"monitor: wall", {.kill = MonitorKill::kWall, .wait_status = killed_by(SIGKILL)}, Status::kTimeoutWall},
      {"monitor: CPU", {.kill = MonitorKill::kCpu, .wait_status = killed_by(SIGKILL)}, Status::kTimeoutCpu},
      {"monitor wins over the exit code", {.kill = MonitorKill::kWall, .wait_status = exited(0)}, Status::kTimeoutWall},
      {"memory wins over output", {.kill = MonitorKill::kMemory, .output_over = true}, Status::kMemory},
      {"stopped", {.kill = MonitorKill::kCancelled, .wait_status = killed_by(SIGKILL)}, Status::kCancelled},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(status_name(classify(test.evidence).status), status_name(test.status)) << test.what;
  }
}

TEST(Classify, NamesTheSignalOrGivesTheExitCode) {
  const Verdict crash = classify({.wait_status = killed_by(SIGSEGV), .deep_stack = true});
  EXPECT_EQ(crash.signal, "SIGSEGV");
  EXPECT_FALSE(crash.exit_code.has_value());
  EXPECT_EQ(crash.message, "SIGSEGV (stack overflow?)");
  const Verdict error = classify({.wait_status = exited(3), .hint = {"ValueError", "bad"}});
  EXPECT_EQ(error.exit_code, 3);
  EXPECT_FALSE(error.signal.has_value());
  EXPECT_EQ(error.message, "ValueError: bad");
}

TEST(HintFromStderr, ReadsTheLastLineOfATraceback) {
  const Hint hint = hint_from_stderr(
      "Traceback (most recent call last):\n  File \"x\", line 1, in <module>\nModuleNotFoundError: No module named 'x'\n\n");
  EXPECT_EQ(hint.exception, "ModuleNotFoundError");
  EXPECT_EQ(hint.message, "No module named 'x'");
}

TEST(HintFromStderr, KnowsNothingWithoutATraceback) {
  EXPECT_EQ(hint_from_stderr("").exception, "");
  EXPECT_EQ(hint_from_stderr("sh: 1: MemoryError: no\n").exception, "");
  EXPECT_EQ(hint_from_stderr("MemoryError\n").exception, "MemoryError");
}

}  // namespace
}  // namespace gimbal::sandbox
