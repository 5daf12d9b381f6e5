// gimbal runs show: one run, as its files tell it.
#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/runs.h"
#include "gimbal/run/metrics.h"
#include "gimbal/run/run_events.h"

namespace gimbal::cli {
namespace {

constexpr std::size_t kMetricsShown = 30;    // names; a report shows all
constexpr std::size_t kArtifactsShown = 20;  // files

struct Flags {
  std::string run;
  std::string root = "runs";
  std::int64_t events = 5;
  bool all = false;
};

struct Contents {
  run::RunSummary run;
  std::vector<run::RunArtifact> artifacts;
  run::Metrics metrics;  // of the last lines
  std::vector<run::RunEvent> events;
  bool report = false;
};

// Two columns without headings.
class Facts {
 public:
  void add(const std::string& name, std::string_view value) {
    const std::string text = wrap_text(value, kTextWidth - kIndent);
    bool first = true;
    for (const std::string_view line : split(trim(text), '\n')) {
      out_ += first ? fmt::format("  {:<{}}{}\n", name, kIndent - 2, line) : fmt::format("{:{}}{}\n", "", kIndent, line);
      first = false;
    }
  }
  const std::string& text() const { return out_; }

 private:
  static constexpr std::size_t kIndent = 12;
  std::string out_;
};

std::string facts_text(const Contents& contents) {
  const run::RunSummary& run = contents.run;
  const run::RunRecord& record = run.record;
  Facts facts;
  std::string status = run_status_text(run);
  if (run.holder_pid != 0) status += fmt::format(", process {}", run.holder_pid);
  facts.add("status", status);
  facts.add("started", run_started_text(run) + (run.elapsed_s ? ", took " + run_time_text(run) : ""));
  for (const run::Resumption& resumption : record.resumed) {
    facts.add("resumed", resumption.at + (resumption.from_step ? fmt::format(", from step {}", *resumption.from_step) : ""));
  }
  facts.add("folder", run.path);
  facts.add("id", record.id);
  facts.add("command", run_command_line(record));
  if (run.last_step) facts.add("last step", std::to_string(*run.last_step));
  facts.add("seed", fmt::format("{}, {} threads", record.seed, record.threads));
  facts.add("program",
            fmt::format("gimbal {} (commit {}, {})", record.versions.gimbal, record.versions.commit, record.versions.compiler));
  facts.add("machine", fmt::format("{} cores, {}, {}, {}", record.machine.cores, record.machine.cpu,
                                   format_bytes(record.machine.memory_bytes), record.machine.kernel));
  for (const run::RunInput& input : record.inputs) {
    facts.add("input", fmt::format("{}: {} (SHA-256 {}...)", input.role, input.path, input.sha256.substr(0, 12)));
  }
  if (contents.report) facts.add("report", run.path + "/report.html");
  return facts.text();
}

std::string section(std::string_view title, const TextTable& table) { return fmt::format("\n{}\n{}", title, table.text()); }

std::string headline_text(const run::RunRecord& record) {
  if (record.headline.empty()) return "";
  TextTable table({"figure", "value", "unit"});
  for (const run::Headline& figure : record.headline) {
    table.row({figure.name, figure_text(figure.value), figure.unit.value_or("")});
  }
  return section("Headline", table.indent(2));
}

std::string options_text(const run::RunRecord& record, bool all) {
  TextTable table({"option", "value", "from"});
  std::size_t hidden = 0;
  for (const run::RunOption& option : record.options) {
    if (!all && option.source == "default") {
      ++hidden;
    } else {
      table.row({option.name, option_text(option.value), option.source});
    }
  }
  if (hidden == record.options.size()) {
    return hidden == 0 ? "" : fmt::format("\nOptions: {} at their defaults (--all shows them)\n", hidden);
  }
  const std::string rest = hidden == 0 ? "" : fmt::format("  and {} at their defaults (--all shows them)\n", hidden);
  return section("Options", table.indent(2)) + rest;
}

std::string metrics_text(const run::Metrics& metrics) {
  if (metrics.series.empty()) return "";
  TextTable table({"metric", "last", "at step"});
  for (std::size_t i = 0; i < std::min(metrics.series.size(), kMetricsShown); ++i) {
    const run::MetricSeries& series = metrics.series[i];
    table.row({series.name, figure_text(series.value.back()), std::to_string(series.step.back())});
  }
  const std::size_t hidden = metrics.series.size() - std::min(metrics.series.size(), kMetricsShown);
  const std::string rest = hidden == 0 ? "" : fmt::format("  and {} more (--json shows them)\n", hidden);
  return section("Metrics", table.indent(2)) + rest;
}

std::string artifacts_text(const std::vector<run::RunArtifact>& artifacts) {
  if (artifacts.empty()) return "";
  TextTable table({"artifact", "size"});
  for (std::size_t i = 0; i < std::min(artifacts.size(), kArtifactsShown); ++i) {
    table.row({artifacts[i].name, format_bytes(artifacts[i].bytes)});
  }
  const std::size_t hidden = artifacts.size() - std::min(artifacts.size(), kArtifactsShown);
  const std::string rest = hidden == 0 ? "" : fmt::format("  and {} more (--json shows them)\n", hidden);
  return section("Artifacts", table.indent(2)) + rest;
}

std::string events_text(const std::vector<run::RunEvent>& events) {
  if (events.empty()) return "";
  TextTable table({"after", "level", "type", "message"});
  for (const run::RunEvent& event : events) {
    std::string message = event.message;
    std::replace(message.begin(), message.end(), '\n', ' ');
    table.row({format_duration(Duration(event.elapsed_s)), std::string(event_level_name(event.level)), event.type, message});
  }
  return section("Last events", table.indent(2));
}

std::string next_text(const Contents& contents) {
  const run::RunSummary& run = contents.run;
  switch (run.status) {
    case run::RunStatus::kRunning:
      return fmt::format("\nIt goes on. To stop it: touch {}/stop\n", run.path);
    case run::RunStatus::kInterrupted:
      return fmt::format("\nTo go on with it, where the command can: {} --resume {}\n", run_command_line(run.record), run.path);
    default:
      return contents.report ? "" : fmt::format("\nCharts of its metrics: gimbal runs report {}\n", run.path);
  }
}

void write_document(JsonWriter& json, const Contents& contents) {
  const run::RunSummary& run = contents.run;
  json.field("path", run.path).field("status", run_status_name(run.status));
  if (run.holder_pid != 0) {
    json.field("pid", run.holder_pid);
  } else {
    json.null_field("pid");
  }
  json.field("last_step", run.last_step).field("elapsed_s", run.elapsed_s);
  json.key("run").raw(run_record_json(run.record));
  json.key("artifacts").begin_array();
  for (const run::RunArtifact& artifact : contents.artifacts) {
    json.begin_object().field("name", artifact.name).field("bytes", artifact.bytes).end_object();
  }
  json.end_array().key("report");
  if (contents.report) {
    json.value(run.path + "/report.html");
  } else {
    json.null();
  }
  json.key("metrics").begin_array();
  for (const run::MetricSeries& series : contents.metrics.series) {
    json.begin_object().field("name", series.name).field("step", series.step.back()).field("value", series.value.back());
    json.end_object();
  }
  json.end_array().key("events").begin_array();
  for (const run::RunEvent& event : contents.events) json.raw(trim(event_line(event)));
  json.end_array();
}

Result<int> show(CommandContext& context, const Flags& flags) {
  Contents contents;
  GIMBAL_TRY(contents.run, open_run(context, flags.run, flags.root));
  const std::string& path = contents.run.path;
  contents.artifacts = run::list_artifacts(path);
  GIMBAL_TRY(contents.metrics, run::read_last_metrics(path + "/metrics.jsonl"));
  GIMBAL_TRY(contents.events, run::read_events(path + "/events.jsonl", static_cast<std::size_t>(flags.events)));
  contents.report = exists(path + "/report.html");
  const run::RunRecord& record = contents.run.record;
  context.print(run_title(record) + "\n" + facts_text(contents) + headline_text(record) + options_text(record, flags.all) +
                metrics_text(contents.metrics) + artifacts_text(contents.artifacts) + events_text(contents.events) +
                next_text(contents));
  DocumentWriter document("gimbal.runs.show/1");
  write_document(document.json(), contents);
  GIMBAL_TRY(finish_document(context, document));
  return 0;
}

}  // namespace

Command runs_show_command() {
  auto flags = std::make_shared<Flags>();
  Command command("show", "Show one run: options and their sources, inputs, figures, artifacts, events.");
  command.description(
      "Options at their defaults are counted, not listed, unless --all is given. Metrics are those of the last lines of "
      "metrics.jsonl.");
  command.positional("RUN", &flags->run).help("folder, name below --root, id or beginning of one, or latest");
  add_runs_root(command, &flags->root);
  command.option("--events", &flags->events).value("N").min(0).max(100000).help("how many of the last events");
  command.flag("--all", &flags->all).help("options at their defaults too");
  command.example("gimbal runs show latest", "The newest run below runs/.");
  command.run([flags](CommandContext& context) { return show(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
