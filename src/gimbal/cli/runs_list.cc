// gimbal runs list: the runs below folders, newest first.
#include "gimbal/base/text.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/runs.h"
#include "gimbal/cli/standard_options.h"

namespace gimbal::cli {
namespace {

enum class StatusFilter { kAny, kRunning, kDone, kFailed, kInterrupted, kUnreadable };

struct Flags {
  std::vector<std::string> folders;
  std::string component;
  StatusFilter status = StatusFilter::kAny;
  std::optional<std::int64_t> limit;
};

bool has_status(const run::RunSummary& run, StatusFilter wanted) {
  switch (wanted) {
    case StatusFilter::kAny:
      return true;
    case StatusFilter::kUnreadable:
      return run.unreadable.has_value();
    case StatusFilter::kRunning:
      return !run.unreadable && run.status == run::RunStatus::kRunning;
    case StatusFilter::kDone:
      return !run.unreadable && run.status == run::RunStatus::kDone;
    case StatusFilter::kFailed:
      return !run.unreadable && run.status == run::RunStatus::kFailed;
    case StatusFilter::kInterrupted:
      return !run.unreadable && run.status == run::RunStatus::kInterrupted;
  }
  return false;
}

// The runs below all folders that pass the filters. A default folder that is not there holds none.
Result<std::vector<run::RunSummary>> find_runs(const CommandContext& context, const Flags& flags) {
  std::vector<run::RunSummary> found;
  for (const std::string& folder : flags.folders.empty() ? std::vector<std::string>{"runs"} : flags.folders) {
    Result<std::vector<run::RunSummary>> runs = run::list_runs(folder, context.clock());
    if (!runs && flags.folders.empty() && runs.error().code == ErrorCode::kNotFound) continue;
    if (!runs) return fail(std::move(runs).error());
    for (run::RunSummary& run : *runs) {
      const bool wanted = flags.component.empty() || run.record.component == flags.component;
      if (wanted && has_status(run, flags.status)) found.push_back(std::move(run));
    }
  }
  if (flags.folders.size() > 1) {
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.record.started_at > b.record.started_at; });
  }
  return found;
}

// The first figure in full, or without its unit where that does not fit.
std::string first_figure(const run::RunSummary& run, std::size_t room) {
  if (run.unreadable) return run.unreadable->message;
  if (run.record.headline.empty()) return "-";
  const run::Headline& figure = run.record.headline.front();
  const std::string text = fmt::format("{} {}", figure.name, figure_text(figure.value));
  const std::string full = figure.unit && std::isfinite(figure.value) ? fmt::format("{} {}", text, *figure.unit) : text;
  return display_width(full) <= room ? full : text;
}

// What of "2026-03-01T12:00:00.250Z" tells runs apart: "2026-03-01 12:00".
std::string minute_of(const std::string& utc) {
  if (utc.size() < 16) return "-";
  std::string text = utc.substr(0, 16);
  text[10] = ' ';
  return text;
}

void print_runs(const CommandContext& context, const std::vector<run::RunSummary>& shown, std::size_t total) {
  if (total == 0) {
    context.print("No runs here. Commands that take long write one, for example `gimbal policy run` or `gimbal tour`.");
    return;
  }
  const bool steps = std::any_of(shown.begin(), shown.end(), [](const auto& run) { return run.last_step.has_value(); });
  std::vector<std::string> headings = {"run", "command", "status", "started (UTC)", "time"};
  if (steps) headings.push_back("step");
  std::vector<std::vector<std::string>> rows;
  for (const run::RunSummary& run : shown) {
    const std::string status = run.unreadable ? "unreadable" : std::string(run_status_name(run.status));
    rows.push_back(
        {run.path, run.unreadable ? "-" : run_title(run.record), status, minute_of(run.record.started_at), run_time_text(run)});
    if (steps) rows.back().push_back(run.last_step ? std::to_string(*run.last_step) : "-");
  }
  // The headline gets what the other columns leave: paths are to be copied and stay whole.
  std::size_t taken = 2 * headings.size();
  for (std::size_t c = 0; c < headings.size(); ++c) {
    std::size_t width = display_width(headings[c]);
    for (const auto& row : rows) width = std::max(width, display_width(row[c]));
    taken += width;
  }
  const std::size_t room = taken < kTextWidth ? kTextWidth - taken : 0;
  headings.push_back("headline");
  TextTable table(headings);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].push_back(first_figure(shown[i], room));
    table.row(rows[i]);
  }
  context.print(table.text());
  if (shown.size() < total) context.print(fmt::format("{} of {} runs; more with --limit", shown.size(), total));
  context.print(fmt::format("\nOne of them in full: gimbal runs show {}", shown.front().path));
}

Result<int> list(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(std::vector<run::RunSummary> runs, find_runs(context, flags));
  const std::size_t total = runs.size();
  if (flags.limit && runs.size() > static_cast<std::size_t>(*flags.limit)) runs.resize(static_cast<std::size_t>(*flags.limit));
  print_runs(context, runs, total);
  DocumentWriter document("gimbal.runs.list/1");
  document.json().key("runs").begin_array();
  for (const run::RunSummary& run : runs) {
    document.json().begin_object();
    write_run_members(document.json(), run);
    document.json().end_object();
  }
  document.json().end_array().field("total", static_cast<std::int64_t>(total));
  GIMBAL_TRY(finish_document(context, document));
  return 0;
}

}  // namespace

Command runs_list_command() {
  auto flags = std::make_shared<Flags>();
  Command command("list", "List the runs below a folder, newest first.");
  command.description(
      "Folders are searched four levels deep. A run whose process was killed shows as interrupted, one whose run.json cannot "
      "be "
      "read as unreadable with the reason.");
  command.positional("FOLDER", &flags->folders).count(0).folder().help("where to look (default: runs)");
  command.option("--component", &flags->component).value("NAME").help("only runs of this component, for example policy");
  command
      .choice("--status", &flags->status,
              {{"any", StatusFilter::kAny},
               {"running", StatusFilter::kRunning},
               {"done", StatusFilter::kDone},
               {"failed", StatusFilter::kFailed},
               {"interrupted", StatusFilter::kInterrupted},
               {"unreadable", StatusFilter::kUnreadable}})
      .value("WORD")
      .help("only runs of this status");
  add_limit(command, &flags->limit).help("only the newest N");
  command.example("gimbal runs list", "All runs below runs/.");
  command.example("gimbal runs list experiments --component policy --status interrupted", "Those that can be resumed.");
  command.run([flags](CommandContext& context) { return list(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
