#include "gimbal/diversity/tasks.h"

#include <algorithm>
#include <array>
#include <map>

#include "gimbal/base/json.h"
#include "gimbal/base/text.h"
#include "gimbal/data/byte_source.h"
#include "gimbal/data/jsonl.h"

namespace gimbal::diversity {
namespace {

constexpr auto kEntries = std::to_array<std::pair<std::string_view, Entry>>(
    {{"stdin", Entry::kStdin}, {"function", Entry::kFunction}, {"asserts", Entry::kAsserts}, {"args", Entry::kArgs}});

// The first of these members that is there.
std::optional<JsonView> first_of(const JsonView& record, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (auto found = record.find(key)) return found;
  }
  return std::nullopt;
}

Result<std::string> text_of(const JsonView& record, std::initializer_list<std::string_view> keys) {
  const auto found = first_of(record, keys);
  if (!found) return std::string();
  return found->string();
}

Result<std::optional<std::string>> code_of(const JsonView& record, std::string_view key) {
  const auto found = record.find(key);
  if (!found) return std::optional<std::string>();
  GIMBAL_TRY(std::string code, found->string());
  return trim(code).empty() ? std::optional<std::string>() : std::optional(std::move(code));
}

Result<std::string> id_of(const JsonView& record) {
  const auto id = first_of(record, {"prompt_id", "task_id", "problem_id", "codenet_problem_id", "id"});
  if (!id)
    return fail_at(record.path(), ErrorCode::kInvalidArgument,
                   "expected a prompt id (\"prompt_id\", \"task_id\", \"problem_id\" or \"id\")");
  if (const auto number = id->integer()) return std::to_string(*number);
  return id->string();
}

Result<void> read_inputs(const JsonView& record, Task& task) {
  std::map<std::string, std::string> expected;
  if (const auto outputs = first_of(record, {"outputs", "output_testcases"})) {
    GIMBAL_TRY(const auto members, outputs->members());
    for (const auto& [id, value] : members) {
      GIMBAL_TRY(expected[id], value.string());
    }
  }
  if (const auto inputs = first_of(record, {"inputs", "input_testcases"})) {
    GIMBAL_TRY(const auto members, inputs->members());
    for (const auto& [id, value] : members) {
      TaskTest test{.id = id};
      GIMBAL_TRY(test.input, value.string());
      if (const auto at = expected.find(id); at != expected.end()) {
        test.expected = at->second;
        expected.erase(at);
      }
      task.tests.push_back(std::move(test));
    }
  }
  if (!expected.empty())
    return fail_at(record.path(), ErrorCode::kInvalidArgument, "an output for test {}, which has no input",
                   gimbal::quoted(expected.begin()->first));
  return {};
}

// HumanEval's `check(candidate)` is one test; every item of MBPP's list is one.
Result<void> read_assertions(const JsonView& record, Task& task) {
  for (TaskTest& probe : task.tests) probe.id = "probe." + probe.id;
  GIMBAL_TRY(std::optional<std::string> check, code_of(record, "test"));
  if (check) {
    if (check->find("def check(") != std::string::npos) *check += "\n\ncheck(" + task.function + ")\n";
    task.tests.push_back({.id = "check", .input = std::move(*check), .assertion = true});
  }
  if (const auto list = record.find("test_list")) {
    GIMBAL_TRY(const auto assertions, list->strings());
    for (std::size_t i = 0; i < assertions.size(); ++i)
      task.tests.push_back({.id = std::to_string(i), .input = assertions[i], .assertion = true});
  }
  return {};
}

// The name that MBPP's assertions call: "assert name(...".
std::string called_by(std::string_view assertion) {
  std::string_view rest = trim(assertion);
  if (!rest.starts_with("assert")) return {};
  rest = rest.substr(6);
  const auto is_name = [](char c) { return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'); };
  static constexpr auto kWrappers = std::to_array<std::string_view>({"not", "set", "math", "isclose", "sorted", "str", "len"});
  while (!rest.empty()) {
    while (!rest.empty() && !is_name(rest.front())) rest.remove_prefix(1);
    std::size_t size = 0;
    while (size < rest.size() && is_name(rest[size])) ++size;
    const std::string_view name = rest.substr(0, size);
    rest.remove_prefix(size);
    if (!name.empty() && std::ranges::find(kWrappers, name) == kWrappers.end()) return std::string(name);
  }
  return {};
}

Result<void> read_function(const JsonView& record, Task& task, const TaskOptions& options) {
  GIMBAL_TRY(const std::string named, text_of(record, {"function", "entry_point"}));
  if (options.function) {
    task.function = *options.function;
  } else if (!named.empty()) {
    task.function = named;
  } else if (const auto list = record.find("test_list")) {
    GIMBAL_TRY(const auto assertions, list->strings());
    task.function = assertions.empty() ? std::string() : called_by(assertions.front());
  } else if (record.has("test")) {
    task.function.clear();  // nothing is known of the name: the assertions say it themselves
  }
  return {};
}

Result<void> read_solutions(const JsonView& record, Task& task) {
  GIMBAL_TRY(const std::string canonical, text_of(record, {"canonical_solution"}));
  if (!canonical.empty()) task.solutions.push_back(task.completes_prompt ? task.prompt + canonical : canonical);
  GIMBAL_TRY(std::string code, text_of(record, {"code"}));
  if (!code.empty()) task.solutions.push_back(std::move(code));
  return {};
}

Result<Task> parse_task(const JsonView& record, std::size_t line, const TaskOptions& options) {
  Task task;
  task.line = line;
  task.record = record.text();
  GIMBAL_TRY(task.id, id_of(record));
  GIMBAL_TRY(task.prompt, text_of(record, {"prompt", "description_string", "text"}));
  const bool has_assertions = record.has("test") || record.has("test_list");
  if (options.entry) {
    task.entry = *options.entry;
  } else if (const auto word = record.find("entry")) {
    GIMBAL_TRY(const std::string name, word->string());
    const auto entry = parse_entry(name);
    if (!entry)
      return fail_at(word->path(), ErrorCode::kInvalidArgument, "expected stdin, function, asserts or args, found {}",
                     gimbal::quoted(name));
    task.entry = *entry;
  } else if (has_assertions) {
    task.entry = Entry::kAsserts;
  } else if (record.has("extract_args_fun") || record.has("function")) {
    task.entry = Entry::kFunction;
  }
  task.completes_prompt = record.has("entry_point") && record.has("prompt");
  GIMBAL_TRY(read_function(record, task, options));
  GIMBAL_TRY(task.extract_arguments, code_of(record, "extract_args_fun"));
  GIMBAL_TRY(task.generate_tests, code_of(record, "tc_gen_fun"));
  GIMBAL_TRY(task.setup, code_of(record, record.has("setup") ? "setup" : "test_setup_code"));
  GIMBAL_TRY(read_solutions(record, task));
  GIMBAL_TRY(read_inputs(record, task));
  if (task.entry == Entry::kAsserts) GIMBAL_TRY(read_assertions(record, task));
  std::ranges::sort(task.tests, {}, [](const TaskTest& test) { return "input." + test.id + ".txt"; });
  return task;
}

}  // namespace

std::string_view entry_name(Entry entry) {
  return std::ranges::find(kEntries, entry, [](const auto& e) { return e.second; })->first;
}

std::optional<Entry> parse_entry(std::string_view name) {
  const auto at = std::ranges::find(kEntries, name, [](const auto& e) { return e.first; });
  return at == kEntries.end() ? std::nullopt : std::optional(at->second);
}

const Task* TaskFile::find(std::string_view id) const {
  const auto at = index.find(id);
  return at == index.end() ? nullptr : &tasks[at->second];
}

std::vector<std::string> TaskFile::ids() const {
  std::vector<std::string> out;
  for (const Task& task : tasks) out.push_back(task.id);
  return out;
}

Result<TaskFile> read_tasks(const std::string& path, const TaskOptions& options) {
  GIMBAL_TRY(data::JsonlReader reader, data::JsonlReader::open(path));
  TaskFile file;
  Diagnostics bad;
  while (true) {
    const auto record = reader.next();
    if (record && !*record) break;
    Result<Task> task = record ? parse_task(**record, reader.line(), options) : fail(Error(record.error()));
    if (task) {
      const auto [at, fresh] = file.index.try_emplace(task->id, file.tasks.size());
      if (fresh) {
        file.tasks.push_back(std::move(*task));
        continue;
      }
      task = fail_at(fmt::format("{}:{}", data::display_name(path), reader.line()), ErrorCode::kInvalidArgument,
                     "task {} came in line {} already", gimbal::quoted(task->id), file.tasks[at->second].line);
    }
    if (options.skip_bad) {
      ++file.skipped;
    } else {
      bad.add(task.error().where, task.error().message);
    }
  }
  if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  if (file.tasks.empty()) return fail_at(data::display_name(path), ErrorCode::kInvalidArgument, "the file holds no tasks");
  return file;
}

Result<void> check_has_tests(const Task& task, std::string_view path) {
  if (!task.tests.empty()) return {};
  return fail_at(fmt::format("{}:{}", path, task.line), ErrorCode::kInvalidArgument,
                 "task {} has neither inputs nor assertions; `gimbal diversity tests` makes inputs from its tc_gen_fun",
                 gimbal::quoted(task.id));
}

}  // namespace gimbal::diversity
