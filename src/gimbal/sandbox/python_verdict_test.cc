#include "gimbal/sandbox/python_verdict.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace gimbal::sandbox {
namespace {

constexpr int exited(int code) { return code << 8; }

Status status_of(const ExecutionEnd& end) { return judge(end, Limits{}).status; }

TEST(PythonVerdict, NoHintMakesAFailureASuccess) {
  for (const char* name : {"", "ok", "SystemExit", "MemoryError", "ModuleNotFoundError", "BlockingIOError"}) {
    for (const bool syntax : {false, true}) {
      for (const int status : {exited(1), exited(120), exited(255), SIGKILL, SIGSEGV, SIGSYS}) {
        ExecutionEnd end;
        end.wait_status = status;
        end.hint = {syntax, name, "ok", "ok"};
        EXPECT_NE(status_of(end), Status::kOk) << name << status;
      }
    }
  }
}

TEST(PythonVerdict, SuccessDoesNotLookAtTheHint) {
  ExecutionEnd end;
  end.hint = {true, "MemoryError", "x", "x"};
  EXPECT_EQ(status_of(end), Status::kOk);
}

TEST(PythonVerdict, FollowsTheOrderOfTheEvidence) {
  const auto of = [](MonitorKill killer, int status, double cpu_ms, const char* name = "", const char* message = "",
                     const char* module = "") {
    return status_of({killer, status, cpu_ms, {false, name, message, module}, false});
  };
  EXPECT_EQ(of(MonitorKill::kMemory, SIGKILL, 0), Status::kMemory);
  EXPECT_EQ(of(MonitorKill::kOutput, exited(0), 0), Status::kOutputLimit);
  EXPECT_EQ(of(MonitorKill::kWall, SIGKILL, 20'000), Status::kTimeoutWall);
  EXPECT_EQ(of(MonitorKill::kCancelled, SIGKILL, 0), Status::kCancelled);
  EXPECT_EQ(of(MonitorKill::kNone, SIGXCPU, 0), Status::kTimeoutCpu);
  EXPECT_EQ(of(MonitorKill::kNone, SIGKILL, 10'500), Status::kTimeoutCpu);
  EXPECT_EQ(of(MonitorKill::kNone, exited(0), 10'500), Status::kTimeoutCpu);
  EXPECT_EQ(of(MonitorKill::kNone, SIGSYS, 0), Status::kForbidden);
  EXPECT_EQ(of(MonitorKill::kNone, SIGABRT, 0), Status::kRuntimeError);
  EXPECT_EQ(of(MonitorKill::kNone, SIGKILL, 0), Status::kKilled);
  EXPECT_EQ(of(MonitorKill::kNone, exited(1), 0, "MemoryError"), Status::kMemory);
  EXPECT_EQ(of(MonitorKill::kNone, exited(1), 0, "ModuleNotFoundError", "No module named 'foo'", "foo"),
            Status::kMissingModule);
  EXPECT_EQ(of(MonitorKill::kNone, exited(1), 0, "ModuleNotFoundError", "No module named 'tkinter'"), Status::kRuntimeError);
  EXPECT_EQ(of(MonitorKill::kNone, exited(1), 0, "BlockingIOError", "[Errno 11] Resource temporarily unavailable"),
            Status::kProcessLimit);
  EXPECT_EQ(of(MonitorKill::kNone, exited(3), 0, "SystemExit", "3"), Status::kRuntimeError);
}

TEST(PythonVerdict, TruncatedOutputIsALimitAlthoughTheProgramEndedWell) {
  EXPECT_EQ(status_of({MonitorKill::kNone, exited(0), 0, {}, true}), Status::kOutputLimit);
}

TEST(PythonVerdict, SaysWhatHappened) {
  EXPECT_EQ(
      judge({MonitorKill::kNone, exited(1), 0, {false, "NameError", "name 'x' is not defined", ""}, false}, Limits{}).message,
      "NameError: name 'x' is not defined");
  EXPECT_EQ(judge({MonitorKill::kNone, SIGSEGV, 0, {}, false}, Limits{}).message, "SIGSEGV (stack overflow?)");
  EXPECT_EQ(judge({MonitorKill::kNone, exited(7), 0, {}, false}, Limits{}).message, "exit code 7");
}

}  // namespace
}  // namespace gimbal::sandbox
