#include "gimbal/cli/runs.h"

#include "gimbal/base/number.h"
#include "gimbal/cli/command_context.h"

namespace gimbal::cli {

OptionBuilder add_runs_root(Command& command, std::string* root) {
  return command.option("--root", root).value("DIR").folder().help("folder in which names and ids of runs are looked up");
}

Result<run::RunSummary> open_run(const CommandContext& context, const std::string& text, const std::string& root) {
  GIMBAL_TRY(const std::string path, run::find_run(text, root, context.clock()));
  return run::read_run(path, context.clock());
}

std::string run_title(const run::RunRecord& record) {
  return record.verb.empty() ? record.component : record.component + " " + record.verb;
}

std::string run_status_text(const run::RunSummary& run) {
  if (run.unreadable) return "unreadable";
  std::string text(run_status_name(run.status));
  if (run.record.exit.value_or(0) != 0) text += fmt::format(", exit {}", *run.record.exit);
  if (run.record.reason) text += fmt::format(" ({})", *run.record.reason);
  return text;
}

std::string run_started_text(const run::RunSummary& run) {
  // Milliseconds tell a person nothing: 2026-03-01T12:00:00.250Z.
  const std::string& full = run.record.started_at;
  return full.empty() ? "-" : full.substr(0, full.find('.')) + (full.find('.') == std::string::npos ? "" : "Z");
}

std::string run_time_text(const run::RunSummary& run) {
  return run.elapsed_s ? format_duration(Duration(*run.elapsed_s)) : "-";
}

std::string figure_text(double value) { return std::isfinite(value) ? format_significant(value, 4) : "-"; }

std::string option_text(const std::string& json) {
  if (json == "null") return "-";
  if (!json.starts_with('"')) return json;
  const Result<JsonView> view = JsonView::parse(json, "option");
  return view ? view->string().value_or(json) : json;
}

void write_run_members(JsonWriter& json, const run::RunSummary& run) {
  const run::RunRecord& record = run.record;
  json.field("path", run.path);
  if (run.unreadable) {
    for (const char* name : {"id", "component", "verb"}) json.null_field(name);
    json.field("status", "unreadable");
    for (const char* name : {"exit", "reason", "started_at", "elapsed_s", "last_step", "seed"}) json.null_field(name);
    json.key("headline").begin_array().end_array().field("error", run.unreadable->text());
    return;
  }
  json.field("id", record.id)
      .field("component", record.component)
      .field("verb", record.verb)
      .field("status", run_status_name(run.status))
      .field("exit", record.exit)
      .field("reason", record.reason)
      .field("started_at", record.started_at)
      .field("elapsed_s", run.elapsed_s)
      .field("last_step", run.last_step)
      .field("seed", record.seed);
  json.key("headline").begin_array();
  for (const run::Headline& figure : record.headline) {
    json.begin_object().field("name", figure.name).field("value", figure.value).field("unit", figure.unit).end_object();
  }
  json.end_array().null_field("error");
}

CommandGroup runs_commands() {
  CommandGroup group("runs", "List, show, compare and report run directories.");
  group.description(
      "A long job writes a run directory: what was asked, what happened, how it went, and what came out. These commands read "
      "any of them, also while the run goes on. A run is named by its folder, by its name below runs/, by its id or the first "
      "6 or more characters of it, or as `latest`. To stop a run that is alive: touch RUN/stop.");
  group.add(runs_list_command());
  group.add(runs_show_command());
  group.add(runs_compare_command());
  group.add(runs_report_command());
  return group;
}

}  // namespace gimbal::cli
