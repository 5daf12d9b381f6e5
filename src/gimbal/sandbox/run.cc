#include "gimbal/sandbox/run.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "gimbal/sandbox/execution_watch.h"

namespace gimbal::sandbox {
namespace {

double milliseconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}
double cpu_of(const rusage& usage) { return milliseconds_of(usage.ru_utime) + milliseconds_of(usage.ru_stime); }

// From the evidence of the watch, of the init (`ended`; nothing when it was killed first) and of the whole tree (`reaped`).
RunResult conclude(const Spec& spec, ExecutionWatch& watch, const std::optional<Ended>& ended, const Child::Reaped& reaped) {
  const Limits& limits = spec.limits;
  const bool limited = spec.confinement.policy != PolicyKind::kOff;
  RunResult result;
  Evidence evidence;
  evidence.kill = watch.killer();
  if (evidence.kill == MonitorKill::kNone && reaped.out_of_memory) evidence.kill = MonitorKill::kMemory;
  // Killed from outside before its end was reported: the tree died by SIGKILL.
  evidence.wait_status = ended ? ended->wait_status : SIGKILL;
  result.cpu_ms = watch.tree_cpu_ms();
  if (ended) result.cpu_ms = std::max({result.cpu_ms, cpu_of(ended->usage), cpu_of(reaped.usage) - ended->init_cpu_ms});
  evidence.cpu_over = limited && (watch.cpu_over() ||
                                  (WIFSIGNALED(evidence.wait_status) && result.cpu_ms >= static_cast<double>(limits.cpu_ms)));
  evidence.fork_refused = watch.most_processes() >= limits.processes;
  std::int64_t peak_bytes = watch.peak_bytes();
  if (ended) peak_bytes = std::max<std::int64_t>(peak_bytes, ended->usage.ru_maxrss * 1024);
  evidence.deep_stack = peak_bytes > limits.stack_bytes / 2;
  result.out = watch.take_out();
  result.err = watch.take_err();
  evidence.output_over = result.out.truncated || result.err.truncated;
  evidence.hint = hint_from_stderr(result.err.bytes);
  Verdict verdict = classify(evidence);
  result.status = verdict.status;
  result.exit_code = verdict.exit_code;
  result.signal = std::move(verdict.signal);
  result.message = std::move(verdict.message);
  if (peak_bytes > 0) result.max_rss_bytes = peak_bytes;
  result.processes = watch.most_processes();
  result.policy = spec.confinement.policy;
  result.layers = spec.confinement.layers;
  return result;
}

}  // namespace

Result<RunResult> run(const Spec& spec, std::span<const std::byte> input, StopToken stop) {
  GIMBAL_TRY(const Descriptor stdin_file, sealed_file({reinterpret_cast<const char*>(input.data()), input.size()}));
  Child child;
  ExecutionWatch::Options options;
  options.limits = spec.limits;
  options.stop = std::move(stop);
  options.limited = spec.confinement.policy != PolicyKind::kOff;
  options.cpu_signal = [&child] { child.signal_cpu(); };
  GIMBAL_TRY(ExecutionWatch watch, ExecutionWatch::start(std::move(options), [&child] { child.kill_all(); }));

  LaunchSpec launched;
  launched.argv = spec.argv;
  launched.env = spec.env;
  launched.binds = spec.binds;
  launched.files = spec.files;
  launched.limits = spec.limits;
  launched.confinement = spec.confinement;
  launched.keep_work = spec.at_end != nullptr;
  launched.worker = spec.worker;
  launched.uid_base = spec.uid_base;
  launched.descriptors = {{stdin_file.get(), 0}, {watch.out_end(), 1}, {watch.err_end(), 2}};
  GIMBAL_TRY(child, launch(launched));
  watch.begin(child.pid());
  watch.close_program_ends();

  watch.wait(child.pidfd());
  const double wall_ms = watch.wall_ms();
  const std::optional<Ended> ended = child.poll_end();
  const Child::Reaped reaped = child.wait();
  watch.drain();
  RunResult result = conclude(spec, watch, ended, reaped);
  result.wall_ms = wall_ms;
  if (spec.at_end && child.work_fd() >= 0) spec.at_end(child.work_fd());
  return result;
}

}  // namespace gimbal::sandbox
