#include "gimbal/base/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <utility>

namespace gimbal {
namespace {

constexpr double kLiveInterval = 0.1;    // 10 Hz: faster only flickers
constexpr double kPlainInterval = 10.0;  // a log file of an hour has 360 lines

// Three significant digits, never an exponent: 0.0123, 1.23, 12.3, 123, 12300.
std::string format_rate(double rate) {
  if (rate >= 100) return fmt::format("{:.0f}", rate);
  if (rate >= 10) return fmt::format("{:.1f}", rate);
  if (rate >= 1) return fmt::format("{:.2f}", rate);
  return fmt::format("{:.3g}", rate);
}

std::string format_left(double seconds) {
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  if (seconds < 6000) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::size_t terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

// Cuts before a code point, never inside one.
std::string_view cut_utf8(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

void write_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

ProgressMode progress_mode_for_stderr(bool quiet) {
  if (quiet) return ProgressMode::kSilent;
  return isatty(STDERR_FILENO) == 1 ? ProgressMode::kLive : ProgressMode::kPlain;
}

struct Progress::State {
  State(std::string label_text, std::uint64_t steps, ProgressMode mode_in, const Clock& clock_in, std::string unit_text)
      : label(std::move(label_text)),
        total(steps),
        mode(mode_in),
        clock(&clock_in),
        unit(std::move(unit_text)),
        started(clock_in.monotonic_s()),
        shown(started) {}

  std::string text(double now) const {
    std::string out = label;
    if (total > 0) {
      const double share = static_cast<double>(done) / static_cast<double>(total);
      fmt::format_to(std::back_inserter(out), "  {}/{}  {:.0f} %", done, total, 100 * share);
    } else {
      fmt::format_to(std::back_inserter(out), "  {}", done);
    }
    const double elapsed = now - started;
    if (done == 0 || elapsed <= 0) return out;
    const double rate = static_cast<double>(done) / elapsed;
    fmt::format_to(std::back_inserter(out), "  {}{}{}/s", format_rate(rate), unit.empty() ? "" : " ", unit);
    if (done < total) {
      fmt::format_to(std::back_inserter(out), "  {} left", format_left(static_cast<double>(total - done) / rate));
    }
    return out;
  }

  void show_if_due() {
    if (mode == ProgressMode::kSilent) return;
    const double now = clock->monotonic_s();
    if (now - shown < (mode == ProgressMode::kLive ? kLiveInterval : kPlainInterval)) return;
    shown = now;
    if (mode == ProgressMode::kPlain) {
      write_stderr(text(now) + "\n");
      return;
    }
    const std::string line = text(now);
    write_stderr(fmt::format("\r{}\x1b[K", cut_utf8(line, terminal_columns() - 1)));
    live_line = true;
  }

  std::string label;
  std::uint64_t total;  // 0: not known
  ProgressMode mode;
  const Clock* clock;
  std::string unit;
  double started;
  double shown;
  std::uint64_t done = 0;
  bool live_line = false;
  mutable std::mutex mutex;
};

Progress::Progress(std::string label, std::uint64_t total, ProgressMode mode, const Clock& clock, std::string unit)
    : state_(std::make_unique<State>(std::move(label), total, mode, clock, std::move(unit))) {}

Progress::~Progress() {
  if (state_->live_line) write_stderr("\r\x1b[K");
}

void Progress::advance(std::uint64_t steps) {
  const std::lock_guard lock(state_->mutex);
  state_->done += steps;
  state_->show_if_due();
}

void Progress::set_label(std::string label) {
  const std::lock_guard lock(state_->mutex);
  state_->label = std::move(label);
  state_->show_if_due();
}

std::string Progress::line() const {
  const std::lock_guard lock(state_->mutex);
  return state_->text(state_->clock->monotonic_s());
}

}  // namespace gimbal
