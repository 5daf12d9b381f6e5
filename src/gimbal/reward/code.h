// The verifier of programs: takes the program out of an answer and runs the tests of its task (code_runner.h).
//
// The task comes from a tasks file, joined by id, or from the answer's record itself. Each task is run split or in one process;
// its reference solution decides that, once: a task whose reference passes split is split for every candidate, one whose
// reference passes only in one process is run so. The candidate has no say. Decisions are kept in a file, because they depend
// on the task, the harness and the interpreter alone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gimbal/reward/code_runner.h"
#include "gimbal/reward/code_task.h"
#include "gimbal/reward/types.h"

namespace gimbal::reward {

struct CodeOptions {
  std::string tasks_file;  // empty: each record holds its task
  TaskOptions task;
  bool partial = false;      // the score is the share of the tests that pass
  bool feedback = false;     // Score::feedback quotes the first failing test with what came and what was expected
  std::string equiv;         // rules of output_equivalence.h for standard output; empty: trim
  std::string cache_folder;  // holds the decisions; empty: they live as long as the verifier
  int workers = 0;           // programs at the same time; 0: one a core
  // Interpreter and confinement; without it the machine is probed and `auto` is asked for.
  std::function<Result<CodeRunnerOptions>()> environment = {};
};

// Errors: usage for `equiv`; those of reading the tasks; unavailable without a sandbox (naming the layers) or an interpreter.
// Errors of checking items: invalid_argument for an id without a task (with the nearest) or a record that holds none.
Result<std::unique_ptr<Verifier>> make_code_verifier(const CodeOptions& options);

// The program of an answer to `task`; nullopt: it holds none.
std::optional<std::string> program_of(const CodeTask& task, std::string_view answer);

// Interpreter and the layers of policy `auto` on this machine. Errors: unavailable.
Result<CodeRunnerOptions> default_code_environment();

// How the reference of a task behaves.
enum class ReferenceRun { kSplit, kInProcess, kFails, kMissing };
// The mode in which candidates are run: in one process where only that lets the reference pass, else split.
ExecutionMode mode_of(ReferenceRun run);
// Errors: those of CodeRunner::run.
Result<ReferenceRun> run_reference(CodeRunner& runner, const CodeTask& task, const StopToken& stop);

// What is wrong with a task: its reference fails, there is none, or a solution that does nothing passes.
struct TaskProblem {
  std::string id;
  std::string problem;
};
struct TaskCheck {
  std::size_t tasks = 0;
  std::size_t reference_pass = 0;
  std::size_t empty_fail = 0;
  std::size_t split = 0;
  std::size_t in_process = 0;
  std::vector<TaskProblem> bad;  // by id
};
// The functions of the reference with bodies that do nothing; the empty text for programs with input and output.
std::string empty_solution(const CodeTask& task);
// Runs every reference and every empty solution. `done_one` is called after each task, from any thread. Errors: those of
// CodeRunner::run.
Result<TaskCheck> check_tasks(CodeRunner& runner, const std::map<std::string, CodeTask>& tasks, const StopToken& stop,
                              const std::function<void()>& done_one = {});

}  // namespace gimbal::reward
