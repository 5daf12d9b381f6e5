// A pool of Python workers as the commands that run programs start one: the policy and the interpreter that the flags name,
// refused where they cannot be had.
#pragma once

#include <string>

#include "gimbal/cli/command_context.h"
#include "gimbal/cli/sandbox_commands.h"
#include "gimbal/sandbox/python_pool.h"

namespace gimbal::cli {

struct StartedPool {
  sandbox::PythonPool pool;
  sandbox::Confinement confinement;
  sandbox::PythonInterpreter python;
};

// `python`: a path or name, "" for the first python3 that will do; `python_flag` is named when there is none. `options`: all
// but interpreter and confinement. Warns where nothing isolates. Errors:
// unavailable (no interpreter, no sandbox), usage (a risk that was not accepted), and those of PythonPool::start.
Result<StartedPool> start_pool(CommandContext& context, const SandboxPolicyFlags& policy, const std::string& python,
                               const char* python_flag, sandbox::PoolOptions options);

// Says on stderr what the programs of the pool run under, unless --quiet.
void say_layers(const CommandContext& context, const StartedPool& started);

}  // namespace gimbal::cli
