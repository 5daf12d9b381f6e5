// What tests of Python execution share: a pool under the strongest policy of this machine, and one program run in it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gimbal/sandbox/capabilities.h"
#include "gimbal/sandbox/corpus.h"
#include "gimbal/sandbox/python_pool.h"

namespace gimbal::sandbox {

// The strongest policy of this machine (GIMBAL_SANDBOX_DISABLE counts). Empty where it has no sandbox or no Python; the reason
// is in `problem`.
inline std::optional<PoolOptions> pool_options(Isolation isolation, std::string& problem) {
  static const Result<Confinement> confinement = [] {
    const Result<Capabilities> found = probe();
    return found ? resolve_policy(PolicyKind::kAuto, *found) : Result<Confinement>(tl::unexpected<Error>(found.error()));
  }();
  // Without a mount namespace the interpreter must lie where every user may read, not in a home folder of root's.
  static const Result<PythonInterpreter> python =
      confinement && confinement->layers.has(Layer::kMountns) ? find_python() : find_python("", "/usr/bin:/usr/local/bin:/bin");
  if (!python) problem = python.error().message;
  if (!confinement) problem = confinement.error().text();
  if (!problem.empty()) return std::nullopt;
  PoolOptions options;
  options.workers = 1;
  options.python = *python;
  options.isolation = isolation;
  options.confinement = *confinement;
  return options;
}

// A pool that tests of one suite share: a start costs a tenth of a second.
class PythonTest : public ::testing::TestWithParam<Isolation> {
 protected:
  void SetUp() override {
    std::string problem;
    const std::optional<PoolOptions> options = pool_options(GetParam(), problem);
    if (!options) GTEST_SKIP() << "skipped: needs the full sandbox and CPython 3.8: " << problem;
    auto pool = PythonPool::start(*options);
    ASSERT_TRUE(pool.has_value()) << pool.error().text();
    pool_.emplace(std::move(*pool));
    flags_.limits = corpus_limits();
  }

  TestResult run(const std::string& program, const std::string& input = "") {
    const TestInput test{"0", input};
    auto results = pool_->run(program, std::span(&test, 1), flags_, {});
    EXPECT_TRUE(results.has_value()) << results.error().text();
    if (!results || results->size() != 1) return {};
    return results->front();
  }
  std::string output(const std::string& program, const std::string& input = "") { return run(program, input).out.bytes; }
  Status status(const std::string& program) { return run(program).status; }

  std::optional<PythonPool> pool_;
  RunFlags flags_;
};

inline std::string isolation_test_name(const ::testing::TestParamInfo<Isolation>& info) {
  return info.param == Isolation::kForkServer ? "ForkServer" : "Process";
}

}  // namespace gimbal::sandbox
