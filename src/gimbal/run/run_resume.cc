#include "gimbal/run/run_resume.h"

#include <filesystem>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/json.h"
#include "gimbal/base/text.h"
#include "gimbal/data/jsonl.h"
#include "gimbal/run/checkpoint.h"
#include "gimbal/run/run_events.h"

namespace gimbal::run {

namespace {

// Options that say how and where to run, and not what.
constexpr auto kAlwaysFree =
    std::to_array<std::string_view>({"json", "quiet", "verbose", "config", "threads", "run-dir", "resume", "force", "dry-run"});

Result<void> cut_file(const std::string& path, std::uint64_t bytes) {
  if (!exists(path)) return {};
  std::error_code error;
  std::filesystem::resize_file(path, bytes, error);
  if (error) return fail_at(path, ErrorCode::kPermission, "cannot be cut to {} bytes: {}", bytes, error.message());
  return {};
}

std::uint64_t size_of(const std::string& path) {
  std::error_code error;
  const std::uint64_t bytes = std::filesystem::file_size(path, error);
  return error ? 0 : bytes;
}

// The length of events.jsonl with the event of the checkpoint itself, which stands right behind `checkpoint.events_bytes`
// unless the process was killed between the two.
Result<std::uint64_t> events_with_checkpoint(const std::string& file, const Checkpoint& checkpoint) {
  if (!exists(file)) return std::uint64_t{0};
  GIMBAL_TRY(const std::string text, read_file(file));
  const std::string_view rest = std::string_view(text).substr(checkpoint.events_bytes);
  const std::size_t line = rest.find('\n');
  if (line == std::string_view::npos) return checkpoint.events_bytes;
  const Result<JsonView> event = JsonView::parse(rest.substr(0, line), file);
  const bool own = event && event->string_or("type", "").value_or("") == "checkpoint";
  return own ? checkpoint.events_bytes + line + 1 : checkpoint.events_bytes;
}

std::string changed_input(const RunInput& before, const std::string& sha256) {
  if (sha256.empty()) return fmt::format("{} ({}) is not given now", before.role, gimbal::quoted(before.path, 400));
  return fmt::format("{} ({}) had SHA-256 {}, now {}", before.role, gimbal::quoted(before.path, 400),
                     before.sha256.substr(0, 12), sha256.substr(0, 12));
}

}  // namespace

Result<std::vector<RunOption>> resumed_options(const std::vector<RunOption>& recorded, const std::vector<RunOption>& now,
                                               std::span<const std::string> may_change) {
  const auto is_free = [&](const std::string& name) {
    return std::find(kAlwaysFree.begin(), kAlwaysFree.end(), name) != kAlwaysFree.end() ||
           std::find(may_change.begin(), may_change.end(), name) != may_change.end();
  };
  std::vector<RunOption> options = recorded;
  std::vector<std::string> names, differences;
  for (const RunOption& given : now) {
    const auto before =
        std::find_if(options.begin(), options.end(), [&](const RunOption& each) { return each.name == given.name; });
    if (before == options.end()) {
      options.push_back(given);
    } else if (given.source == "default" || given.value == before->value) {
      continue;  // what the run was started with holds
    } else if (is_free(given.name)) {
      *before = given;
    } else {
      names.push_back("--" + given.name);
      differences.push_back(fmt::format("--{}: the run has {}, given now {}", given.name, before->value, given.value));
    }
  }
  if (differences.empty()) return options;
  differences.emplace_back("leave them out to go on with the run's own, or start a new run");
  const std::string list = join(names, ", ");
  return fail(Error{ErrorCode::kConflict,
                    fmt::format("a run is resumed with the options that it was started with, and {} {}", list,
                                names.size() == 1 ? "differs" : "differ"),
                    std::move(differences), names.front()});
}

Result<std::string> changed_inputs(const std::vector<RunInput>& recorded, const std::vector<RunInput>& now, bool force) {
  std::vector<std::string> changed;
  for (const RunInput& before : recorded) {
    std::string sha256;
    if (now.empty()) {
      GIMBAL_TRY(sha256, sha256_file(before.path));
    }
    for (const RunInput& input : now) {  // several inputs may share a role: one of them must be the same file
      if (input.role == before.role && sha256 != before.sha256) sha256 = input.sha256;
    }
    if (sha256 != before.sha256) changed.push_back(changed_input(before, sha256));
  }
  const std::string text = join(changed, "; ");
  if (text.empty() || force) return text;
  return fail(
      Error{ErrorCode::kConflict, "inputs of the run have changed since it was started", std::move(changed), {}}.with_note(
          "bring back the files, start a new run, or go on all the same with --force"));
}

Result<ResumePoint> rewind_to_checkpoint(const std::string& run_path) {
  const std::string artifacts = run_path + "/artifacts";
  const std::string events = run_path + "/events.jsonl", metrics = run_path + "/metrics.jsonl";
  ResumePoint point;
  std::vector<std::int64_t> dropped;
  std::uint64_t events_bytes = 0, metrics_bytes = 0;
  for (std::vector<std::int64_t> steps = checkpoint_steps(artifacts); !steps.empty() && !point.step; steps.pop_back()) {
    Result<Checkpoint> checkpoint = check_checkpoint(artifacts, steps.back());
    if (checkpoint && (checkpoint->events_bytes > size_of(events) || checkpoint->metrics_bytes > size_of(metrics))) {
      checkpoint = fail_at(checkpoint_folder(artifacts, steps.back()), ErrorCode::kCorrupted,
                           "the run's logs are shorter than they were when the checkpoint was made");
    }
    if (!checkpoint) {
      point.damaged.push_back(checkpoint.error().text());
      dropped.push_back(steps.back());
      continue;
    }
    point.step = checkpoint->step;
    point.elapsed_s = checkpoint->elapsed_s;
    metrics_bytes = checkpoint->metrics_bytes;
    GIMBAL_TRY(events_bytes, events_with_checkpoint(events, *checkpoint));
  }
  GIMBAL_TRY(remove_checkpoints(artifacts, dropped));
  GIMBAL_TRY(cut_file(events, events_bytes));
  GIMBAL_TRY(cut_file(metrics, metrics_bytes));
  return point;
}

Result<ResumePoint> repair_logs(const std::string& run_path) {
  for (const char* name : {"/events.jsonl", "/metrics.jsonl"}) {
    if (!exists(run_path + name)) continue;
    GIMBAL_TRY(data::repair_torn_line(run_path + name));
  }
  GIMBAL_TRY(const std::vector<RunEvent> last, read_events(run_path + "/events.jsonl", 1));
  ResumePoint point;
  if (!last.empty()) point.elapsed_s = last.front().elapsed_s;
  return point;
}

}  // namespace gimbal::run
