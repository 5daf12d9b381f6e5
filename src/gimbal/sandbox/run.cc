#include "gimbal/sandbox/run.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <utility>

#include "gimbal/sandbox/classify.h"
#include "gimbal/sandbox/descendants.h"

namespace gimbal::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kTick{20};
constexpr milliseconds kCpuGrace{1000};   // from SIGXCPU to SIGKILL
constexpr milliseconds kStoppedGap{500};  // a longer sleep than asked for: we were stopped, not the program slow
constexpr int kPipeBytes = 1 << 20;

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { reset(); }
  int get() const { return number_; }
  void reset() {
    if (number_ >= 0) close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

tl::unexpected<Error> system_error(const char* what) {
  return fail(ErrorCode::kSandboxError, "{}: {}", what, std::strerror(errno));
}

// A sealed file in memory, so that the program can read and seek but not change it.
Result<Descriptor> sealed_input(std::span<const std::byte> input) {
  Descriptor file(memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (file.get() < 0) return system_error("memfd_create");
  for (std::size_t done = 0; done < input.size();) {
    const ssize_t n = pwrite(file.get(), input.data() + done, input.size() - done, static_cast<off_t>(done));
    if (n <= 0) return system_error("standard input");
    done += static_cast<std::size_t>(n);
  }
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
    return system_error("seals");
  return file;
}

// One output pipe: reads until the cap is reached, then reads on and only counts.
class Stream {
 public:
  Result<void> open(std::int64_t most) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe");
    read_ = Descriptor(ends[0]);
    write_ = Descriptor(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);  // fewer switches; refused above the user's share, which is no harm
    most_ = most;
    return {};
  }
  int inner() const { return write_.get(); }
  int outer() const { return read_.get(); }
  bool over() const { return output_.total > most_; }
  void started() { write_.reset(); }

  // Reads what is there, a bounded number of bytes. False: nothing is left now.
  bool drain(std::span<char> buffer) {
    for (int round = 0; round < 16 && read_.get() >= 0; ++round) {
      const ssize_t n = ::read(read_.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
      if (n == 0) {
        read_.reset();
        return false;
      }
      const auto room = static_cast<std::size_t>(most_) - output_.bytes.size();
      output_.bytes.append(buffer.data(), std::min(room, static_cast<std::size_t>(n)));
      output_.total += n;
    }
    return read_.get() >= 0;
  }
  Output take() {
    output_.truncated = output_.total > static_cast<std::int64_t>(output_.bytes.size());
    return std::move(output_);
  }

 private:
  Descriptor read_, write_;
  std::int64_t most_ = 0;
  Output output_;
};

double milliseconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}
double cpu_of(const rusage& usage) { return milliseconds_of(usage.ru_utime) + milliseconds_of(usage.ru_stime); }

// Watches one child from its start to the end of its tree.
class Monitor {
 public:
  Monitor(const Spec& spec, Child& child, Stream& out, Stream& err, int wake)
      : limits_(spec.limits),
        limited_(spec.confinement.policy != PolicyKind::kOff),
        child_(child),
        out_(out),
        err_(err),
        wake_(wake),
        buffer_(std::size_t{64} << 10) {}

  void watch(const StopToken& stop) {
    const auto start = steady_clock::now();
    auto deadline = start + milliseconds(limits_.wall_ms);
    auto next_tick = start + kTick;
    auto last = start;
    for (;;) {
      pollfd watched[4] = {
          {child_.pidfd(), POLLIN, 0}, {out_.outer(), POLLIN, 0}, {err_.outer(), POLLIN, 0}, {wake_, POLLIN, 0}};
      if (stop.stop_requested()) watched[3].fd = -1;  // stays readable
      const auto until = std::min(next_tick, deadline);
      const auto pause = std::chrono::ceil<milliseconds>(until - steady_clock::now());
      poll(watched, 4, static_cast<int>(std::clamp<std::int64_t>(pause.count(), 0, kTick.count())));
      const auto now = steady_clock::now();
      // A machine that slept or a stopped caller: the time in between was not the program's.
      if (now - last > kTick + kStoppedGap) deadline += now - last;
      last = now;

      if (stop.stop_requested()) end(MonitorKill::kCancelled);
      out_.drain(buffer_);
      err_.drain(buffer_);
      if (out_.over() || err_.over()) end(MonitorKill::kOutput);
      if (watched[0].revents != 0) break;
      if (now >= next_tick) {
        look(now);
        next_tick = steady_clock::now() + kTick;
      }
      if (now >= deadline) {
        look(now);  // a busy program is a matter of CPU time
        end(cpu_over_ ? MonitorKill::kCpu : MonitorKill::kWall);
        deadline = now + std::chrono::hours(1);
      }
    }
    wall_ms_ = std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
    while (out_.drain(buffer_) || err_.drain(buffer_)) {
    }
  }

  RunResult conclude(const Spec& spec) {
    const std::optional<Ended> ended = child_.poll_end();
    const Child::Reaped reaped = child_.wait();
    RunResult result;
    Evidence evidence;
    evidence.kill = kill_;
    // Killed from outside before its end was reported: the tree died by SIGKILL.
    evidence.wait_status = ended ? ended->wait_status : SIGKILL;
    evidence.output_over = out_.over() || err_.over();
    double cpu = cpu_ms_;
    if (ended) cpu = std::max(cpu_of(ended->usage), cpu_of(reaped.usage) - ended->init_cpu_ms);
    result.cpu_ms = std::max(cpu, cpu_ms_);
    evidence.cpu_over =
        limited_ && (cpu_over_ || (WIFSIGNALED(evidence.wait_status) && result.cpu_ms >= static_cast<double>(limits_.cpu_ms)));
    evidence.fork_refused = most_processes_ >= limits_.processes;
    if (ended) peak_bytes_ = std::max<std::int64_t>(peak_bytes_, ended->usage.ru_maxrss * 1024);
    evidence.deep_stack = peak_bytes_ > limits_.stack_bytes / 2;
    result.out = out_.take();
    result.err = err_.take();
    evidence.hint = hint_from_stderr(result.err.bytes);
    Verdict verdict = classify(evidence);
    result.status = verdict.status;
    result.exit_code = verdict.exit_code;
    result.signal = std::move(verdict.signal);
    result.message = std::move(verdict.message);
    result.wall_ms = wall_ms_;
    if (peak_bytes_ > 0) result.max_rss_bytes = peak_bytes_;
    result.processes = std::max(1, most_processes_);
    result.policy = spec.confinement.policy;
    result.layers = spec.confinement.layers;
    return result;
  }

 private:
  // The first reason stands.
  void end(MonitorKill why) {
    if (kill_ != MonitorKill::kNone) return;
    kill_ = why;
    child_.kill_all();
  }
  void look(steady_clock::time_point now) {
    const DescendantUsage usage = scan_descendants(child_.pid());
    cpu_ms_ = std::max(cpu_ms_, usage.cpu_ms);
    most_processes_ = std::max(most_processes_, usage.processes);
    if (!limited_) return;
    peak_bytes_ = std::max(peak_bytes_, usage.resident_bytes);
    if (usage.resident_bytes > limits_.memory_bytes) end(MonitorKill::kMemory);
    if (!cpu_over_ && cpu_ms_ >= static_cast<double>(limits_.cpu_ms)) {
      cpu_over_ = true;
      cpu_deadline_ = now + kCpuGrace;
      child_.signal_cpu();
    }
    if (cpu_over_ && now >= cpu_deadline_) end(MonitorKill::kCpu);
  }

  const Limits& limits_;
  bool limited_;
  Child& child_;
  Stream& out_;
  Stream& err_;
  int wake_;
  std::vector<char> buffer_;
  MonitorKill kill_ = MonitorKill::kNone;
  bool cpu_over_ = false;
  steady_clock::time_point cpu_deadline_;
  double cpu_ms_ = 0;
  double wall_ms_ = 0;
  int most_processes_ = 0;
  std::int64_t peak_bytes_ = 0;
};

}  // namespace

Result<RunResult> run(const Spec& spec, std::span<const std::byte> input, StopToken stop) {
  GIMBAL_TRY(const Descriptor stdin_file, sealed_input(input));
  Stream out, err;
  GIMBAL_TRY(out.open(spec.limits.output_bytes));
  GIMBAL_TRY(err.open(spec.limits.output_bytes));
  const Descriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake.get() < 0) return system_error("eventfd");
  const std::stop_callback on_stop(stop, [&wake] { eventfd_write(wake.get(), 1); });

  LaunchSpec launched;
  launched.argv = spec.argv;
  launched.env = spec.env;
  launched.binds = spec.binds;
  launched.files = spec.files;
  launched.limits = spec.limits;
  launched.confinement = spec.confinement;
  launched.worker = spec.worker;
  launched.uid_base = spec.uid_base;
  launched.descriptors = {{stdin_file.get(), 0}, {out.inner(), 1}, {err.inner(), 2}};
  GIMBAL_TRY(Child child, launch(launched));
  out.started();
  err.started();

  Monitor monitor(spec, child, out, err, wake.get());
  monitor.watch(stop);
  RunResult result = monitor.conclude(spec);
  if (spec.at_end && child.work_fd() >= 0 && spec.confinement.layers.has(Layer::kMountns)) spec.at_end(child.work_fd());
  return result;
}

}  // namespace gimbal::sandbox
