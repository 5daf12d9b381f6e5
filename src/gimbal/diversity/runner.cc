#include "gimbal/diversity/runner.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <future>
#include <memory>
#include <unordered_map>

#include "gimbal/base/hash.h"
#include "gimbal/base/python_lexer.h"
#include "gimbal/base/text.h"
#include "gimbal/diversity/entry.h"

namespace gimbal::diversity {
namespace {

// Programs in flight for each worker: enough that none waits for the one whose result is due next.
constexpr std::size_t kAhead = 8;
// What the study's harness stored as the output of a program that it had stopped.
constexpr std::string_view kSentinel = "Timeout";

using Flight = std::shared_future<Result<Outcome>>;

bool has_token(std::string_view program) {
  const PythonTokens tokens = lex_python(program);
  return std::ranges::any_of(tokens.tokens, [](const PythonToken& token) {
    return token.kind != PythonTokenKind::kNewline && token.kind != PythonTokenKind::kIndent &&
           token.kind != PythonTokenKind::kDedent;
  });
}

// As files keep times, so that sums are the same from them.
double microseconds(double ms) { return std::round(ms * 1000) / 1000; }

Outcome outcome_of(std::vector<sandbox::TestResult> results, bool parity) {
  Outcome outcome;
  for (sandbox::TestResult& result : results) {
    TestOutcome test;
    test.status = unwrapped_status(result.status, result.message);
    if (parity && test.status == Status::kRuntimeError && result.err.bytes.find("SyntaxError") != std::string::npos)
      test.status = Status::kSyntaxError;
    if (parity && test.status == Status::kOk && trim(result.out.bytes) == kSentinel) test.status = Status::kRuntimeError;
    test.output = std::move(result.out.bytes);
    test.message = std::move(result.message);
    test.cpu_ms = microseconds(result.cpu_ms);
    test.wall_ms = microseconds(result.wall_ms);
    outcome.tests.push_back(std::move(test));
  }
  summarize(outcome);
  // A program that does not compile has no tests and takes no time, it only has a status.
  const bool compiled =
      std::ranges::any_of(outcome.tests, [](const TestOutcome& test) { return test.status != Status::kSyntaxError; });
  if (!compiled && !outcome.tests.empty()) {
    outcome.tests.clear();
    outcome.failed_test.reset();
    outcome.cpu_ms = outcome.wall_ms = 0;
  }
  return outcome;
}

// What one generation waits for.
struct Slot {
  std::optional<std::size_t> same_as;  // an earlier generation of the prompt
  Flight flight;                       // none: there is no program, or same_as
  bool owner = false;                  // of the flight: not copied from an earlier prompt
  bool cached = false;
  std::string key;
  std::string source;
};

struct PromptState {
  const PromptJob* job = nullptr;
  std::vector<Slot> slots;
  std::vector<sandbox::TestInput> inputs;
  std::unordered_map<std::string, std::size_t> first;  // generation by key
  std::vector<Outcome> outcomes;
};

class Run {
 public:
  Run(sandbox::PythonPool& pool, std::span<const PromptJob> jobs, const RunnerOptions& options)
      : pool_(pool), jobs_(jobs), options_(options) {
    for (const PromptJob& job : jobs) ++prompts_of_[job.task];
  }

  Result<RunCounts> all(const std::function<Result<void>(PromptResult&&)>& emit) {
    const std::size_t most = kAhead * static_cast<std::size_t>(pool_.workers());
    while (true) {
      while (in_flight_ < most && next_job_ < jobs_.size()) submit_next();
      if (active_.empty()) return counts_;
      PromptState& front = active_.front();
      if (front.outcomes.size() < front.job->programs.size()) {
        GIMBAL_TRY(const bool went_on, collect(front));
        if (!went_on) break;
        continue;
      }
      GIMBAL_TRY(const bool went_on, repeat(front));
      if (!went_on) break;
      GIMBAL_TRY(emit(finished(front)));
      active_.pop_front();
    }
    counts_.stopped = true;
    end_.request_stop();
    return counts_;
  }

  ~Run() { end_.request_stop(); }

 private:
  Flight launch(const std::string& source, const std::vector<sandbox::TestInput>& inputs) {
    auto promise = std::make_shared<std::promise<Result<Outcome>>>();
    Flight flight = promise->get_future().share();
    pool_.submit(source, inputs, options_.flags, end_.get_token(),
                 [promise, parity = options_.parity](Result<std::vector<sandbox::TestResult>> results) {
                   if (results) {
                     promise->set_value(outcome_of(std::move(*results), parity));
                   } else {
                     promise->set_value(fail(std::move(results).error()));
                   }
                 });
    return flight;
  }

  void submit_next() {
    const PromptJob& job = jobs_[next_job_];
    if (next_program_ == 0) {
      active_.push_back({.job = &job, .slots = {}, .inputs = wrapped_inputs(*job.task), .first = {}, .outcomes = {}});
    }
    PromptState& state = active_.back();
    if (next_program_ < job.programs.size()) {
      state.slots.push_back(prepare(state, job.programs[next_program_], next_program_));
      ++next_program_;
    }
    if (next_program_ < job.programs.size()) return;
    next_program_ = 0;
    ++next_job_;
  }

  Slot prepare(PromptState& state, const ProgramText& program, std::size_t g) {
    Slot slot;
    if (program.status != Status::kOk) return slot;
    slot.source = wrapped_program(*state.job->task, program.code);
    slot.key = outcome_key(slot.source, state.inputs, options_.flags, options_.salt);
    const auto [at, fresh] = state.first.try_emplace(slot.key, g);
    if (!fresh) {
      slot.same_as = at->second;
      ++counts_.copied;
      return slot;
    }
    if (const auto known = known_.find(slot.key); known != known_.end()) {
      slot.flight = known->second;
      ++counts_.copied;
      return slot;
    }
    if (options_.cache) {
      if (auto hit = options_.cache->find(slot.key)) {
        std::promise<Result<Outcome>> promise;
        promise.set_value(std::move(*hit));
        slot.flight = promise.get_future().share();
        slot.cached = true;
        ++counts_.cache_hits;
      }
    }
    if (!slot.cached) {
      slot.flight = launch(slot.source, state.inputs);
      slot.owner = true;
      ++in_flight_;
      ++counts_.programs_run;
    }
    // Other groups may hold the same program for the same task.
    if (prompts_of_[state.job->task] > 1) known_.emplace(slot.key, slot.flight);
    return slot;
  }

  // Waits for the next outcome of the prompt. False: a stop.
  Result<bool> collect(PromptState& state) {
    const std::size_t g = state.outcomes.size();
    Slot& slot = state.slots[g];
    const ProgramText& program = state.job->programs[g];
    Outcome outcome;
    if (slot.same_as) {
      outcome = state.outcomes[*slot.same_as];
    } else if (slot.flight.valid()) {
      Result<Outcome> result = slot.flight.get();
      if (slot.owner) --in_flight_;
      if (!result) return fail(std::move(result).error());
      outcome = std::move(*result);
    } else {
      outcome.status = program.status;
    }
    if (outcome.status == Status::kCancelled) return false;
    outcome.has_token = program.status == Status::kOk && has_token(program.code);
    if (options_.done_one) options_.done_one(outcome.status);
    state.outcomes.push_back(std::move(outcome));
    return true;
  }

  // Runs what ended ok again, as often as asked for.
  Result<bool> repeat(PromptState& state) {
    std::vector<std::pair<std::size_t, Flight>> again;
    for (std::size_t g = 0; g < state.slots.size(); ++g) {
      if (!state.slots[g].owner || state.outcomes[g].status != Status::kOk) continue;
      for (int r = 1; r < options_.repeat; ++r) again.emplace_back(g, launch(state.slots[g].source, state.inputs));
    }
    for (const auto& [g, flight] : again) {
      const Result<Outcome>& result = flight.get();
      if (!result) return fail(Error(result.error()));
      if (result->status == Status::kCancelled) return false;
      const Task& task = *state.job->task;
      if (behaviour_key(*result, task, options_.equivalence) != behaviour_key(state.outcomes[g], task, options_.equivalence))
        state.outcomes[g].nondeterministic = true;
    }
    for (std::size_t g = 0; g < state.slots.size(); ++g) {
      const Slot& slot = state.slots[g];
      if (slot.same_as) state.outcomes[g].nondeterministic = state.outcomes[*slot.same_as].nondeterministic;
      if (slot.owner && options_.cache) GIMBAL_TRY(options_.cache->put(slot.key, state.outcomes[g]));
    }
    return true;
  }

  PromptResult finished(PromptState& state) const {
    const PromptJob& job = *state.job;
    PromptResult result{.task = job.task, .set = {.prompt_id = job.prompt_id, .group = job.group}, .outcomes = {}};
    for (std::size_t g = 0; g < job.programs.size(); ++g) {
      Record record;
      record.prompt_id = job.prompt_id;
      record.gen_id = static_cast<int>(g);
      record.group = job.group;
      record.program = job.programs[g].code;
      record.program_sha256 = sha256_hex(record.program);
      if (state.slots[g].same_as) record.duplicate_of = static_cast<int>(*state.slots[g].same_as);
      result.set.records.push_back(std::move(record));
    }
    apply_rules(result.set, state.outcomes, *job.task, options_.validity, options_.equivalence);
    for (std::size_t g = 0; g < job.programs.size(); ++g)
      result.outcomes.push_back(state.slots[g].same_as ? Outcome() : std::move(state.outcomes[g]));
    return result;
  }

  sandbox::PythonPool& pool_;
  std::span<const PromptJob> jobs_;
  const RunnerOptions& options_;
  std::stop_source end_;
  std::stop_callback<std::function<void()>> from_caller_{options_.stop, [this] { end_.request_stop(); }};
  std::deque<PromptState> active_;
  std::unordered_map<const Task*, int> prompts_of_;
  std::unordered_map<std::string, Flight> known_;
  std::size_t next_job_ = 0, next_program_ = 0, in_flight_ = 0;
  RunCounts counts_;
};

// "No module named 'numpy.linalg'" -> "numpy".
std::string missing_module(const std::string& message) {
  const std::size_t begin = message.find('\'');
  if (begin == std::string::npos) return "(unknown)";
  const std::size_t end = message.find_first_of(".'", begin + 1);
  return message.substr(begin + 1, end == std::string::npos ? end : end - begin - 1);
}

}  // namespace

void apply_rules(RecordSet& set, std::span<const Outcome> outcomes, const Task& task, const ValidityRule& validity,
                 const reward::OutputEquivalence& equivalence) {
  BehaviourClasses classes(task, equivalence);
  set.order_dependent = equivalence.order_dependent();
  for (std::size_t g = 0; g < set.records.size(); ++g) {
    Record& record = set.records[g];
    const Outcome& outcome = outcomes[g];
    record.status = outcome.status;
    record.message = outcome.message;
    record.failed_test.reset();
    if (outcome.failed_test) record.failed_test = task.tests[*outcome.failed_test].id;
    record.has_token = outcome.has_token;
    record.nondeterministic = outcome.nondeterministic;
    record.cpu_ms = outcome.cpu_ms;
    record.wall_ms = outcome.wall_ms;
    record.tests = count_tests(outcome, task, equivalence);
    record.correct = is_correct(record.tests, task);
    const std::string key = behaviour_key(outcome, task, equivalence);
    record.behaviour = sha256_hex(key);
    record.valid = validity.accepts(outcome.status, record.tests, outcome.has_token);
    record.cls = record.valid ? classes.add(outcome, key) : -1;
  }
}

Result<RunCounts> run_prompts(sandbox::PythonPool& pool, std::span<const PromptJob> jobs, const RunnerOptions& options,
                              const std::function<Result<void>(PromptResult&&)>& emit) {
  return Run(pool, jobs, options).all(emit);
}

void RunTotals::add(const RecordSet& set) {
  ++prompts;
  std::int64_t here = 0;
  int last_class = -1;
  for (const Record& record : set.records) {
    ++generations;
    here += record.valid ? 1 : 0;
    last_class = std::max(last_class, record.cls);
    duplicates += record.duplicate_of ? 1 : 0;
    nondeterministic += record.nondeterministic ? 1 : 0;
    ++statuses[std::string(sandbox::status_name(record.status))];
    if (record.status == Status::kMissingModule) ++missing_modules[missing_module(record.message.value_or(""))];
    if (!record.duplicate_of) cpu_s += record.cpu_ms / 1000;
  }
  valid += here;
  classes += last_class + 1;
  auto at = std::ranges::find(groups, set.group, &GroupMeans::group);
  if (at == groups.end()) at = groups.insert(groups.end(), {.group = set.group});
  if (set.records.empty()) return;
  const auto k = static_cast<double>(set.records.size());
  ++at->prompts;
  at->validity += static_cast<double>(here) / k;
  at->div_fixed += static_cast<double>(last_class + 1) / k;
}

}  // namespace gimbal::diversity
