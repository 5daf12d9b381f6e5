// One worker of a PythonPool: runs the tests of one program after the other, in its fork server or in fresh interpreters.
//
// Not thread-safe: each worker belongs to one thread of the pool.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"
#include "gimbal/sandbox/execution_watch.h"
#include "gimbal/sandbox/launch.h"
#include "gimbal/sandbox/python_pool.h"
#include "gimbal/sandbox/zygote_protocol.h"

namespace gimbal::sandbox {

// What a worker and the pool share.
struct PoolCounters {
  std::atomic<std::int64_t> executions = 0;
  std::atomic<std::int64_t> restarts = 0;
  std::atomic<std::int64_t> around_us = 0;
};

// The filter that test processes get on top of the sandbox's: it answers EPERM to starting programs, to System V objects and
// files in memory (which outlive a test, or memory that no limit counts), and to changing the priority of others; where no pid
// namespace confines them, to signals to any process but the own one. `own pid` stands in it as 0xdeadbeef for zygote.py to
// replace.
std::string test_filter(bool allow_exec, bool own_signals_only);

// The processes, files and address space that `launch` allows a server or fresh interpreter whose tests have at most these.
Limits server_limits(const Limits& ceiling);

class PythonWorker {
 public:
  PythonWorker(const PoolOptions& options, int number, PoolCounters& counters);
  ~PythonWorker();
  // As PythonPool::run.
  Result<std::vector<TestResult>> run(const std::string& program, const std::vector<TestInput>& tests, const RunFlags& flags,
                                      const StopToken& stop);

 private:
  // How a compilation or test ended, before it has a status.
  struct End {
    MonitorKill killer = MonitorKill::kNone;
    int wait_status = 0;
    double cpu_ms = 0;
    double wall_ms = 0;
    std::int64_t peak_bytes = 0;
    ProgramHint hint;
    Output out;
    Output err;
  };
  // The server died or fell silent, and has been ended.
  struct Lost {
    std::string why;
  };
  template <typename T>
  using OrLost = tl::expected<T, Lost>;

  RunParameters parameters(const RunFlags& flags) const;
  LaunchSpec base_spec(const Limits& limits) const;
  static End end_of(const ServerMessage& message, ExecutionWatch& watch);
  static TestResult result_of(const TestInput& test, End end, const Limits& limits);

  // --- fork server
  Result<void> ensure_server();
  void end_server();
  bool send(const std::string& message, const std::vector<int>& descriptors = {});
  OrLost<ServerMessage> receive(ExecutionWatch& watch, char wanted);
  OrLost<End> compile(const std::string& program, const RunFlags& flags, const StopToken& stop);
  OrLost<End> serve_test(const TestInput& test, const RunFlags& flags, const StopToken& stop);
  bool worn_out() const;

  // --- fresh interpreters
  Result<End> run_fresh(const std::string& program, const TestInput& test, const RunFlags& flags, const StopToken& stop);

  const PoolOptions& options_;
  int number_;
  PoolCounters& counters_;
  std::string filter_;
  bool own_namespace_;
  Child server_;
  pid_t server_pid_ = -1;  // outside; without a pid namespace the child of the init
  Descriptor socket_;
  MessageReader reader_;
  std::optional<std::string> compiled_;  // the program that the server holds
  std::uint64_t next_id_ = 0;
  std::int64_t tests_served_ = 0;
  std::int64_t memory_at_start_ = 0;
};

}  // namespace gimbal::sandbox
