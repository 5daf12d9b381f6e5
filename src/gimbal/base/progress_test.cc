#include "gimbal/base/progress.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace gimbal {
namespace {

TEST(Progress, LineReadsCountShareRateAndTimeLeft) {
  VirtualClock clock;
  Progress progress("fitting", 400, ProgressMode::kSilent, clock);
  EXPECT_EQ(progress.line(), "fitting  0/400  0 %");
  clock.advance(10);
  progress.advance(123);
  EXPECT_EQ(progress.line(), "fitting  123/400  31 %  12.3/s  23 s left");
  clock.advance(10);
  progress.advance(277);
  EXPECT_EQ(progress.line(), "fitting  400/400  100 %  20.0/s");
}

TEST(Progress, NamesUnitsAndLongWaits) {
  VirtualClock clock;
  Progress progress("reading", 1'000'000, ProgressMode::kSilent, clock, "rows");
  clock.advance(1);
  progress.advance(1000);
  EXPECT_EQ(progress.line(), "reading  1000/1000000  0 %  1000 rows/s  17 min left");
  progress.set_label("writing");
  clock.advance(99);
  EXPECT_EQ(progress.line(), "writing  1000/1000000  0 %  10.0 rows/s  27.8 h left");
}

TEST(Progress, WithoutATotalCountsOnly) {
  VirtualClock clock;
  Progress progress("sampling", 0, ProgressMode::kSilent, clock);
  clock.advance(4);
  progress.advance(2);
  EXPECT_EQ(progress.line(), "sampling  2  0.5/s");
}

TEST(Progress, PlainModePrintsALineEveryTenSeconds) {
  VirtualClock clock;
  testing::internal::CaptureStderr();
  {
    Progress progress("fitting", 40, ProgressMode::kPlain, clock);
    for (int i = 0; i < 25; ++i) {
      clock.advance(1);
      progress.advance();
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "fitting  10/40  25 %  1.00/s  30 s left\nfitting  20/40  50 %  1.00/s  20 s left\n");
}

TEST(Progress, LiveModeRedrawsTenTimesASecondAtMostAndClearsItsLine) {
  VirtualClock clock;
  testing::internal::CaptureStderr();
  {
    Progress progress("fitting", 100, ProgressMode::kLive, clock);
    for (int i = 0; i < 100; ++i) {
      clock.advance(0.0625);  // exact in binary: every second step is due
      progress.advance();
    }
  }
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(out.begin(), out.end(), '\r'), 51);  // 50 drawings and the clearing
  EXPECT_TRUE(out.ends_with("\r\x1b[K"));
}

TEST(Progress, SilentModeWritesNothing) {
  VirtualClock clock;
  testing::internal::CaptureStderr();
  {
    Progress progress("fitting", 2, ProgressMode::kSilent, clock);
    clock.advance(100);
    progress.advance(2);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(progress_mode_for_stderr(true), ProgressMode::kSilent);
}

TEST(Progress, CountsFromManyThreads) {
  const RealClock clock;
  Progress progress("fitting", 4000, ProgressMode::kSilent, clock);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) progress.advance();
    });
  }
  threads.clear();
  EXPECT_TRUE(progress.line().starts_with("fitting  4000/4000  100 %"));
}

}  // namespace
}  // namespace gimbal
