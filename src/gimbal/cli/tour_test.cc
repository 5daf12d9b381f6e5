#include "gimbal/cli/tour.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/base/file.h"
#include "gimbal/base/log.h"
#include "gimbal/cli/test_host.h"

namespace gimbal::cli {
namespace {

using ::testing::HasSubstr;

class Tour : public ::testing::Test {
 protected:
  Tour() : folder_(*TemporaryFolder::create()) {
    flags_.folder = (folder_.path() / "tour").string();
    flags_.data = "data";
  }

  run::TourStep step(std::string system, std::function<Result<run::TourOutcome>(const run::TourContext&)> body) {
    return {std::move(system), 10, std::move(body)};
  }
  Result<int> run(std::span<const run::TourStep> steps, bool json = false) {
    const Host host = host_.host();
    CommandContext context(host, Log::silent());
    context.component = "tour";
    context.json = json;
    return run_tour(context, flags_, steps);
  }

  TemporaryFolder folder_;
  TestHost host_;
  TourFlags flags_;
};

TEST_F(Tour, PrintsWhatTheStepsFoundAndWritesTheReport) {
  const std::vector<run::TourStep> steps{
      step("alpha",
           [&](const run::TourContext& context) -> Result<run::TourOutcome> {
             host_.clock.advance(2.5);
             EXPECT_TRUE(exists(context.scratch_folder));
             return run::TourOutcome{"fitted 3 < 4 lines", "+0.5", false, {run::CodeBlock{"gimbal alpha fit", ""}}};
           }),
      step("beta",
           [](const run::TourContext&) -> Result<run::TourOutcome> { return run::TourOutcome{"", "no Chromium", true, {}}; })};
  const Result<int> ended = run(steps);
  ASSERT_TRUE(ended) << ended.error().text();
  EXPECT_EQ(*ended, 0);
  EXPECT_EQ(host_.out,
            "system  what                headline               time\n"
            "alpha   fitted 3 < 4 lines  +0.5                  2.5 s\n"
            "beta                        skipped: no Chromium  0.0 s\n"
            "\nThe report, with charts: " +
                *flags_.folder + "/report.html\n");
  const std::string report = *read_file(*flags_.folder + "/report.html");
  EXPECT_THAT(report, HasSubstr("fitted 3 &lt; 4 lines"));
  EXPECT_THAT(report, HasSubstr("gimbal alpha fit"));
  EXPECT_THAT(*read_file(*flags_.folder + "/run.json"), HasSubstr(R"("component":"tour")"));
  EXPECT_THAT(*read_file(*flags_.folder + "/run.json"), HasSubstr(R"("status":"done","exit":0)"));
}

TEST_F(Tour, AFailedStepIsShownAndTheOthersStillRun) {
  bool reached = false;
  const std::vector<run::TourStep> steps{step("alpha",
                                              [](const run::TourContext&) -> Result<run::TourOutcome> {
                                                return fail_at("x.csv:3", ErrorCode::kParseError, "expected a number");
                                              }),
                                         step("beta", [&](const run::TourContext&) -> Result<run::TourOutcome> {
                                           reached = true;
                                           return run::TourOutcome{"did it", "1", false, {}};
                                         })};
  const Result<int> ended = run(steps, true);
  ASSERT_TRUE(ended);
  EXPECT_EQ(*ended, 1);
  EXPECT_TRUE(reached);
  EXPECT_THAT(host_.out,
              HasSubstr(R"("steps":[{"system":"alpha","state":"failed","what":"","headline":"x.csv:3: expected a number")"));
  EXPECT_THAT(host_.out, HasSubstr(R"({"system":"beta","state":"done","what":"did it","headline":"1")"));
}

TEST_F(Tour, WithoutStepsItDoesNotPretend) {
  const Result<int> ended = run({});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(exists(*flags_.folder));
}

TEST_F(Tour, OnlyNamesASystem) {
  flags_.only = {"gamma"};
  const std::vector<run::TourStep> steps{
      step("gamme", [](const run::TourContext&) -> Result<run::TourOutcome> { return run::TourOutcome{}; })};
  const Result<int> ended = run(steps);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().text(), R"(--only: expected gamme, found "gamma"; did you mean "gamme"?)");
}

TEST_F(Tour, StopsBetweenStepsWhenInterrupted) {
  host_.stop.request_stop();
  const std::vector<run::TourStep> steps{
      step("alpha", [](const run::TourContext&) -> Result<run::TourOutcome> { return run::TourOutcome{}; })};
  const Result<int> ended = run(steps);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kInterrupted);
}

}  // namespace
}  // namespace gimbal::cli
