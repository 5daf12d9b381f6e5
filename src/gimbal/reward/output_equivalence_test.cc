#include "gimbal/reward/output_equivalence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gimbal::reward {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

bool same(std::string_view rules, std::string_view a, std::string_view b) {
  const auto equivalence = OutputEquivalence::parse(rules);
  EXPECT_TRUE(equivalence) << equivalence.error().text();
  return equivalence->equal(a, b);
}

TEST(OutputEquivalence, EachRuleForgivesOneThing) {
  EXPECT_FALSE(same("exact", "a\n", "a"));
  EXPECT_TRUE(same("", " a b\n", "a b")) << "trim is the default";
  EXPECT_FALSE(same("trim", "a  b", "a b"));
  EXPECT_TRUE(same("ws", "a \n b", "a b"));
  EXPECT_FALSE(same("ws", " a", "a")) << "a blank stays a blank";
  EXPECT_TRUE(same("lines", "a  \nb\n\n", "a\nb"));
  EXPECT_FALSE(same("lines", " a", "a"));
  EXPECT_TRUE(same("tokens", "  a\nb ", "a b"));
  EXPECT_TRUE(same("case", "Yes", "YES"));
  EXPECT_TRUE(same("json", "{\"b\": 1, \"a\": [1, 2]}", "{\"a\":[1,2],\"b\":1}"));
  EXPECT_FALSE(same("json", "{", "["));
  EXPECT_TRUE(same("float:2", "x 1.004", "x 0.999999"));
  EXPECT_TRUE(same("float:2", "-0.001", "0"));
  EXPECT_TRUE(same("num:1e-6", "area 1.0000001", "area 1"));
  EXPECT_FALSE(same("num:1e-6", "area 1.00001", "area 1"));
  EXPECT_FALSE(same("num:1e-6", "1 2", "1"));
  EXPECT_TRUE(same("trim,case", " A\n", "a"));
}

TEST(OutputEquivalence, TrimKeepsFiveThousandCodePoints) {
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "\u00e9";
  EXPECT_TRUE(same("trim", many + "x", many + "y"));
  many.resize(many.size() - 2);
  EXPECT_FALSE(same("trim", many + "x", many + "y"));
  const std::string bad(4999, '\xff');
  EXPECT_FALSE(same("trim", bad + "x", bad + "y")) << "each bad byte counts as one";
  EXPECT_TRUE(same("trim", bad + "\xff" + "x", bad + "\xff" + "y"));
}

TEST(OutputEquivalence, ClassesAreNumberedByTheirFirstMembers) {
  const std::vector<std::string> outputs = {"1", "2", " 1", "1.05", "1.1"};
  const auto exact = OutputEquivalence::parse("trim");
  EXPECT_THAT(exact->classes(outputs), ElementsAre(0, 1, 0, 2, 3));
  EXPECT_FALSE(exact->order_dependent());
  // 1.1 is near 1.05 but not near 1, the first member of its class.
  const auto near = OutputEquivalence::parse("trim,num:0.06");
  EXPECT_THAT(near->classes(outputs), ElementsAre(0, 1, 0, 0, 2));
  EXPECT_TRUE(near->order_dependent());
}

TEST(OutputEquivalence, NamesWhatItDoesNotKnow) {
  EXPECT_THAT(OutputEquivalence::parse("trm").error().text(), HasSubstr("did you mean \"trim\""));
  EXPECT_THAT(OutputEquivalence::parse("num:x").error().text(), HasSubstr("expected num:EPS"));
  EXPECT_THAT(OutputEquivalence::parse("float:99").error().text(), HasSubstr("expected float:D"));
  EXPECT_FALSE(OutputEquivalence::parse("trim,,ws"));
  EXPECT_FALSE(OutputEquivalence::parse("trim:5"));
}

}  // namespace
}  // namespace gimbal::reward
