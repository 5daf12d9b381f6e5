#include "gimbal/sandbox/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/sandbox/python_test_support.h"

namespace gimbal::sandbox {
namespace {

using ::testing::HasSubstr;

Result<BatchJob> parse(const std::string& text) {
  GIMBAL_TRY(const JsonView line, JsonView::parse(text, "jobs.jsonl:1"));
  return parse_batch_job(line, RunFlags{});
}

TEST(BatchJob, HasOneInputOrSeveralTests) {
  const auto one = parse(R"json({"id":"a","program":"print(int(input())*2)","stdin":"21\n","cpu_ms":2000,"seed":5})json");
  ASSERT_TRUE(one.has_value()) << one.error().text();
  ASSERT_EQ(one->tests.size(), 1u);
  EXPECT_EQ(one->tests[0].id, "0");
  EXPECT_EQ(one->tests[0].stdin_bytes, "21\n");
  EXPECT_EQ(one->flags.limits.cpu_ms, 2000);
  EXPECT_EQ(one->flags.seed, 5);
  const auto many = parse(R"({"id":"b","program":"x","tests":[{"id":"p","stdin":"1"},{"id":"q"}],"stop_at_failure":true})");
  ASSERT_TRUE(many.has_value()) << many.error().text();
  EXPECT_EQ(many->tests.size(), 2u);
  EXPECT_TRUE(many->flags.stop_at_failure);
  EXPECT_EQ(parse(R"({"id":"c","program":"x"})")->tests[0].stdin_bytes, "");
}

TEST(BatchJob, NamesThePlaceOfWhatIsWrong) {
  EXPECT_THAT(parse(R"({"program":"x"})").error().text(), HasSubstr("jobs.jsonl:1"));
  EXPECT_THAT(parse(R"({"id":"a","program":"x","stdin":"","tests":[]})").error().text(),
              HasSubstr("both \"stdin\" and \"tests\""));
  EXPECT_THAT(parse(R"({"id":"a","program":"x","tests":[{"id":"p"},{"id":"p"}]})").error().text(),
              HasSubstr("a second test with the id"));
  EXPECT_THAT(parse(R"({"id":"a","program":"x","cpu_ms":0})").error().text(),
              HasSubstr("jobs.jsonl:1: cpu_ms: expected a positive"));
  EXPECT_THAT(parse(R"({"id":"a","program":"x","memory_bytes":10})").error().text(), HasSubstr("memory_bytes"));
  EXPECT_THAT(parse(R"({"id":"a","program":"x","timeout":3})").error().text(), HasSubstr("timeout"));
}

TEST(BatchResult, KeepsBytesThatAreNoText) {
  BatchResult result;
  result.id = "a";
  result.tests.emplace_back();
  result.tests[0].id = "0";
  result.tests[0].status = Status::kOk;
  result.tests[0].exit_code = 0;
  result.tests[0].out.bytes = "\xff";
  EXPECT_EQ(batch_result_json(result),
            R"({"id":"a","status":"ok","tests":[{"id":"0","status":"ok","exit_code":0,"signal":null,"stdout_b64":"/w==",)"
            R"("stderr":"","cpu_ms":0,"wall_ms":0,"message":null}]})");
}

TEST(Batch, ResultsComeInTheOrderOfTheJobs) {
  std::string problem;
  std::optional<PoolOptions> options = pool_options(Isolation::kForkServer, problem);
  if (!options) GTEST_SKIP() << "skipped: needs the full sandbox and CPython 3.8: " << problem;
  options->workers = 2;
  auto pool = PythonPool::start(*options);
  ASSERT_TRUE(pool.has_value());
  int made = 0;
  std::string order;
  const auto summary = run_batch(
      *pool,
      [&]() -> Result<std::optional<BatchJob>> {
        if (made == 40) return std::optional<BatchJob>();
        BatchJob job;
        job.id = std::to_string(made);
        job.program = made % 4 == 0 ? "import time\ntime.sleep(.02)\nprint(1)" : made % 4 == 1 ? "1/0" : "print(1)";
        job.tests = {{"0", ""}};
        ++made;
        return std::optional<BatchJob>(std::move(job));
      },
      [&](const BatchResult& result) -> Result<void> {
        order += result.id + (result.status == Status::kOk ? "" : "!") + " ";
        return {};
      },
      {});
  ASSERT_TRUE(summary.has_value()) << summary.error().text();
  std::string expected;
  for (int i = 0; i < 40; ++i) expected += std::to_string(i) + (i % 4 == 1 ? "! " : " ");
  EXPECT_EQ(order, expected);
  EXPECT_EQ(summary->jobs, 40);
  EXPECT_EQ(summary->executions, 40);
  EXPECT_EQ(summary->statuses.at("ok"), 30);
  EXPECT_EQ(summary->statuses.at("runtime_error"), 10);
  EXPECT_GT(summary->overhead_ms_per_execution, 0);
}

TEST(Batch, AnErrorOfTheReceiverEndsIt) {
  std::string problem;
  const std::optional<PoolOptions> options = pool_options(Isolation::kForkServer, problem);
  if (!options) GTEST_SKIP() << "skipped: needs the full sandbox and CPython 3.8: " << problem;
  auto pool = PythonPool::start(*options);
  ASSERT_TRUE(pool.has_value());
  const auto start = std::chrono::steady_clock::now();
  int made = 0;
  const auto summary = run_batch(
      *pool,
      [&]() -> Result<std::optional<BatchJob>> {
        BatchJob job;
        job.program = made++ == 0 ? "pass" : "import time\ntime.sleep(20)";
        job.tests = {{"0", ""}};
        return std::optional<BatchJob>(std::move(job));
      },
      [](const BatchResult&) -> Result<void> { return fail(ErrorCode::kDiskFull, "no room"); }, {});
  ASSERT_FALSE(summary.has_value());
  EXPECT_EQ(summary.error().code, ErrorCode::kDiskFull);
  pool = fail(ErrorCode::kInternal, "ended");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

}  // namespace
}  // namespace gimbal::sandbox
