#include "gimbal/diversity/jobs.h"

#include <map>

#include "gimbal/base/text.h"

namespace gimbal::diversity {

Result<std::vector<PlannedPrompt>> plan_prompts(const std::vector<NamedGenerations>& files, const TaskFile& tasks,
                                                const JobOptions& options) {
  std::vector<PlannedPrompt> plan;
  Diagnostics problems;
  std::map<std::pair<std::string, Group>, std::string> place;  // of each prompt and group
  std::map<const Task*, bool> has_tests;
  const std::vector<std::string> ids = tasks.ids();
  for (const NamedGenerations& file : files) {
    for (const GenerationSet& set : file.file.sets) {
      if (options.only && !glob_match(*options.only, set.prompt_id)) continue;
      if (options.limit && static_cast<std::int64_t>(plan.size()) >= *options.limit) break;
      const std::string where = fmt::format("{}:{}", file.path, set.line);
      const Task* task = tasks.find(set.prompt_id);
      if (task == nullptr) {
        problems.add(where, fmt::format("{} has no task with the id {}{}", options.tasks_path, gimbal::quoted(set.prompt_id),
                                        did_you_mean(set.prompt_id, ids)));
        continue;
      }
      const auto [first, fresh] = place.try_emplace({set.prompt_id, set.group}, where);
      if (!fresh) {
        problems.add(where, fmt::format("prompt {} with the same group columns was given in {} already",
                                        gimbal::quoted(set.prompt_id), first->second));
        continue;
      }
      if (const auto [known, unseen] = has_tests.try_emplace(task, true); unseen) {
        if (const auto checked = check_has_tests(*task, options.tasks_path); !checked) {
          problems.add(checked.error().where, checked.error().message);
        }
      }
      plan.push_back({&set, task});
    }
  }
  if (!problems.empty()) return fail(problems.to_error(ErrorCode::kInvalidArgument));
  if (plan.empty()) {
    return fail(ErrorCode::kInsufficientData, "no prompt to run{}",
                options.only ? fmt::format(": no id matches --only {}", gimbal::quoted(*options.only)) : "");
  }
  return plan;
}

Result<std::vector<PromptJob>> make_jobs(const std::vector<PlannedPrompt>& plan, ExtractMode mode, FenceChoice fence,
                                         const PythonHelper* helper) {
  // All answers of models go to the parser together: two calls, however many prompts there are.
  std::vector<std::optional<std::string>> known, answers;
  for (const PlannedPrompt& prompt : plan) {
    for (const std::optional<std::string>& text : prompt.set->generations) {
      if (prompt.set->programs) {
        known.push_back(text);
      } else if (text && !trim(*text).empty() && prompt.task->completes_prompt && prompt.set->completions) {
        answers.emplace_back(prompt.task->prompt + *text);
      } else {
        answers.push_back(text);
      }
    }
  }
  GIMBAL_TRY(std::vector<ProgramText> as_they_are, extract_programs(known, ExtractMode::kRaw, fence, nullptr));
  GIMBAL_TRY(std::vector<ProgramText> extracted, extract_programs(answers, mode, fence, helper));
  std::size_t next_known = 0, next_answer = 0;
  std::vector<PromptJob> jobs;
  for (const PlannedPrompt& prompt : plan) {
    PromptJob job{.prompt_id = prompt.set->prompt_id, .group = prompt.set->group, .task = prompt.task, .programs = {}};
    for (std::size_t g = 0; g < prompt.set->generations.size(); ++g) {
      job.programs.push_back(std::move(prompt.set->programs ? as_they_are[next_known++] : extracted[next_answer++]));
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

}  // namespace gimbal::diversity
