// Many programs through one pool: jobs in, results in the order of the jobs, with a bounded number of both in memory.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/result.h"
#include "gimbal/sandbox/python_pool.h"

namespace gimbal::sandbox {

struct BatchJob {
  std::string id;
  std::string program;
  std::vector<TestInput> tests;
  RunFlags flags;
};

struct BatchResult {
  std::string id;
  Status status = Status::kOk;  // of the first test that is not ok
  std::vector<TestResult> tests;
};

struct BatchSummary {
  std::int64_t jobs = 0;
  std::int64_t executions = 0;
  std::map<std::string, std::int64_t> statuses;  // of jobs
  double wall_s = 0;
  double cpu_s = 0;                      // of the programs
  double overhead_ms_per_execution = 0;  // elapsed, outside the programs
  std::int64_t restarts = 0;
  double executions_per_s() const { return wall_s > 0 ? static_cast<double>(executions) / wall_s : 0; }
};

// {"id","program","stdin"} or {"id","program","tests":[{"id","stdin"}],"stop_at_failure"}, with "cpu_ms", "wall_ms",
// "memory_bytes", "output_bytes" and "seed" where they differ from `defaults`. Without "stdin" and "tests" the input is empty.
// Errors: parse_error and invalid_argument with the place and the field; both "stdin" and "tests"; a test's id twice.
Result<BatchJob> parse_batch_job(const JsonView& line, const RunFlags& defaults);

// One line of the results: {"id","status","tests":[{"id","status","exit_code","signal","stdout","stderr","cpu_ms","wall_ms",
// "message"}]}. Output that is not UTF-8 stands as "stdout_b64" ("stderr_b64").
std::string batch_result_json(const BatchResult& result);

// Runs jobs until `next` gives nullopt; `emit` gets every result, in job order, on the calling thread. A stop ends the jobs in
// flight as cancelled and takes no further ones. Errors: those of `next`, `emit` and the pool; nothing is emitted behind one.
Result<BatchSummary> run_batch(PythonPool& pool, const std::function<Result<std::optional<BatchJob>>()>& next,
                               const std::function<Result<void>(const BatchResult&)>& emit, const StopToken& stop);

}  // namespace gimbal::sandbox
