#include "gimbal/sandbox/self_check.h"

#include <algorithm>
#include <future>
#include <memory>
#include <utility>

namespace gimbal::sandbox {
namespace {

constexpr std::int64_t kPatientWallMs = 60'000;

Result<std::vector<TestResult>> run_under(Isolation isolation, PoolOptions& options, const std::vector<CorpusCase>& programs,
                                          const StopToken& stop) {
  options.isolation = isolation;
  GIMBAL_TRY(PythonPool pool, PythonPool::start(options));
  return run_programs(pool, programs, corpus_limits(), stop);
}

}  // namespace

Result<std::vector<TestResult>> run_programs(PythonPool& pool, const std::vector<CorpusCase>& programs, const Limits& limits,
                                             const StopToken& stop) {
  using Results = Result<std::vector<TestResult>>;
  RunFlags flags;
  flags.limits = limits;
  std::vector<std::future<Results>> futures;
  for (const CorpusCase& one : programs) {
    // A busy machine is no defect: only programs that may end by time meet the clock, the others their own limits.
    const bool by_time = std::find(one.expect.begin(), one.expect.end(), Status::kTimeoutWall) != one.expect.end();
    flags.limits.wall_ms = by_time ? limits.wall_ms : std::max(limits.wall_ms, kPatientWallMs);
    auto promise = std::make_shared<std::promise<Results>>();
    futures.push_back(promise->get_future());
    pool.submit(one.program, {{one.name, one.stdin_bytes}}, flags, stop,
                [promise](Results results) { promise->set_value(std::move(results)); });
  }
  std::vector<TestResult> found;
  std::optional<Error> first;
  for (std::future<Results>& future : futures) {  // all of them, also behind an error: nothing stays in flight
    Results results = future.get();
    if (!results && !first) first = std::move(results).error();
    if (results && !first) found.push_back(std::move(results->at(0)));
  }
  if (first) return fail(std::move(*first));
  if (stop.stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted");
  return found;
}

Result<CheckReport> check_corpus(PoolOptions options, const StopToken& stop) {
  GIMBAL_TRY(const std::vector<CorpusCase> cases, escape_corpus());
  CheckReport report;
  report.cases = static_cast<int>(cases.size());
  for (const Isolation isolation : {Isolation::kForkServer, Isolation::kProcess}) {
    GIMBAL_TRY(const std::vector<TestResult> found, run_under(isolation, options, cases, stop));
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const std::optional<std::string> problem = corpus_failure(cases[i], found[i]);
      if (!problem) continue;
      report.failed.push_back(fmt::format("{} ({})", cases[i].name, isolation_name(isolation)));
      report.notes.push_back(fmt::format("{} ({})", *problem, isolation_name(isolation)));
    }
  }
  return report;
}

Result<CheckReport> compare_isolations(PoolOptions options, const std::vector<CorpusCase>& programs, const StopToken& stop) {
  GIMBAL_TRY(const std::vector<TestResult> server, run_under(Isolation::kForkServer, options, programs, stop));
  GIMBAL_TRY(const std::vector<TestResult> fresh, run_under(Isolation::kProcess, options, programs, stop));
  CheckReport report;
  report.cases = static_cast<int>(programs.size());
  for (std::size_t i = 0; i < programs.size(); ++i) {
    const std::optional<std::string> problem = difference(server[i], fresh[i]);
    if (!problem) continue;
    report.failed.push_back(programs[i].name);
    report.notes.push_back(fmt::format("{}: fork-server and process differ in {}", programs[i].name, *problem));
  }
  return report;
}

}  // namespace gimbal::sandbox
