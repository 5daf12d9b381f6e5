#include "gimbal/reward/code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gimbal/base/file.h"
#include "gimbal/reward/verifiers.h"

namespace gimbal::reward {
namespace {

using ::testing::HasSubstr;

const char* const kTasks =
    R"json({"task_id":"twice","prompt":"def twice(x):\n","entry_point":"twice","canonical_solution":"    return 2 * x\n","test":"def check(candidate):\n    assert candidate(2) == 4\n"}
{"task_id":"order","code":"def order(a):\n    a.sort()\n","test_list":["a = [2, 1]\norder(a)\nassert a == [1, 2]","assert order([]) is None"]}
{"task_id":"sum","inputs":["1 2","3 4"],"outputs":["3","7"],"code":"print(sum(map(int, input().split())))"}
)json";

class CodeVerifierTest : public ::testing::Test {
 protected:
  CodeVerifierTest() : folder_(*TemporaryFolder::create()) {}
  void SetUp() override {
    if (const auto machine = default_code_environment(); !machine) GTEST_SKIP() << "skipped: " << machine.error().message;
    EXPECT_TRUE(write_atomic(path("tasks.jsonl"), kTasks));
    options_.code.tasks_file = path("tasks.jsonl");
    options_.code.workers = 2;
    // Without a mount namespace an interpreter in root's own folder cannot be made visible.
    Item item;
    item.id = "twice";
    const auto tried = make()->score(std::span(&item, 1), {});
    if (!tried && tried.error().text().find("may not enter it") != std::string::npos)
      GTEST_SKIP() << "skipped: " << tried.error().message;
  }
  std::string path(const char* name) const { return (folder_.path() / name).string(); }
  std::unique_ptr<Verifier> make(const char* expression = "code") {
    auto made = make_verifier(expression, options_);
    EXPECT_TRUE(made) << made.error().text();
    return made ? std::move(*made) : nullptr;
  }
  static Score score(Verifier& verifier, const char* id, const char* completion) {
    Item item;
    item.id = id;
    item.completion = completion;
    const auto scores = verifier.score(std::span(&item, 1), {});
    EXPECT_TRUE(scores) << scores.error().text();
    return scores ? scores->front() : Score{};
  }
  TemporaryFolder folder_;
  VerifierOptions options_;
};

TEST_F(CodeVerifierTest, TakesTheProgramOutOfTheAnswerAndSaysWhatFailed) {
  const auto verifier = make();
  EXPECT_TRUE(score(*verifier, "twice", "Here:\n```python\ndef twice(x):\n    return x + x\n```\n").passed);
  EXPECT_TRUE(score(*verifier, "twice", "    return x + x\n").passed);
  EXPECT_TRUE(score(*verifier, "sum", "```\na, b = input().split()\nprint(int(a) + int(b))\n```").passed);
  EXPECT_EQ(score(*verifier, "sum", "I do not know").reason, Reason::kNoCode);
  EXPECT_EQ(score(*verifier, "sum", "").reason, Reason::kNoAnswer);
  const Score wrong = score(*verifier, "twice", "    return x\n");
  EXPECT_EQ(wrong.reason, Reason::kDifferent);
  EXPECT_EQ(wrong.feedback, "");
  ASSERT_TRUE(wrong.program);
  EXPECT_EQ(wrong.program->got, "2");
  EXPECT_EQ(wrong.program->expected, "4");
}

TEST_F(CodeVerifierTest, RunsInOneProcessWhatOnlyThereItsReferencePassesAndKeepsTheDecision) {
  options_.code.cache_folder = path("cache");
  for (int run = 0; run < 2; ++run) {
    const auto verifier = make();
    EXPECT_TRUE(score(*verifier, "order", "```python\ndef order(a): a.sort()\n```").passed);
    EXPECT_FALSE(score(*verifier, "twice", "import os\nos._exit(0)").passed);
    const auto facts = verifier->execution_facts();
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->split_tasks, 1u);
    EXPECT_EQ(facts->in_process_tasks, 1u);
    EXPECT_EQ(facts->unused, std::vector<std::string>{"sum"});
    const auto kept = read_file(path("cache/code_modes.txt"));
    ASSERT_TRUE(kept);
    EXPECT_EQ(std::ranges::count(*kept, '\n'), 2);
  }
}

TEST_F(CodeVerifierTest, GivesTheShareOfTestsAndQuotesTheFailureWhenAsked) {
  options_.code.partial = options_.code.feedback = true;
  const auto verifier = make();
  const Score half = score(*verifier, "sum", "import sys\nprint(3)");
  EXPECT_EQ(half.value, 0.5);
  EXPECT_FALSE(half.passed);
  EXPECT_THAT(half.feedback, HasSubstr("1 of 2 tests passed: different"));
  EXPECT_THAT(half.feedback, HasSubstr("expected: 7"));
}

TEST_F(CodeVerifierTest, IsAPartOfCombinations) {
  const auto verifier = make("0.5*code + 0.5*regex:return");
  EXPECT_EQ(score(*verifier, "twice", "    return x\n").value, 0.5);
  EXPECT_TRUE(score(*verifier, "twice", "    return 2 * x\n").passed);
  EXPECT_TRUE(verifier->execution_facts().has_value());
}

TEST_F(CodeVerifierTest, NamesTheNearestTask) {
  const auto verifier = make();
  Item item;
  item.id = "twic";
  const auto checked = verifier->check(item);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(checked.error().message, HasSubstr("has no task \"twic\"; did you mean \"twice\"?"));
}

TEST_F(CodeVerifierTest, ListsTasksThatMeasureNothing) {
  std::string lines = kTasks;
  lines += R"json({"task_id":"a_wrong","code":"def f(): return 1","test_list":["assert f() == 2"]}
{"task_id":"b_free","code":"def f(): return 1","test_list":["f()"]}
{"task_id":"c_none","test_list":["assert f() == 2"]}
)json";
  ASSERT_TRUE(write_atomic(path("bad.jsonl"), lines));
  auto environment = default_code_environment();
  ASSERT_TRUE(environment);
  environment->workers = 2;
  environment->equivalence = *OutputEquivalence::parse("trim");
  auto runner = CodeRunner::start(*environment);
  ASSERT_TRUE(runner) << runner.error().text();
  const auto found = check_tasks(*runner, *read_code_tasks(path("bad.jsonl")), {});
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->tasks, 6u);
  EXPECT_EQ(found->reference_pass, 4u);
  EXPECT_EQ(found->empty_fail, 5u);
  EXPECT_EQ(found->in_process, 1u);
  ASSERT_EQ(found->bad.size(), 3u);
  EXPECT_EQ(found->bad[0].problem, "the reference solution fails");
  EXPECT_EQ(found->bad[1].problem, "an empty solution passes");
  EXPECT_EQ(found->bad[2].problem, "there is no reference solution");
}

}  // namespace
}  // namespace gimbal::reward
