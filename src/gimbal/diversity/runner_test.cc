#include "gimbal/diversity/runner.h"

#include <gmock/gmock.h>

#include "gimbal/base/file.h"
#include "gimbal/diversity/runner_test_support.h"

namespace gimbal::diversity {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> statuses(const PromptResult& result) {
  std::vector<std::string> out;
  for (const Record& r : result.set.records) out.emplace_back(sandbox::status_name(r.status));
  return out;
}

Task echo_task() { return {.id = "p", .tests = {{.id = "0", .input = "1\n", .expected = "1"}, {.id = "1", .input = "2\n"}}}; }

TEST_F(RunnerTest, JudgesEveryEndOutOfBand) {
  const Task task = echo_task();
  PromptJob job = job_of(task, {"print(input())", "print('Timeout')", "print(", "1/0", "import nosuchpackage",
                                "x = int(input()); print(1 // (2 - x))", "print(input() + ' ')"});
  job.programs.push_back({.status = Status::kNotText, .mode = ExtractMode::kRaw, .code = ""});
  const auto results = run({job}, defaults());
  ASSERT_EQ(results.size(), 1u);
  EXPECT_THAT(statuses(results[0]),
              ElementsAre("ok", "ok", "syntax_error", "runtime_error", "missing_module", "runtime_error", "ok", "not_text"));
  std::vector<int> classes;
  for (const Record& r : results[0].set.records) classes.push_back(r.cls);
  EXPECT_THAT(classes, ElementsAre(0, 1, -1, -1, -1, -1, 0, -1));
  const Record& late = results[0].set.records[5];
  EXPECT_EQ(late.failed_test, "1");
  EXPECT_EQ(late.tests.ok, 1);
  EXPECT_EQ(results[0].set.records[0].correct, true);
  RunTotals totals;
  totals.add(results[0].set);
  EXPECT_EQ(totals.missing_modules["nosuchpackage"], 1);
  EXPECT_EQ(totals.classes, 2);
}

TEST_F(RunnerTest, RunsEqualProgramsOnceAlsoAcrossGroups) {
  const Task task = echo_task();
  PromptJob first = job_of(task, {"print(input())", "print(3)", "print(input())"});
  PromptJob second = job_of(task, {"print(3)"});
  second.group = {{"model", "\"b\""}};
  const auto results = run({first, second}, defaults());
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(counts_.programs_run, 2);
  EXPECT_EQ(counts_.copied, 2);
  EXPECT_EQ(results[0].set.records[2].duplicate_of, 0);
  EXPECT_EQ(results[0].set.records[2].cls, 0);
  EXPECT_FALSE(results[1].set.records[0].duplicate_of.has_value());
  EXPECT_EQ(results[1].set.records[0].behaviour, results[0].set.records[1].behaviour);
  EXPECT_EQ(pool_->stats().executions, 4);
}

TEST_F(RunnerTest, CachedOutcomesStartNoProcess) {
  const TemporaryFolder folder = TemporaryFolder::create().value();
  const OutcomeCache cache = OutcomeCache::open((folder.path() / "cache").string()).value();
  const Task task = echo_task();
  RunnerOptions options = defaults();
  options.cache = &cache;
  const std::vector<PromptJob> jobs = {
      job_of(task, {"print(input())", "print(", "import sys; sys.stdout.buffer.write(b'\\xff\\0')"})};
  const auto before = run(jobs, options);
  const std::int64_t executions = pool_->stats().executions;
  const auto after = run(jobs, options);
  EXPECT_EQ(counts_.cache_hits, 3);
  EXPECT_EQ(pool_->stats().executions, executions);
  ASSERT_EQ(after.size(), 1u);
  for (std::size_t g = 0; g < 3; ++g)
    EXPECT_EQ(record_json(after[0].set.records[g]), record_json(before[0].set.records[g])) << g;
  EXPECT_EQ(after[0].outcomes[2].tests[0].output, std::string("\xff\0", 2));
  options.flags.limits.cpu_ms = 5000;  // another limit is another outcome
  run(jobs, options);
  EXPECT_EQ(counts_.cache_hits, 0);
}

TEST_F(RunnerTest, FunctionsGetWhatTheExtractorMakesOfTheInput) {
  Task task{.id = "p", .entry = Entry::kFunction, .tests = {{.id = "0", .input = "3 4\n"}}};
  task.extract_arguments = "def extract_arguments(fh):\n    a, b = fh.read().split()\n    return int(a), int(b)";
  const auto results = run({job_of(task, {"def f(a: int, b: Optional[int]):\n    print(a + b)",
                                          "from __future__ import annotations\ndef f(a: Nothing, b):\n    print(a + b)",
                                          "def g(a, b): print(a)", "import sys\nsys.stdin.read()\ndef f(a, b): print(7)"})},
                           defaults());
  ASSERT_EQ(results.size(), 1u);
  EXPECT_THAT(statuses(results[0]), ElementsAre("ok", "ok", "missing_entry", "runtime_error"));
  EXPECT_EQ(results[0].set.records[0].cls, results[0].set.records[1].cls);
  EXPECT_THAT(results[0].set.records[2].message.value_or(""), HasSubstr("the program defines no function f"));
  task.extract_arguments.reset();
  task.tests[0].input = "[1, 2]";  // a list is one argument
  const auto one = run({job_of(task, {"def f(x): print(len(x))"})}, defaults());
  EXPECT_EQ(one[0].outcomes[0].tests[0].output, "2\n");
}

TEST_F(RunnerTest, AssertionsAreVerdictsAndProbesShowBehaviour) {
  Task task{.id = "p", .entry = Entry::kAsserts, .function = "g"};
  task.tests = {{.id = "check", .input = "assert g(2) > 0", .assertion = true}, {.id = "probe.0", .input = "g(2)"}};
  const auto results = run({job_of(task, {"def g(x): return 1", "def g(x): return 2", "def g(x): return -1",
                                          "def h(x): return 1", "input()\ndef g(x): return 1"})},
                           defaults());
  ASSERT_EQ(results.size(), 1u);
  EXPECT_THAT(statuses(results[0]), ElementsAre("ok", "ok", "runtime_error", "missing_entry", "runtime_error"));
  EXPECT_EQ(results[0].set.partition().sizes.size(), 2u);
  EXPECT_EQ(results[0].set.records[0].correct, true);
  EXPECT_EQ(results[0].set.records[2].correct, false);
}

TEST_F(RunnerTest, ArgumentsNameTheInputFile) {
  const Task task{.id = "p", .entry = Entry::kArgs, .tests = {{.id = "0", .input = "a\nb\n"}}};
  const auto results =
      run({job_of(task, {"from __future__ import annotations\nimport sys\nprint(len(open(sys.argv[1]).read()))"})}, defaults());
  EXPECT_EQ(results[0].outcomes[0].tests[0].output, "4\n");
}

TEST_F(RunnerTest, RepeatsFindNondeterminism) {
  const Task task{.id = "p", .tests = {{.id = "0", .input = ""}}};
  RunnerOptions options = defaults();
  options.repeat = 3;
  const auto results =
      run({job_of(task, {"import os; print(os.urandom(8).hex())", "import random; print(random.random())"})}, options);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(results[0].set.records[0].nondeterministic);
  EXPECT_FALSE(results[0].set.records[1].nondeterministic);  // `random` is seeded before every test
}

TEST_F(RunnerTest, AStopEndsTheRunWithoutAHalfPrompt) {
  const Task task{.id = "p", .tests = {{.id = "0", .input = ""}}};
  std::stop_source stop;
  stop.request_stop();
  RunnerOptions options = defaults();
  options.stop = stop.get_token();
  EXPECT_TRUE(run({job_of(task, {"print(1)"})}, options).empty());
  EXPECT_TRUE(counts_.stopped);
}

TEST_F(VariantsTest, EqualTheIndependentRunner) { expect_variants({"HumanEval/51"}); }

}  // namespace
}  // namespace gimbal::diversity
