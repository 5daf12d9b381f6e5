#include "gimbal/sandbox/python_worker.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>

#include "gimbal/sandbox/descendants.h"
#include "gimbal/sandbox/python_verdict.h"
#include "zygote_source.h"

namespace gimbal::sandbox {
namespace {

constexpr std::int64_t kTestsPerServer = 5000;
constexpr std::int64_t kMemoryCheckEvery = 64;  // tests; a look costs 10 us
constexpr double kMemoryGrowth = 1.25;
// A cold start on a slow machine reads some 40 modules; preloaded ones (numpy) more.
constexpr std::chrono::seconds kStartLimit{30};
constexpr std::uint32_t kOwnPid = 0xdeadbeef;
constexpr std::size_t kHintPage = 4096;

// What every program sees as its environment; nothing of the caller's. The hash seed makes sets of strings print alike.
const std::vector<std::string>& environment() {
  static const std::vector<std::string> variables = {
      "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC", "PYTHONHASHSEED=0",
      "PYTHONDONTWRITEBYTECODE=1"};
  return variables;
}

class FilterWriter {
 public:
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void load_argument(int index) { load(offsetof(seccomp_data, args) + static_cast<std::size_t>(index) * 8); }
  void refuse() { add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM); }
  void allow() { add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW); }
  // If the loaded word is (not) `value`, the next `skip` instructions are left out.
  void skip_if(std::uint32_t value, int skip) { jump(value, skip, 0); }
  void skip_unless(std::uint32_t value, int skip) { jump(value, 0, skip); }
  std::string bytes() const {
    return std::string(reinterpret_cast<const char*>(program_.data()), program_.size() * sizeof(sock_filter));
  }

 private:
  void add(int code, std::uint32_t k) { program_.push_back({static_cast<std::uint16_t>(code), 0, 0, k}); }
  void jump(std::uint32_t value, int yes, int no) {
    program_.push_back({BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), value});
  }
  std::vector<sock_filter> program_;
};

// The harness without the server, which a fresh interpreter would only parse in vain (3 ms).
std::string single_source() {
  constexpr std::string_view kMark = "# --- the server";
  const std::string_view whole = kZygoteSource;
  return std::string(whole.substr(0, whole.find(kMark))) + "single()\n";
}

bool readable(int fd) {
  pollfd polled{fd, POLLIN, 0};
  return poll(&polled, 1, 0) > 0;
}

double cpu_ms_of(const rusage& usage) {
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1000 + static_cast<double>(time.tv_usec) / 1000;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

int open_null() { return open("/dev/null", O_RDWR | O_CLOEXEC); }

}  // namespace

// Other architectures were refused by the sandbox's own filter already, so system call numbers mean what they say.
std::string test_filter(bool allow_exec, bool own_signals_only) {
  FilterWriter filter;
  filter.load(offsetof(seccomp_data, nr));
  std::vector<long> refused = {SYS_shmget, SYS_semget, SYS_msgget, SYS_memfd_create};
  if (!allow_exec) refused.insert(refused.end(), {SYS_execve, SYS_execveat});
  for (const long call : refused) {
    filter.skip_unless(static_cast<std::uint32_t>(call), 1);
    filter.refuse();
  }
  // setpriority(PRIO_PROCESS, 0, ...) is nice(); anything else may mean another process.
  filter.skip_unless(SYS_setpriority, 6);
  filter.load_argument(0);
  filter.skip_unless(0, 3);
  filter.load_argument(1);
  filter.skip_unless(0, 1);
  filter.allow();
  filter.refuse();
  if (own_signals_only) {
    for (const long call : {SYS_kill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo}) {
      filter.skip_unless(static_cast<std::uint32_t>(call), 4);
      filter.load_argument(0);
      filter.skip_unless(kOwnPid, 1);
      filter.allow();
      filter.refuse();
    }
    for (const long call : {SYS_tkill, SYS_pidfd_send_signal}) {
      filter.skip_unless(static_cast<std::uint32_t>(call), 1);
      filter.refuse();
    }
  }
  filter.allow();
  return filter.bytes();
}

// The server is trusted and its tests lower every limit themselves, so memory is not its limit; what cannot be raised again by
// a test (processes, descriptors, the stack's room) is the ceiling's.
Limits server_limits(const Limits& ceiling) {
  Limits limits = ceiling;
  limits.memory_bytes = std::int64_t{1} << 42;
  limits.processes = ceiling.processes + 1;
  limits.files = std::max(ceiling.files, 64);
  return limits;
}

PythonWorker::PythonWorker(const PoolOptions& options, int number, PoolCounters& counters)
    : options_(options), number_(number), counters_(counters), own_namespace_(options.confinement.layers.has(Layer::kPidns)) {
  if (options.confinement.layers.has(Layer::kSeccomp)) filter_ = test_filter(options.allow_exec, !own_namespace_);
}

PythonWorker::~PythonWorker() { end_server(); }

RunParameters PythonWorker::parameters(const RunFlags& flags) const {
  RunParameters run;
  run.limits = flags.limits;
  run.limited = options_.confinement.layers.has(Layer::kRlimits);
  run.seed = flags.seed;
  run.arguments = flags.arguments;
  return run;
}

LaunchSpec PythonWorker::base_spec(const Limits& limits) const {
  LaunchSpec spec;
  spec.env = environment();
  spec.binds = options_.python.binds;
  spec.limits = limits;
  spec.confinement = options_.confinement;
  spec.limit_cpu = false;
  spec.worker = number_;
  return spec;
}

// ---------------------------------------------------------------------------------------------------------- fork server

void PythonWorker::end_server() {
  socket_.reset();
  if (server_.running()) {
    server_.kill_all();
    server_.wait();
  }
  server_ = Child();
  server_pid_ = -1;
  reader_ = MessageReader();
}

bool PythonWorker::send(const std::string& message, const std::vector<int>& descriptors) {
  iovec part{const_cast<char*>(message.data()), message.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE((3 + kMaxDescriptors) * sizeof(int))> control{};
  if (!descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size() * sizeof(int));
  }
  std::size_t sent = 0;
  while (sent < message.size()) {  // a server that does not read fills the socket, and this thread is not to hang on it
    part = {const_cast<char*>(message.data()) + sent, message.size() - sent};
    const ssize_t size = sendmsg(socket_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size >= 0) {
      sent += static_cast<std::size_t>(size);
      header.msg_control = nullptr;
      header.msg_controllen = 0;
      continue;
    }
    pollfd writable{socket_.get(), POLLOUT, 0};
    if (errno == EAGAIN && poll(&writable, 1, 5000) > 0) continue;
    if (errno != EINTR) return false;
  }
  return true;
}

Result<void> PythonWorker::ensure_server() {
  if (server_.running()) return {};
  std::array<int, 2> ends;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(ErrorCode::kUnavailable, "cannot make a socket pair: {}", std::strerror(errno));
  }
  socket_ = Descriptor(ends[0]);
  const Descriptor theirs(ends[1]);
  const Descriptor null(open_null());
  LaunchSpec spec = base_spec(server_limits(options_.ceiling));
  spec.argv = {options_.python.path, "-s", "-c", kZygoteSource};
  spec.descriptors = {{null.get(), 0}, {null.get(), 1}, {null.get(), 2}, {theirs.get(), 3}};
  spec.as_init = true;
  GIMBAL_TRY(server_, launch(spec));
  tests_served_ = 0;
  memory_at_start_ = 0;
  if (!send(encode_init(own_namespace_, options_.preload, filter_))) {
    end_server();
    return fail(ErrorCode::kSandboxError, "the Python fork server ended while it started");
  }
  const auto deadline = std::chrono::steady_clock::now() + kStartLimit;
  for (;;) {
    Result<std::optional<ServerMessage>> message = reader_.next();
    std::string problem;
    if (!message) {
      problem = message.error().message;
    } else if (*message && (*message)->kind == 'R') {
      break;
    } else if (*message && (*message)->kind == 'E') {
      end_server();
      return fail(ErrorCode::kUnavailable, "Python {}: {}", options_.python.path, (*message)->text);
    } else if (!*message) {
      pollfd readable{socket_.get(), POLLIN, 0};
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      std::array<char, 4096> buffer;
      if (left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) <= 0) {
        problem = "it did not answer";
      } else if (const ssize_t size = recv(socket_.get(), buffer.data(), buffer.size(), 0); size > 0) {
        reader_.feed({buffer.data(), static_cast<std::size_t>(size)});
      } else {
        problem = "it ended";
      }
    }
    if (!problem.empty()) {
      end_server();
      return fail(ErrorCode::kSandboxError, "the Python fork server did not start ({})", problem);
    }
  }
  server_pid_ = server_.pid();
  if (!own_namespace_) {
    const std::vector<pid_t> children = living_children(server_.pid());
    if (!children.empty()) server_pid_ = children.front();
  }
  memory_at_start_ = resident_bytes(server_pid_);
  return {};
}

PythonWorker::OrLost<ServerMessage> PythonWorker::receive(ExecutionWatch& watch, char wanted) {
  std::string why;
  while (why.empty()) {
    Result<std::optional<ServerMessage>> message = reader_.next();
    if (!message) {
      why = message.error().message;
    } else if (*message && (*message)->kind == wanted && (*message)->id == next_id_) {
      return std::move(**message);
    } else if (*message && (*message)->kind == 'W') {
      kill_descendants(server_.pid(), server_pid_);
      if (!send(encode_go_on())) why = "it ended";
    } else if (*message) {
      why = fmt::format("it sent {} out of turn", (*message)->kind);
    } else if (watch.wait(socket_.get()) == ExecutionWatch::Event::kSilent) {
      why = "it did not answer";
    } else {
      std::array<char, 8192> buffer;
      const ssize_t size = recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (size > 0) reader_.feed({buffer.data(), static_cast<std::size_t>(size)});
      if (size <= 0) why = "it ended";
    }
  }
  end_server();
  return tl::unexpected<Lost>(Lost{why});
}

PythonWorker::OrLost<PythonWorker::End> PythonWorker::compile(const std::string& program, const RunFlags& flags,
                                                              const StopToken& stop) {
  const auto lost = [this](std::string why) {
    end_server();
    return tl::unexpected<Lost>(Lost{std::move(why)});
  };
  Result<Descriptor> source = sealed_file(program);
  if (!source) return lost(source.error().message);
  const auto kill = [this] {
    if (!own_namespace_ || !send(encode_kill())) kill_descendants(server_.pid(), server_pid_);
  };
  Result<ExecutionWatch> watch = ExecutionWatch::start(
      {flags.limits, server_.pid(), own_namespace_ ? 0 : server_pid_, memory_at_start_, false, stop}, kill);
  ++next_id_;
  if (!watch || !send(encode_program(next_id_, parameters(flags)), {source->get()})) return lost("it ended");
  const OrLost<ServerMessage> message = receive(*watch, 'C');
  if (!message) return tl::unexpected<Lost>(message.error());
  return end_of(*message, *watch);
}

PythonWorker::End PythonWorker::end_of(const ServerMessage& message, ExecutionWatch& watch) {
  watch.drain();
  End end;
  end.killer = watch.killer();
  end.wait_status = message.wait_status;
  end.cpu_ms = message.cpu_ms;
  end.wall_ms = watch.wall_ms();
  end.peak_bytes = message.peak_bytes;
  end.hint = message.hint;
  end.out = watch.take_out();
  end.err = watch.take_err();
  return end;
}

PythonWorker::OrLost<PythonWorker::End> PythonWorker::serve_test(const TestInput& test, const RunFlags& flags,
                                                                 const StopToken& stop) {
  const auto lost = [this](std::string why) {
    end_server();
    return tl::unexpected<Lost>(Lost{std::move(why)});
  };
  Result<Descriptor> input = sealed_file(test.stdin_bytes);
  if (!input) return lost(input.error().message);
  const auto kill = [this] {
    if (!own_namespace_ || !send(encode_kill())) kill_descendants(server_.pid(), server_pid_);
  };
  Result<ExecutionWatch> watch = ExecutionWatch::start(
      {flags.limits, server_.pid(), own_namespace_ ? 0 : server_pid_, memory_at_start_, true, stop}, kill);
  if (!watch) return lost(watch.error().message);
  ++next_id_;
  std::vector<int> descriptors = {input->get(), watch->out_end(), watch->err_end()};
  descriptors.insert(descriptors.end(), flags.descriptors.begin(), flags.descriptors.end());
  if (!send(encode_test(next_id_, parameters(flags)), descriptors)) return lost("it ended");
  watch->close_program_ends();
  const OrLost<ServerMessage> message = receive(*watch, 'D');
  if (!message) return tl::unexpected<Lost>(message.error());
  ++tests_served_;
  return end_of(*message, *watch);
}

bool PythonWorker::worn_out() const {
  if (tests_served_ >= kTestsPerServer) return true;
  if (tests_served_ % kMemoryCheckEvery != kMemoryCheckEvery - 1) return false;
  return static_cast<double>(resident_bytes(server_pid_)) > kMemoryGrowth * static_cast<double>(memory_at_start_);
}

// ---------------------------------------------------------------------------------------------------------- fresh interpreters

Result<PythonWorker::End> PythonWorker::run_fresh(const std::string& program, const TestInput& test, const RunFlags& flags,
                                                  const StopToken& stop) {
  RunParameters run = parameters(flags);
  run.filter = filter_;
  GIMBAL_TRY(const Descriptor input, sealed_file(test.stdin_bytes));
  GIMBAL_TRY(const Descriptor source, sealed_file(program));
  GIMBAL_TRY(const Descriptor request, sealed_file(encode_run(run)));
  const Descriptor page(memfd_create("hint", MFD_CLOEXEC));
  if (!page || ftruncate(page.get(), kHintPage) != 0) {
    return fail(ErrorCode::kUnavailable, "cannot make a file in memory: {}", std::strerror(errno));
  }
  Child child;
  GIMBAL_TRY(ExecutionWatch watch, ExecutionWatch::start({flags.limits, -1, 0, 0, true, stop}, [&child] { child.kill_all(); }));
  LaunchSpec spec = base_spec(server_limits(flags.limits));
  spec.argv = {options_.python.path, "-s", "-c", single_source()};
  spec.descriptors = {{input.get(), 0},  {watch.out_end(), 1}, {watch.err_end(), 2},
                      {source.get(), 3}, {page.get(), 4},      {request.get(), 5}};
  GIMBAL_TRY(child, launch(spec));
  watch.begin(child.pid());
  watch.close_program_ends();
  std::optional<Ended> ended;
  while (!ended && watch.wait(child.report()) == ExecutionWatch::Event::kReady) {
    ended = child.poll_end();
    if (!ended && readable(child.pidfd())) break;
  }
  child.kill_all();
  const Child::Reaped reaped = child.wait();
  if (!ended && watch.killer() == MonitorKill::kNone)
    return fail(ErrorCode::kSandboxError, "the sandbox of a program ended before it");
  ServerMessage message;
  message.wait_status = ended ? ended->wait_status : SIGKILL;
  const rusage& usage = reaped.usage;
  message.cpu_ms = std::max(0.0, cpu_ms_of(usage) - (ended ? ended->init_cpu_ms : 0));
  message.peak_bytes = ended ? ended->usage.ru_maxrss * 1024 : usage.ru_maxrss * 1024;
  std::array<char, kHintPage> bytes{};
  std::uint32_t size = 0;
  if (pread(page.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(kHintPage)) {
    std::memcpy(&size, bytes.data(), sizeof size);
    message.hint = parse_hint({bytes.data() + 4, std::min<std::size_t>(size, kHintPage - 4)});
  }
  return end_of(message, watch);
}

// ---------------------------------------------------------------------------------------------------------- results

TestResult PythonWorker::result_of(const TestInput& test, End end, const Limits& limits) {
  const Verdict verdict =
      judge({end.killer, end.wait_status, end.cpu_ms, end.hint, end.out.truncated || end.err.truncated}, limits);
  TestResult result;
  result.id = test.id;
  result.status = verdict.status;
  result.message = verdict.message;
  result.exit_code = verdict.exit_code;
  result.signal = verdict.signal;
  result.out = std::move(end.out);
  result.err = std::move(end.err);
  result.cpu_ms = end.cpu_ms;
  result.wall_ms = end.wall_ms;
  if (end.peak_bytes > 0) result.max_rss_bytes = end.peak_bytes;
  return result;
}

Result<std::vector<TestResult>> PythonWorker::run(const std::string& program, const std::vector<TestInput>& tests,
                                                  const RunFlags& flags, const StopToken& stop) {
  GIMBAL_TRY(check_limits(flags.limits));
  if (!flags.descriptors.empty() &&
      (options_.isolation != Isolation::kForkServer || tests.size() != 1 || flags.descriptors.size() > kMaxDescriptors)) {
    return fail(ErrorCode::kInvalidArgument, "up to {} descriptors go to one test of a fork server", kMaxDescriptors);
  }
  std::vector<TestResult> results;
  results.reserve(tests.size());
  const auto fill = [&](Status status) {
    while (results.size() < tests.size()) {
      TestResult rest;
      rest.id = tests[results.size()].id;
      rest.status = status;
      results.push_back(std::move(rest));
    }
  };
  const bool server = options_.isolation == Isolation::kForkServer;
  bool compiled = !server || (server_.running() && compiled_ == program);
  int losses = 0;
  while (results.size() < tests.size()) {
    if (stop.stop_requested()) {
      fill(Status::kCancelled);
      break;
    }
    const TestInput& test = tests[results.size()];
    OrLost<End> end = tl::unexpected<Lost>(Lost{});
    bool compiling = false;
    if (server) {
      if (server_.running() && worn_out()) {
        end_server();
        ++counters_.restarts;
        compiled = false;
      }
      if (!server_.running()) compiled = false;
      if (!compiled) compiled_.reset();
      GIMBAL_TRY(ensure_server());
      compiling = !compiled;
      end = compiling ? compile(program, flags, stop) : serve_test(test, flags, stop);
    } else {
      GIMBAL_TRY(end, run_fresh(program, test, flags, stop));
    }
    if (!end) {
      ++counters_.restarts;
      if (++losses > 1 || (!compiling && !flags.descriptors.empty())) {
        return fail(ErrorCode::kSandboxError, "the Python fork server was lost {} in test \"{}\" ({})",
                    losses > 1 ? "twice" : "once", test.id, end.error().why);
      }
      continue;
    }
    if (compiling && end->killer == MonitorKill::kNone && end->wait_status == 0) {
      compiled = true;
      compiled_ = program;
      continue;
    }
    losses = 0;
    results.push_back(result_of(test, std::move(*end), flags.limits));
    const TestResult last = results.back();
    if (!compiling && last.status != Status::kSyntaxError) ++counters_.executions;
    if (last.status == Status::kCancelled) fill(Status::kCancelled);
    if (compiling || last.status == Status::kSyntaxError) {
      while (results.size() < tests.size()) {
        results.push_back(last);
        results.back().id = tests[results.size() - 1].id;
      }
    }
    if (flags.stop_at_failure && last.status != Status::kOk) fill(Status::kNotRun);
  }
  return results;
}

}  // namespace gimbal::sandbox
