#include "gimbal/base/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "gimbal/base/check.h"

namespace gimbal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<int> half(int x) {
  if (x % 2 != 0) return fail(ErrorCode::kInvalidArgument, "expected an even number, found {}", x);
  return x / 2;
}

Result<int> quarter(int x) {
  GIMBAL_TRY(const int h, half(x));
  GIMBAL_TRY(half(h));
  return h / 2;
}

TEST(Result, TryBindsTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(7).error().text(), "expected an even number, found 7");
  EXPECT_EQ(quarter(6).error().text(), "expected an even number, found 3");
}

TEST(Result, TryMovesValuesThatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  const auto use = [&]() -> Result<int> {
    GIMBAL_TRY(auto p, make());
    return *p;
  };
  EXPECT_EQ(use().value(), 5);
}

TEST(Error, TextIsTheWhereTheMessageAndOneIndentedLineANote) {
  const Error error =
      Error{ErrorCode::kParseError, "expected a number", {}, ""}.at("votes.csv:3:7").with_note("one").with_note("two\nlines");
  EXPECT_EQ(error.text(), "votes.csv:3:7: expected a number\n  one\n  two\n  lines");
}

TEST(Error, KeepsTheFirstPlace) {
  EXPECT_EQ((Error{ErrorCode::kUsage, "m", {}, ""}.at("inner").at("outer").where), "inner");
  EXPECT_EQ(fail_at("--folds", ErrorCode::kUsage, "expected {}", 2).value().text(), "--folds: expected 2");
}

TEST(ErrorCode, HasTheNamesAndExitCodesOfTheInterface) {
  const std::vector<std::pair<int, std::vector<std::string>>> table = {
      {2,
       {"usage", "invalid_argument", "parse_error", "not_found", "already_exists", "unsupported", "conflict", "corrupted",
        "version"}},
      {3, {"insufficient_data", "infeasible", "not_identified", "exhausted", "does_not_fit"}},
      {4, {"unavailable", "disk_full", "permission"}},
      {5, {"budget", "time_limit", "limit"}},
      {70, {"internal", "sandbox_error"}},
      {130, {"interrupted"}}};
  int next = 0;
  for (const auto& [exit, names] : table) {
    for (const std::string& name : names) {
      const auto code = static_cast<ErrorCode>(next++);
      EXPECT_EQ(error_code_name(code), name);
      EXPECT_EQ(exit_code(code), exit) << name;
    }
  }
  EXPECT_EQ(next, static_cast<int>(ErrorCode::kInterrupted) + 1);
}

TEST(Diagnostics, GivesTheFirstErrorAndTheOthersAsNotes) {
  Diagnostics d;
  EXPECT_TRUE(d.empty());
  d.add("a.csv:2", "bad date");
  EXPECT_EQ(d.to_error(ErrorCode::kParseError).text(), "a.csv:2: bad date");
  d.add("a.csv:9", "bad number");
  const Error error = d.to_error(ErrorCode::kParseError);
  EXPECT_EQ(error.code, ErrorCode::kParseError);
  EXPECT_EQ(error.where, "a.csv:2");
  EXPECT_THAT(error.notes, ElementsAre("a.csv:9: bad number"));
}

TEST(Diagnostics, KeepsTwentyAndCountsTheRest) {
  Diagnostics d;
  for (int i = 0; i < 20; ++i) d.add(fmt::format("f:{}", i), "m");
  EXPECT_EQ(d.to_error(ErrorCode::kParseError).notes.size(), 19u);
  EXPECT_EQ(d.to_error(ErrorCode::kParseError).notes.back(), "f:19: m");
  for (int i = 0; i < 5; ++i) d.add("f:x", "m");
  const Error error = d.to_error(ErrorCode::kParseError);
  EXPECT_EQ(d.total(), 25u);
  EXPECT_EQ(error.notes.size(), 20u);
  EXPECT_EQ(error.notes.back(), "... and 5 more");
}

}  // namespace
}  // namespace gimbal
