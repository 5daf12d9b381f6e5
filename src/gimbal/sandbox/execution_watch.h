// Watches one execution from outside: collects its output, keeps its limits, and says why it was ended.
//
// Used for a test of the fork server and for a fresh interpreter alike. The owner waits with `wait` for its own descriptor (the
// message that the test is done, the report of the init); meanwhile the watch drains stdout and stderr (beyond the cap too, or
// the program would block and look like a wall timeout), sums the time and memory of the process tree every 20 ms, and asks the
// owner once to kill when a limit is passed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"
#include "gimbal/sandbox/classify.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::sandbox {

// A descriptor that is closed on destruction.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

// A file in memory with this content, at its start, that nobody can change. Errors: unavailable.
Result<Descriptor> sealed_file(std::string_view content);

class ExecutionWatch {
 public:
  struct Options {
    Limits limits;
    pid_t root = -1;                // its descendants are the tree
    pid_t left_out = 0;             // but this one is not (the fork server below its init)
    std::int64_t shared_bytes = 0;  // see scan_descendants
    bool capture = true;            // false: no output (a compilation)
    StopToken stop;
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
  int most_processes() const { return most_processes_; }
  double wall_ms() const;
  double tree_cpu_ms() const { return tree_cpu_ms_; }  // at the last scan
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
  int most_processes_ = 1;
  double tree_cpu_ms_ = 0;
};

}  // namespace gimbal::sandbox
