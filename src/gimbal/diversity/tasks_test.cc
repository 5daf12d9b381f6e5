#include "gimbal/diversity/tasks.h"

#include <gmock/gmock.h>

#include "gimbal/base/file.h"

namespace gimbal::diversity {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<TaskFile> tasks_of(const std::string& text, const TaskOptions& options = {}) {
  const TemporaryFolder folder = TemporaryFolder::create().value();
  const std::string path = (folder.path() / "tasks.jsonl").string();
  EXPECT_TRUE(write_atomic(path, text).has_value());
  return read_tasks(path, options);
}

std::vector<std::string> test_ids(const Task& task) {
  std::vector<std::string> out;
  for (const TaskTest& test : task.tests) out.push_back(test.id);
  return out;
}

TEST(Tasks, OrderTestsByTheBytesOfTheirFileNames) {
  const auto file = tasks_of(R"({"prompt_id":"p","inputs":{"2":"b","10":"a","1":"c"},"outputs":{"10":"x"}})");
  ASSERT_TRUE(file.has_value()) << file.error().text();
  // "input.1.txt" < "input.10.txt" since '.' comes before '0'.
  EXPECT_THAT(test_ids(file->tasks[0]), ElementsAre("1", "10", "2"));
  EXPECT_EQ(file->tasks[0].tests[1].expected, "x");
  EXPECT_FALSE(file->tasks[0].tests[0].expected.has_value());
  EXPECT_EQ(file->tasks[0].entry, Entry::kStdin);
}

TEST(Tasks, ReadTheFormsOfOthers) {
  const auto file = tasks_of(
      R"({"codenet_problem_id":"a","description_string":"d","input_testcases":{"0":"1"},"extract_args_fun":"def extract_arguments(fh): return 1","programs":["x"]})"
      "\n"
      R"({"task_id":"H/1","prompt":"def g(x):\n","entry_point":"g","canonical_solution":"    return x\n","test":"def check(candidate):\n    assert candidate(1) == 1\n"})"
      "\n"
      R"({"task_id":7,"text":"t","code":"def h(): return 1","test_list":["assert set(h()) == 1","assert h() == 2"],"test_setup_code":"import math"})"
      "\n");
  ASSERT_TRUE(file.has_value()) << file.error().text();
  const Task& study = file->tasks[0];
  EXPECT_EQ(study.entry, Entry::kFunction);
  EXPECT_EQ(study.prompt, "d");
  EXPECT_EQ(study.function, "f");
  const Task& check = *file->find("H/1");
  EXPECT_EQ(check.entry, Entry::kAsserts);
  EXPECT_TRUE(check.completes_prompt);
  EXPECT_THAT(check.tests[0].input, HasSubstr("\ncheck(g)\n"));
  EXPECT_THAT(check.solutions, ElementsAre("def g(x):\n    return x\n"));
  const Task& list = *file->find("7");
  EXPECT_THAT(test_ids(list), ElementsAre("0", "1"));
  EXPECT_EQ(list.function, "h");
  EXPECT_EQ(list.setup, "import math");
  EXPECT_EQ(file->find("8"), nullptr);
}

TEST(Tasks, ReportAllBadLinesTogether) {
  const auto file = tasks_of(
      "{\"prompt_id\":\"p\",\"inputs\":{\"0\":\"\"}}\n{\"prompt_id\":\"p\",\"inputs\":{\"0\":\"\"}}\n"
      "{\"prompt_id\":\"q\",\"entry\":\"stdni\"}\n{\"prompt_id\":\"r\",\"outputs\":{\"0\":\"\"}}\n{\"inputs\":{}}\n");
  ASSERT_FALSE(file.has_value());
  const std::string text = file.error().text();
  EXPECT_THAT(text, HasSubstr("tasks.jsonl:2: task \"p\" came in line 1 already"));
  EXPECT_THAT(text, HasSubstr("expected stdin, function, asserts or args, found \"stdni\""));
  EXPECT_THAT(text, HasSubstr("an output for test \"0\", which has no input"));
  EXPECT_THAT(text, HasSubstr("expected a prompt id"));
}

TEST(Tasks, WithoutInputsAreRefusedWithAdvice) {
  const auto file = tasks_of(R"({"prompt_id":"p","tc_gen_fun":"def tc_gen(): return '1'"})");
  ASSERT_TRUE(file.has_value()) << file.error().text();
  const auto checked = check_has_tests(file->tasks[0], "tasks.jsonl");
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().text(),
            "tasks.jsonl:1: task \"p\" has neither inputs nor assertions; `gimbal diversity tests` makes inputs from its "
            "tc_gen_fun");
}

}  // namespace
}  // namespace gimbal::diversity
