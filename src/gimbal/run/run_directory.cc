#include "gimbal/run/run_directory.h"

#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <random>
#include <thread>

#include "gimbal/base/check.h"
#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/base/text.h"
#include "gimbal/run/checkpoint.h"
#include "gimbal/run/run_path.h"

namespace gimbal::run {

namespace fs = std::filesystem;

namespace {

constexpr int kBeatsPerTouch = 5;  // the lock is touched every 5 s; a reader on another host waits three times that

std::uint64_t system_random() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

Result<FileLock> lock_run(const std::string& path) {
  const std::string file = path + "/run.lock";
  Result<FileLock> lock = FileLock::acquire(file);
  if (lock || lock.error().code != ErrorCode::kConflict) return lock;
  return fail(ErrorCode::kConflict,
              "the run in {} is alive: its lock is held by process {}; wait for it, or end it with `touch {}/stop`",
              gimbal::quoted(path, 400), FileLock::holder(file), path);
}

void remove_file(const std::string& path) {
  std::error_code ignored;  // what matters is that the next look finds nothing; a file that stays stops the run visibly
  fs::remove(path, ignored);
}

}  // namespace

struct RunDirectory::State {
  State(std::string run_path, RunServices run_services, FileLock run_lock)
      : path(std::move(run_path)), services(std::move(run_services)), lock(std::move(run_lock)) {
    if (!services.random) services.random = system_random;
    started_s = services.clock->monotonic_s();
  }

  // --- secrets
  std::string redacted(std::string_view text) const {
    return services.redactor == nullptr ? std::string(text) : services.redactor->apply(text);
  }
  Result<std::string> redacted_json(std::string_view json) const {
    return services.redactor == nullptr ? Result<std::string>(std::string(json)) : redact_json(json, *services.redactor);
  }
  Result<std::vector<RunOption>> options_of(const RunSetup& setup) const {
    GIMBAL_TRY(const std::string json, redacted_json(setup.options_json));
    return parse_run_options(json, "options");
  }

  // --- time
  double elapsed_s() const {  // whole milliseconds
    return std::round((earlier_s + services.clock->monotonic_s() - started_s) * 1000) / 1000;
  }
  std::string now() const { return format_utc(services.clock->now()); }

  // --- the record
  void take_circumstances(const RunSetup& setup) {  // what may differ from session to session
    record.threads = setup.threads;
    record.versions = setup.versions;
    record.sandbox = setup.sandbox;
    record.machine = machine_info();
  }
  Result<void> write_record() const { return write_atomic(path + "/run.json", run_record_json(record) + "\n"); }

  // --- logs; called with `mutex` held
  Result<void> open_logs() {
    GIMBAL_TRY(make_folders(path + "/artifacts"));
    GIMBAL_TRY(events, AppendFile::open(path + "/events.jsonl"));
    GIMBAL_TRY(metrics, AppendFile::open(path + "/metrics.jsonl"));
    return {};
  }

  Result<void> log_event(EventLevel level, std::string_view type, std::string_view message, std::string_view data) {
    GIMBAL_CHECK(is_event_type(type), type);
    RunEvent event;
    event.seq = next_seq;
    event.at = now();
    event.elapsed_s = elapsed_s();
    event.level = level;
    event.type = std::string(type);
    event.message = redacted(message);
    GIMBAL_TRY(event.data, redacted_json(data));
    GIMBAL_TRY(events->append(event_line(event)));
    ++next_seq;
    return {};
  }

  // `start` and `resume` say which process it is: readers on other machines need the host.
  std::string session_data(bool resumed) const {
    JsonWriter json;
    json.begin_object().field("pid", static_cast<std::int64_t>(getpid())).field("host", host_name());
    if (resumed) json.field("from_step", resumed_step);
    json.end_object();
    return json.take();
  }

  Result<void> log_metric(std::int64_t step, std::span<const MetricValue> values) {
    if (record.last_step && step < *record.last_step) {
      return fail(ErrorCode::kInvalidArgument, "metrics: expected a step of at least {}, the one before, found {}",
                  *record.last_step, step);
    }
    constexpr std::string_view kElapsed = "time/elapsed_s";
    std::vector<MetricValue> all(values.begin(), values.end());
    const auto is_elapsed = [&](const MetricValue& value) { return value.first == kElapsed; };
    if (std::none_of(all.begin(), all.end(), is_elapsed)) all.insert(all.begin(), {kElapsed, elapsed_s()});
    GIMBAL_TRY(const std::string line, metric_line(step, all));
    GIMBAL_TRY(metrics->append(line));
    record.last_step = step;
    return {};
  }

  // --- the background
  void beat() {
    const std::lock_guard guard(mutex);
    if (finished) return;
    if (++beats % kBeatsPerTouch == 0) static_cast<void>(lock->touch());  // the next one comes in 5 s
    if (stop_seen || !exists(path + "/stop")) return;
    stop_seen = true;
    // The stop counts, written down or not.
    static_cast<void>(log_event(EventLevel::kWarning, "stop", "the file `stop` was found", "{}"));
    if (services.stop) services.stop();
  }

  void start_heart() {
    if (!services.background) return;
    heart = std::jthread([this](const std::stop_token& stop) {
      std::mutex own;
      std::unique_lock sleep(own);
      while (!stop.stop_requested()) {
        wake.wait_for(sleep, stop, std::chrono::seconds(1), [] { return false; });
        if (!stop.stop_requested()) beat();
      }
    });
  }
  void stop_heart() {  // called without `mutex`: a beat may be waiting for it
    heart.request_stop();
    if (heart.joinable()) heart.join();
  }

  std::string path;
  RunServices services;
  mutable std::mutex mutex;
  std::optional<FileLock> lock;
  std::optional<AppendFile> events, metrics;
  RunRecord record;
  std::int64_t next_seq = 0;
  std::optional<std::int64_t> resumed_step;
  double earlier_s = 0;  // worked in earlier sessions
  double started_s = 0;  // of this session, on the monotonic clock
  int beats = 0;
  bool stop_seen = false;
  bool finished = false;
  std::condition_variable_any wake;
  std::jthread heart;  // the last member: it ends before anything that it uses does
};

RunDirectory::RunDirectory(std::unique_ptr<State> state) : state_(std::move(state)) {}
RunDirectory::RunDirectory(RunDirectory&&) noexcept = default;
RunDirectory& RunDirectory::operator=(RunDirectory&&) noexcept = default;
RunDirectory::~RunDirectory() = default;

Result<RunDirectory> RunDirectory::create(const RunSetup& setup, const RunServices& services) {
  GIMBAL_CHECK(services.clock != nullptr, "RunServices::clock is required");
  GIMBAL_TRY(std::string path, make_run_folder(setup, *services.clock));
  GIMBAL_TRY(FileLock lock, lock_run(path));
  auto state = std::make_unique<State>(std::move(path), services, std::move(lock));
  RunRecord& record = state->record;
  const auto unix_ms = std::chrono::floor<std::chrono::milliseconds>(services.clock->now().time_since_epoch()).count();
  const std::uint64_t high = state->services.random();
  record.id = make_run_id(unix_ms, high, state->services.random());
  record.component = setup.component;
  record.verb = setup.verb;
  for (const std::string& word : setup.command) record.command.push_back(state->redacted(word));
  record.started_at = state->now();
  GIMBAL_TRY(record.options, state->options_of(setup));
  record.seed = setup.seed;
  for (const RunInput& input : setup.inputs) record.inputs.push_back({input.role, state->redacted(input.path), input.sha256});
  state->take_circumstances(setup);
  GIMBAL_TRY(state->write_record());
  GIMBAL_TRY(state->open_logs());
  const std::string title = setup.verb.empty() ? setup.component : setup.component + " " + setup.verb;
  GIMBAL_TRY(state->log_event(EventLevel::kInfo, "start", title, state->session_data(false)));
  state->start_heart();
  return RunDirectory(std::move(state));
}

Result<RunDirectory> RunDirectory::open_for_resume(const std::string& wanted, const RunSetup& now, const ResumeRules& rules,
                                                   const RunServices& services) {
  GIMBAL_CHECK(services.clock != nullptr, "RunServices::clock is required");
  const std::string path = without_trailing_slash(wanted);
  const std::string file = path + "/run.json";
  if (!exists(file)) {
    return fail(ErrorCode::kNotFound, "{} holds no run to resume: there is no run.json", gimbal::quoted(path, 400));
  }
  GIMBAL_TRY(FileLock lock, lock_run(path));
  auto state = std::make_unique<State>(path, services, std::move(lock));
  RunRecord& record = state->record;
  GIMBAL_TRY(const std::string text, read_file(file));
  GIMBAL_TRY(record, parse_run_record(text, file));
  if (record.component != now.component || record.verb != now.verb) {
    return fail(ErrorCode::kConflict, "{} is a run of `gimbal {} {}`, not of `gimbal {} {}`", gimbal::quoted(path, 400),
                record.component, record.verb, now.component, now.verb);
  }
  GIMBAL_TRY(const std::vector<RunOption> options, state->options_of(now));
  GIMBAL_TRY(record.options, resumed_options(record.options, options, rules.may_change));
  GIMBAL_TRY(const std::string changed, changed_inputs(record.inputs, now.inputs, rules.force));

  const bool rewinds = rules.from == ResumeFrom::kCheckpoints;
  GIMBAL_TRY(const ResumePoint point, rewinds ? rewind_to_checkpoint(path) : repair_logs(path));
  remove_file(path + "/stop");
  state->earlier_s = point.elapsed_s;
  state->resumed_step = point.step;
  GIMBAL_TRY(const std::vector<RunEvent> last_event, read_events(path + "/events.jsonl", 1));
  state->next_seq = last_event.empty() ? 0 : last_event.front().seq + 1;
  GIMBAL_TRY(const Metrics last_metrics, read_last_metrics(path + "/metrics.jsonl"));
  record.last_step = last_metrics.last_step ? last_metrics.last_step : point.step;

  const std::string old_version = fmt::format("{} (commit {})", record.versions.gimbal, record.versions.commit);
  record.status = RunStatus::kRunning;
  record.exit = {};
  record.reason = {};
  record.ended_at = {};
  record.duration_s = {};
  record.resumed.push_back({state->now(), point.step});
  state->take_circumstances(now);
  GIMBAL_TRY(state->write_record());
  GIMBAL_TRY(state->open_logs());
  GIMBAL_TRY(state->log_event(EventLevel::kInfo, "resume",
                              point.step ? fmt::format("from the checkpoint of step {}", *point.step) : "the run goes on",
                              state->session_data(true)));
  for (const std::string& damaged : point.damaged) {
    GIMBAL_TRY(state->log_event(EventLevel::kWarning, "warning", damaged, "{}"));
  }
  if (!changed.empty()) {
    GIMBAL_TRY(state->log_event(EventLevel::kWarning, "warning", "resumed by --force with other inputs: " + changed, "{}"));
  }
  const std::string version = fmt::format("{} (commit {})", record.versions.gimbal, record.versions.commit);
  if (version != old_version) {
    GIMBAL_TRY(state->log_event(EventLevel::kWarning, "warning",
                                fmt::format("gimbal {} goes on with a run of gimbal {}", version, old_version), "{}"));
  }
  state->start_heart();
  return RunDirectory(std::move(state));
}

const std::string& RunDirectory::path() const { return state_->path; }

RunRecord RunDirectory::record() const {
  const std::lock_guard guard(state_->mutex);
  return state_->record;
}

double RunDirectory::elapsed_s() const { return state_->elapsed_s(); }

std::optional<std::int64_t> RunDirectory::resumed_step() const { return state_->resumed_step; }

Result<void> RunDirectory::event(EventLevel level, std::string_view type, std::string_view message, std::string_view data) {
  const std::lock_guard guard(state_->mutex);
  return state_->log_event(level, type, message, data);
}

Result<void> RunDirectory::metric(std::int64_t step, std::span<const MetricValue> values) {
  const std::lock_guard guard(state_->mutex);
  return state_->log_metric(step, values);
}

Result<std::string> RunDirectory::artifact_path(std::string_view name) const {
  GIMBAL_TRY(const fs::path path, path_inside(state_->path + "/artifacts", name));
  GIMBAL_TRY(make_folders(path.parent_path().string()));
  return path.string();
}

bool RunDirectory::has_artifact(std::string_view name) const {
  const Result<fs::path> path = path_inside(state_->path + "/artifacts", name);
  return path && exists(path->string());
}

Result<void> RunDirectory::write_artifact(std::string_view name, std::string_view bytes) {
  GIMBAL_TRY(const std::string path, artifact_path(name));
  return write_atomic(path, is_utf8(bytes) ? state_->redacted(bytes) : std::string(bytes));
}

Result<void> RunDirectory::write_report(std::string_view html) {
  return write_atomic(state_->path + "/report.html", state_->redacted(html));
}

Result<void> RunDirectory::checkpoint(std::int64_t step, const std::function<Result<void>(const std::string& folder)>& save) {
  const std::string artifacts = state_->path + "/artifacts";
  GIMBAL_TRY(const std::string folder, begin_checkpoint(artifacts, step));
  GIMBAL_TRY(save(folder));
  Checkpoint checkpoint;
  checkpoint.step = step;
  GIMBAL_TRY(checkpoint.files, hash_checkpoint(folder));

  // Nothing may be logged between taking the lengths of the logs and the event.
  const std::lock_guard guard(state_->mutex);
  GIMBAL_TRY(state_->events->sync());
  GIMBAL_TRY(state_->metrics->sync());
  std::error_code error;
  checkpoint.events_bytes = fs::file_size(state_->path + "/events.jsonl", error);
  checkpoint.metrics_bytes = fs::file_size(state_->path + "/metrics.jsonl", error);
  if (error) return fail(ErrorCode::kCorrupted, "the run's logs have disappeared: {}", error.message());
  checkpoint.elapsed_s = state_->elapsed_s();
  GIMBAL_TRY(seal_checkpoint(artifacts, checkpoint));
  state_->record.last_step = std::max(step, state_->record.last_step.value_or(step));
  GIMBAL_TRY(
      state_->log_event(EventLevel::kInfo, "checkpoint", fmt::format("step {}", step), fmt::format("{{\"step\":{}}}", step)));
  return state_->write_record();
}

void RunDirectory::set_headline(std::vector<Headline> headline) {
  const std::lock_guard guard(state_->mutex);
  state_->record.headline = std::move(headline);
}

void RunDirectory::set_usage(const RunUsage& usage) {
  const std::lock_guard guard(state_->mutex);
  state_->record.usage = usage;
}

void RunDirectory::set_sandbox(RunSandbox sandbox) {
  const std::lock_guard guard(state_->mutex);
  state_->record.sandbox = std::move(sandbox);
}

Result<void> RunDirectory::add_input(RunInput input) {
  const std::lock_guard guard(state_->mutex);
  input.path = state_->redacted(input.path);
  state_->record.inputs.push_back(std::move(input));
  return state_->write_record();
}

void RunDirectory::beat() { state_->beat(); }

Result<void> RunDirectory::finish(RunStatus status, int exit, std::optional<std::string> reason) {
  state_->stop_heart();
  const std::lock_guard guard(state_->mutex);
  GIMBAL_CHECK(!state_->finished, "a run ends once");
  GIMBAL_CHECK(status != RunStatus::kRunning);
  state_->finished = true;
  RunRecord& record = state_->record;
  record.status = status;
  record.exit = exit;
  if (reason) record.reason = state_->redacted(*reason);
  record.ended_at = state_->now();
  record.duration_s = state_->elapsed_s();
  JsonWriter data;
  data.begin_object().field("status", run_status_name(status)).field("exit", exit).field("reason", record.reason).end_object();
  const EventLevel level = status == RunStatus::kDone     ? EventLevel::kInfo
                           : status == RunStatus::kFailed ? EventLevel::kError
                                                          : EventLevel::kWarning;
  // run.json first: its status must not wait for a log that may not be writable any more.
  const Result<void> written = state_->write_record();
  const Result<void> logged = state_->log_event(level, "end", run_status_name(status), data.text());
  static_cast<void>(state_->events->sync());
  static_cast<void>(state_->metrics->sync());
  remove_file(state_->path + "/stop");
  state_->lock.reset();
  GIMBAL_TRY(written);
  return logged;
}

Result<int> RunDirectory::conclude(Result<int> outcome, std::optional<std::string> reason) {
  if (!outcome) {
    const Error& error = outcome.error();
    const bool interrupted = error.code == ErrorCode::kInterrupted;
    // The error that the body met is worth more than one that appears while it is written down.
    static_cast<void>(event(interrupted ? EventLevel::kWarning : EventLevel::kError, "note", error.text()));
    static_cast<void>(finish(interrupted ? RunStatus::kInterrupted : RunStatus::kFailed, exit_code(error.code),
                             reason ? std::move(reason) : std::string(error_code_name(error.code))));
    return outcome;
  }
  const int exit = *outcome;
  const bool done = exit == 0 || exit == 1 || exit == 5;
  const RunStatus status = done ? RunStatus::kDone : exit == 130 ? RunStatus::kInterrupted : RunStatus::kFailed;
  GIMBAL_TRY(finish(status, exit, std::move(reason)));
  return outcome;
}

Result<void> add_event(const std::string& wanted, const RunServices& services, EventLevel level, std::string_view type,
                       std::string_view message, std::string_view data) {
  GIMBAL_CHECK(services.clock != nullptr, "RunServices::clock is required");
  GIMBAL_CHECK(is_event_type(type), type);
  const std::string path = without_trailing_slash(wanted), file = path + "/events.jsonl";
  if (!exists(path + "/run.json")) {
    return fail(ErrorCode::kNotFound, "{} holds no run: there is no run.json", gimbal::quoted(path, 400));
  }
  GIMBAL_TRY(const FileLock lock, lock_run(path));
  GIMBAL_TRY(const ResumePoint repaired, repair_logs(path));
  GIMBAL_TRY(const std::vector<RunEvent> last, read_events(file, 1));
  RunEvent event{.seq = last.empty() ? 0 : last.front().seq + 1,
                 .at = format_utc(services.clock->now()),
                 .elapsed_s = repaired.elapsed_s,
                 .level = level,
                 .type = std::string(type),
                 .message = std::string(message),
                 .data = std::string(data)};
  if (services.redactor != nullptr) {
    event.message = services.redactor->apply(message);
    GIMBAL_TRY(event.data, redact_json(data, *services.redactor));
  }
  return append_durable(file, event_line(event));
}

}  // namespace gimbal::run
