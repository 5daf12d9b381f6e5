#include "gimbal/diversity/outcome.h"

#include <gtest/gtest.h>

namespace gimbal::diversity {
namespace {

reward::OutputEquivalence equivalence(std::string_view rules) { return reward::OutputEquivalence::parse(rules).value(); }

Task task_of(std::size_t tests, bool expects = false) {
  Task task{.id = "p"};
  for (std::size_t t = 0; t < tests; ++t) {
    task.tests.push_back({.id = std::to_string(t), .input = ""});
    if (expects) task.tests.back().expected = "1\n";
  }
  return task;
}

Outcome printed(const std::vector<std::string>& outputs) {
  Outcome outcome;
  for (const std::string& output : outputs) outcome.tests.push_back({.status = Status::kOk, .output = output});
  summarize(outcome);
  return outcome;
}

TEST(Outcome, StatusIsThatOfTheFirstFailingTest) {
  Outcome outcome;
  outcome.tests = {{.status = Status::kOk, .cpu_ms = 1},
                   {.status = Status::kTimeoutCpu, .message = "10 s", .cpu_ms = 2},
                   {.status = Status::kMemory}};
  summarize(outcome);
  EXPECT_EQ(outcome.status, Status::kTimeoutCpu);
  EXPECT_EQ(outcome.failed_test, 1u);
  EXPECT_EQ(outcome.message, "10 s");
  EXPECT_EQ(outcome.cpu_ms, 3);
}

TEST(Outcome, ASentinelThatAProgramPrintsIsAnOrdinaryOutput) {
  const Outcome outcome = printed({"Timeout"});
  EXPECT_EQ(outcome.status, Status::kOk);
  EXPECT_TRUE(ValidityRule().accepts(outcome.status, count_tests(outcome, task_of(1), equivalence("trim")), true));
}

TEST(Validity, RulesLookAtOutputsExpectationsAndTokens) {
  const auto rule = [](std::string_view text) { return ValidityRule::parse(text).value(); };
  const Task task = task_of(2, true);
  const auto accepts = [&](std::string_view text, const Outcome& outcome, bool has_token = true) {
    return rule(text).accepts(outcome.status, count_tests(outcome, task, equivalence("trim")), has_token);
  };
  EXPECT_TRUE(accepts("no-error", printed({"", "2"})));
  EXPECT_FALSE(accepts("nonempty-output", printed({" \n", "2"})));
  EXPECT_TRUE(accepts("nonempty-output", printed({"1", "2"})));
  EXPECT_FALSE(accepts("nonempty-program", printed({"1", "1"}), false));
  EXPECT_FALSE(accepts("all-tests-pass", printed({"1", "2"})));
  EXPECT_TRUE(accepts("all-tests-pass", printed({"1 ", "1"})));
  EXPECT_TRUE(accepts("score:0.5", printed({"1", "2"})));
  EXPECT_FALSE(accepts("score:0.6", printed({"1", "2"})));
  EXPECT_FALSE(ValidityRule::parse("score:2").has_value());
  EXPECT_NE(ValidityRule::parse("no-eror").error().message.find("did you mean \"no-error\""), std::string::npos);
}

TEST(Behaviour, NoOutputImitatesTheBorderBetweenTwo) {
  const Task task = task_of(2);
  const auto exact = equivalence("exact");
  EXPECT_NE(behaviour_key(printed({"a", "o1:b"}), task, exact), behaviour_key(printed({"ao1:b", ""}), task, exact));
  EXPECT_EQ(behaviour_key(printed({" a", "b\n"}), task, equivalence("trim")),
            behaviour_key(printed({"a", "b"}), task, equivalence("trim")));
}

TEST(Behaviour, ClassesAreNumberedInOrderOfFirstAppearance) {
  const Task task = task_of(1);
  const auto trim = equivalence("trim");
  BehaviourClasses classes(task, trim);
  std::vector<int> numbers;
  for (const char* output : {"b", "a", "b\n", "c", "a"}) {
    const Outcome outcome = printed({output});
    numbers.push_back(classes.add(outcome, behaviour_key(outcome, task, trim)));
  }
  EXPECT_EQ(numbers, (std::vector<int>{0, 1, 0, 2, 1}));
}

TEST(Behaviour, ToleranceComparesWithTheFirstMemberOnly) {
  const Task task = task_of(1);
  const auto near = equivalence("num:0.1");
  BehaviourClasses classes(task, near);
  std::vector<int> numbers;
  // 1.09 joins 1.0; 1.18 is near 1.09 but not near the first member.
  for (const char* output : {"1.0", "1.09", "1.18"}) {
    const Outcome outcome = printed({output});
    numbers.push_back(classes.add(outcome, behaviour_key(outcome, task, near)));
  }
  EXPECT_EQ(numbers, (std::vector<int>{0, 0, 1}));
}

}  // namespace
}  // namespace gimbal::diversity
