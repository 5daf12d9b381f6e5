#include <algorithm>

#include "gimbal/diversity/runner_test_support.h"

namespace gimbal::diversity {
namespace {

TEST_F(VariantsTest, AllProblemsEqualTheIndependentRunnerWithOneWorker) { expect_variants(0, 6); }

TEST_F(VariantsTest, AllProblemsEqualTheIndependentRunnerWithEightWorkers) {
  start(8);
  if (!pool_) return;
  expect_variants(0, 6);
}

}  // namespace
}  // namespace gimbal::diversity
