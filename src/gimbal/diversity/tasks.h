// Tasks: the prompts of a study with what their programs are tested on. docs/formats/tasks.md states the forms for users.
//
// One JSON object a line, in our own form ({"prompt_id", "entry", "inputs": {id: text}, "outputs": {id: text}}), in that of
// the effective-diversity study (problem_id, input_testcases, output_testcases, extract_args_fun, tc_gen_fun, programs), of
// HumanEval (task_id, prompt, entry_point, canonical_solution, test) or of MBPP (task_id, text, code, test_list,
// test_setup_code).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::diversity {

// How a program meets a test input (entry.h).
enum class Entry {
  kStdin,     // a script; the input is its standard input
  kFunction,  // defines a function that is called with what the task's extractor makes of the input
  kAsserts,   // defines what the task's assertions check; probes may show what it returns
  kArgs,      // a script; the input is a file whose path is argv[1]
};
std::string_view entry_name(Entry entry);  // "stdin"
std::optional<Entry> parse_entry(std::string_view name);

struct TaskTest {
  std::string id;
  std::string input = {};                    // bytes of the input; of kAsserts the code of an assertion or the probe's call
  std::optional<std::string> expected = {};  // output
  bool assertion = false;                    // the output is ignored: passing is not failing
};

struct Task {
  std::string id;
  std::string prompt = {};
  Entry entry = Entry::kStdin;
  std::string function = "f";                         // of kFunction and kAsserts
  std::vector<TaskTest> tests = {};                   // by the bytes of "input." + id + ".txt", so "10" stands before "2"
  std::optional<std::string> extract_arguments = {};  // code that defines extract_arguments(file)
  std::optional<std::string> generate_tests = {};     // code that makes inputs (test_inputs.h)
  std::optional<std::string> setup = {};              // code in front of every assertion
  bool completes_prompt = false;                      // a "completion" is to stand behind the prompt (HumanEval)
  std::vector<std::string> solutions = {};            // known-good programs
  std::string record = {};                            // the line itself
  std::size_t line = 0;
};

struct TaskFile {
  std::vector<Task> tasks;  // in the order of the file
  std::size_t skipped = 0;  // bad lines, with skip_bad
  // The task with this id, or null. O(log n).
  const Task* find(std::string_view id) const;
  std::vector<std::string> ids() const;
  std::map<std::string, std::size_t, std::less<>> index;  // of `tasks` by id
};

struct TaskOptions {
  std::optional<Entry> entry = {};  // instead of the tasks' own
  std::optional<std::string> function = {};
  bool skip_bad = false;
};
// Errors: as read_jsonl; an id that comes twice (both lines), a field of the wrong type, an unknown entry, outputs without an
// input of that name. Several bad lines are reported together.
Result<TaskFile> read_tasks(const std::string& path, const TaskOptions& options = {});

// Errors: invalid_argument for a task that has neither inputs nor assertions, with what to do about it.
Result<void> check_has_tests(const Task& task, std::string_view path);

}  // namespace gimbal::diversity
