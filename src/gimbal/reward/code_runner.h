// Runs a candidate against a task's tests such that the candidate cannot decide the verdict.
//
// Split execution: one process of the sandbox loads the candidate, another one, in another fork server and pid namespace, runs
// the trusted tests with every tested name bound to a proxy. Two pipes join them; what passes through is plain values. The
// verdict comes from the tests' process behind a random token of 128 bits that the candidate's process never sees. Values that
// are not plain (objects with an __eq__ of their own, subclasses of int, generators) fail the test.
//
// In-process execution, for tasks whose reference needs objects as arguments, changes in place or generators: the candidate's
// process runs the tests itself, but it gets them, and a token that must come back with the verdict, only after the candidate's
// module body has returned. That stops early exits and printed reports. Code that stays in the process (threads, objects that
// equal everything, a walk through the interpreter's frames) can still cheat: weaker, so it is chosen from the reference alone.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gimbal/base/clock.h"
#include "gimbal/reward/code_task.h"
#include "gimbal/reward/output_equivalence.h"
#include "gimbal/reward/types.h"
#include "gimbal/sandbox/python_interpreter.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::reward {

enum class ExecutionMode { kSplit, kInProcess };

// Of one candidate (each input of stdio tasks has them anew): 5 s of CPU, 20 s, 2 GiB, 1 MiB of output.
sandbox::Limits code_limits();

struct CodeRunnerOptions {
  sandbox::PythonInterpreter python;
  sandbox::Confinement confinement;
  sandbox::Limits limits = code_limits();
  int workers = 0;                // pairs of processes at the same time; 0: one a core
  OutputEquivalence equivalence;  // of stdio tasks
};

// Stays in files: `got` and `expected` tell a policy the answers.
struct CodeFailure {
  std::size_t index = 0;  // of the test
  std::string test;
  std::string got;
  std::string expected;
  std::string message;
};

struct CodeOutcome {
  Reason reason = Reason::kDifferent;  // kEqual when all tests passed
  std::size_t passed = 0;
  std::size_t total = 0;
  std::optional<CodeFailure> failure;
  sandbox::Status status = sandbox::Status::kOk;  // of the candidate's process
  bool all_passed() const { return reason == Reason::kEqual; }
};

// Thread-safe; `run` blocks its caller.
class CodeRunner {
 public:
  // Errors: those of starting a pool.
  static Result<CodeRunner> start(CodeRunnerOptions options);
  CodeRunner(CodeRunner&&) noexcept;
  CodeRunner& operator=(CodeRunner&&) noexcept;
  ~CodeRunner();

  // `program`: a whole program (code_extract.h). `all`: run the tests behind the first failure too. stdio tasks know no mode.
  // Errors: interrupted; sandbox_error when the sandbox failed twice.
  Result<CodeOutcome> run(const CodeTask& task, const std::string& program, ExecutionMode mode, bool all,
                          const StopToken& stop);
  int workers() const;
  // What decisions about tasks depend on beside the task: the harness and the interpreter.
  std::string version() const;

 private:
  struct State;
  explicit CodeRunner(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gimbal::reward
