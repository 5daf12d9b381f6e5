// gimbal diversity run: every program of every prompt on its tests; a record for each.
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/deadline.h"
#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/sandbox_pool.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/diversity/jobs.h"
#include "gimbal/diversity/records_file.h"

namespace gimbal::cli {
namespace {

using diversity::Entry;
using diversity::ExtractMode;
using diversity::FenceChoice;
using sandbox::Isolation;
using sandbox::Status;

struct Flags {
  std::vector<std::string> generations;
  std::optional<std::string> tasks, out, function, only, cache;
  std::optional<Entry> entry;
  std::string python;
  ExtractMode extract = ExtractMode::kAuto;
  FenceChoice fence = FenceChoice::kBest;
  diversity::ValidityRule validity;
  std::string equiv = "trim";
  std::int64_t cpu_ms = 10'000;
  std::optional<std::int64_t> wall_ms, limit;
  Bytes memory{std::uint64_t{1} << 30}, output{std::uint64_t{1} << 20};
  int processes = 16, repeat = 1;
  bool all_tests = false, parity = false, no_seed = false, no_outputs = false, skip_bad = false, resume = false, force = false;
  Isolation isolation = Isolation::kForkServer;
  std::optional<Duration> max_time;
  SandboxPolicyFlags policy;
};

sandbox::RunFlags run_flags(const Flags& flags) {
  sandbox::RunFlags run;
  run.limits.cpu_ms = flags.cpu_ms;
  run.limits.wall_ms = flags.wall_ms.value_or(3 * flags.cpu_ms + 2000);
  run.limits.memory_bytes = static_cast<std::int64_t>(flags.memory.count);
  run.limits.output_bytes = static_cast<std::int64_t>(flags.output.count);
  run.limits.processes = flags.processes;
  run.stop_at_failure = !flags.all_tests;
  if (flags.no_seed) run.seed.reset();
  return run;
}

// "python3" or "python3:PATH" -> what find_python looks for.
Result<std::string> parse_runtime(std::string_view text) {
  if (text == "python3") return std::string();
  constexpr std::string_view kPath = "python3:";
  if (text.starts_with(kPath) && text.size() > kPath.size()) return std::string(text.substr(kPath.size()));
  return fail(ErrorCode::kUsage, "expected python3 or python3:PATH, found {}", gimbal::quoted(text));
}

Result<std::optional<Entry>> parse_entry_mode(std::string_view text) {
  if (const auto entry = diversity::parse_entry(text)) return entry;
  return fail(ErrorCode::kUsage, "expected stdin, function, asserts or args, found {}", gimbal::quoted(text));
}

Result<std::string> checked_rules(std::string_view text) {
  GIMBAL_TRY(reward::OutputEquivalence::parse(text));
  return std::string(text);
}

// Everything that is read before a program is run.
struct Inputs {
  std::string tasks_path;
  diversity::TaskFile tasks;
  std::vector<diversity::NamedGenerations> files;
  std::vector<diversity::PlannedPrompt> plan;
};

Result<void> read_inputs(CommandContext& context, const Flags& flags, Inputs& inputs) {
  if (!flags.tasks && flags.generations.size() > 1)
    return fail_at("--tasks", ErrorCode::kUsage, "several files of generations need the file of their tasks");
  inputs.tasks_path = flags.tasks.value_or(flags.generations.front());
  diversity::TaskOptions options;
  options.entry = flags.entry;
  options.function = flags.function;
  options.skip_bad = flags.skip_bad;
  auto tasks = diversity::read_tasks(inputs.tasks_path, options);
  if (!tasks) {
    Error error = std::move(tasks).error();
    if (!flags.tasks) error.notes.push_back("the generations hold no tasks of their own? name the file of tasks with --tasks");
    return fail(std::move(error));
  }
  inputs.tasks = std::move(*tasks);
  std::size_t skipped = flags.tasks ? inputs.tasks.skipped : 0;
  for (const std::string& path : flags.generations) {
    GIMBAL_TRY(diversity::GenerationFile file, diversity::read_generations(path, flags.skip_bad));
    skipped += file.skipped;
    inputs.files.push_back({path, std::move(file)});
  }
  if (skipped > 0) {
    const auto n = static_cast<std::int64_t>(skipped);
    context.warn("skipped_lines", fmt::format("{} malformed line{} left out", format_count(n), n == 1 ? " was" : "s were"), n);
  }
  auto plan = diversity::plan_prompts(inputs.files, inputs.tasks,
                                      {.tasks_path = inputs.tasks_path, .only = flags.only, .limit = flags.limit});
  if (!plan) {
    Error error = std::move(plan).error();
    if (!flags.tasks) error.notes.push_back("without --tasks the tests are looked for in the generations file itself");
    return fail(std::move(error));
  }
  inputs.plan = std::move(*plan);
  return {};
}

std::string entry_of(const Flags& flags, const Inputs& inputs) {
  if (flags.entry) return std::string(diversity::entry_name(*flags.entry));
  const Entry first = inputs.plan.front().task->entry;
  const bool same = std::ranges::all_of(inputs.plan, [&](const auto& prompt) { return prompt.task->entry == first; });
  return same ? std::string(diversity::entry_name(first)) : "task";
}

struct Finished {
  diversity::RunTotals totals;
  diversity::RunCounts counts;
  std::int64_t executions = 0;
  double wall_s = 0, overhead_ms = 0;
  std::size_t resumed = 0;
};

std::string share_text(std::int64_t part, std::int64_t whole) {
  return fmt::format("{:.3g} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

void warn_of_results(CommandContext& context, const Inputs& inputs, const diversity::RunTotals& totals) {
  const auto count = [&](Status status) {
    const auto at = totals.statuses.find(std::string(sandbox::status_name(status)));
    return at == totals.statuses.end() ? std::int64_t{0} : at->second;
  };
  if (const std::int64_t n = count(Status::kNotText))
    context.warn("not_text",
                 fmt::format("{} generation{} no text (null or a number) and count{} as invalid", format_count(n),
                             n == 1 ? " is" : "s are", n == 1 ? "s" : ""),
                 n);
  if (const std::int64_t n = count(Status::kMissingModule)) {
    std::vector<std::string> names;
    for (const auto& [name, uses] : totals.missing_modules) names.push_back(name);
    context.warn("missing_module",
                 fmt::format("{} of the generations need modules that this machine does not have, and count as invalid: {}",
                             share_text(n, totals.generations), join(names, ", ")),
                 n);
  }
  if (const std::int64_t n = totals.nondeterministic)
    context.warn("nondeterministic",
                 fmt::format("{} of the generations behaved differently when run again", share_text(n, totals.generations)), n);
  const bool verdicts = std::ranges::any_of(inputs.plan, [](const diversity::PlannedPrompt& prompt) {
    return std::ranges::all_of(prompt.task->tests, [](const diversity::TaskTest& test) { return test.assertion; });
  });
  if (verdicts)
    context.warn("verdicts_only",
                 "tasks with assertions alone show which of them pass and nothing else: programs that differ elsewhere are one "
                 "class; add \"inputs\" with calls");
}

void write_totals(JsonWriter& json, const Flags& flags, const Finished& done, const StartedPool& started) {
  const diversity::RunTotals& totals = done.totals;
  json.field("records", *flags.out).field("prompts", totals.prompts).field("generations", totals.generations);
  json.field("programs_run", done.counts.programs_run).field("duplicates", totals.duplicates);
  json.field("cache_hits", done.counts.cache_hits).field("executions", done.executions);
  json.field("prompts_resumed", static_cast<std::int64_t>(done.resumed));
  json.key("status").begin_object();
  for (const auto& [name, count] : totals.statuses) json.field(name, count);
  json.end_object().field("valid", totals.valid).field("classes", totals.classes).key("missing_modules").begin_object();
  for (const auto& [name, count] : totals.missing_modules) json.field(name, count);
  json.end_object().field("nondeterministic", totals.nondeterministic);
  json.field("cpu_s", totals.cpu_s).field("wall_s", std::round(done.wall_s * 1000) / 1000);
  json.field("overhead_ms_per_execution", done.overhead_ms);
  json.field("isolation", sandbox::isolation_name(flags.isolation)).field("layers", started.confinement.layers.names());
  json.key("groups").begin_array();
  for (const auto& group : totals.groups) {
    const double n = static_cast<double>(std::max<std::int64_t>(group.prompts, 1));
    json.begin_object().key("group").raw(diversity::group_json(group.group)).field("prompts", group.prompts);
    json.field("validity", group.validity / n).field("div_fixed", group.div_fixed / n).end_object();
  }
  json.end_array();
}

void print_totals(const CommandContext& context, const Flags& flags, const Finished& done) {
  const diversity::RunTotals& totals = done.totals;
  std::vector<std::pair<std::int64_t, std::string>> statuses;
  for (const auto& [name, count] : totals.statuses) statuses.emplace_back(-count, name);
  std::ranges::sort(statuses);
  std::vector<std::string> words;
  for (const auto& [count, name] : statuses) words.push_back(fmt::format("{} {}", format_count(-count), name));
  TextTable table({"group", "prompts", "validity", "div_fixed"});
  for (const auto& group : totals.groups) {
    std::vector<std::string> columns;
    for (const auto& [name, value] : group.group) columns.push_back(name + "=" + diversity::plain_value(value));
    const double n = static_cast<double>(std::max<std::int64_t>(group.prompts, 1));
    table.row({columns.empty() ? "(all)" : join(columns, " "), format_count(group.prompts),
               format_significant(group.validity / n, 4), format_significant(group.div_fixed / n, 4)});
  }
  std::string text = table.text();
  text += fmt::format("\n{} generations of {} prompts: {}\n", format_count(totals.generations), format_count(totals.prompts),
                      join(words, ", "));
  text += fmt::format("{} programs were run ({} executions; duplicates: {}, from the cache: {})\n",
                      format_count(done.counts.programs_run), format_count(done.executions), format_count(totals.duplicates),
                      format_count(done.counts.cache_hits));
  text += fmt::format("Records: {}\nNext: gimbal diversity score {}", *flags.out, *flags.out);
  context.print(text);
}

Result<int> run(CommandContext& context, const Flags& flags) {
  const std::string& out = *flags.out;
  if (out.ends_with(".gz"))
    return fail_at(
        "--out", ErrorCode::kUsage,
        "records are appended to while programs run, and cannot be compressed then: name a file that ends in .jsonl");
  std::vector<NamedFile> written{{"--out", out}}, read;
  if (!flags.no_outputs) written.push_back({"--out", diversity::outputs_path(out)});
  for (const std::string& path : flags.generations) read.push_back({"GENERATIONS", path});
  if (flags.tasks) read.push_back({"--tasks", *flags.tasks});
  GIMBAL_TRY(check_written(written, read));
  if (flags.resume && flags.force) return fail_at("--resume", ErrorCode::kUsage, "--force begins anew: give one of them");
  if (exists(out) && !flags.resume && !flags.force) {
    return fail_at("--out", ErrorCode::kAlreadyExists, "{} is there already: --resume goes on with it, --force replaces it",
                   out);
  }
  sandbox::RunFlags programs = run_flags(flags);
  if (auto checked = sandbox::check_limits(programs.limits); !checked) {
    return fail(std::move(checked).error().at("--memory"));  // the bounds of the other options are those of the limits
  }
  Inputs inputs;
  GIMBAL_TRY(read_inputs(context, flags, inputs));
  std::optional<diversity::OutcomeCache> cache;
  if (flags.cache) {
    GIMBAL_TRY(cache, diversity::OutcomeCache::open(*flags.cache));
  }
  context.lap("read");

  sandbox::PoolOptions options;
  options.workers = context.threads;
  options.isolation = flags.isolation;
  options.ceiling.memory_bytes = std::max(options.ceiling.memory_bytes, programs.limits.memory_bytes);
  options.ceiling.processes = std::max(options.ceiling.processes, programs.limits.processes);
  GIMBAL_TRY(StartedPool started, start_pool(context, flags.policy, flags.python, "--runtime", options));
  say_layers(context, started);
  Deadline deadline(context.stop(), flags.max_time);
  const diversity::PythonHelper helper(started.pool, deadline.token());
  GIMBAL_TRY(std::vector<diversity::PromptJob> jobs, diversity::make_jobs(inputs.plan, flags.extract, flags.fence, &helper));
  context.lap("extract");

  diversity::RunnerOptions runner;
  GIMBAL_TRY(runner.equivalence, reward::OutputEquivalence::parse(flags.equiv));
  diversity::RecordsHeader header;
  header.tasks_path = inputs.tasks_path;
  GIMBAL_TRY(header.tasks_sha256, sha256_file(inputs.tasks_path));
  header.version = started.python.version;
  header.entry = entry_of(flags, inputs);
  header.extract = diversity::extract_mode_name(flags.extract);
  header.limits = programs.limits;
  header.all_tests = flags.all_tests;
  header.parity = flags.parity;
  header.repeat = flags.repeat;
  header.seed = programs.seed;
  header.isolation = sandbox::isolation_name(flags.isolation);
  header.layers = started.confinement.layers.names();
  header.equiv = flags.equiv;
  header.validity = flags.validity.text();
  header.order_dependent = runner.equivalence.order_dependent();

  Finished done;
  GIMBAL_TRY(diversity::RecordsFile file,
             flags.resume ? diversity::RecordsFile::resume(out, header, !flags.no_outputs, jobs, done.totals)
                          : diversity::RecordsFile::create(out, header, !flags.no_outputs));
  done.resumed = file.kept();
  const std::span<const diversity::PromptJob> left = std::span(jobs).subspan(file.kept());
  std::uint64_t generations = 0, failed = 0;
  for (const diversity::PromptJob& job : left) generations += job.programs.size();

  Progress progress("running", generations, context.progress_mode(), context.clock(), "programs");
  runner.flags = programs;
  runner.validity = flags.validity;
  runner.repeat = flags.repeat;
  runner.parity = flags.parity;
  runner.salt = started.python.path + " " + started.python.version;
  runner.cache = cache ? &*cache : nullptr;
  runner.stop = deadline.token();
  runner.done_one = [&](Status status) {
    if (status != Status::kOk) progress.set_label(fmt::format("running ({} failed)", ++failed));
    progress.advance();
  };
  const sandbox::PoolStats before = started.pool.stats();
  const double start = context.clock().monotonic_s();
  GIMBAL_TRY(done.counts,
             diversity::run_prompts(started.pool, left, runner, [&](diversity::PromptResult&& result) -> Result<void> {
               done.totals.add(result.set);
               return file.add(result);
             }));
  GIMBAL_TRY(file.sync());
  done.wall_s = context.clock().monotonic_s() - start;
  const sandbox::PoolStats after = started.pool.stats();
  done.executions = after.executions - before.executions;
  if (done.executions > 0) done.overhead_ms = (after.around_ms - before.around_ms) / static_cast<double>(done.executions);
  context.lap("run");

  if (done.counts.stopped) {
    const std::string state =
        fmt::format("{} of {} prompts are in {}; go on with --resume", done.totals.prompts, jobs.size(), out);
    if (deadline.passed()) return fail_at("--max-time", ErrorCode::kTimeLimit, "the time is up: {}", state);
    return fail(ErrorCode::kInterrupted, "interrupted: {}", state);
  }
  warn_of_results(context, inputs, done.totals);
  print_totals(context, flags, done);
  DocumentWriter document("gimbal.diversity.run/1");
  write_totals(document.json(), flags, done, started);
  GIMBAL_TRY(finish_document(context, document));
  return 0;
}

}  // namespace

Command diversity_run_command() {
  auto flags = std::make_shared<Flags>();
  Command command("run", "Run generated programs on the tests of their tasks.");
  command.description(
      "Takes the program out of every generation, runs it in the sandbox on each test of its prompt's task, and writes one "
      "record "
      "a generation: how it ended, whether it is valid, and its class of equal behaviour. Equal programs are run once. Records "
      "come in the order of the generations, whatever the number of threads; beside them NAME.outputs.jsonl.gz keeps what was "
      "printed, for other rules later.\n\n"
      "Exit code 0 even when no program is valid; 4 without a sandbox or interpreter; 5 when --max-time has passed and 130 "
      "when "
      "interrupted: --resume goes on behind the last whole prompt.");
  command.positional("GENERATIONS", &flags->generations).file().help("generations, JSONL");
  command.option("--tasks", &flags->tasks)
      .value("FILE")
      .file()
      .show_default("the generations file, which then holds tests")
      .help("tasks with their tests, JSONL: our form, HumanEval's, MBPP's or the study's");
  add_out(command, &flags->out).required().help("records, JSONL");
  command.parsed<std::string>("--runtime", &flags->python, parse_runtime, "python3")
      .value("RUNTIME")
      .help("python3, or python3:PATH");
  command.parsed<std::optional<Entry>>("--entry", &flags->entry, parse_entry_mode, "the task's own, else stdin")
      .value("MODE")
      .help("stdin, function, asserts or args: how a program meets a test");
  command.option("--function", &flags->function)
      .value("NAME")
      .show_default("the task's own, else f")
      .help("what function mode calls");
  add_extract(command, &flags->extract, &flags->fence);
  command.parsed<diversity::ValidityRule>("--validity", &flags->validity, diversity::ValidityRule::parse, "no-error")
      .value("RULE")
      .help(
          "no-error, nonempty-program, nonempty-output, all-tests-pass, or score:T, the least share of tests answered as "
          "expected");
  command.parsed<std::string>("--equiv", &flags->equiv, checked_rules, "trim")
      .value("RULES")
      .help(
          "when outputs are equal: exact, trim, ws, lines, tokens, json, case, float:D, num:EPS, in this order, joined by "
          "commas");
  command.option("--cpu-ms", &flags->cpu_ms).value("MS").min(1).help("CPU time of a test");
  command.option("--wall-ms", &flags->wall_ms)
      .value("MS")
      .min(1)
      .show_default("three times --cpu-ms and 2000")
      .help("time until a test is killed");
  command.option("--memory", &flags->memory).value("SIZE").help("memory of a test");
  command.option("--output-bytes", &flags->output).value("SIZE").help("of standard output and error each");
  command.option("--processes", &flags->processes)
      .value("N")
      .min(1)
      .max(4096)
      .help("processes and threads of a test at a time");
  command.flag("--all-tests", &flags->all_tests).help("go on behind a program's first failure");
  command.option("--repeat", &flags->repeat)
      .value("N")
      .min(1)
      .max(1000)
      .help("runs of each program that ends ok, to find what is not deterministic");
  command.flag("--no-seed", &flags->no_seed).help("do not seed `random` before every test");
  command.flag("--parity", &flags->parity).help("the study's quirks: SyntaxError in stderr, printed sentinels such as Timeout");
  command.choice("--isolation", &flags->isolation, {{"fork-server", Isolation::kForkServer}, {"process", Isolation::kProcess}})
      .help("a process forked from a warm interpreter for every test, or a fresh interpreter in a fresh sandbox");
  command.option("--only", &flags->only).value("GLOB").help("prompts whose id matches");
  add_limit(command, &flags->limit).help("the first prompts alone");
  command.option("--cache", &flags->cache)
      .value("DIR")
      .folder()
      .show_default("none")
      .help("outcomes of earlier runs, shared between them");
  command.flag("--no-store-outputs", &flags->no_outputs).help("do not keep what tests printed");
  command.flag("--resume", &flags->resume).help("go on with the records of a run that was interrupted");
  add_force(command, &flags->force).help("replace records that are there");
  add_skip_bad(command, &flags->skip_bad);
  add_max_time(command, &flags->max_time);
  add_policy_options(command, flags->policy);
  command.example("gimbal diversity run data/diversity/variants.jsonl.gz --only HumanEval/51 -o records.jsonl",
                  "Known programs of one task, whose tests are in the same file.");
  command.example("gimbal diversity run samples.jsonl --tasks tasks.jsonl --cache outcomes -o records.jsonl");
  command.run([flags](CommandContext& context) { return run(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
