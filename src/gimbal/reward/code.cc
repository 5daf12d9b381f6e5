#include "gimbal/reward/code.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/text.h"
#include "gimbal/reward/code_extract.h"
#include "gimbal/sandbox/capabilities.h"

namespace gimbal::reward {
namespace {

constexpr const char* kCacheFile = "code_modes.txt";

// Calls body(i) for i in [0, n) on as many threads as the runner has workers; stops at the first error.
Result<void> on_workers(std::size_t n, int workers, const std::function<Result<void>(std::size_t)>& body) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::optional<Error> first;
  const auto work = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < n;) {
      auto done = body(i);
      if (done) continue;
      const std::lock_guard lock(mutex);
      if (!first) first = std::move(done).error();
      next = n;
    }
  };
  {
    std::vector<std::jthread> others;
    for (int i = 1; i < workers && static_cast<std::size_t>(i) < n; ++i) others.emplace_back(work);
    work();
  }
  if (first) return fail(std::move(*first));
  return {};
}

std::string_view run_name(ReferenceRun run) {
  switch (run) {
    case ReferenceRun::kSplit:
      return "split";
    case ReferenceRun::kInProcess:
      return "in_process";
    case ReferenceRun::kFails:
      return "fails";
    case ReferenceRun::kMissing:
      return "missing";
  }
  return "missing";
}

// Decisions by task, in memory and in a file that is only appended to: several processes may share it. A line is
// "KEY WORD\n"; what cannot be read is decided anew.
class ModeCache {
 public:
  ModeCache(const std::string& folder, const std::string& version) : version_(version) {
    if (folder.empty() || !make_folders(folder)) return;
    path_ = folder + "/" + kCacheFile;
    const auto text = read_file(path_);
    if (!text) return;
    for (const std::string_view line : split(*text, '\n')) {
      const std::size_t blank = line.find(' ');
      if (blank == std::string_view::npos) continue;
      for (const ReferenceRun run : {ReferenceRun::kSplit, ReferenceRun::kInProcess}) {
        if (line.substr(blank + 1) == run_name(run)) known_.insert_or_assign(std::string(line.substr(0, blank)), run);
      }
    }
  }
  std::string key_of(const CodeTask& task) const { return sha256_hex(version_ + task.hash()); }
  std::optional<ReferenceRun> find(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
  }
  // Failures are not written: a time limit may have struck.
  void put(const std::string& key, ReferenceRun run) {
    const std::lock_guard lock(mutex_);
    known_.insert_or_assign(key, run);
    if (run == ReferenceRun::kSplit || run == ReferenceRun::kInProcess)
      unwritten_ += fmt::format("{} {}\n", key, run_name(run));
  }
  // A cache that cannot be written costs time, no result.
  void flush() {
    const std::lock_guard lock(mutex_);
    if (path_.empty() || unwritten_.empty()) return;
    if (auto file = AppendFile::open(path_)) (void)file->append(unwritten_);
    unwritten_.clear();
  }

 private:
  const std::string version_;
  std::string path_;
  mutable std::mutex mutex_;
  std::map<std::string, ReferenceRun> known_;
  std::string unwritten_;
};

std::string feedback_text(const TestedProgram& tested, std::string_view reason) {
  std::string text = fmt::format("{} of {} tests passed: {}", tested.passed, tested.total, reason);
  if (!tested.failed) return text;
  if (!tested.test.empty()) text += "\nfailing test: " + tested.test;
  if (!tested.got.empty()) text += "\ngot: " + tested.got;
  if (!tested.expected.empty()) text += "\nexpected: " + tested.expected;
  if (!tested.message.empty()) text += "\nmessage: " + tested.message;
  return text;
}

class CodeVerifier final : public Verifier {
 public:
  CodeVerifier(CodeOptions options, CodeRunner runner, std::vector<std::string> layers,
               std::map<std::string, CodeTask, std::less<>> tasks)
      : options_(std::move(options)),
        runner_(std::move(runner)),
        layers_(std::move(layers)),
        tasks_(std::move(tasks)),
        cache_(options_.cache_folder, runner_.version()) {}

  std::string_view name() const override { return "code"; }
  Result<void> check(const Item& item) const override {
    GIMBAL_TRY(task_of(item));
    return {};
  }
  Result<std::vector<Score>> score(std::span<const Item> items, StopToken stop) override;
  std::optional<ExecutionFacts> execution_facts() const override {
    ExecutionFacts facts;
    facts.layers = layers_;
    const std::lock_guard lock(mutex_);
    for (const auto& [key, mode] : met_) ++(mode == ExecutionMode::kSplit ? facts.split_tasks : facts.in_process_tasks);
    for (const auto& [id, task] : tasks_) {
      if (!used_.contains(id)) facts.unused.push_back(id);
    }
    return facts;
  }

 private:
  // Of the tasks file, or made from the record.
  Result<std::shared_ptr<const CodeTask>> task_of(const Item& item) const;
  Result<Score> score_one(const Item& item, const CodeTask& task, ExecutionMode mode, const StopToken& stop);

  const CodeOptions options_;
  CodeRunner runner_;
  const std::vector<std::string> layers_;
  const std::map<std::string, CodeTask, std::less<>> tasks_;
  ModeCache cache_;
  mutable std::mutex mutex_;
  std::map<std::string, ExecutionMode> met_;
  std::set<std::string, std::less<>> used_;
};

Result<std::shared_ptr<const CodeTask>> CodeVerifier::task_of(const Item& item) const {
  if (options_.tasks_file.empty()) {
    static const Json kNothing = Json::object();
    GIMBAL_TRY(CodeTask task, parse_code_task(item.record == nullptr ? kNothing : *item.record, options_.task));
    return std::make_shared<const CodeTask>(std::move(task));
  }
  std::string id(item.id);
  for (const char* field : {"task_id", "id"}) {
    if (item.record == nullptr) break;
    const auto found = item.record->find(field);
    if (found == item.record->end() || found->is_null()) continue;
    id = found->is_string() ? found->get<std::string>() : to_text(*found);
    break;
  }
  const auto found = tasks_.find(id);
  if (found != tasks_.end()) return std::shared_ptr<const CodeTask>(std::shared_ptr<void>(), &found->second);
  std::vector<std::string> known;
  for (const auto& [name, task] : tasks_) known.push_back(name);
  return fail(ErrorCode::kInvalidArgument, "{} has no task {}{}", options_.tasks_file, gimbal::quoted(id),
              did_you_mean(id, known));
}

Result<Score> CodeVerifier::score_one(const Item& item, const CodeTask& task, ExecutionMode mode, const StopToken& stop) {
  const RealClock clock;
  const double before = clock.monotonic_s();
  auto tested = std::make_shared<TestedProgram>();
  tested->total = task.test_count;
  tested->in_process = mode == ExecutionMode::kInProcess;
  const std::optional<std::string> program =
      item.bare ? std::optional(std::string(item.completion)) : program_of(task, item.completion);
  Score score;
  if (!program) {
    score = verdict(false, trim(item.completion).empty() ? Reason::kNoAnswer : Reason::kNoCode);
    tested->status = reason_name(score.reason);
  } else {
    const bool all = options_.partial;
    GIMBAL_TRY(CodeOutcome outcome, runner_.run(task, *program, mode, all, stop));
    score = verdict(outcome.all_passed(), outcome.reason, *program);
    // The candidate's process is ended from outside when it does not end by itself after the verdict.
    tested->status =
        sandbox::status_name(outcome.status == sandbox::Status::kCancelled ? sandbox::Status::kOk : outcome.status);
    tested->passed = outcome.passed;
    if (options_.partial && outcome.total > 0) {
      score.value = static_cast<double>(outcome.passed) / static_cast<double>(outcome.total);
    }
    if (outcome.failure) {
      tested->failed = true;
      tested->index = outcome.failure->index;
      tested->test = std::move(outcome.failure->test);
      tested->got = std::move(outcome.failure->got);
      tested->expected = std::move(outcome.failure->expected);
      tested->message = std::move(outcome.failure->message);
    }
  }
  if (options_.feedback) score.feedback = feedback_text(*tested, reason_name(score.reason));
  score.program = std::move(tested);
  score.time_ms = (clock.monotonic_s() - before) * 1000;
  return score;
}

Result<std::vector<Score>> CodeVerifier::score(std::span<const Item> items, StopToken stop) {
  std::vector<std::shared_ptr<const CodeTask>> tasks;
  std::vector<std::string> keys;
  std::map<std::string, const CodeTask*> distinct;
  for (const Item& item : items) {
    GIMBAL_TRY(std::shared_ptr<const CodeTask> task, task_of(item));
    keys.push_back(cache_.key_of(*task));
    distinct.emplace(keys.back(), task.get());
    tasks.push_back(std::move(task));
  }
  std::vector<std::pair<std::string, const CodeTask*>> undecided;
  for (const auto& [key, task] : distinct) {
    if (!cache_.find(key)) undecided.emplace_back(key, task);
  }
  const auto decided = on_workers(undecided.size(), runner_.workers(), [&](std::size_t i) -> Result<void> {
    GIMBAL_TRY(const ReferenceRun run, run_reference(runner_, *undecided[i].second, stop));
    cache_.put(undecided[i].first, run);
    return {};
  });
  cache_.flush();
  if (!decided) return fail(decided.error());
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < items.size(); ++i) {
      met_.insert_or_assign(keys[i], mode_of(cache_.find(keys[i]).value_or(ReferenceRun::kMissing)));
      used_.insert(tasks[i]->id);
    }
  }
  std::vector<Score> scores(items.size());
  GIMBAL_TRY(on_workers(items.size(), runner_.workers(), [&](std::size_t i) -> Result<void> {
    const ExecutionMode mode = mode_of(cache_.find(keys[i]).value_or(ReferenceRun::kMissing));
    GIMBAL_TRY(scores[i], score_one(items[i], *tasks[i], mode, stop));
    return {};
  }));
  return scores;
}

}  // namespace

Result<CodeRunnerOptions> default_code_environment() {
  CodeRunnerOptions options;
  GIMBAL_TRY(const sandbox::Capabilities machine, sandbox::probe());
  GIMBAL_TRY(options.confinement, sandbox::resolve_policy(sandbox::PolicyKind::kAuto, machine));
  GIMBAL_TRY(options.python, sandbox::find_python());
  return options;
}

std::optional<std::string> program_of(const CodeTask& task, std::string_view answer) {
  if (!task.prompt.empty() && !task.entry.empty()) return complete_program(task.prompt, task.entry, answer);
  return extract_code(answer);
}

ExecutionMode mode_of(ReferenceRun run) {
  return run == ReferenceRun::kInProcess ? ExecutionMode::kInProcess : ExecutionMode::kSplit;
}

Result<ReferenceRun> run_reference(CodeRunner& runner, const CodeTask& task, const StopToken& stop) {
  if (task.reference.empty()) return ReferenceRun::kMissing;
  GIMBAL_TRY(const CodeOutcome split, runner.run(task, task.reference, ExecutionMode::kSplit, false, stop));
  if (split.all_passed()) return ReferenceRun::kSplit;
  if (task.form == TaskForm::kStdio) return ReferenceRun::kFails;
  GIMBAL_TRY(const CodeOutcome whole, runner.run(task, task.reference, ExecutionMode::kInProcess, false, stop));
  return whole.all_passed() ? ReferenceRun::kInProcess : ReferenceRun::kFails;
}

std::string empty_solution(const CodeTask& task) {
  if (task.form == TaskForm::kStdio) return "";
  if (!task.prompt.empty()) return task.prompt + "\n    pass\n";
  std::string out;
  for (const std::string_view line : split(task.reference, '\n')) {
    if (!line.starts_with("def ")) continue;
    const std::string_view rest = line.substr(4);
    const std::string_view name = trim(rest.substr(0, std::min(rest.find('('), rest.size())));
    if (!name.empty()) out += fmt::format("def {}(*arguments, **keywords):\n    pass\n", name);
  }
  return out;
}

Result<TaskCheck> check_tasks(CodeRunner& runner, const std::map<std::string, CodeTask>& tasks, const StopToken& stop,
                              const std::function<void()>& done_one) {
  struct Found {
    ReferenceRun reference = ReferenceRun::kMissing;
    bool empty_passes = false;
  };
  std::vector<const CodeTask*> list;
  for (const auto& [id, task] : tasks) list.push_back(&task);
  std::vector<Found> found(list.size());
  GIMBAL_TRY(on_workers(list.size(), runner.workers(), [&](std::size_t i) -> Result<void> {
    GIMBAL_TRY(found[i].reference, run_reference(runner, *list[i], stop));
    GIMBAL_TRY(const CodeOutcome empty,
               runner.run(*list[i], empty_solution(*list[i]), mode_of(found[i].reference), false, stop));
    found[i].empty_passes = empty.all_passed();
    if (done_one) done_one();
    return {};
  }));
  TaskCheck out;
  out.tasks = list.size();
  for (std::size_t i = 0; i < list.size(); ++i) {
    const bool passes = found[i].reference == ReferenceRun::kSplit || found[i].reference == ReferenceRun::kInProcess;
    out.reference_pass += passes ? 1 : 0;
    out.split += found[i].reference == ReferenceRun::kSplit ? 1 : 0;
    out.in_process += found[i].reference == ReferenceRun::kInProcess ? 1 : 0;
    out.empty_fail += found[i].empty_passes ? 0 : 1;
    if (found[i].reference == ReferenceRun::kMissing) out.bad.push_back({list[i]->id, "there is no reference solution"});
    if (found[i].reference == ReferenceRun::kFails) out.bad.push_back({list[i]->id, "the reference solution fails"});
    if (found[i].empty_passes) out.bad.push_back({list[i]->id, "an empty solution passes"});
  }
  return out;
}

Result<std::unique_ptr<Verifier>> make_code_verifier(const CodeOptions& options) {
  GIMBAL_TRY(OutputEquivalence equivalence, OutputEquivalence::parse(options.equiv));
  std::map<std::string, CodeTask, std::less<>> tasks;
  if (!options.tasks_file.empty()) {
    GIMBAL_TRY(auto read, read_code_tasks(options.tasks_file, options.task));
    for (auto& [id, task] : read) tasks.emplace(id, std::move(task));
  }
  GIMBAL_TRY(CodeRunnerOptions runner, options.environment ? options.environment() : default_code_environment());
  runner.workers = options.workers;
  runner.equivalence = std::move(equivalence);
  std::vector<std::string> layers = runner.confinement.layers.names();
  GIMBAL_TRY(CodeRunner started, CodeRunner::start(std::move(runner)));
  return std::unique_ptr<Verifier>(
      std::make_unique<CodeVerifier>(options, std::move(started), std::move(layers), std::move(tasks)));
}

}  // namespace gimbal::reward
