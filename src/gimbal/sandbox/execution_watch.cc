#include "gimbal/sandbox/execution_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "gimbal/sandbox/descendants.h"

namespace gimbal::sandbox {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Most tests end before the first scan, and cost nothing here.
constexpr milliseconds kScanEvery{20};
// How often a stop is looked for.
constexpr milliseconds kLookEvery{50};
// A loop that was not woken for so long was stopped itself (a closed laptop, a debugger): that time is nobody's.
constexpr milliseconds kStopped{1000};
constexpr milliseconds kPatience{5000};
// Where the kernel's own CPU limit sends SIGXCPU, the watch ends what ignores it, and trees that no limit of one process
// bounds.
constexpr double kCpuGraceMs = 100;
// From our SIGXCPU to SIGKILL.
constexpr milliseconds kAfterCpuSignal{1000};
// Fewer switches for floods. Refused above a user's share of pipe memory, which is no harm.
constexpr int kPipeBytes = 1 << 20;

double ms_between(steady_clock::time_point from, steady_clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

Result<ExecutionWatch::Stream> ExecutionWatch::open_stream() {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail(ErrorCode::kUnavailable, "cannot make a pipe: {}", std::strerror(errno));
  fcntl(ends[0], F_SETFL, O_NONBLOCK);  // our end only: the program's stdout blocks as usual
  fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);
  Stream stream;
  stream.read_end = Descriptor(ends[0]);
  stream.write_end = Descriptor(ends[1]);
  return stream;
}

Result<ExecutionWatch> ExecutionWatch::start(Options options, std::function<void()> kill) {
  ExecutionWatch watch(std::move(options), std::move(kill));
  if (watch.options_.capture) {
    GIMBAL_TRY(watch.out_, open_stream());
    GIMBAL_TRY(watch.err_, open_stream());
  }
  watch.started_ = watch.last_look_ = watch.last_scan_ = steady_clock::now();
  return watch;
}

void ExecutionWatch::close_program_ends() {
  out_.write_end.reset();
  err_.write_end.reset();
}

void ExecutionWatch::begin(pid_t root) {
  options_.root = root;
  started_ = last_look_ = last_scan_ = steady_clock::now();
}

double ExecutionWatch::wall_ms() const { return ms_between(started_, steady_clock::now()); }

void ExecutionWatch::end_for(MonitorKill why) {
  if (killer_ != MonitorKill::kNone) return;
  killer_ = why;
  killed_at_ = steady_clock::now();
  kill_();
}

// Reads what is there now. One pipe's worth at a time, so that a flood on one stream does not starve the other.
void ExecutionWatch::take(Stream& stream) {
  std::array<char, 65536> buffer;
  const ssize_t size = read(stream.read_end.get(), buffer.data(), buffer.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    stream.read_end.reset();
    return;
  }
  Output& output = stream.output;
  output.total += size;
  const std::int64_t room = options_.limits.output_bytes - static_cast<std::int64_t>(output.bytes.size());
  output.bytes.append(buffer.data(), static_cast<std::size_t>(std::clamp<std::int64_t>(room, 0, size)));
  output.truncated = output.total > static_cast<std::int64_t>(output.bytes.size());
  if (output.truncated) end_for(MonitorKill::kOutput);
}

void ExecutionWatch::scan(Time now) {
  const std::int64_t most = options_.limits.memory_bytes;
  const DescendantUsage usage = scan_descendants(options_.root, options_.shared_bytes, options_.left_out, most);
  last_scan_ = steady_clock::now();  // a slow look is not repeated at once
  most_processes_ = std::max(most_processes_, usage.processes);
  tree_cpu_ms_ = std::max(tree_cpu_ms_, usage.cpu_ms);
  peak_bytes_ = std::max(peak_bytes_, usage.resident_bytes);
  if (!options_.limited) return;
  if (usage.resident_bytes > most) return end_for(MonitorKill::kMemory);
  const double grace = options_.cpu_signal ? 0 : kCpuGraceMs;
  if (!cpu_over_ && tree_cpu_ms_ >= static_cast<double>(options_.limits.cpu_ms) + grace) {
    cpu_over_ = true;
    cpu_over_at_ = now;
    if (options_.cpu_signal) options_.cpu_signal();
  }
  if (cpu_over_ && (!options_.cpu_signal || now - cpu_over_at_ >= kAfterCpuSignal)) end_for(MonitorKill::kCpu);
}

void ExecutionWatch::check_limits(Time now) {
  if (now - last_look_ > kStopped) started_ += now - last_look_;
  last_look_ = now;
  if (killer_ != MonitorKill::kNone) return;
  if (options_.stop.stop_requested()) return end_for(MonitorKill::kCancelled);
  const bool late = ms_between(started_, now) >= static_cast<double>(options_.limits.wall_ms);
  if (late || now - last_scan_ >= kScanEvery) scan(now);
  if (late) end_for(cpu_over_ ? MonitorKill::kCpu : MonitorKill::kWall);  // a busy program is a matter of CPU time
}

int ExecutionWatch::next_timeout_ms(Time now) const {
  if (killer_ != MonitorKill::kNone) return static_cast<int>(kLookEvery.count());
  const double to_wall = static_cast<double>(options_.limits.wall_ms) - ms_between(started_, now);
  const double to_scan = static_cast<double>(kScanEvery.count()) - ms_between(last_scan_, now);
  return static_cast<int>(std::clamp(std::min(to_wall, to_scan) + 1, 0.0, static_cast<double>(kLookEvery.count())));
}

ExecutionWatch::Event ExecutionWatch::wait(int fd) {
  for (;;) {
    const Time now = steady_clock::now();
    check_limits(now);
    if (killer_ != MonitorKill::kNone && now - killed_at_ > kPatience) return Event::kSilent;
    std::array<pollfd, 3> polled = {{{fd, POLLIN, 0}, {out_.read_end.get(), POLLIN, 0}, {err_.read_end.get(), POLLIN, 0}}};
    const int ready = poll(polled.data(), polled.size(), next_timeout_ms(now));  // descriptors below 0 are left out
    if (ready <= 0) continue;
    if (polled[1].revents != 0) take(out_);
    if (polled[2].revents != 0) take(err_);
    if (polled[0].revents != 0) return Event::kReady;
  }
}

void ExecutionWatch::drain() {
  for (Stream* stream : {&out_, &err_}) {
    // A pipe holds kPipeBytes, and nobody is left who fills it.
    for (int reads = 0; stream->read_end && reads < 32; ++reads) {
      pollfd polled{stream->read_end.get(), POLLIN, 0};
      if (poll(&polled, 1, 0) <= 0) break;
      take(*stream);
    }
    stream->read_end.reset();
  }
}

}  // namespace gimbal::sandbox
