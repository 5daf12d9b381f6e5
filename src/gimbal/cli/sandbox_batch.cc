// gimbal sandbox batch: many Python programs on many inputs, results in the order of the jobs.
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/file.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/sandbox_pool.h"
#include "gimbal/data/jsonl.h"
#include "gimbal/sandbox/batch.h"

namespace gimbal::cli {
namespace {

using sandbox::BatchJob;
using sandbox::BatchResult;
using sandbox::BatchSummary;
using sandbox::Isolation;

struct Flags {
  SandboxPolicyFlags policy;
  std::string jobs;
  std::optional<std::string> out;
  int workers = 0;
  Isolation isolation = Isolation::kForkServer;
  std::string python;
  std::vector<std::string> preload;
  bool allow_exec = false;
  bool no_seed = false;
};

// All jobs, checked before the first is run: up to 20 bad lines are reported together.
Result<std::vector<BatchJob>> read_jobs(const Flags& flags) {
  GIMBAL_TRY(const data::JsonlRecords lines, data::read_jsonl(flags.jobs));
  sandbox::RunFlags defaults;
  if (flags.no_seed) defaults.seed.reset();
  std::vector<BatchJob> jobs;
  std::map<std::string, std::size_t> line_of;
  Diagnostics problems;
  for (std::size_t i = 0; i < lines.records.size(); ++i) {
    const std::string where = fmt::format("{}:{}", flags.jobs, lines.lines[i]);
    Result<BatchJob> job = sandbox::parse_batch_job(lines.records[i], defaults);
    if (!job) {
      const Error& error = job.error();
      problems.add(error.where.starts_with(flags.jobs) ? error.where : where, error.message);
      continue;
    }
    const auto [first, fresh] = line_of.emplace(job->id, lines.lines[i]);
    if (!fresh) {
      problems.add(where, fmt::format("the id {} was given in line {} already", gimbal::quoted(job->id), first->second));
      continue;
    }
    jobs.push_back(std::move(*job));
  }
  if (!problems.empty()) return fail(problems.to_error(ErrorCode::kParseError));
  return jobs;
}

Result<StartedPool> start_pool_for(CommandContext& context, const Flags& flags, const std::vector<BatchJob>& jobs) {
  sandbox::PoolOptions options;
  options.workers = flags.workers;
  options.isolation = flags.isolation;
  options.preload = flags.preload;
  options.allow_exec = flags.allow_exec;
  for (const BatchJob& job : jobs) {
    options.ceiling.memory_bytes = std::max(options.ceiling.memory_bytes, job.flags.limits.memory_bytes);
  }
  return start_pool(context, flags.policy, flags.python, "--python", std::move(options));
}

double thousandth(double value) { return std::round(value * 1000) / 1000; }

void print_summary(const CommandContext& context, const BatchSummary& summary, const sandbox::PythonPool& pool,
                   const Flags& flags) {
  std::string statuses;
  for (const auto& [name, count] : summary.statuses)
    statuses += fmt::format("{}{} {}", statuses.empty() ? "" : ", ", count, name);
  const std::string text = fmt::format("{} jobs ({}), {} executions in {:.2f} s: {:.0f}/s with {} workers, {}\n", summary.jobs,
                                       statuses.empty() ? "none" : statuses, summary.executions, summary.wall_s,
                                       summary.executions_per_s(), pool.workers(), sandbox::isolation_name(flags.isolation));
  if (flags.out) {
    context.print(text + fmt::format("results: {}", *flags.out));
  } else if (!context.quiet) {
    context.write_err("sandbox: " + text);  // standard output holds the results
  }
}

Result<int> run(CommandContext& context, const Flags& flags) {
  if (context.json && !flags.out) {
    return fail_at("--json", ErrorCode::kUsage, "the summary is on standard output then: name a file for the results with -o");
  }
  GIMBAL_TRY(const std::vector<BatchJob> jobs, read_jobs(flags));
  GIMBAL_TRY(StartedPool started, start_pool_for(context, flags, jobs));
  say_layers(context, started);
  sandbox::PythonPool& pool = started.pool;
  const sandbox::Confinement& confinement = started.confinement;
  std::optional<AppendFile> file;
  if (flags.out) {
    GIMBAL_TRY(write_atomic(*flags.out, ""));
    GIMBAL_TRY(file, AppendFile::open(*flags.out));
  }
  context.lap("start");

  Progress progress("running", jobs.size(), context.progress_mode(), context.clock(), "jobs");
  std::size_t taken = 0;
  GIMBAL_TRY(const BatchSummary summary, sandbox::run_batch(
                                             pool,
                                             [&]() -> Result<std::optional<BatchJob>> {
                                               if (taken == jobs.size()) return std::optional<BatchJob>();
                                               return std::optional<BatchJob>(jobs[taken++]);
                                             },
                                             [&](const BatchResult& result) -> Result<void> {
                                               progress.advance();
                                               const std::string line = sandbox::batch_result_json(result) + "\n";
                                               if (file) return file->append(line);
                                               context.write_out(line);
                                               return {};
                                             },
                                             context.stop()));
  if (file) GIMBAL_TRY(file->sync());
  context.lap("run");

  print_summary(context, summary, pool, flags);
  DocumentWriter document("gimbal.sandbox.batch/1");
  JsonWriter& json = document.json();
  json.field("jobs", summary.jobs).field("executions", summary.executions).key("status").begin_object();
  for (const auto& [name, count] : summary.statuses) json.field(name, count);
  json.end_object().field("wall_s", thousandth(summary.wall_s)).field("cpu_s", thousandth(summary.cpu_s));
  json.field("executions_per_s", thousandth(summary.executions_per_s()));
  json.field("overhead_ms_per_execution", thousandth(summary.overhead_ms_per_execution));
  json.field("isolation", sandbox::isolation_name(flags.isolation));
  json.field("policy", sandbox::policy_name(confinement.policy)).field("layers", confinement.layers.names());
  json.field("workers", pool.workers()).field("zygote_restarts", summary.restarts);
  GIMBAL_TRY(finish_document(context, document));
  return context.stop().stop_requested() ? exit_code(ErrorCode::kInterrupted) : 0;
}

}  // namespace

Command sandbox_batch_command() {
  auto flags = std::make_shared<Flags>();
  Command command("batch", "Run many Python programs on many inputs.");
  command.description(
      "A job is a line such as {\"id\":\"a\",\"program\":\"print(int(input())*2)\",\"stdin\":\"21\\n\"}, or has "
      "\"tests\":[{\"id\":\"0\",\"stdin\":\"...\"}] and perhaps \"stop_at_failure\":true instead of \"stdin\"; \"cpu_ms\" "
      "(10000), "
      "\"wall_ms\" (30000), \"memory_bytes\" (1 GiB), \"output_bytes\" (16 MiB) and \"seed\" (0) may be given. Result lines "
      "come "
      "in the order of the jobs, on standard output or in -o. Exit code 0 when all jobs were run, however they ended.");
  command.positional("JOBS", &flags->jobs).file().help("jobs, JSONL");
  command.option("-o, --out, --output", &flags->out).value("FILE").written().help("result lines");
  command.option("--workers", &flags->workers).value("N").min(0).max(1024).show_default("one a core").help("at the same time");
  command.choice("--isolation", &flags->isolation, {{"fork-server", Isolation::kForkServer}, {"process", Isolation::kProcess}})
      .help("a process forked from a warm interpreter for every test, or a fresh interpreter in a fresh sandbox");
  command.option("--python", &flags->python).value("PATH").help("interpreter, CPython 3.8 or newer (default: python3 in PATH)");
  command.option("--preload", &flags->preload)
      .value("MODULE")
      .help("modules that the fork server imports beside the usual ones");
  command.flag("--allow-exec", &flags->allow_exec).help("programs may start other programs");
  command.flag("--no-seed", &flags->no_seed).help("do not seed `random` before every test");
  add_policy_options(command, flags->policy);
  command.example("gimbal sandbox batch jobs.jsonl -o results.jsonl");
  command.example("gimbal sandbox batch jobs.jsonl --isolation process --workers 4 -o results.jsonl --json",
                  "Fresh interpreters; the summary as JSON.");
  command.run([flags](CommandContext& context) { return run(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
