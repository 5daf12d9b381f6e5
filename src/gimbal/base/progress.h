// Progress of a long job on stderr: one live line at 10 Hz at most on a terminal, else a plain line every 10 s; never under
// --quiet.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gimbal/base/clock.h"

namespace gimbal {

enum class ProgressMode { kSilent, kLive, kPlain };
ProgressMode progress_mode_for_stderr(bool quiet);  // live when stderr is a terminal

// Thread-safe. The line reads "fitting  120/400  30 %  12.3/s  23 s left".
class Progress {
 public:
  Progress(std::string label, std::uint64_t total, ProgressMode mode, const Clock& clock, std::string unit = "");
  ~Progress();  // clears the live line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void advance(std::uint64_t steps = 1);
  void set_label(std::string label);
  // The text of the line now (for tests).
  std::string line() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gimbal
