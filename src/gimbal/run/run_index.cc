#include "gimbal/run/run_index.h"

#include <sys/stat.h>

#include <filesystem>

#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/base/text.h"
#include "gimbal/run/machine_info.h"
#include "gimbal/run/metrics.h"
#include "gimbal/run/run_events.h"

namespace gimbal::run {

namespace fs = std::filesystem;

namespace {

// A live run touches its lock every 5 s; three misses on another host mean that it is dead.
constexpr double kHeartbeatLimit_s = 15;
constexpr std::size_t kShortestIdPrefix = 6;

// Whether the lock was touched in the last 15 s.
bool is_fresh(const std::string& lock, const Clock& clock) {
  struct stat status{};
  if (::stat(lock.c_str(), &status) != 0) return false;
  const double touched = static_cast<double>(status.st_mtim.tv_sec) + static_cast<double>(status.st_mtim.tv_nsec) * 1e-9;
  return std::chrono::duration<double>(clock.now().time_since_epoch()).count() - touched < kHeartbeatLimit_s;
}

// Whether the last session was begun on another machine, whose locks may not be visible here.
bool is_of_another_host(const std::vector<RunEvent>& events) {
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (event->type != "start" && event->type != "resume") continue;
    const Result<JsonView> data = JsonView::parse(event->data, "events.jsonl");
    const std::string host = data ? data->string_or("host", "").value_or("") : "";
    return !host.empty() && host != host_name();
  }
  return false;
}

// What the record of a run that has not ended cannot say.
void look_at_live_run(RunSummary& run, const Clock& clock) {
  const std::string lock = run.path + "/run.lock";
  run.holder_pid = FileLock::holder(lock);
  bool alive = run.holder_pid != 0;
  if (const auto events = read_events(run.path + "/events.jsonl"); events && !events->empty()) {
    run.elapsed_s = events->back().elapsed_s;
    alive = alive || (is_of_another_host(*events) && is_fresh(lock, clock));
  }
  if (!alive) run.status = RunStatus::kInterrupted;
  const Result<Metrics> metrics = read_last_metrics(run.path + "/metrics.jsonl");
  if (metrics && metrics->last_step) run.last_step = metrics->last_step;
}

void search(const fs::path& folder, const Clock& clock, int depth, std::vector<RunSummary>& runs) {
  std::error_code error;
  std::vector<fs::path> below;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    const std::string name = at->path().filename().string();
    if (!name.starts_with('.') && !at->is_symlink(ignored) && at->is_directory(ignored)) below.push_back(at->path());
  }
  for (const fs::path& path : below) {
    if (exists((path / "run.json").string())) {
      Result<RunSummary> run = read_run(path.string(), clock);
      if (run) {
        runs.push_back(std::move(*run));
      } else {
        RunSummary& broken = runs.emplace_back();
        broken.path = path.string();
        broken.unreadable = std::move(run).error();
      }
    } else if (depth > 1) {
      search(path, clock, depth - 1, runs);
    }
  }
}

const RunOption* find_option(const RunRecord& record, std::string_view name) {
  const auto at =
      std::find_if(record.options.begin(), record.options.end(), [&](const auto& each) { return each.name == name; });
  return at == record.options.end() ? nullptr : &*at;
}

template <typename T>
bool all_equal(const std::vector<T>& values) {
  return std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
}

// Names in the order in which they appear first, over all runs.
template <typename Names>
std::vector<std::string> union_of(std::span<const RunSummary> runs, Names names_of) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (const std::string& name : names_of(i)) {
      if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
    }
  }
  return all;
}

std::vector<OptionDifference> compare_options(std::span<const RunSummary> runs) {
  std::vector<OptionDifference> differences;
  const auto names = union_of(runs, [&](std::size_t i) {
    std::vector<std::string> list;
    for (const RunOption& option : runs[i].record.options) list.push_back(option.name);
    return list;
  });
  for (const std::string& name : names) {
    OptionDifference difference{name, {}, {}};
    for (const RunSummary& run : runs) {
      const RunOption* option = find_option(run.record, name);
      difference.values.push_back(option == nullptr ? std::nullopt : std::optional(option->value));
      difference.sources.push_back(option == nullptr ? std::nullopt : std::optional(option->source));
    }
    if (!all_equal(difference.values)) differences.push_back(std::move(difference));
  }
  return differences;
}

std::vector<InputDifference> compare_inputs(std::span<const RunSummary> runs) {
  std::vector<InputDifference> differences;
  const auto roles = union_of(runs, [&](std::size_t i) {
    std::vector<std::string> list;
    for (const RunInput& input : runs[i].record.inputs) list.push_back(input.role);
    return list;
  });
  for (const std::string& role : roles) {
    InputDifference difference{role, {}};
    for (const RunSummary& run : runs) {
      const auto& inputs = run.record.inputs;
      const auto at = std::find_if(inputs.begin(), inputs.end(), [&](const RunInput& input) { return input.role == role; });
      difference.sha256.push_back(at == inputs.end() ? std::nullopt : std::optional(at->sha256));
    }
    if (!all_equal(difference.sha256)) differences.push_back(std::move(difference));
  }
  return differences;
}

std::vector<FigureRow> compare_headlines(std::span<const RunSummary> runs) {
  std::vector<FigureRow> rows;
  const auto names = union_of(runs, [&](std::size_t i) {
    std::vector<std::string> list;
    for (const Headline& figure : runs[i].record.headline) list.push_back(figure.name);
    return list;
  });
  for (const std::string& name : names) {
    FigureRow row{name, std::nullopt, {}};
    for (const RunSummary& run : runs) {
      const auto& figures = run.record.headline;
      const auto at = std::find_if(figures.begin(), figures.end(), [&](const Headline& figure) { return figure.name == name; });
      row.values.push_back(at == figures.end() || !std::isfinite(at->value) ? std::nullopt : std::optional(at->value));
      if (at != figures.end() && !row.unit) row.unit = at->unit;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void add_series(MetricRow& row, const MetricSeries* series) {
  row.last.emplace_back();
  row.lowest.emplace_back();
  row.highest.emplace_back();
  if (series == nullptr) return;
  for (const double value : series->value) {
    if (!std::isfinite(value)) continue;
    row.last.back() = value;
    row.lowest.back() = std::min(value, row.lowest.back().value_or(value));
    row.highest.back() = std::max(value, row.highest.back().value_or(value));
  }
}

}  // namespace

Result<RunSummary> read_run(const std::string& path, const Clock& clock) {
  const std::string file = path + "/run.json";
  if (!exists(file)) return fail(ErrorCode::kNotFound, "{} holds no run: there is no run.json", gimbal::quoted(path, 400));
  GIMBAL_TRY(const std::string text, read_file(file));
  RunSummary run;
  run.path = path;
  GIMBAL_TRY(run.record, parse_run_record(text, file));
  run.status = run.record.status;
  run.last_step = run.record.last_step;
  run.elapsed_s = run.record.duration_s;
  if (run.status == RunStatus::kRunning) look_at_live_run(run, clock);
  return run;
}

Result<std::vector<RunSummary>> list_runs(const std::string& folder, const Clock& clock, int depth) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return fail(ErrorCode::kNotFound, "no folder {}", gimbal::quoted(folder, 400));
  std::vector<RunSummary> runs;
  search(folder, clock, depth, runs);
  std::sort(runs.begin(), runs.end(), [](const RunSummary& a, const RunSummary& b) {
    // RFC 3339 in UTC sorts as text; runs without a record have none and come last.
    if (a.record.started_at != b.record.started_at) return a.record.started_at > b.record.started_at;
    return a.path < b.path;
  });
  return runs;
}

Result<std::string> find_run(std::string_view text, const std::string& root, const Clock& clock) {
  std::string path(text);
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  for (const std::string& candidate : {path, root + "/" + path, fs::path(path).parent_path().string()}) {
    if (!candidate.empty() && exists(candidate + "/run.json")) return candidate;
  }
  const Result<std::vector<RunSummary>> runs = list_runs(root, clock);
  std::vector<std::string> names;
  std::vector<std::string> matches;
  if (runs) {
    if (text == "latest" && !runs->empty()) return runs->front().path;
    const std::string wanted = ascii_lower(text);
    for (const RunSummary& run : *runs) {
      names.push_back(fs::path(run.path).lexically_relative(root).generic_string());
      if (wanted.size() >= kShortestIdPrefix && ascii_lower(run.record.id).starts_with(wanted)) matches.push_back(run.path);
    }
  }
  if (matches.size() == 1) return matches.front();
  if (matches.size() > 1) {
    return fail(ErrorCode::kConflict, "the id {} fits {} runs: {}", gimbal::quoted(text), matches.size(), join(matches, ", "));
  }
  return fail(Error{
      ErrorCode::kNotFound,
      fmt::format("no run {}{}", gimbal::quoted(text, 400), did_you_mean(text, names)),
      {},
      {}}.with_note(fmt::format("`gimbal runs list {}` prints the runs that there are", root)));
}

std::vector<RunArtifact> list_artifacts(const std::string& run_path) {
  std::vector<RunArtifact> artifacts;
  const fs::path root = run_path + "/artifacts";
  std::error_code error;
  for (fs::recursive_directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (!at->is_regular_file(ignored)) continue;
    artifacts.push_back({at->path().lexically_relative(root).generic_string(), at->file_size(ignored)});
  }
  std::sort(artifacts.begin(), artifacts.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return artifacts;
}

Result<RunComparison> compare_runs(std::span<const RunSummary> runs) {
  RunComparison comparison{compare_options(runs), compare_inputs(runs), compare_headlines(runs), {}};
  std::vector<Metrics> metrics;
  for (const RunSummary& run : runs) {
    GIMBAL_TRY(metrics.emplace_back(), read_metrics(run.path + "/metrics.jsonl"));
  }
  const auto names = union_of(runs, [&](std::size_t i) {
    std::vector<std::string> list;
    for (const MetricSeries& series : metrics[i].series) {
      if (!is_machine_metric(series.name)) list.push_back(series.name);
    }
    return list;
  });
  for (const std::string& name : names) {
    MetricRow row{name, {}, {}, {}};
    for (const Metrics& each : metrics) add_series(row, each.find(name));
    comparison.metrics.push_back(std::move(row));
  }
  return comparison;
}

}  // namespace gimbal::run
