// How a program meets its tests: the text that is run for each entry mode, and the inputs that go with it.
//
// The wrapper stands behind the program, so that a program that does not compile is a syntax error of its own; what must stand
// in front (typing names, the file of `args`) is one line, behind the program's own `from __future__` lines. A wrapper fails
// with an exception class of its own where the program lacks what is to be called; which test is run comes through standard
// input, so a program that reads it all before its function is called fails its test and never passes it by accident.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/diversity/tasks.h"
#include "gimbal/sandbox/python_pool.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::diversity {

// The source that is run for a program of this task.
std::string wrapped_program(const Task& task, std::string_view program);

// One input a test, in the order of task.tests.
std::vector<sandbox::TestInput> wrapped_inputs(const Task& task);

// What a status and its message mean for wrapped programs: a runtime error of the wrapper's own class is kMissingEntry.
sandbox::Status unwrapped_status(sandbox::Status status, const std::optional<std::string>& message);

}  // namespace gimbal::diversity
