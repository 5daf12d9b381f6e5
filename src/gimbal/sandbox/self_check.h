// Trying the sandbox on itself: the escape corpus, and both isolations side by side.
#pragma once

#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"
#include "gimbal/sandbox/corpus.h"
#include "gimbal/sandbox/python_pool.h"

namespace gimbal::sandbox {

// One test of every program through the pool, as many at a time as it has workers. In the order of `programs`. A program that
// is not expected to end by wall time has a minute of it at least. Errors: those of the pool.
Result<std::vector<TestResult>> run_programs(PythonPool& pool, const std::vector<CorpusCase>& programs, const Limits& limits,
                                             const StopToken& stop);

struct CheckReport {
  int cases = 0;                    // programs
  std::vector<std::string> failed;  // names, "sleep (process)", in order
  std::vector<std::string> notes;   // what is wrong about each of them
};

// The escape corpus under both isolations. Some 30 s of CPU time; `options.isolation` is not looked at. Errors: those of the
// pool; interrupted.
Result<CheckReport> check_corpus(PoolOptions options, const StopToken& stop);

// Programs that must print and end the same under both isolations.
Result<CheckReport> compare_isolations(PoolOptions options, const std::vector<CorpusCase>& programs, const StopToken& stop);

}  // namespace gimbal::sandbox
