#include "gimbal/sandbox/batch.h"

#include <chrono>
#include <cmath>
#include <deque>
#include <future>
#include <set>
#include <utility>

#include "gimbal/base/hash.h"
#include "gimbal/base/text.h"

namespace gimbal::sandbox {
namespace {

// Jobs in flight for each worker: enough that none waits for the one whose result is due next.
constexpr std::size_t kJobsAhead = 8;

Result<void> read_limits(const JsonView& line, Limits& limits) {
  GIMBAL_TRY(limits.cpu_ms, line.integer_or("cpu_ms", limits.cpu_ms));
  GIMBAL_TRY(limits.wall_ms, line.integer_or("wall_ms", limits.wall_ms));
  GIMBAL_TRY(limits.memory_bytes, line.integer_or("memory_bytes", limits.memory_bytes));
  GIMBAL_TRY(limits.output_bytes, line.integer_or("output_bytes", limits.output_bytes));
  Result<void> checked = check_limits(limits);
  if (checked) return {};
  Error error = std::move(checked).error();
  error.where = line.path() + ": " + error.where;
  return fail(std::move(error));
}

double microseconds(double ms) { return std::round(ms * 1000) / 1000; }

void write_stream(JsonWriter& json, const char* name, const Output& output) {
  if (is_utf8(output.bytes)) {
    json.field(name, output.bytes);
  } else {
    json.field(std::string(name) + "_b64", base64_encode(output.bytes));
  }
}

}  // namespace

Result<BatchJob> parse_batch_job(const JsonView& line, const RunFlags& defaults) {
  GIMBAL_TRY(line.expect_only(
      {"id", "program", "stdin", "tests", "stop_at_failure", "seed", "cpu_ms", "wall_ms", "memory_bytes", "output_bytes"}));
  BatchJob job;
  job.flags = defaults;
  GIMBAL_TRY(job.id, line.string("id"));
  GIMBAL_TRY(job.program, line.string("program"));
  GIMBAL_TRY(job.flags.stop_at_failure, line.boolean_or("stop_at_failure", defaults.stop_at_failure));
  if (line.has("seed")) {
    GIMBAL_TRY(job.flags.seed, line.integer("seed"));
  }
  GIMBAL_TRY(read_limits(line, job.flags.limits));
  const std::optional<JsonView> tests = line.find("tests");
  if (!tests) {
    GIMBAL_TRY(std::string input, line.string_or("stdin", ""));
    job.tests.push_back({"0", std::move(input)});
    return job;
  }
  if (line.has("stdin")) return fail_at(line.path(), ErrorCode::kParseError, "both \"stdin\" and \"tests\"; give one of them");
  GIMBAL_TRY(const std::vector<JsonView> items, tests->items());
  std::set<std::string> seen;
  for (const JsonView& item : items) {
    GIMBAL_TRY(item.expect_only({"id", "stdin"}));
    TestInput test;
    GIMBAL_TRY(test.id, item.string("id"));
    GIMBAL_TRY(test.stdin_bytes, item.string_or("stdin", ""));
    if (!seen.insert(test.id).second) {
      return fail_at(item.path(), ErrorCode::kParseError, "a second test with the id {}", gimbal::quoted(test.id));
    }
    job.tests.push_back(std::move(test));
  }
  return job;
}

std::string batch_result_json(const BatchResult& result) {
  JsonWriter json;
  json.begin_object().field("id", result.id).field("status", status_name(result.status)).key("tests").begin_array();
  for (const TestResult& test : result.tests) {
    json.begin_object().field("id", test.id).field("status", status_name(test.status));
    json.field("exit_code", test.exit_code).field("signal", test.signal);
    write_stream(json, "stdout", test.out);
    write_stream(json, "stderr", test.err);
    json.field("cpu_ms", microseconds(test.cpu_ms))
        .field("wall_ms", microseconds(test.wall_ms))
        .field("message", test.message)
        .end_object();
  }
  json.end_array().end_object();
  return json.take();
}

Result<BatchSummary> run_batch(PythonPool& pool, const std::function<Result<std::optional<BatchJob>>()>& next,
                               const std::function<Result<void>(const BatchResult&)>& emit, const StopToken& caller_stop) {
  using Results = Result<std::vector<TestResult>>;
  struct Flying {
    std::string id;
    std::future<Results> results;
  };
  // Ends what is in flight when the caller stops, and when an error takes us out of here.
  std::stop_source stop;
  const std::stop_callback from_caller(caller_stop, [&] { stop.request_stop(); });
  std::deque<Flying> flying;
  struct EndAll {
    std::stop_source& stop;
    ~EndAll() { stop.request_stop(); }
  } const end_all{stop};

  BatchSummary summary;
  const PoolStats before = pool.stats();
  const auto begin = std::chrono::steady_clock::now();
  const std::size_t most = kJobsAhead * static_cast<std::size_t>(pool.workers());
  bool more = true;
  while (more || !flying.empty()) {
    while (more && flying.size() < most) {
      std::optional<BatchJob> job;
      if (!stop.stop_requested()) {
        GIMBAL_TRY(job, next());
      }
      more = job.has_value();
      if (!more) break;
      auto promise = std::make_shared<std::promise<Results>>();
      flying.push_back({job->id, promise->get_future()});
      pool.submit(std::move(job->program), std::move(job->tests), std::move(job->flags), stop.get_token(),
                  [promise](Results results) { promise->set_value(std::move(results)); });
    }
    if (flying.empty()) break;
    Flying first = std::move(flying.front());
    flying.pop_front();
    BatchResult result;
    result.id = std::move(first.id);
    GIMBAL_TRY(result.tests, first.results.get());
    for (const TestResult& test : result.tests) {
      if (result.status == Status::kOk) result.status = test.status;
      summary.cpu_s += test.cpu_ms / 1000;
    }
    ++summary.jobs;
    ++summary.statuses[std::string(status_name(result.status))];
    GIMBAL_TRY(emit(result));
  }
  summary.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const PoolStats after = pool.stats();
  summary.executions = after.executions - before.executions;
  summary.restarts = after.restarts - before.restarts;
  if (summary.executions > 0) {
    summary.overhead_ms_per_execution = (after.around_ms - before.around_ms) / static_cast<double>(summary.executions);
  }
  return summary;
}

}  // namespace gimbal::sandbox
