// A programming task with its tests, read from the records of HumanEval, MBPP, EvalPlus and problems with input and output.
//
//   {"task_id","prompt","entry_point","canonical_solution","test"}                     HumanEval: test defines check(candidate)
//   {"task_id","text","code","test_list","test_setup_code","challenge_test_list"}      MBPP
//   {"task_id","prompt","entry_point","canonical_solution","inputs":[[...]],"atol"}    EvalPlus: outputs are the reference's
//                                                        (also base_input and plus_input, and "outputs" where they are given)
//   {"task_id","prompt","inputs":["1 2\n"],"outputs":["3\n"]}                          standard input and output
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/result.h"

namespace gimbal::reward {

enum class TaskForm { kCheck, kAsserts, kInputs, kStdio };
std::string_view task_form_name(TaskForm form);  // "check"

struct CodeTask {
  std::string id;
  TaskForm form = TaskForm::kCheck;
  std::string prompt;                 // HumanEval: imports, helpers, signature; "" where answers stand alone
  std::string setup;                  // runs before candidate and tests
  std::string entry;                  // the tested function; "" for MBPP and stdio
  std::vector<std::string> tests;     // kCheck: one source; kAsserts: one statement each
  std::string inputs = "[]";          // kInputs: JSON, a list of argument lists
  std::string outputs = "null";       // kInputs: JSON, a list of results; "null": the reference computes them
  std::vector<std::string> stdin_;    // kStdio
  std::vector<std::string> expected;  // kStdio
  double tolerance = 0;               // kInputs
  std::string reference;              // a whole program; "" where there is none

  std::size_t test_count = 0;
  // SHA-256 over everything that decides how the task is run.
  std::string hash() const;
};

struct TaskOptions {
  bool challenge = false;  // MBPP: challenge_test_list too
};

// Whether a record has the fields of a task. Cheap.
bool is_code_task(const Json& record);
// Errors: invalid_argument naming the field.
Result<CodeTask> parse_code_task(const Json& record, const TaskOptions& options = {});
// JSONL or JSONL.gz, by id. Errors: those of reading; up to 20 bad records; ids that come twice.
Result<std::map<std::string, CodeTask>> read_code_tasks(const std::string& path, const TaskOptions& options = {});

}  // namespace gimbal::reward
