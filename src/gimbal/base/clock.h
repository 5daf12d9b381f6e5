// Time and interruption come in through here, so that tests fix them.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

namespace gimbal {

using StopToken = std::stop_token;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::chrono::system_clock::time_point now() const = 0;  // wall time
  virtual double monotonic_s() const = 0;                         // seconds since an arbitrary start, never backwards
};

class RealClock final : public Clock {
 public:
  std::chrono::system_clock::time_point now() const override;
  double monotonic_s() const override;
};

// Moves only when told; starts at `unix_s` seconds after the epoch.
class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(double unix_s = 1'700'000'000.0) : unix_s_(unix_s) {}
  void advance(double seconds) { elapsed_s_ += seconds; }
  std::chrono::system_clock::time_point now() const override;
  double monotonic_s() const override { return elapsed_s_; }

 private:
  double unix_s_;
  double elapsed_s_ = 0;
};

// "2026-03-01T12:00:00.250Z": RFC 3339, UTC, milliseconds.
std::string format_utc(std::chrono::system_clock::time_point time);

// Elapsed milliseconds by parts, for "timing_ms".
class Stopwatch {
 public:
  explicit Stopwatch(const Clock& clock) : clock_(&clock), start_(clock.monotonic_s()) {}
  double elapsed_ms() const { return (clock_->monotonic_s() - start_) * 1000.0; }
  double lap_ms();  // since the last lap or the start

 private:
  const Clock* clock_;
  double start_;
  double lap_ = -1;
};

// SIGINT and SIGTERM request a stop; a second SIGINT ends the process at once (exit 130). Call once, in main().
StopToken install_stop_signals();
// As if a signal had come (a file named `stop` in a run directory does this).
void request_stop();

}  // namespace gimbal
