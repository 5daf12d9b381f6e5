#include "gimbal/diversity/entry.h"

#include "gimbal/base/json.h"
#include "gimbal/base/text.h"

namespace gimbal::diversity {
namespace {

constexpr std::string_view kMissing = "GimbalMissingEntry";

// JSON's string literals are Python's, since non-ASCII text stands as it is.
std::string literal(std::string_view text) { return json_quote(text); }

// The program with `line` behind its `from __future__` lines, which must come first.
std::string with_front_line(std::string_view program, std::string_view line) {
  std::string front, rest;
  for (const std::string_view part : split(program, '\n')) {
    const bool future =
        part.starts_with("from __future__ import ") && part.find('(') == std::string_view::npos && !trim(part).ends_with('\\');
    if (future) front.append(part).append("\n");
    rest.append(future ? "" : part).append("\n");
  }
  rest.pop_back();
  return front + std::string(line) + "\n" + rest;
}

// Raises unless the program defines `function`.
std::string require_entry(const std::string& function) {
  if (function.empty()) return {};
  return fmt::format(
      "class {0}(Exception): pass\n"
      "if not callable(globals().get({1})): raise {0}(\"the program defines no function \" + {1})\n",
      kMissing, literal(function));
}

std::string call_of_function(const Task& task) {
  std::string out = require_entry(task.function);
  out += "import sys as _gimbal_sys\n";
  if (task.extract_arguments) {
    out += "_gimbal_names = {\"__name__\": \"extract\"}\n";
    out += "exec(" + literal("from typing import *\n" + *task.extract_arguments) + ", _gimbal_names)\n";
    out += "_gimbal_args = _gimbal_names[\"extract_arguments\"](_gimbal_sys.stdin)\n";
  } else {
    out += "import ast as _gimbal_ast\n_gimbal_args = _gimbal_ast.literal_eval(_gimbal_sys.stdin.read())\n";
  }
  const std::string call = "globals()[" + literal(task.function) + "]";
  out += call + "(*_gimbal_args) if isinstance(_gimbal_args, tuple) else " + call + "(_gimbal_args)\n";
  return out;
}

std::string run_of_assertion(const Task& task) {
  std::string out = require_entry(task.function);
  out += "import sys as _gimbal_sys\n_gimbal_tests = {\n";
  for (const TaskTest& test : task.tests) {
    std::string code = task.setup ? *task.setup + "\n" : std::string();
    code += test.assertion ? test.input : "print(repr(" + test.input + "))\n";
    out += literal(test.id) + ": " + literal(code) + ",\n";
  }
  out += "}\nexec(compile(_gimbal_tests[_gimbal_sys.stdin.read()], \"test\", \"exec\"), globals())\n";
  return out;
}

}  // namespace

std::string wrapped_program(const Task& task, std::string_view program) {
  switch (task.entry) {
    case Entry::kStdin:
      return std::string(program);
    case Entry::kArgs:
      return with_front_line(program,
                             "import sys; open(\"input.txt\", \"wb\").write(sys.stdin.buffer.read()); "
                             "sys.argv[1:] = [\"input.txt\"]; del sys");
    case Entry::kFunction:
      return with_front_line(program, "from typing import *") + "\n\n" + call_of_function(task);
    case Entry::kAsserts:
      return std::string(program) + "\n\n" + run_of_assertion(task);
  }
  return std::string(program);
}

std::vector<sandbox::TestInput> wrapped_inputs(const Task& task) {
  std::vector<sandbox::TestInput> out;
  for (const TaskTest& test : task.tests) out.push_back({test.id, task.entry == Entry::kAsserts ? test.id : test.input});
  return out;
}

sandbox::Status unwrapped_status(sandbox::Status status, const std::optional<std::string>& message) {
  const bool missing = status == sandbox::Status::kRuntimeError && message && message->starts_with(kMissing);
  return missing ? sandbox::Status::kMissingEntry : status;
}

}  // namespace gimbal::diversity
