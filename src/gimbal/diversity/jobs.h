// From generations and tasks to the jobs of a run: which task each prompt's generations belong to, and which program each is.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/diversity/generations.h"
#include "gimbal/diversity/program_text.h"
#include "gimbal/diversity/runner.h"
#include "gimbal/diversity/tasks.h"

namespace gimbal::diversity {

// One file of generations, as it was read.
struct NamedGenerations {
  std::string path;
  GenerationFile file;
};

struct JobOptions {
  std::string tasks_path;                  // for messages
  std::optional<std::string> only = {};    // glob of prompt ids
  std::optional<std::int64_t> limit = {};  // the first prompts
};

// A prompt of the run before its programs are known.
struct PlannedPrompt {
  const GenerationSet* set = nullptr;
  const Task* task = nullptr;
};

// The prompts of all files in order. Both arguments outlive the plan. Errors, up to 20 together: a prompt id that no task has
// (with the nearest), a prompt and group that come in two files, a task that has nothing to be tested on; insufficient_data
// when nothing is left.
Result<std::vector<PlannedPrompt>> plan_prompts(const std::vector<NamedGenerations>& files, const TaskFile& tasks,
                                                const JobOptions& options);

// Extracts the programs. Known programs are taken as they are; a completion of a task that has a prompt to complete stands
// behind that prompt. `helper` as in extract_programs. Errors: those of the helper.
Result<std::vector<PromptJob>> make_jobs(const std::vector<PlannedPrompt>& plan, ExtractMode mode, FenceChoice fence,
                                         const PythonHelper* helper);

}  // namespace gimbal::diversity
