#include "gimbal/cli/diversity_tour.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/diversity/generations.h"
#include "gimbal/diversity/lexical.h"
#include "gimbal/diversity/perturb.h"
#include "gimbal/diversity/records_file.h"
#include "gimbal/diversity/runner.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/sandbox/capabilities.h"

namespace gimbal::cli {
namespace {

constexpr const char* kDataFile = "diversity/variants.jsonl.gz";
constexpr std::array kProblems = {"HumanEval/51", "HumanEval/57", "HumanEval/64", "HumanEval/66"};
constexpr std::array kChanged = {0.0, 0.01, 0.05};  // chance of each token to be changed
constexpr std::size_t kPrograms = 40;

// Means over the problems.
struct Level {
  double changed = 0;
  double validity = 0, div_fixed = 0, distinct_4 = 0;
};

struct Study {
  std::string data, generations, records;  // files
  diversity::TaskFile tasks;
  std::vector<diversity::PromptJob> jobs;  // problem after problem of the first level, then of the next
  std::vector<Level> levels;
  diversity::RunTotals totals;
  std::int64_t executions = 0;
};

Result<void> make_programs(Study& study) {
  GIMBAL_TRY(study.tasks, diversity::read_tasks(study.data));
  GIMBAL_TRY(const diversity::GenerationFile known, diversity::read_generations(study.data));
  std::string lines;
  for (const double changed : kChanged) {
    for (const char* problem : kProblems) {
      const diversity::Task* task = study.tasks.find(problem);
      const auto set = std::ranges::find(known.sets, problem, &diversity::GenerationSet::prompt_id);
      if (task == nullptr || set == known.sets.end())
        return fail_at(study.data, ErrorCode::kNotFound, "there is no task {}", problem);
      std::vector<std::string> pool;
      for (const std::optional<std::string>& program : set->generations) pool.push_back(program.value_or(""));
      GIMBAL_TRY(const std::vector<std::string> programs, diversity::emulate_model(pool, kPrograms, changed, 0, problem));
      diversity::PromptJob job{.prompt_id = problem, .group = {{"p", shortest(changed)}}, .task = task, .programs = {}};
      JsonWriter json;
      json.begin_object().field("prompt_id", problem).field("p", changed).field("generations", programs).end_object();
      lines += json.text() + "\n";
      for (const std::string& program : programs) job.programs.push_back({.code = program});
      study.jobs.push_back(std::move(job));
    }
  }
  return write_atomic(study.generations, lines);
}

double distinct_4_of(const diversity::PromptJob& job) {
  diversity::TokenInterner interner;
  std::vector<diversity::TokenSeq> programs;
  for (const diversity::ProgramText& program : job.programs)
    programs.push_back(diversity::tokenize(program.code, diversity::TokenMode::kCode, interner));
  const auto measures = diversity::lexical_measures(programs, {.orders = {4}, .bleu_orders = {}});
  return measures.front().value.value_or(0);  // distinct_4 comes first
}

Result<void> run_programs(const run::TourContext& tour, sandbox::PoolOptions pool_options, Study& study) {
  GIMBAL_TRY(sandbox::PythonPool pool, sandbox::PythonPool::start(pool_options));
  diversity::RunnerOptions options;
  options.flags.stop_at_failure = true;
  options.flags.limits.output_bytes = 1 << 20;
  options.flags.limits.wall_ms = 3 * options.flags.limits.cpu_ms + 2000;
  options.stop = tour.stop;
  diversity::RecordsHeader header;
  GIMBAL_TRY(options.equivalence, reward::OutputEquivalence::parse(header.equiv));
  header.tasks_path = study.data;
  GIMBAL_TRY(header.tasks_sha256, sha256_file(study.data));
  header.version = pool_options.python.version;
  header.entry = "stdin";
  header.extract = "raw";
  header.limits = options.flags.limits;
  header.isolation = sandbox::isolation_name(pool_options.isolation);
  header.layers = pool_options.confinement.layers.names();
  GIMBAL_TRY(diversity::RecordsFile file, diversity::RecordsFile::create(study.records, header, true));

  std::size_t programs = 0;
  for (const diversity::PromptJob& job : study.jobs) programs += job.programs.size();
  Progress progress("running", programs, tour.progress, *tour.clock, "programs");
  options.done_one = [&](sandbox::Status) { progress.advance(); };
  std::size_t done = 0;
  const auto emit = [&](diversity::PromptResult&& result) -> Result<void> {
    diversity::RunTotals one;
    one.add(result.set);
    Level& level = study.levels[done / kProblems.size()];
    const double share = 1.0 / static_cast<double>(kProblems.size());
    level.validity += share * one.groups.front().validity;
    level.div_fixed += share * one.groups.front().div_fixed;
    level.distinct_4 += share * distinct_4_of(study.jobs[done]);
    ++done;
    study.totals.add(result.set);
    return file.add(result);
  };
  GIMBAL_TRY(const diversity::RunCounts counts, diversity::run_prompts(pool, study.jobs, options, emit));
  if (counts.stopped) return fail(ErrorCode::kInterrupted, "interrupted");
  study.executions = pool.stats().executions;
  return file.sync();
}

run::Chart levels_chart(const Study& study) {
  run::XyChart chart;
  chart.title = "More tokens changed: more different wording, fewer different working programs";
  chart.subtitle = fmt::format("means over {} problems with {} programs each", kProblems.size(), kPrograms);
  chart.x = {.title = "chance of a token to be changed", .percent = true};
  run::Series validity{.label = "valid"}, different{.label = "effective semantic diversity (div_fixed)"},
      wording{.label = "lexical diversity (distinct-4)"};
  for (const Level& level : study.levels) {
    for (run::Series* series : {&validity, &different, &wording}) series->x.push_back(level.changed);
    validity.y.push_back(level.validity);
    different.y.push_back(level.div_fixed);
    wording.y.push_back(level.distinct_4);
  }
  run::Panel panel;
  panel.y = {.title = "share", .min = 0, .max = 1, .percent = true};
  for (run::Series* series : {&different, &validity, &wording}) {
    series->style.marker = run::Marker::kAuto;
    panel.series.push_back(std::move(*series));
  }
  chart.panels.push_back(std::move(panel));
  return run::draw(chart);
}

std::vector<run::ReportBlock> report_blocks(const Study& study) {
  std::vector<run::ReportBlock> blocks;
  blocks.push_back(run::Paragraphs{fmt::format(
      "A model that is sampled many times is useful when the answers are *different* and *work*. Here {} programs for each of "
      "{} "
      "problems stand for its answers, and tokens changed at random for a higher temperature. All {} programs were run on up "
      "to ten "
      "inputs each, {} executions in the sandbox. Two programs that work are the same if they print the same; "
      "`div_fixed` is the number of different working behaviours a program drawn.\n\n"
      "The wording (distinct-4) becomes ever more diverse. What can be used does not: most changes break a program.",
      kPrograms, kProblems.size(), format_count(study.totals.generations), format_count(study.executions))});
  blocks.push_back(run::Figure{levels_chart(study), "Lexical diversity rises while effective semantic diversity falls."});
  const std::string folder = std::filesystem::path(study.records).parent_path().string();
  blocks.push_back(
      run::CodeBlock{fmt::format("cd '{}'\n"
                                 "gimbal diversity run generations.jsonl --tasks '{}' --extract raw -o again.jsonl\n"
                                 "gimbal diversity score records.jsonl",
                                 folder, std::filesystem::absolute(study.data).string()),
                     "The same with the command line:"});
  return blocks;
}

std::string in_percent(double share) { return format_significant(100 * share, 3); }

Result<run::TourOutcome> show_diversity(const run::TourContext& tour) {
  run::TourOutcome outcome;
  outcome.what = fmt::format("{} programs for each of {} problems, run in the sandbox as they are and with tokens changed",
                             kPrograms, kProblems.size());
  sandbox::PoolOptions options;
  const Result<sandbox::Capabilities> machine = sandbox::probe();
  const Result<sandbox::Confinement> confinement =
      machine ? sandbox::resolve_policy(sandbox::PolicyKind::kAuto, *machine) : fail(Error(machine.error()));
  const Result<sandbox::PythonInterpreter> python = sandbox::find_python();
  if (!confinement || !python) {
    outcome.skipped = true;
    outcome.headline = confinement ? python.error().message : confinement.error().message;
    return outcome;
  }
  options.confinement = *confinement;
  options.python = *python;

  Study study;
  const std::filesystem::path scratch = tour.scratch_folder;
  study.data = (std::filesystem::path(tour.data_folder) / kDataFile).string();
  study.generations = (scratch / "generations.jsonl").string();
  study.records = (scratch / "records.jsonl").string();
  for (const double changed : kChanged) study.levels.push_back({.changed = changed});
  GIMBAL_TRY(make_programs(study));
  GIMBAL_TRY(run_programs(tour, std::move(options), study));
  const Level& first = study.levels.front();
  const Level& last = study.levels.back();
  outcome.headline = fmt::format(
      "with {} % of the tokens changed, different wording (distinct-4) rises from {} to {} %, different working programs "
      "(div_fixed) fall from {} to {} %",
      in_percent(last.changed), in_percent(first.distinct_4), in_percent(last.distinct_4), in_percent(first.div_fixed),
      in_percent(last.div_fixed));
  outcome.blocks = report_blocks(study);
  return outcome;
}

}  // namespace

std::vector<run::TourStep> diversity_tour_steps() { return {{"diversity", 15, show_diversity}}; }

}  // namespace gimbal::cli
