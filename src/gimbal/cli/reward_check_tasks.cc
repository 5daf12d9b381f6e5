// gimbal reward check-tasks: are the tasks themselves right? Every reference passes and no empty solution does.
#include "gimbal/base/progress.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/reward_commands.h"
#include "gimbal/cli/reward_flags.h"

namespace gimbal::cli {
namespace {

struct Flags {
  std::string file;
  VerifierFlags verifier;
};

Result<int> check_tasks(CommandContext& context, const Flags& flags) {
  const reward::CodeOptions& code = flags.verifier.options.code;
  GIMBAL_TRY(const auto tasks, reward::read_code_tasks(flags.file, code.task));
  GIMBAL_TRY(reward::CodeRunnerOptions options, code_environment(context, flags.verifier));
  auto equivalence = reward::OutputEquivalence::parse(code.equiv);
  if (!equivalence) return fail(std::move(equivalence).error().at("--equiv"));
  options.equivalence = std::move(*equivalence);
  GIMBAL_TRY(reward::CodeRunner runner, reward::CodeRunner::start(std::move(options)));
  reward::TaskCheck found;
  {
    Progress progress("checking", tasks.size(), context.progress_mode(), context.clock(), "tasks");
    GIMBAL_TRY(found, reward::check_tasks(runner, tasks, context.stop(), [&] { progress.advance(); }));
  }
  context.lap("check");
  DocumentWriter document("gimbal.reward.tasks/1");
  JsonWriter& json = document.json();
  json.field("tasks", static_cast<std::int64_t>(found.tasks));
  json.field("reference_pass", static_cast<std::int64_t>(found.reference_pass));
  json.field("empty_fail", static_cast<std::int64_t>(found.empty_fail));
  json.field("split", static_cast<std::int64_t>(found.split));
  json.field("in_process", static_cast<std::int64_t>(found.in_process));
  json.key("bad").begin_array();
  for (const reward::TaskProblem& bad : found.bad) {
    json.begin_object().field("task_id", bad.id).field("problem", bad.problem).end_object();
  }
  json.end_array();
  GIMBAL_TRY(finish_document(context, document));
  std::string text = fmt::format("{}: {} tasks\n\n  references that pass      {}\n  empty ones that fail      {}\n", flags.file,
                                 found.tasks, found.reference_pass, found.empty_fail);
  text += fmt::format("  run split                 {}\n  run in one process        {}\n", found.split, found.in_process);
  if (!found.bad.empty()) {
    TextTable bad({"task", "problem"});
    for (const reward::TaskProblem& one : found.bad) bad.row({one.id, one.problem});
    text += "\nWrong:\n" + bad.indent(2).text();
  }
  context.print(text);
  return found.bad.empty() ? 0 : 1;
}

}  // namespace

Command reward_check_tasks_command() {
  auto flags = std::make_shared<Flags>();
  Command command("check-tasks", "Check programming tasks: references pass, empty solutions fail; exit 1 when not.");
  command.description(
      "Runs every reference solution and a solution that does nothing. A task whose reference fails, or that an empty solution "
      "passes, measures nothing and is listed. Also counts the tasks that can only be tested in one process.");
  command.positional("FILE", &flags->file).file().help("tasks, JSONL or JSONL.gz");
  command.flag("--challenge", &flags->verifier.options.code.task.challenge).help("MBPP: the tests of challenge_test_list too");
  command.option("--equiv", &flags->verifier.options.code.equiv)
      .value("RULES")
      .show_default("trim")
      .help("when two outputs are the same, as in gimbal diversity");
  command.option("--workers", &flags->verifier.workers)
      .value("N")
      .min(1)
      .max(256)
      .show_default("one a core")
      .help("programs at the same time");
  command.option("--python", &flags->verifier.python)
      .value("PATH")
      .show_default("the first python3")
      .help("the interpreter of the programs");
  add_policy_options(command, flags->verifier.policy);
  command.example("gimbal reward check-tasks HumanEval.jsonl.gz");
  command.run([flags](CommandContext& context) { return check_tasks(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
