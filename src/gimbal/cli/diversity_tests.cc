// gimbal diversity tests: test inputs for tasks, made by the generators that the tasks carry.
#include <array>

#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/sandbox_pool.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/diversity/python_helper.h"
#include "gimbal/diversity/tasks.h"

namespace gimbal::cli {
namespace {

struct Flags {
  std::string tasks, python;
  int n = 100;
  std::optional<std::string> out;
  SandboxPolicyFlags policy;
};

// The task's line with these inputs instead of its own; expected outputs belonged to the old ones.
Result<std::string> with_inputs(const diversity::Task& task, const std::vector<std::string>& inputs) {
  GIMBAL_TRY(const JsonView record, JsonView::parse(task.record, task.id));
  GIMBAL_TRY(const auto members, record.members());
  JsonWriter json;
  json.begin_object();
  for (const auto& [key, value] : members) {
    if (key == "inputs" || key == "input_testcases" || key == "outputs" || key == "output_testcases") continue;
    json.key(key).raw(value.text());
  }
  json.key("inputs").begin_object();
  for (std::size_t i = 0; i < inputs.size(); ++i) json.field(std::to_string(i), inputs[i]);
  json.end_object().end_object();
  return json.take();
}

Result<int> make_tests(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(check_written(std::array{NamedFile{"--out", *flags.out}}, std::array{NamedFile{"TASKS", flags.tasks}}));
  GIMBAL_TRY(const diversity::TaskFile file, diversity::read_tasks(flags.tasks));
  sandbox::PoolOptions workers;
  workers.workers = context.threads;
  GIMBAL_TRY(StartedPool started, start_pool(context, flags.policy, flags.python, "--python", std::move(workers)));
  say_layers(context, started);
  const diversity::PythonHelper helper(started.pool, context.stop());
  std::string lines;
  std::int64_t made = 0, kept = 0, fewer = 0;
  for (const diversity::Task& task : file.tasks) {
    if (!task.generate_tests) {
      lines += task.record + "\n";
      ++kept;
      continue;
    }
    auto inputs = helper.generate(*task.generate_tests, flags.n, context.seed);
    if (!inputs) {
      Error error = std::move(inputs).error();
      if (error.code == ErrorCode::kInterrupted) return fail(std::move(error));
      return fail(std::move(error).at(fmt::format("{}:{}", flags.tasks, task.line)));
    }
    if (inputs->size() < static_cast<std::size_t>(flags.n)) ++fewer;
    made += static_cast<std::int64_t>(inputs->size());
    GIMBAL_TRY(const std::string line, with_inputs(task, *inputs));
    lines += line + "\n";
  }
  if (kept > 0)
    context.warn("no_generator", fmt::format("{} of {} tasks have no generator and stay as they are", kept, file.tasks.size()),
                 kept);
  if (fewer > 0)
    context.warn("fewer_tests",
                 fmt::format("for {} of {} tasks fewer than {} different inputs came", fewer, file.tasks.size(), flags.n),
                 fewer);
  DocumentWriter document("gimbal.diversity.tests/1");
  document.json().field("tasks", *flags.out).field("n_tasks", static_cast<std::uint64_t>(file.tasks.size()));
  document.json().field("inputs", made).field("without_generator", kept);
  GIMBAL_TRY(finish_document(context, document, {}, {{*flags.out, lines}}));
  context.print(fmt::format("{} inputs for {} tasks: {}", format_count(made),
                            format_count(static_cast<std::int64_t>(file.tasks.size()) - kept), *flags.out));
  return 0;
}

}  // namespace

Command diversity_tests_command() {
  auto flags = std::make_shared<Flags>();
  Command command("tests", "Make test inputs with the generators that tasks carry.");
  command.description(
      "A task's tc_gen_fun is a program and runs in the sandbox, seeded, until N different inputs came. The tasks are written "
      "again with these inputs; expected outputs, which belonged to others, are left out.");
  command.positional("TASKS", &flags->tasks).file().help("tasks, JSONL");
  command.option("--n", &flags->n).value("N").min(1).max(100000).help("different inputs of each task");
  add_out(command, &flags->out).required().help("tasks with inputs, JSONL");
  command.option("--python", &flags->python).value("PATH").show_default("python3 in PATH").help("interpreter");
  add_policy_options(command, flags->policy);
  command.example("gimbal diversity tests tasks.jsonl --n 100 --seed 1 -o tasks-with-inputs.jsonl");
  command.run([flags](CommandContext& context) { return make_tests(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
