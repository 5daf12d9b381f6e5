#include <gtest/gtest.h>

#include "gimbal/sandbox/descendants.h"
#include "gimbal/sandbox/python_test_support.h"

namespace gimbal::sandbox {
namespace {

INSTANTIATE_TEST_SUITE_P(Slow, PythonTest, ::testing::Values(Isolation::kForkServer, Isolation::kProcess), isolation_test_name);

TEST_P(PythonTest, TheWholeCorpusEndsAsItMayAndHarmsNothing) {
  const auto cases = escape_corpus();
  ASSERT_TRUE(cases.has_value()) << cases.error().text();
  for (const CorpusCase& one : *cases) {
    const TestResult result = run(one.program, one.stdin_bytes);
    const auto problem = corpus_failure(one, result);
    EXPECT_FALSE(problem.has_value()) << *problem;
    // Limits and a second; a loaded machine gets two more.
    EXPECT_LT(result.wall_ms, static_cast<double>(flags_.limits.wall_ms) + 3000) << one.name;
    EXPECT_EQ(output("import os\nprint(6*7, os.listdir('.'))"), "42 []\n") << "after " << one.name;
  }
  EXPECT_EQ(pool_->stats().restarts, 0);
}

// 5000 tests replace the server once; memory of this process may grow by what allocators keep.
TEST_P(PythonTest, TenThousandExecutionsLeaveMemoryFlat) {
  if (GetParam() == Isolation::kProcess) return;
  const std::vector<TestInput> tests(2000, TestInput{"t", "1\n"});
  ASSERT_TRUE(pool_->run("print(input())", tests, flags_, {}).has_value());
  const std::int64_t before = resident_bytes(getpid());
  for (int i = 0; i < 4; ++i) {
    const auto results = pool_->run("print(input())", tests, flags_, {});
    ASSERT_TRUE(results.has_value()) << results.error().text();
    for (const TestResult& result : *results) ASSERT_EQ(result.out.bytes, "1\n");
  }
  EXPECT_LT(resident_bytes(getpid()) - before, 2 << 20);
  EXPECT_EQ(pool_->stats().restarts, 1);
}

}  // namespace
}  // namespace gimbal::sandbox
