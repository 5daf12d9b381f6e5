// One run of `gimbal policy run`: checks, a run directory, and the steps that fill it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gimbal/cli/command_context.h"
#include "gimbal/cli/policy_evaluate.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/policy/report.h"
#include "gimbal/run/run_record.h"

namespace gimbal::cli {

struct RunFlags {
  std::string data;
  DataOptions columns;
  FitOptions fit;
  FrontierOptions frontier;
  EvaluateOptions evaluation;
  double split = 0.5;
  std::string test, select = "power:0.8", fallback = "max-z";
  std::optional<std::string> run_dir, resume;
  bool force = false;
};

// Steps write their artifacts through the same functions and files as the verb of that name, so that the commands of the report
// make the same artifacts again; finished ones are kept when a run is resumed. Everything that can be refused without the
// models is refused before a folder is made. What is refused later (exit 2 or 3) leaves no folder behind, save a rule that
// cannot be met: then the model and the frontier stay, to choose by another rule without fitting again.
Result<int> run_policy(CommandContext& context, const RunFlags& flags);

// What the commands of a report are made from.
struct ReproduceInput {
  std::string artifacts;    // folder
  std::string train, test;  // as seen from there; absolute when they lie elsewhere
  std::vector<run::RunOption> options;
  std::vector<std::string> arms;
  std::string score, select, fallback;  // fallback: "" unless it stood in
  std::uint64_t seed = 0;
};
// The verbs that make the artifacts again, one by one, inside the artifacts' folder, where the names that the documents record
// hold.
std::vector<policy::ReproduceCommand> reproduce_commands(const ReproduceInput& input);

}  // namespace gimbal::cli
