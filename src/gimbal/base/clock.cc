#include "gimbal/base/clock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <thread>

namespace gimbal {
namespace {

// Process-wide because signals are. Never destroyed: the thread that waits for signals may outlive main().
std::stop_source& process_stop() {
  static auto* source = new std::stop_source;
  return *source;
}

int signal_pipe[2] = {-1, -1};
std::atomic<int> interrupts{0};
static_assert(std::atomic<int>::is_always_lock_free, "the handler may only touch lock-free atomics");

// Async-signal-safe: std::stop_source is not, so the handler only writes a byte and a thread does the rest.
extern "C" void on_stop_signal(int signal_number) {
  const int saved_errno = errno;
  if (signal_number == SIGINT && interrupts.fetch_add(1) >= 1) _exit(130);
  const char byte = 1;
  [[maybe_unused]] const auto written = write(signal_pipe[1], &byte, 1);
  errno = saved_errno;
}

void wait_for_signals() {
  char byte = 0;
  for (;;) {
    const auto got = read(signal_pipe[0], &byte, 1);
    if (got == 1)
      process_stop().request_stop();
    else if (got == 0 || errno != EINTR)
      return;
  }
}

}  // namespace

std::chrono::system_clock::time_point RealClock::now() const { return std::chrono::system_clock::now(); }

double RealClock::monotonic_s() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::chrono::system_clock::time_point VirtualClock::now() const {
  // Through nanoseconds: whole and fractional seconds apart keep times near 2e9 s exact to a nanosecond.
  const double whole = std::floor(unix_s_);
  const auto fraction = std::chrono::nanoseconds(std::llround((unix_s_ - whole + elapsed_s_) * 1e9));
  return std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(
      std::chrono::seconds(static_cast<std::int64_t>(whole)) + fraction));
}

std::string format_utc(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto ms = floor<milliseconds>(time);
  const auto day = floor<days>(ms);
  const year_month_day date{day};
  const hh_mm_ss clock{ms - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

double Stopwatch::lap_ms() {
  const double now = clock_->monotonic_s() - start_;
  const double lap = now - std::max(lap_, 0.0);
  lap_ = now;
  return lap * 1000.0;
}

StopToken install_stop_signals() {
  if (signal_pipe[0] >= 0) return process_stop().get_token();
  if (pipe2(signal_pipe, O_CLOEXEC) != 0)
    return process_stop().get_token();         // without a pipe signals keep their default action
  fcntl(signal_pipe[1], F_SETFL, O_NONBLOCK);  // a full pipe must not block the handler
  process_stop();
  std::thread(wait_for_signals).detach();
  struct sigaction action{};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return process_stop().get_token();
}

void request_stop() { process_stop().request_stop(); }

}  // namespace gimbal
