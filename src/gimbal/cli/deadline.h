// --max-time: asks for a stop when the caller does, or when the time is up.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "gimbal/base/clock.h"
#include "gimbal/base/number.h"

namespace gimbal::cli {

class Deadline {
 public:
  // No limit: only the caller's stop counts.
  Deadline(const StopToken& caller, const std::optional<Duration>& limit) : from_caller_(caller, [this] { end(); }) {
    if (!limit) return;
    timer_ = std::jthread([this, time = *limit](const std::stop_token& finished) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, finished, time, [] { return false; }) && !finished.stop_requested()) {
        passed_ = true;
        source_.request_stop();
      }
    });
  }
  StopToken token() const { return source_.get_token(); }
  bool passed() const { return passed_; }

 private:
  void end() { source_.request_stop(); }
  std::stop_source source_;
  std::atomic<bool> passed_ = false;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::stop_callback<std::function<void()>> from_caller_;
  std::jthread timer_;
};

}  // namespace gimbal::cli
