#include "gimbal/base/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gimbal {
namespace {

TEST(Check, PassesWhenTheConditionHolds) {
  int evaluated = 0;
  GIMBAL_CHECK(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

TEST(Check, ThrowsWithTheConditionThePlaceAndTheMessage) {
  try {
    GIMBAL_CHECK(1 + 1 == 3, "arithmetic is broken");
    FAIL() << "nothing was thrown";
  } catch (const CheckFailure& failure) {
    EXPECT_THAT(failure.what(),
                ::testing::ContainsRegex("check_test.cc:[0-9]+: check failed: 1 \\+ 1 == 3: arithmetic is broken"));
  }
}

TEST(Check, NeedsNoMessage) {
  try {
    GIMBAL_CHECK(false);
    FAIL() << "nothing was thrown";
  } catch (const CheckFailure& failure) {
    EXPECT_THAT(failure.what(), ::testing::EndsWith("check failed: false"));
  }
}

}  // namespace
}  // namespace gimbal
