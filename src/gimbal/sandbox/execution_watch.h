// Watches one execution from outside: collects its output, keeps its limits, and says why it was ended.
//
// Used for a command, for a test of the fork server and for a fresh interpreter alike. The owner waits with `wait` for its own
// descriptor (the end of the init, the message that the test is done); meanwhile the watch drains stdout and stderr (beyond the
// cap too, or the program would block and look like a wall timeout), sums the time and memory of the process tree every 20 ms,
// and asks the owner once to kill when a limit is passed.
//
// Memory is the sum of the resident sets. Forks share pages, so a sum above the limit is looked at again by proportional shares
// (scan_descendants) before anything is killed for it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"
#include "gimbal/sandbox/classify.h"
#include "gimbal/sandbox/descriptor.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::sandbox {

class ExecutionWatch {
 public:
  struct Options {
    Limits limits;
    pid_t root = -1;                // its descendants are the tree
    pid_t left_out = 0;             // but this one is not (the fork server below its init)
    std::int64_t shared_bytes = 0;  // see scan_descendants
    bool capture = true;            // false: no output (a compilation)
    StopToken stop;
    bool limited = true;  // false: only time and output are bounded (--sandbox=off)
    // Called once when the tree has used its CPU time up; the kill follows a second later. Without it the kernel sends SIGXCPU
    // (RLIMIT_CPU), and the watch kills what ignores that.
    std::function<void()> cpu_signal = nullptr;
  };
  // Errors: unavailable when there are no descriptors left.
  static Result<ExecutionWatch> start(Options options, std::function<void()> kill);

  int out_end() const { return out_.write_end.get(); }  // for the program
  int err_end() const { return err_.write_end.get(); }
  void close_program_ends();  // once the program has its own
  // The tree's root became known only now; time counts from here.
  void begin(pid_t root);

  enum class Event { kReady, kSilent };
  // Until `fd` is readable (or at its end). kSilent: a kill was asked for and nothing came for 5 s.
  Event wait(int fd);
  // When everything is dead: takes what is left in the pipes. Bytes that a stranger still holds back are not waited for.
  void drain();

  MonitorKill killer() const { return killer_; }
  bool cpu_over() const { return cpu_over_; }  // the tree was seen above its CPU time
  int most_processes() const { return most_processes_; }
  double wall_ms() const;
  double tree_cpu_ms() const { return tree_cpu_ms_; }      // at the last scan
  std::int64_t peak_bytes() const { return peak_bytes_; }  // of the tree, the most that a scan saw; 0 without one
  Output take_out() { return std::move(out_.output); }
  Output take_err() { return std::move(err_.output); }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Stream {
    Descriptor read_end;
    Descriptor write_end;
    Output output;
  };
  explicit ExecutionWatch(Options options, std::function<void()> kill) : options_(std::move(options)), kill_(std::move(kill)) {}
  static Result<Stream> open_stream();
  void take(Stream& stream);
  void end_for(MonitorKill why);
  void scan(Time now);
  void check_limits(Time now);
  int next_timeout_ms(Time now) const;

  Options options_;
  std::function<void()> kill_;
  Stream out_;
  Stream err_;
  MonitorKill killer_ = MonitorKill::kNone;
  Time started_;
  Time last_look_;
  Time last_scan_;
  Time killed_at_;
  Time cpu_over_at_;
  bool cpu_over_ = false;
  int most_processes_ = 1;
  double tree_cpu_ms_ = 0;
  std::int64_t peak_bytes_ = 0;
};

}  // namespace gimbal::sandbox
