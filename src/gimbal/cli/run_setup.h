// From a command's context to its run directory: what a command that makes one hands to run::RunDirectory.
//
//   run::RunSetup setup = run_setup(context);
//   setup.path = flags->out.value_or("");
//   GIMBAL_TRY(setup.inputs.emplace_back(), run::run_input("data", flags->data));
//   GIMBAL_TRY(run::RunDirectory run, run::RunDirectory::create(setup, run_services(context)));
#pragma once

#include "gimbal/cli/command_context.h"
#include "gimbal/run/run_directory.h"

namespace gimbal::cli {

// Everything but `path` and `inputs`.
run::RunSetup run_setup(const CommandContext& context);

// The context's clock and secrets; it must outlive the run. A file `stop` acts as SIGINT does.
run::RunServices run_services(const CommandContext& context);

}  // namespace gimbal::cli
