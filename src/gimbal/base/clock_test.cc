#include "gimbal/base/clock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace gimbal {
namespace {

TEST(FormatUtc, PrintsMillisecondsInUtc) {
  EXPECT_EQ(format_utc(VirtualClock(0).now()), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_utc(VirtualClock(1'772'366'400.25).now()), "2026-03-01T12:00:00.250Z");
  EXPECT_EQ(format_utc(VirtualClock(951'827'696.875).now()), "2000-02-29T12:34:56.875Z");
}

TEST(FormatUtc, RoundsTowardsThePastAlsoBefore1970) {
  EXPECT_EQ(format_utc(VirtualClock(-0.0001).now()), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_utc(VirtualClock(0.9999).now()), "1970-01-01T00:00:00.999Z");
}

TEST(VirtualClock, MovesOnlyWhenTold) {
  VirtualClock clock(100);
  EXPECT_EQ(clock.monotonic_s(), 0);
  EXPECT_EQ(clock.monotonic_s(), 0);
  clock.advance(1.5);
  EXPECT_EQ(clock.monotonic_s(), 1.5);
  EXPECT_EQ(format_utc(clock.now()), "1970-01-01T00:01:41.500Z");
}

TEST(RealClock, NeverRunsBackwards) {
  const RealClock clock;
  double last = clock.monotonic_s();
  for (int i = 0; i < 1000; ++i) {
    const double now = clock.monotonic_s();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(clock.now(), VirtualClock(1'600'000'000).now());
}

TEST(Stopwatch, LapsAddUpToTheElapsedTime) {
  VirtualClock clock;
  clock.advance(3);
  Stopwatch watch(clock);
  clock.advance(0.5);
  EXPECT_DOUBLE_EQ(watch.lap_ms(), 500);
  clock.advance(0.25);
  EXPECT_DOUBLE_EQ(watch.lap_ms(), 250);
  EXPECT_DOUBLE_EQ(watch.elapsed_ms(), 750);
  EXPECT_DOUBLE_EQ(watch.lap_ms(), 0);
}

// Signals are tried in a child process: they would stop the test program itself.
int exit_status_of_child(void (*child)()) {
  const pid_t pid = fork();
  if (pid == 0) {
    child();
    _exit(99);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// Up to 10 s for a busy machine; returns as soon as the stop is there.
bool wait_for(const StopToken& stop) {
  for (int i = 0; i < 10'000 && !stop.stop_requested(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return stop.stop_requested();
}

TEST(StopSignals, TheFirstInterruptRequestsAStopAndTheSecondEndsTheProcess) {
  EXPECT_EQ(exit_status_of_child([] {
              const StopToken stop = install_stop_signals();
              if (stop.stop_requested()) _exit(1);
              raise(SIGINT);
              if (!wait_for(stop)) _exit(2);
              raise(SIGINT);
              _exit(3);
            }),
            130);
}

TEST(StopSignals, TerminateRequestsAStop) {
  EXPECT_EQ(exit_status_of_child([] {
              const StopToken stop = install_stop_signals();
              raise(SIGTERM);
              raise(SIGTERM);
              _exit(wait_for(stop) ? 0 : 2);
            }),
            0);
}

TEST(StopSignals, AProgramMayAskForTheStopItself) {
  EXPECT_EQ(exit_status_of_child([] {
              const StopToken stop = install_stop_signals();
              request_stop();
              _exit(stop.stop_requested() ? 0 : 2);
            }),
            0);
}

}  // namespace
}  // namespace gimbal
