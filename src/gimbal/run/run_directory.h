// The run directory of a long job: what was asked, what happened, how it went, and what came out.
//
//   run.json        the record (run_record.h), rewritten atomically at each change of status
//   run.lock        held while the run lives, touched every 5 s
//   stop            put there by a person: the run stops as on SIGINT; looked for every second
//   events.jsonl    {"seq","at","elapsed_s","level","type","message","data"}
//   metrics.jsonl   {"step","time/elapsed_s","name":value,...}
//   artifacts/      results; artifacts/checkpoint-<step>/ what a training job resumes from
//   report.html     self-contained
//
// Every line of the two logs is one write(2), so a killed process leaves at most one torn last line; results and run.json are
// written atomically. A run that is destroyed without `finish` or `conclude` keeps the status "running" without a lock, which
// reads as "interrupted". Registered secrets are removed from everything that is written here, save binary artifacts.
//
//   GIMBAL_TRY(run::RunDirectory run, run::RunDirectory::create(setup, services));
//   return run.conclude([&]() -> Result<int> {
//     GIMBAL_TRY(run.event("stage", "fitting"));
//     GIMBAL_TRY(run.write_artifact("model.json", model));
//     run.set_headline({{"improvement", 0.034, "per unit"}});
//     return 0;
//   }());
//
// All methods may be called from any thread. Errors of writing: disk_full, permission.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/log.h"
#include "gimbal/base/result.h"
#include "gimbal/run/metrics.h"
#include "gimbal/run/run_events.h"
#include "gimbal/run/run_record.h"
#include "gimbal/run/run_resume.h"

namespace gimbal::run {

// What a command knows when it starts. cli/run_setup.h fills all but path and inputs from a CommandContext.
struct RunSetup {
  std::string path;           // empty: default_run_path
  std::string root = "runs";  // of the default path
  std::string component;      // "policy"
  std::string verb;           // "run"
  std::vector<std::string> command;
  std::string options_json = "{}";  // {"name":{"value":v,"source":"flag"},...}
  std::uint64_t seed = 0;
  int threads = 1;
  std::vector<RunInput> inputs;
  RunVersions versions;
  RunSandbox sandbox;
};

// What comes from outside the process.
struct RunServices {
  const Clock* clock = nullptr;               // required; must outlive the run
  const Redactor* redactor = nullptr;         // of the log; must outlive the run; null: nothing is removed
  std::function<std::uint64_t()> random;      // 64 random bits, for the id; empty: the operating system's
  std::function<void()> stop = request_stop;  // called once when a file `stop` appears
  bool background = true;                     // a thread calls `beat` every second; with a VirtualClock set false and call it
};

// `<root>/<component>[-<verb>]-<YYYYMMDD-hhmmss>` in UTC, without the verbs `run` and `train`; -2, -3, ... when taken.
std::string default_run_path(const RunSetup& setup, const Clock& clock);

class RunDirectory {
 public:
  // Makes the folder, takes the lock, writes run.json and the event `start`. Errors: already_exists when `path` is a folder
  // that is not empty.
  static Result<RunDirectory> create(const RunSetup& setup, const RunServices& services);

  // Goes on with the run in `path`. `now`: this invocation; its inputs are compared by role and hash with the recorded ones,
  // or, when it has none, the recorded files are hashed again. Takes the lock, cuts the logs, removes `stop` and temporary
  // files, writes the event `resume`.
  // Errors: not_found (no run there); conflict: the run is alive ("held by process N"), belongs to another command, an option
  // differs, an input has changed (unless rules.force); version, corrupted (run.json cannot be read).
  static Result<RunDirectory> open_for_resume(const std::string& path, const RunSetup& now, const ResumeRules& rules,
                                              const RunServices& services);

  RunDirectory(RunDirectory&&) noexcept;
  RunDirectory& operator=(RunDirectory&&) noexcept;
  ~RunDirectory();

  const std::string& path() const;
  RunRecord record() const;  // as it is now
  double elapsed_s() const;  // worked, earlier sessions included
  // Of the checkpoint that a resumed run starts from: artifacts/checkpoint-<step>; nullopt: from the beginning.
  std::optional<std::int64_t> resumed_step() const;

  // `type`: start, resume, stage, checkpoint, note, warning, decision, budget, guard, stop, end, or <component>.<word>.
  // `data`: a JSON object.
  Result<void> event(EventLevel level, std::string_view type, std::string_view message, std::string_view data = "{}");
  Result<void> event(std::string_view type, std::string_view message, std::string_view data = "{}") {
    return event(EventLevel::kInfo, type, message, data);
  }

  // One line of metrics.jsonl; `time/elapsed_s` is put in front unless it is among the values. Steps never decrease; names are
  // [a-z0-9_.-]+ with parts joined by '/', each once. Values that are not finite are written as null. Error: invalid_argument.
  Result<void> metric(std::int64_t step, std::span<const MetricValue> values);
  Result<void> metric(std::int64_t step, std::initializer_list<MetricValue> values) {
    return metric(step, std::span<const MetricValue>(values.begin(), values.size()));
  }

  // Paths of results: `name` is relative to artifacts/ and may have folders, which are made. Error: permission when it would
  // leave artifacts/.
  Result<std::string> artifact_path(std::string_view name) const;
  bool has_artifact(std::string_view name) const;
  // Atomic: what is there is whole. Text (valid UTF-8) is written without secrets.
  Result<void> write_artifact(std::string_view name, std::string_view bytes);
  Result<void> write_report(std::string_view html);  // report.html

  // `save` fills an empty folder; it becomes artifacts/checkpoint-<step> with a manifest of its files, synced and renamed, so
  // that it exists whole or not at all; then an event `checkpoint`. Steps increase.
  Result<void> checkpoint(std::int64_t step, const std::function<Result<void>(const std::string& folder)>& save);

  // Kept in memory until run.json is written next: by `checkpoint`, `add_input`, `finish`.
  void set_headline(std::vector<Headline> headline);
  void set_usage(const RunUsage& usage);
  void set_sandbox(RunSandbox sandbox);
  Result<void> add_input(RunInput input);  // one that became known after the start; rewrites run.json

  // What the background thread does every second: looks for `stop`; every fifth time touches the lock.
  void beat();

  // Ends the run: event `end`, run.json with its last step, lock released. Once.
  Result<void> finish(RunStatus status, int exit, std::optional<std::string> reason = {});
  // Finishes with what the body of a command returned and hands it on. An exit code of 0, 1 or 5 is `done`, 130 `interrupted`,
  // any other `failed`; an error is `interrupted` with code interrupted, else `failed`, its code the reason and its text the
  // message of the event.
  Result<int> conclude(Result<int> outcome, std::optional<std::string> reason = {});

 private:
  struct State;
  explicit RunDirectory(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Adds an event to a run that has ended (a test set was used again). Error: conflict when the run is alive.
Result<void> add_event(const std::string& run_path, const RunServices& services, EventLevel level, std::string_view type,
                       std::string_view message, std::string_view data = "{}");

}  // namespace gimbal::run
