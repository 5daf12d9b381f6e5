#include "gimbal/cli/policy_flags.h"

#include <gtest/gtest.h>

namespace gimbal::cli {
namespace {

TEST(PercentText, NeverRoundsToCertainty) {
  EXPECT_EQ(percent_text(0.8123), "81.2 %");
  EXPECT_EQ(percent_text(1), "100.0 %");
  EXPECT_EQ(percent_text(0.99999), "> 99.9 %");
  EXPECT_EQ(percent_text(0.9994), "99.9 %");
  EXPECT_EQ(percent_text(0), "0.0 %");
  EXPECT_EQ(percent_text(0.0001), "< 0.1 %");
  EXPECT_EQ(percent_text(0.0006), "0.1 %");
}

TEST(SeText, IsZeroOnlyWhereTheErrorIs) {
  EXPECT_EQ(se_text(0.0123, 3), "0.012");
  EXPECT_EQ(se_text(0.000042, 3), "4e-05");
  EXPECT_EQ(se_text(0.0004, 3), "0.0004");
  EXPECT_EQ(se_text(0, 3), "0.000");
}

TEST(Limits, NameEachArmOnce) {
  FrontierOptions options;
  options.floors = {"a=0.1", "b=0.2", "a=0.3"};
  const auto request = frontier_request(options, "m.json", 0);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().text(), "--floor: arm \"a\" is given twice");
  options.floors = {"a=0.1", "b=0.2"};
  EXPECT_TRUE(frontier_request(options, "m.json", 0));
}

TEST(Fallback, NoneIsNoRule) {
  EXPECT_EQ(parse_fallback("none").value_or("?"), "");
  EXPECT_EQ(parse_fallback("max-z").value_or("?"), "max-z");
  EXPECT_EQ(parse_fallback("maxz").error().where, "--fallback");
}

}  // namespace
}  // namespace gimbal::cli
