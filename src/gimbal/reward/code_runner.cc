#include "gimbal/reward/code_runner.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>

#include "code_harness_source.h"
#include "gimbal/base/hash.h"
#include "gimbal/sandbox/descriptor.h"
#include "gimbal/sandbox/python_pool.h"

namespace gimbal::reward {
namespace {

using sandbox::Descriptor;
using sandbox::PythonPool;
using sandbox::Status;
using sandbox::TestResult;
using Results = Result<std::vector<TestResult>>;

// The tests' process waits for the candidate's, so its own limit must not be the one that ends both.
constexpr std::int64_t kLongerMs = 5000;
// After the verdict the candidate's process ends by itself when its pipe closes; one that does not is ended.
constexpr std::chrono::milliseconds kGrace{200};

std::string random_token() {
  std::array<char, 16> bytes{};
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t size = getrandom(bytes.data() + have, bytes.size() - have, 0);
    if (size > 0) have += static_cast<std::size_t>(size);
  }
  return hex({bytes.data(), bytes.size()});
}

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail(ErrorCode::kUnavailable, "cannot make a pipe: {}", std::strerror(errno));
  Pipe made;
  made.read_end = Descriptor(ends[0]);
  made.write_end = Descriptor(ends[1]);
  return made;
}

Reason reason_of(Status status) {
  switch (status) {
    case Status::kSyntaxError:
      return Reason::kSyntaxError;
    case Status::kMissingModule:
      return Reason::kMissingModule;
    case Status::kTimeoutCpu:
      return Reason::kTimeoutCpu;
    case Status::kTimeoutWall:
      return Reason::kTimeoutWall;
    case Status::kMemory:
      return Reason::kMemory;
    case Status::kOutputLimit:
      return Reason::kOutputLimit;
    case Status::kProcessLimit:
      return Reason::kProcessLimit;
    case Status::kForbidden:
      return Reason::kForbidden;
    case Status::kKilled:
      return Reason::kKilled;
    case Status::kRuntimeError:
      return Reason::kRuntimeError;
    default:
      return Reason::kEndedEarly;  // exit code 0 without a verdict
  }
}

Reason reason_of_kind(std::string_view kind, Status candidate) {
  if (kind == "different") return Reason::kDifferent;
  if (kind == "runtime_error") return Reason::kRuntimeError;
  if (kind == "not_plain") return Reason::kNotPlain;
  if (kind == "missing_entry") return Reason::kMissingEntry;
  if (kind == "syntax_error") return Reason::kSyntaxError;
  if (kind == "bad_task") return Reason::kBadTask;
  return reason_of(candidate);
}

std::string text_of(const Json& record, const char* name) {
  const auto found = record.find(name);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// What the tests' process is told to do.
std::string test_orders(const CodeTask& task, ExecutionMode mode, bool all, const std::string& token) {
  JsonWriter json;
  json.begin_object().field("token", token).key("given").begin_object();
  json.field("form", task_form_name(task.form)).field("entry", task.entry).field("all", all);
  // The prompt ends inside the tested function; its helpers are what the tests may call. In the candidate's own process they
  // are there already, and the function must not be replaced.
  const bool prompt = task.form == TaskForm::kCheck;
  json.field("preamble", !prompt ? task.setup : mode == ExecutionMode::kSplit ? task.prompt + "\n    pass\n" : "");
  json.field("tests", task.tests).key("inputs").raw(task.inputs).key("outputs").raw(task.outputs);
  json.field("reference", task.form == TaskForm::kInputs ? task.reference : "").field("tolerance", task.tolerance);
  json.end_object().end_object();
  return json.take();
}

std::string candidate_orders(const CodeTask& task, const std::string& program, ExecutionMode mode) {
  JsonWriter json;
  // In one process the setup runs behind the program, as the preamble of the tests: it may use what the program defines.
  const bool before = mode == ExecutionMode::kSplit && !task.setup.empty();
  json.begin_object().field("source", before ? task.setup + "\n" + program : program);
  json.field("in_process", mode == ExecutionMode::kInProcess).end_object();
  return json.take();
}

// The verdict counts only behind the token, from a process that ended well, and when every test of the task is in it.
CodeOutcome read_verdict(const CodeTask& task, const TestResult& tests, Status candidate, const std::string& token) {
  CodeOutcome out;
  out.total = task.test_count;
  out.status = candidate;
  const std::string& said = tests.out.bytes;
  if (tests.status != Status::kOk || !said.starts_with(token)) {
    out.reason = reason_of(candidate == Status::kOk || candidate == Status::kCancelled ? tests.status : candidate);
    return out;
  }
  const auto verdict = parse_json(std::string_view(said).substr(token.size()), "verdict");
  if (!verdict || !verdict->is_object() || !verdict->contains("passed") || !verdict->at("passed").is_number_unsigned()) {
    out.reason = Reason::kEndedEarly;
    return out;
  }
  out.passed = std::min<std::size_t>(verdict->at("passed").get<std::size_t>(), out.total);
  const auto failure = verdict->find("failure");
  if (failure == verdict->end() || !failure->is_object()) {
    out.reason = out.passed == out.total ? Reason::kEqual : Reason::kEndedEarly;
    return out;
  }
  if (out.passed == out.total) out.passed = 0;  // a failure among passed tests only: nothing of it is believed
  out.reason = reason_of_kind(text_of(*failure, "kind"), candidate);
  CodeFailure detail;
  const auto index = failure->find("index");
  if (index != failure->end() && index->is_number_unsigned()) detail.index = index->get<std::size_t>();
  detail.test = text_of(*failure, "test");
  detail.got = text_of(*failure, "got");
  detail.expected = text_of(*failure, "expected");
  detail.message = text_of(*failure, "message");
  out.failure = std::move(detail);
  return out;
}

}  // namespace

sandbox::Limits code_limits() {
  sandbox::Limits limits;
  limits.cpu_ms = 5000;
  limits.wall_ms = 20'000;
  limits.memory_bytes = std::int64_t{2} << 30;
  limits.output_bytes = std::int64_t{1} << 20;
  return limits;
}

struct CodeRunner::State {
  CodeRunnerOptions options;
  std::optional<PythonPool> candidates;
  std::optional<PythonPool> tests;
  // Both halves of a pair take their places in the two queues at once: then the oldest pair always has both its workers.
  std::mutex order;

  Result<CodeOutcome> run_pair(const CodeTask& task, const std::string& program, ExecutionMode mode, bool all,
                               const StopToken& stop);
  Result<CodeOutcome> run_stdio(const CodeTask& task, const std::string& program, bool all, const StopToken& stop);
};

Result<CodeOutcome> CodeRunner::State::run_pair(const CodeTask& task, const std::string& program, ExecutionMode mode, bool all,
                                                const StopToken& stop) {
  GIMBAL_TRY(Pipe requests, make_pipe());
  GIMBAL_TRY(Pipe replies, make_pipe());
  const std::string token = random_token();
  std::promise<Results> candidate_done, tests_done;
  std::future<Results> candidate_end = candidate_done.get_future(), tests_end = tests_done.get_future();
  std::stop_source stop_candidate, stop_tests;
  const std::stop_callback from_caller(stop, [&] {
    stop_candidate.request_stop();
    stop_tests.request_stop();
  });

  sandbox::RunFlags candidate;
  candidate.limits = options.limits;
  candidate.arguments = {"candidate"};
  candidate.descriptors = {requests.read_end.get(), replies.write_end.get()};
  sandbox::RunFlags trusted = candidate;
  trusted.limits.cpu_ms += kLongerMs;
  trusted.limits.wall_ms += kLongerMs;
  trusted.arguments = {mode == ExecutionMode::kSplit ? "tests" : "keeper"};
  trusted.descriptors = {replies.read_end.get(), requests.write_end.get()};
  {
    const std::lock_guard lock(order);
    // Each side's ends close with it, and the other side sees the end of the stream.
    candidates->submit(kCodeHarness, {{"candidate", candidate_orders(task, program, mode)}}, std::move(candidate),
                       stop_candidate.get_token(), [&](Results results) {
                         requests.read_end.reset();
                         replies.write_end.reset();
                         candidate_done.set_value(std::move(results));
                       });
    tests->submit(kCodeHarness, {{"tests", test_orders(task, mode, all, token)}}, std::move(trusted), stop_tests.get_token(),
                  [&](Results results) {
                    replies.read_end.reset();
                    requests.write_end.reset();
                    tests_done.set_value(std::move(results));
                  });
  }
  const Results verdict = tests_end.get();
  if (candidate_end.wait_for(kGrace) != std::future_status::ready) stop_candidate.request_stop();
  const Results ended = candidate_end.get();
  if (stop.stop_requested()) return fail(ErrorCode::kInterrupted, "stopped while a program was being tested");
  if (!verdict) return fail(verdict.error());
  if (!ended) return fail(ended.error());
  return read_verdict(task, verdict->front(), ended->front().status, token);
}

Result<CodeOutcome> CodeRunner::State::run_stdio(const CodeTask& task, const std::string& program, bool all,
                                                 const StopToken& stop) {
  CodeOutcome out;
  out.total = task.test_count;
  out.reason = Reason::kEqual;
  sandbox::RunFlags flags;
  flags.limits = options.limits;
  flags.stop_at_failure = !all;
  std::vector<sandbox::TestInput> inputs;
  for (const std::string& input : task.stdin_) inputs.push_back({std::to_string(inputs.size()), input});
  GIMBAL_TRY(const std::vector<TestResult> results, candidates->run(program, inputs, flags, stop));
  if (stop.stop_requested()) return fail(ErrorCode::kInterrupted, "stopped while a program was being tested");
  for (std::size_t i = 0; i < results.size(); ++i) {
    const TestResult& result = results[i];
    const bool right = result.status == Status::kOk && options.equivalence.equal(result.out.bytes, task.expected[i]);
    if (right) ++out.passed;
    if (right || out.failure) continue;
    out.status = result.status;
    out.reason = result.status == Status::kOk ? Reason::kDifferent : reason_of(result.status);
    constexpr std::size_t kMost = 2000;
    out.failure = CodeFailure{i, task.stdin_[i].substr(0, kMost), result.out.bytes.substr(0, kMost),
                              task.expected[i].substr(0, kMost), result.message.value_or("")};
  }
  return out;
}

CodeRunner::CodeRunner(std::unique_ptr<State> state) : state_(std::move(state)) {}
CodeRunner::CodeRunner(CodeRunner&&) noexcept = default;
CodeRunner& CodeRunner::operator=(CodeRunner&&) noexcept = default;
CodeRunner::~CodeRunner() = default;

Result<CodeRunner> CodeRunner::start(CodeRunnerOptions options) {
  auto state = std::make_unique<State>();
  sandbox::PoolOptions pool;
  pool.workers = options.workers;
  pool.python = options.python;
  pool.confinement = options.confinement;
  pool.ceiling = options.limits;
  GIMBAL_TRY(state->candidates, sandbox::PythonPool::start(pool));
  pool.workers = state->candidates->workers();
  pool.first_worker = pool.workers;
  GIMBAL_TRY(state->tests, sandbox::PythonPool::start(pool));
  state->options = std::move(options);
  return CodeRunner(std::move(state));
}

Result<CodeOutcome> CodeRunner::run(const CodeTask& task, const std::string& program, ExecutionMode mode, bool all,
                                    const StopToken& stop) {
  if (task.form == TaskForm::kStdio) return state_->run_stdio(task, program, all, stop);
  auto outcome = state_->run_pair(task, program, mode, all, stop);
  if (outcome || outcome.error().code != ErrorCode::kSandboxError) return outcome;
  return state_->run_pair(task, program, mode, all, stop);  // a fork server was lost; a fresh one is tried once
}

int CodeRunner::workers() const { return state_->candidates->workers(); }

std::string CodeRunner::version() const { return sha256_hex(std::string(kCodeHarness) + state_->options.python.version); }

}  // namespace gimbal::reward
