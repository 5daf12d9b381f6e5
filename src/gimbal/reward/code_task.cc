#include "gimbal/reward/code_task.h"

#include <nlohmann/json.hpp>

#include "gimbal/base/hash.h"
#include "gimbal/base/text.h"
#include "gimbal/data/jsonl.h"

namespace gimbal::reward {
namespace {

std::string text_field(const Json& record, const char* name) {
  const auto found = record.find(name);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<std::vector<std::string>> texts(const Json& list, const char* name) {
  std::vector<std::string> out;
  for (const Json& item : list) {
    if (!item.is_string()) return fail(ErrorCode::kInvalidArgument, "\"{}\" holds something that is no text", name);
    out.push_back(item.get<std::string>());
  }
  return out;
}

bool is_list(const Json& record, const char* name) {
  const auto found = record.find(name);
  return found != record.end() && found->is_array();
}

Result<void> read_asserts(const Json& record, const TaskOptions& options, CodeTask& task) {
  task.form = TaskForm::kAsserts;
  task.setup = text_field(record, "test_setup_code");
  task.reference = text_field(record, "code");
  GIMBAL_TRY(task.tests, texts(record.at("test_list"), "test_list"));
  if (options.challenge && is_list(record, "challenge_test_list")) {
    GIMBAL_TRY(const std::vector<std::string> more, texts(record.at("challenge_test_list"), "challenge_test_list"));
    task.tests.insert(task.tests.end(), more.begin(), more.end());
  }
  return {};
}

Result<void> read_stdio(const Json& record, CodeTask& task) {
  task.form = TaskForm::kStdio;
  GIMBAL_TRY(task.stdin_, texts(record.at("inputs"), "inputs"));
  GIMBAL_TRY(task.expected, texts(record.at("outputs"), "outputs"));
  if (task.stdin_.size() != task.expected.size()) {
    return fail(ErrorCode::kInvalidArgument, "{} inputs but {} outputs", task.stdin_.size(), task.expected.size());
  }
  task.reference = text_field(record, "code");
  return {};
}

Result<void> read_inputs(const Json& record, CodeTask& task) {
  task.form = TaskForm::kInputs;
  Json inputs = Json::array();
  for (const char* name : {"inputs", "base_input", "plus_input"}) {
    if (!is_list(record, name)) continue;
    for (const Json& arguments : record.at(name)) {
      if (!arguments.is_array())
        return fail(ErrorCode::kInvalidArgument, "\"{}\" holds something that is no argument list", name);
      inputs.push_back(arguments);
    }
  }
  task.test_count = inputs.size();
  task.inputs = inputs.dump();
  if (is_list(record, "outputs")) {
    if (record.at("outputs").size() != inputs.size()) {
      return fail(ErrorCode::kInvalidArgument, "{} inputs but {} outputs", inputs.size(), record.at("outputs").size());
    }
    task.outputs = record.at("outputs").dump();
  }
  const auto atol = record.find("atol");
  if (atol != record.end() && atol->is_number()) task.tolerance = atol->get<double>();
  if (task.outputs == "null" && task.reference.empty()) {
    return fail(ErrorCode::kInvalidArgument, "neither \"outputs\" nor \"canonical_solution\": nothing to compare results with");
  }
  return {};
}

}  // namespace

std::string_view task_form_name(TaskForm form) {
  switch (form) {
    case TaskForm::kCheck:
      return "check";
    case TaskForm::kAsserts:
      return "asserts";
    case TaskForm::kInputs:
      return "inputs";
    case TaskForm::kStdio:
      return "stdio";
  }
  return "check";
}

std::string CodeTask::hash() const {
  Sha256 sum;
  const auto add = [&sum](std::string_view part) { sum.update(std::to_string(part.size())).update(":").update(part); };
  add(task_form_name(form));
  for (const std::string* part : {&prompt, &setup, &entry, &inputs, &outputs, &reference}) add(*part);
  for (const auto* list : {&tests, &stdin_, &expected}) {
    add(std::to_string(list->size()));
    for (const std::string& part : *list) add(part);
  }
  const Sha256Digest digest = sum.finish();
  return hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

bool is_code_task(const Json& record) {
  if (!record.is_object()) return false;
  if (is_list(record, "test_list")) return true;
  if (record.contains("entry_point"))
    return record.contains("test") || is_list(record, "inputs") || is_list(record, "base_input");
  return is_list(record, "inputs") && is_list(record, "outputs");
}

Result<CodeTask> parse_code_task(const Json& record, const TaskOptions& options) {
  if (!is_code_task(record)) {
    return fail(ErrorCode::kInvalidArgument,
                "no task: expected \"entry_point\" with \"test\" or \"inputs\", \"test_list\", or \"inputs\" with \"outputs\"");
  }
  CodeTask task;
  for (const char* name : {"task_id", "id"}) {
    const auto found = record.find(name);
    if (found == record.end() || found->is_null()) continue;
    task.id = found->is_string() ? found->get<std::string>() : to_text(*found);
    break;
  }
  if (is_list(record, "test_list")) {
    GIMBAL_TRY(read_asserts(record, options, task));
  } else if (!record.contains("entry_point")) {
    GIMBAL_TRY(read_stdio(record, task));
  } else {
    task.entry = text_field(record, "entry_point");
    task.prompt = text_field(record, "prompt");
    if (task.entry.empty()) return fail(ErrorCode::kInvalidArgument, "\"entry_point\" is empty or no text");
    const std::string solution = text_field(record, "canonical_solution");
    if (!solution.empty()) task.reference = task.prompt + solution;
    if (record.contains("test") && !is_list(record, "base_input")) {
      task.tests = {text_field(record, "test")};
      if (task.tests.front().empty()) return fail(ErrorCode::kInvalidArgument, "\"test\" is empty or no text");
    } else {
      GIMBAL_TRY(read_inputs(record, task));
    }
  }
  if (task.form == TaskForm::kStdio) task.test_count = task.stdin_.size();
  if (task.form == TaskForm::kCheck || task.form == TaskForm::kAsserts) task.test_count = task.tests.size();
  if (task.test_count == 0) return fail(ErrorCode::kInvalidArgument, "the task has no tests");
  return task;
}

Result<std::map<std::string, CodeTask>> read_code_tasks(const std::string& path, const TaskOptions& options) {
  GIMBAL_TRY(const data::JsonlRecords file, data::read_jsonl(path));
  std::map<std::string, CodeTask> tasks;
  Diagnostics bad;
  for (std::size_t i = 0; i < file.records.size(); ++i) {
    const std::string where = fmt::format("{}:{}", path, file.lines[i]);
    GIMBAL_TRY(const Json record, parse_json(file.records[i].text(), where));
    auto task = parse_code_task(record, options);
    if (!task) {
      bad.add(where, task.error().message);
      continue;
    }
    const std::string id = task->id.empty() ? std::to_string(file.lines[i]) : task->id;
    task->id = id;
    if (!tasks.emplace(id, std::move(*task)).second) bad.add(where, fmt::format("a second task {}", gimbal::quoted(id)));
  }
  if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  if (tasks.empty()) return fail_at(path, ErrorCode::kInvalidArgument, "no tasks: expected one JSON object a line");
  return tasks;
}

}  // namespace gimbal::reward
