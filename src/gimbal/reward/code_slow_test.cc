// All of MBPP (reference data): every reference passes, every empty solution fails.
#include <gtest/gtest.h>

#include "gimbal/reward/code.h"
#include "support/test_data.h"

namespace gimbal::reward {
namespace {

TEST(CodeReference, MbppPassesWithItsReferencesAndFailsWithEmptySolutions) {
  GIMBAL_TEST_DATA(file, "reward/mbpp-1-900.jsonl.gz");
  auto environment = default_code_environment();
  if (!environment) GTEST_SKIP() << "skipped: " << environment.error().message;
  environment->equivalence = *OutputEquivalence::parse("trim");
  auto runner = CodeRunner::start(*environment);
  ASSERT_TRUE(runner) << runner.error().text();
  const auto tasks = read_code_tasks(file);
  ASSERT_TRUE(tasks) << tasks.error().text();
  const auto found = check_tasks(*runner, *tasks, {});
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->tasks, 900U);
  EXPECT_EQ(found->reference_pass, 900U);
  EXPECT_EQ(found->empty_fail, 900U);
  EXPECT_EQ(found->split + found->in_process, 900U);
  EXPECT_LE(found->in_process, 10U);  // objects as arguments and changes in place are rare there
  for (const TaskProblem& bad : found->bad) ADD_FAILURE() << bad.id << ": " << bad.problem;
}

}  // namespace
}  // namespace gimbal::reward
