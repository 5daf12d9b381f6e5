#include "gimbal/run/run_report.h"

#include "gimbal/base/json.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::run {

namespace {

constexpr std::size_t kEventsShown = 200;  // the newest; a training run may log thousands

// NAME/lo and NAME/hi of a NAME that is there itself are its band, not curves.
bool is_band_edge(const Metrics& metrics, std::string_view name) {
  if (!name.ends_with("/lo") && !name.ends_with("/hi")) return false;
  return metrics.find(name.substr(0, name.size() - 3)) != nullptr;
}

// The values of `edge` at the steps of `series`; gaps where it has none.
std::vector<double> edge_at(const MetricSeries& edge, const MetricSeries& series) {
  std::vector<double> values(series.step.size(), kNoValue);
  std::size_t at = 0;
  for (std::size_t i = 0; i < series.step.size(); ++i) {
    while (at < edge.step.size() && edge.step[at] < series.step[i]) ++at;
    if (at < edge.step.size() && edge.step[at] == series.step[i]) values[i] = edge.value[at];
  }
  return values;
}

Series curve(const Metrics& metrics, const MetricSeries& series, std::string_view label) {
  Series made;
  made.label = label;
  made.x.assign(series.step.begin(), series.step.end());
  made.y = series.value;
  const MetricSeries* lo = metrics.find(series.name + "/lo");
  const MetricSeries* hi = metrics.find(series.name + "/hi");
  if (lo != nullptr && hi != nullptr) made.bands.push_back({edge_at(*lo, series), edge_at(*hi, series), "lo to hi"});
  return made;
}

struct MetricGroup {
  std::string name;
  std::vector<const MetricSeries*> series;
};

std::vector<MetricGroup> groups_of(const Metrics& metrics, bool machine) {
  std::vector<MetricGroup> groups;
  for (const MetricSeries& series : metrics.series) {
    if (is_machine_metric(series.name) != machine || is_band_edge(metrics, series.name)) continue;
    const std::string_view name = metric_group(series.name);
    const auto same = [&](const MetricGroup& group) { return group.name == name && group.series.size() < kPaletteSize; };
    auto at = std::find_if(groups.begin(), groups.end(), same);
    if (at == groups.end()) at = groups.insert(groups.end(), {std::string(name), {}});
    at->series.push_back(&series);
  }
  return groups;
}

ReportTable options_table(const RunRecord& record) {
  ReportTable table;
  table.columns = {{"option", "", Align::kLeft}, {"value", "", Align::kLeft}, {"from", "", Align::kLeft}};
  for (const RunOption& option : record.options) table.rows.push_back({option.name, option.value, option.source});
  return table;
}

ReportTable facts_table(const RunSummary& run) {
  const RunRecord& record = run.record;
  ReportTable table;
  table.columns = {{"what", "", Align::kLeft}, {"value", "", Align::kLeft}};
  const auto add = [&](std::string what, std::string value) { table.rows.push_back({std::move(what), std::move(value)}); };
  add("id", record.id);
  add("started", record.started_at);
  for (const Resumption& resumption : record.resumed) {
    add("resumed",
        resumption.from_step ? fmt::format("{}, from step {}", resumption.at, *resumption.from_step) : resumption.at);
  }
  add("ended", record.ended_at.value_or("-"));
  add("seed", std::to_string(record.seed));
  add("threads", std::to_string(record.threads));
  add("gimbal", fmt::format("{} (commit {}, {})", record.versions.gimbal, record.versions.commit, record.versions.compiler));
  if (record.versions.libtorch) add("LibTorch", *record.versions.libtorch);
  const MachineInfo& machine = record.machine;
  add("machine",
      fmt::format("{} cores, {}, {}, {}", machine.cores, machine.cpu, format_bytes(machine.memory_bytes), machine.kernel));
  if (machine.gpu) add("GPU", *machine.gpu);
  for (const RunInput& input : record.inputs) {
    add("input: " + input.role, fmt::format("{} (SHA-256 {})", input.path, input.sha256));
  }
  if (!record.sandbox.layers.empty()) add("sandbox", join(record.sandbox.layers, ", "));
  if (record.usage.prompt_tokens + record.usage.completion_tokens > 0) {
    add("tokens",
        fmt::format("{} in, {} out", format_count(record.usage.prompt_tokens), format_count(record.usage.completion_tokens)));
  }
  if (record.usage.cost_usd) add("cost", fmt::format("{} USD", format_significant(*record.usage.cost_usd, 3)));
  return table;
}

ReportTable events_table(const std::vector<RunEvent>& events) {
  ReportTable table;
  table.columns = {{"after", "s"}, {"level", "", Align::kLeft}, {"type", "", Align::kLeft}, {"message", "", Align::kLeft}};
  const std::size_t first = events.size() > kEventsShown ? events.size() - kEventsShown : 0;
  for (std::size_t i = first; i < events.size(); ++i) {
    const RunEvent& event = events[i];
    table.rows.push_back(
        {fmt::format("{:.1f}", event.elapsed_s), std::string(event_level_name(event.level)), event.type, event.message});
  }
  if (first > 0) table.notes.push_back(fmt::format("the last {} of {} events", kEventsShown, events.size()));
  return table;
}

// A box that says how the run ended, for the runs that did not end well.
std::optional<NoteBox> ending(const RunSummary& run, const std::vector<RunEvent>& events) {
  const std::string reason = run.record.reason ? fmt::format(" ({})", *run.record.reason) : "";
  if (run.status == RunStatus::kInterrupted) {
    return NoteBox{NoteKind::kWarning, "Interrupted", fmt::format("The run did not reach its end{}.", escape_emphasis(reason))};
  }
  if (run.status == RunStatus::kRunning) return NoteBox{NoteKind::kNote, "Running", "What follows is its state so far."};
  if (run.status != RunStatus::kFailed) return std::nullopt;
  std::string text = fmt::format("The run ended with an error{}.", reason);
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (event->level != EventLevel::kError || event->type == "end") continue;
    text += " " + event->message;
    break;
  }
  return NoteBox{NoteKind::kWarning, "Failed", escape_emphasis(text)};
}

KeyFigures key_figures(const RunSummary& run) {
  KeyFigures figures;
  for (const Headline& figure : run.record.headline) {
    figures.figures.push_back(
        {figure.name, std::isfinite(figure.value) ? format_significant(figure.value, 4) : "-", figure.unit.value_or(""), ""});
  }
  if (run.last_step) figures.figures.push_back({"last step", format_count(*run.last_step), "", ""});
  if (run.elapsed_s) figures.figures.push_back({"time", format_duration(Duration(*run.elapsed_s)), "", ""});
  return figures;
}

void add_charts(Report& report, std::vector<Chart> charts, const std::string& title, bool collapsed) {
  if (charts.empty()) return;
  report.open_section(title);
  report.sections.back().collapsed = collapsed;
  for (Chart& chart : charts) report.add(Figure{std::move(chart), ""});
}

}  // namespace

std::vector<Chart> metric_charts(const Metrics& metrics, bool machine) {
  std::vector<Chart> charts;
  for (const MetricGroup& group : groups_of(metrics, machine)) {
    XyChart chart;
    chart.title = group.name;
    chart.x.title = "step";
    Panel& panel = chart.panels.emplace_back();
    const bool alone = group.series.size() == 1;
    for (const MetricSeries* series : group.series) {
      const std::string_view name = series->name;
      const bool inside = name.size() > group.name.size();  // "rewards/math" in the chart "rewards"
      panel.series.push_back(curve(metrics, *series, inside ? name.substr(group.name.size() + 1) : name));
    }
    if (alone) chart.title = group.series.front()->name;
    panel.y.title = chart.title;
    charts.push_back(draw(chart));
  }
  return charts;
}

Report run_report(const RunSummary& run, const Metrics& metrics, const std::vector<RunEvent>& events,
                  const std::vector<RunArtifact>& artifacts) {
  const RunRecord& record = run.record;
  Report report;
  report.title = record.verb.empty() ? record.component : record.component + " " + record.verb;
  report.subtitle = fmt::format("{}, {}{}", run.path, run_status_name(run.status),
                                record.exit ? fmt::format(" (exit {})", *record.exit) : "");
  report.footer = fmt::format("{}; gimbal {}, seed {}", kRunReportMark, record.versions.gimbal, record.seed);
  if (auto box = ending(run, events)) report.add(std::move(*box));
  report.add(key_figures(run));
  report.add(CodeBlock{run_command_line(record), "Command"});
  add_charts(report, metric_charts(metrics, false), "Metrics", false);
  add_charts(report, metric_charts(metrics, true), "Times, speeds and memory", true);
  if (!record.options.empty()) {
    report.open_section("Options");
    report.add(options_table(record));
  }
  report.open_section("Circumstances");
  report.add(facts_table(run));
  if (!artifacts.empty()) {
    report.open_section("Artifacts");
    ReportTable table;
    table.columns = {{"file", "", Align::kLeft}, {"size", "", Align::kRight}};
    for (const RunArtifact& artifact : artifacts) table.rows.push_back({artifact.name, format_bytes(artifact.bytes)});
    report.add(std::move(table));
  }
  report.open_section("Events");
  report.sections.back().collapsed = true;
  report.add(events_table(events));
  return report;
}

Result<Report> make_run_report(const RunSummary& run) {
  GIMBAL_TRY(const Metrics metrics, read_metrics(run.path + "/metrics.jsonl"));
  GIMBAL_TRY(const std::vector<RunEvent> events, read_events(run.path + "/events.jsonl"));
  return run_report(run, metrics, events, list_artifacts(run.path));
}

}  // namespace gimbal::run
