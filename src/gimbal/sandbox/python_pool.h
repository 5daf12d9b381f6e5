// Runs Python programs on inputs, many of them, each in a world of its own.
//
// A pool has workers; each has a thread with its own event loop and, with `fork_server` isolation, a Python interpreter inside
// the sandbox that has imported the usual modules and forks a process for every test (zygote.py). A program is compiled once,
// in a process of its own under the program's limits; every test then starts from the same pristine interpreter, in an empty
// work directory, as a new process group with limits of its own. After a test everything that it left is killed and reaped
// before the next begins. With `process` isolation every test gets a fresh interpreter in a fresh sandbox: the same harness,
// the same results, some thirty times the cost.
//
// A server that dies, or does not answer for 5 s, is replaced and its test runs once more; a second loss is a sandbox_error. It
// is also replaced after 5000 tests, and when its memory has grown by a quarter.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"
#include "gimbal/sandbox/python_interpreter.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::sandbox {

enum class Isolation { kForkServer, kProcess };
std::string_view isolation_name(Isolation isolation);  // "fork-server"

struct PoolOptions {
  int workers = 0;  // 0: one a core
  PythonInterpreter python;
  Isolation isolation = Isolation::kForkServer;
  Confinement confinement;           // from resolve_policy
  Limits ceiling;                    // of the sandbox: the limits of no run may exceed disk, files, processes and stack
  std::vector<std::string> preload;  // modules beside the usual ones; under `process` isolation imported only by programs
  bool allow_exec = false;           // test processes may start other programs
  int first_worker = 0;              // number of the first worker: pools of one process that run side by side differ
};

struct TestInput {
  std::string id;
  std::string stdin_bytes;
};

struct RunFlags {
  Limits limits;
  bool stop_at_failure = false;          // after the first test that is not ok the rest is kNotRun
  std::optional<std::int64_t> seed = 0;  // of `random` (and numpy's), before every test
  std::vector<std::string> arguments;    // sys.argv[1:]
  // These become 3, 4, ... in the test process (up to kMaxDescriptors, fork server and single tests only). They stay the
  // caller's and open until the run is done; a caller that waits for the other end of a pipe gives away its copy of this end.
  // What a test reads from them cannot be read twice: a lost server is then an error at once.
  std::vector<int> descriptors;
};
inline constexpr std::size_t kMaxDescriptors = 5;

struct PoolStats {
  std::int64_t executions = 0;  // tests that were started
  std::int64_t restarts = 0;    // servers that were replaced
  double around_ms = 0;         // of the workers' busy time, what passed outside the executions: starts, compilation, hand-over
};

// Thread-safe. Destruction ends every process of the pool; runs that are in progress come back as cancelled.
class PythonPool {
 public:
  // Starts the workers; their servers start in parallel with the first jobs. Errors: unavailable, sandbox_error, and those of
  // `launch`.
  static Result<PythonPool> start(PoolOptions options);
  PythonPool(PythonPool&&) noexcept;
  PythonPool& operator=(PythonPool&&) noexcept;
  ~PythonPool();

  // One result a test, in order. A program that does not compile gives its status (syntax_error, memory, ...) to every test and
  // nothing is run. A stop kills within 100 ms: the test in flight and those after it are kCancelled.
  // Errors: invalid_argument for limits; sandbox_error when the sandbox itself failed (never a status).
  Result<std::vector<TestResult>> run(const std::string& program, std::span<const TestInput> tests, const RunFlags& flags,
                                      StopToken stop);

  // The same without waiting; `done` is called once, on a worker's thread.
  using Done = std::function<void(Result<std::vector<TestResult>>)>;
  void submit(std::string program, std::vector<TestInput> tests, RunFlags flags, StopToken stop, Done done);

  int workers() const;
  PoolStats stats() const;

 private:
  struct State;
  explicit PythonPool(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gimbal::sandbox
