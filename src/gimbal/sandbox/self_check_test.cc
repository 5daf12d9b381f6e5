#include "gimbal/sandbox/self_check.h"

#include <gmock/gmock.h>

#include <set>

#include "gimbal/sandbox/python_test_support.h"

namespace gimbal::sandbox {
namespace {

TEST(ComparePrograms, AreSixtyWithOneStatusEach) {
  const auto programs = compare_programs();
  ASSERT_TRUE(programs.has_value()) << programs.error().text();
  EXPECT_EQ(programs->size(), 60u);
  std::set<std::string> names;
  for (const CorpusCase& one : *programs) {
    EXPECT_EQ(one.expect.size(), 1u) << one.name;
    names.insert(one.name);
  }
  EXPECT_EQ(names.size(), 60u);
}

TEST(ComparePrograms, EndTheSameUnderBothIsolationsAndAsTheyShould) {
  std::string problem;
  std::optional<PoolOptions> options = pool_options(Isolation::kForkServer, problem);
  if (!options) GTEST_SKIP() << "skipped: needs the full sandbox and CPython 3.8: " << problem;
  options->workers = 2;
  const auto programs = compare_programs();
  ASSERT_TRUE(programs.has_value());
  std::vector<std::vector<TestResult>> ends;
  for (const Isolation isolation : {Isolation::kForkServer, Isolation::kProcess}) {
    options->isolation = isolation;
    auto pool = PythonPool::start(*options);
    ASSERT_TRUE(pool.has_value());
    auto found = run_programs(*pool, *programs, corpus_limits(), {});
    ASSERT_TRUE(found.has_value()) << found.error().text();
    ends.push_back(std::move(*found));
  }
  for (std::size_t i = 0; i < programs->size(); ++i) {
    EXPECT_EQ(corpus_failure((*programs)[i], ends[0][i]), std::nullopt);
    EXPECT_EQ(difference(ends[0][i], ends[1][i]), std::nullopt) << (*programs)[i].name;
  }
}

TEST(Difference, NamesWhatDiffersAndLeavesTimesOut) {
  TestResult a;
  a.status = Status::kOk;
  a.exit_code = 0;
  a.out.bytes = "1\n";
  TestResult b = a;
  b.cpu_ms = 5;
  EXPECT_EQ(difference(a, b), std::nullopt);
  b.out.bytes = "2\n";
  EXPECT_EQ(difference(a, b), "stdout: \"1\\n\" and \"2\\n\"");
  b.exit_code = 1;
  EXPECT_EQ(difference(a, b), "exit code: 0 and 1");
  b.status = Status::kRuntimeError;
  EXPECT_EQ(difference(a, b), "status: \"ok\" and \"runtime_error\"");
}

}  // namespace
}  // namespace gimbal::sandbox
