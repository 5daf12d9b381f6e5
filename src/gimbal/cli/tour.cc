#include "gimbal/cli/tour.h"

#include <algorithm>

#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/paths.h"
#include "gimbal/cli/registry.h"
#include "gimbal/cli/run_setup.h"
#include "gimbal/run/report.h"

namespace gimbal::cli {

namespace {

enum class StepState { kDone, kSkipped, kFailed };

struct StepResult {
  const run::TourStep* step = nullptr;
  StepState state = StepState::kDone;
  run::TourOutcome outcome;  // of a failed step: what is empty, headline holds the error
  double time_s = 0;
};

std::string_view state_name(StepState state) {
  switch (state) {
    case StepState::kDone:
      return "done";
    case StepState::kSkipped:
      return "skipped";
    case StepState::kFailed:
      return "failed";
  }
  return "";
}

Result<std::vector<const run::TourStep*>> chosen_steps(std::span<const run::TourStep> steps, const TourFlags& flags) {
  if (steps.empty()) return fail(ErrorCode::kUnavailable, "this build has no system to show");
  std::vector<std::string> systems;
  for (const run::TourStep& step : steps) systems.push_back(step.system);
  std::vector<const run::TourStep*> chosen;
  for (const std::string& name : flags.only) {
    const auto at = std::find(systems.begin(), systems.end(), name);
    if (at == systems.end()) {
      return fail_at("--only", ErrorCode::kUsage, "expected {}, found {}{}", one_of(systems), gimbal::quoted(name),
                     did_you_mean(name, systems));
    }
    chosen.push_back(&steps[static_cast<std::size_t>(at - systems.begin())]);
  }
  if (flags.only.empty()) {
    for (const run::TourStep& step : steps) chosen.push_back(&step);
  }
  return chosen;
}

Result<StepResult> run_step(CommandContext& context, const run::TourStep& step, const std::string& data,
                            run::RunDirectory& directory) {
  run::TourContext tour;
  tour.data_folder = data;
  GIMBAL_TRY(tour.scratch_folder, directory.artifact_path(step.system));
  tour.seed = context.seed;
  tour.stop = context.stop();
  tour.clock = &context.clock();
  tour.progress = context.progress_mode();
  GIMBAL_TRY(make_folders(tour.scratch_folder));
  GIMBAL_TRY(directory.event("stage", step.system));
  const double start = context.clock().monotonic_s();
  Result<run::TourOutcome> outcome = step.run(tour);
  StepResult result;
  result.step = &step;
  result.time_s = context.clock().monotonic_s() - start;
  if (outcome) {
    result.state = outcome->skipped ? StepState::kSkipped : StepState::kDone;
    result.outcome = std::move(*outcome);
  } else if (outcome.error().code == ErrorCode::kInterrupted) {
    return fail(std::move(outcome).error());
  } else {
    result.state = StepState::kFailed;
    result.outcome.headline = outcome.error().text();
  }
  return result;
}

std::string headline_text(const StepResult& result) {
  if (result.state == StepState::kDone) return result.outcome.headline;
  return fmt::format("{}: {}", state_name(result.state), result.outcome.headline);
}

run::Report tour_report(const std::vector<StepResult>& results, const CommandContext& context) {
  run::Report report;
  report.title = "Gimbal: the tour";
  report.subtitle = "Each system on small real data, " + format_utc(context.clock().now());
  report.footer = fmt::format("gimbal {}, seed {}", GIMBAL_VERSION, context.seed);
  run::ReportTable table;
  table.columns = {{"system", ""}, {"what", ""}, {"headline", ""}, {"time", "s"}};
  for (const StepResult& result : results) {
    table.rows.push_back(
        {result.step->system, result.outcome.what, headline_text(result), format_significant(result.time_s, 2)});
  }
  report.add(std::move(table));
  for (const StepResult& result : results) {
    report.open_section(result.step->system);
    if (!result.outcome.what.empty()) report.add(run::Paragraphs{run::escape_emphasis(result.outcome.what)});
    report.add(run::Paragraphs{run::escape_emphasis(headline_text(result))});
    for (const run::ReportBlock& block : result.outcome.blocks) report.add(block);
  }
  return report;
}

void write_steps(JsonWriter& json, const std::vector<StepResult>& results) {
  json.key("steps").begin_array();
  for (const StepResult& result : results) {
    json.begin_object().field("system", result.step->system).field("state", state_name(result.state));
    json.field("what", result.outcome.what).field("headline", result.outcome.headline);
    json.field("time_s", result.time_s).field("budget_s", result.step->budget_s).end_object();
  }
  json.end_array();
}

}  // namespace

namespace {

// Everything between the start and the end of the run directory. Returns the exit code.
Result<int> run_steps(CommandContext& context, std::span<const run::TourStep* const> steps, const std::string& data,
                      run::RunDirectory& directory) {
  std::vector<StepResult> results;
  int failed = 0;
  for (const run::TourStep* step : steps) {
    if (context.stop().stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted before the step {}", step->system);
    if (!context.quiet) context.write_err(fmt::format("tour: {} (at most about {} s)\n", step->system, step->budget_s));
    GIMBAL_TRY(results.emplace_back(), run_step(context, *step, data, directory));
    if (results.back().state == StepState::kFailed) ++failed;
  }
  GIMBAL_TRY(directory.write_report(run::to_html(tour_report(results, context))));
  const std::string report = directory.path() + "/report.html";

  TextTable table({"system", "what", "headline", "time"});
  for (const StepResult& result : results) {
    table.row({result.step->system, result.outcome.what, headline_text(result), fmt::format("{:.1f} s", result.time_s)});
  }
  context.print(table.wrap().text());
  context.print(fmt::format("\nThe report, with charts: {}", report));
  DocumentWriter document("gimbal.tour/1");
  write_steps(document.json(), results);
  document.json().field("report", report);
  GIMBAL_TRY(finish_document(context, document));
  return failed == 0 ? 0 : 1;
}

}  // namespace

Result<int> run_tour(CommandContext& context, const TourFlags& flags, std::span<const run::TourStep> steps) {
  GIMBAL_TRY(const std::vector<const run::TourStep*> chosen, chosen_steps(steps, flags));
  const std::string data = flags.data.value_or(program_data_folder());
  if (data.empty()) {
    Error error{ErrorCode::kUnavailable, "the tour's data were not found beside the program or in the working folder", {}, ""};
    error.notes.emplace_back("run it in the repository, or give --data DIR, the folder that holds policy/");
    return fail(std::move(error));
  }
  run::RunSetup setup = run_setup(context);
  setup.path = flags.folder.value_or("");
  GIMBAL_TRY(run::RunDirectory directory, run::RunDirectory::create(setup, run_services(context)));
  return directory.conclude(run_steps(context, chosen, data, directory));
}

CommandGroup tour_commands() {
  auto flags = std::make_shared<TourFlags>();
  Command command("tour", "Run each system on small real data and print what came out.");
  command.description(
      "Prints one table (system, what was done, the headline number, time) and writes an HTML report. Takes less than three "
      "minutes on two cores. A system whose environment is missing is named as skipped. Exit code 1 when a step fails.");
  command.option("-o, --out, --output, --run-dir, --run", &flags->folder)
      .value("DIR")
      .folder()
      .show_default("runs/tour-<time>")
      .help("run directory: the report, and what the steps write");
  command.option("--data", &flags->data)
      .value("DIR")
      .folder()
      .show_default("data/ in the working folder or beside the program")
      .help("folder of the data");
  command.option("--only", &flags->only).value("SYSTEM").help("these systems alone");
  command.example("gimbal tour -o tour", "Run everything and put the report into tour/report.html.");
  command.run([flags](CommandContext& context) -> Result<int> {
    std::vector<run::TourStep> steps;
    for (const CommandEntry& entry : command_entries()) {
      if (entry.tour_steps == nullptr) continue;
      for (run::TourStep& step : entry.tour_steps()) steps.push_back(std::move(step));
    }
    return run_tour(context, *flags, steps);
  });
  return CommandGroup::single(std::move(command));
}

}  // namespace gimbal::cli
