// gimbal sandbox bench: what one execution costs in the fork server, in a fresh interpreter inside and outside the sandbox, and
// in bubblewrap where it is installed.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/sandbox_commands.h"
#include "gimbal/sandbox/launch.h"
#include "gimbal/sandbox/python_pool.h"
#include "gimbal/stats/descriptive.h"

namespace gimbal::cli {
namespace {

using sandbox::Isolation;

constexpr const char* kProgram = "print(int(input()) * 2)";
constexpr const char* kInput = "21\n";
// Tests of one job, so that compilation weighs as little as it does in use.
constexpr int kTestsPerJob = 20;
// A fresh interpreter takes some twenty times as long: fewer of them say as much.
constexpr int kFewer = 10;

struct Flags {
  SandboxPolicyFlags policy;
  int n = 2000;
  int workers = 0;
  std::string python;
};

struct Row {
  std::string name;
  std::string skipped;  // why there are no figures
  std::int64_t executions = 0;
  double median_ms = 0, p95_ms = 0, cpu_ms = 0, per_s = 0;
};

double cpu_ms_used() {
  double total = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      total += static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
    }
  }
  return total;
}

// `body` performs `each` executions; it is called from `workers` threads until there are n. `close` ends what is shared, so
// that its CPU time counts.
Result<Row> measure(CommandContext& context, const std::string& name, int n, int workers, int each,
                    const std::function<Result<void>()>& body, const std::function<void()>& close) {
  const Clock& clock = context.clock();
  std::atomic<int> left = std::max(1, n / each);
  std::mutex mutex;
  std::vector<double> times;
  std::optional<Error> problem;
  const double cpu_before = cpu_ms_used();
  const double begin = clock.monotonic_s();
  {
    std::vector<std::jthread> threads;
    for (int worker = 0; worker < workers; ++worker) {
      threads.emplace_back([&] {
        while (left.fetch_sub(1) > 0 && !context.stop().stop_requested()) {
          const double start = clock.monotonic_s();
          Result<void> done = body();
          const double ms = (clock.monotonic_s() - start) * 1e3 / each;
          const std::lock_guard lock(mutex);
          times.push_back(ms);
          if (done) continue;
          if (!problem) problem = std::move(done).error();
          left = 0;
        }
      });
    }
  }
  const double seconds = clock.monotonic_s() - begin;
  close();
  if (problem) return fail(std::move(*problem));
  if (context.stop().stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted");
  Row row;
  row.name = name;
  row.executions = static_cast<std::int64_t>(times.size()) * each;
  GIMBAL_TRY(row.median_ms, stats::quantile(times, 0.5));
  GIMBAL_TRY(row.p95_ms, stats::quantile(times, 0.95));
  row.cpu_ms = (cpu_ms_used() - cpu_before) / static_cast<double>(row.executions);
  row.per_s = static_cast<double>(row.executions) / seconds;
  return row;
}

Result<Row> measure_pool(CommandContext& context, const sandbox::PoolOptions& options, int n) {
  const int each = options.isolation == Isolation::kForkServer ? kTestsPerJob : 1;
  GIMBAL_TRY(sandbox::PythonPool started, sandbox::PythonPool::start(options));
  std::optional<sandbox::PythonPool> pool(std::move(started));
  const std::vector<sandbox::TestInput> tests(static_cast<std::size_t>(each), sandbox::TestInput{"0", kInput});
  const auto body = [&]() -> Result<void> {
    GIMBAL_TRY(const std::vector<sandbox::TestResult> results, pool->run(kProgram, tests, sandbox::RunFlags{}, context.stop()));
    for (const sandbox::TestResult& result : results) {
      if (result.status == sandbox::Status::kOk || result.status == sandbox::Status::kCancelled) continue;
      return fail(ErrorCode::kSandboxError, "a program that only prints ended as {}", sandbox::status_name(result.status));
    }
    return {};
  };
  // The servers start with the first jobs: that is not what is asked for.
  std::vector<std::jthread> warm;
  for (int i = 0; i < options.workers; ++i) warm.emplace_back([&] { (void)body(); });
  warm.clear();
  return measure(context, std::string(sandbox::isolation_name(options.isolation)), n, options.workers, each, body,
                 [&] { pool.reset(); });
}

// Starts a program with its output thrown away and waits for its end.
Result<void> spawn_and_wait(const std::vector<std::string>& argv) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  int input[2];
  if (pipe2(input, O_CLOEXEC) != 0) return fail(ErrorCode::kUnavailable, "cannot make a pipe");
  (void)!write(input[1], kInput, std::string_view(kInput).size());
  close(input[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int error = posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(input[0]);
  if (error != 0) return fail(ErrorCode::kUnavailable, "{}: cannot be started: {}", argv[0], std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) return fail(ErrorCode::kUnavailable, "{}: ended with wait status {}", argv[0], status);
  return {};
}

// The namespaces and binds of the policy "full", as bubblewrap spells them.
std::vector<std::string> bubblewrap_command(const sandbox::PythonInterpreter& python) {
  std::vector<std::string> words = {"bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"};
  const auto add = [&](std::initializer_list<std::string> more) { words.insert(words.end(), more); };
  add({"--ro-bind", "/usr", "/usr"});
  for (const char* name : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    std::error_code error;
    const std::filesystem::path target = std::filesystem::read_symlink(name, error);
    if (!error) {
      add({"--symlink", target.string(), name});
    } else {
      add({"--ro-bind-try", name, name});
    }
  }
  for (const char* name : {"/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"}) add({"--ro-bind-try", name, name});
  for (const sandbox::Bind& bind : python.binds) add({"--ro-bind", bind.source, bind.source});
  add({"--dev", "/dev", "--tmpfs", sandbox::kWorkDir, "--chdir", sandbox::kWorkDir});
  add({python.path, "-s", "-c", kProgram});
  return words;
}

Result<Row> measure_command(CommandContext& context, const std::string& name, const std::vector<std::string>& argv, int n,
                            int workers) {
  if (Result<void> once = spawn_and_wait(argv); !once) {
    Row row;
    row.name = name;
    row.skipped = once.error().message;
    return row;
  }
  return measure(context, name, n, workers, 1, [&] { return spawn_and_wait(argv); }, [] {});
}

Result<int> bench(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(const sandbox::Capabilities machine, sandbox::probe(context.environment("GIMBAL_SANDBOX_DISABLE").value_or("")));
  sandbox::PoolOptions options;
  GIMBAL_TRY(options.confinement, sandbox::resolve_policy(flags.policy.policy, machine, flags.policy.accept_risk));
  Result<sandbox::PythonInterpreter> python = sandbox::find_python(flags.python);
  if (!python) return fail(std::move(python).error().at("--python"));
  options.python = std::move(*python);
  options.workers = flags.workers > 0 ? flags.workers : hardware_threads();
  const int fewer = std::max(20, flags.n / kFewer);

  std::vector<Row> rows;
  GIMBAL_TRY(rows.emplace_back(), measure_pool(context, options, flags.n));
  options.isolation = Isolation::kProcess;
  GIMBAL_TRY(rows.emplace_back(), measure_pool(context, options, fewer));
  const std::vector<std::string> plain = {options.python.path, "-s", "-c", kProgram};
  GIMBAL_TRY(rows.emplace_back(), measure_command(context, "plain interpreter", plain, fewer, options.workers));
  GIMBAL_TRY(rows.emplace_back(),
             measure_command(context, "bubblewrap", bubblewrap_command(options.python), fewer, options.workers));

  TextTable table({"isolation", "executions", "median ms", "p95 ms", "CPU ms", "a second"});
  for (const Row& row : rows) {
    if (!row.skipped.empty()) {
      table.row({row.name, "-", "-", "-", "-", "-"});
      continue;
    }
    table.row({row.name, std::to_string(row.executions), fmt::format("{:.2f}", row.median_ms),
               fmt::format("{:.2f}", row.p95_ms), fmt::format("{:.2f}", row.cpu_ms), fmt::format("{:.0f}", row.per_s)});
  }
  context.print(table.text());
  for (const Row& row : rows) {
    if (!row.skipped.empty()) context.print(fmt::format("\n{}: not measured: {}", row.name, row.skipped));
  }
  context.print(fmt::format("\nA program that doubles a number, {} at a time, Python {}, policy {}.", options.workers,
                            options.python.version, sandbox::policy_name(options.confinement.policy)));

  DocumentWriter document("gimbal.sandbox.bench/1");
  JsonWriter& json = document.json();
  json.field("workers", options.workers).field("policy", sandbox::policy_name(options.confinement.policy));
  json.field("layers", options.confinement.layers.names()).key("python").begin_object();
  json.field("path", options.python.path).field("version", options.python.version).end_object();
  json.key("rows").begin_array();
  for (const Row& row : rows) {
    json.begin_object().field("name", row.name);
    if (row.skipped.empty()) {
      json.field("executions", row.executions).field("median_ms", row.median_ms).field("p95_ms", row.p95_ms);
      json.field("cpu_ms", row.cpu_ms).field("executions_per_s", row.per_s).null_field("skipped");
    } else {
      json.field("executions", 0).null_field("median_ms").null_field("p95_ms").null_field("cpu_ms");
      json.null_field("executions_per_s").field("skipped", row.skipped);
    }
    json.end_object();
  }
  json.end_array();
  GIMBAL_TRY(finish_document(context, document));
  return 0;
}

}  // namespace

Command sandbox_bench_command() {
  auto flags = std::make_shared<Flags>();
  Command command("bench", "Measure what an execution costs, with and without the sandbox.");
  command.description(
      "Runs one small Python program many times: in the fork server (in jobs of 20 tests), in a fresh interpreter in a fresh "
      "sandbox, in a plain interpreter without any, and in bubblewrap with the same binds where it is installed. The last "
      "three "
      "run a tenth as often. Milliseconds are from start to end of one execution; CPU time is of all processes together.");
  command.option("--n", &flags->n).value("N").min(20).max(1'000'000).help("executions of the fork server");
  command.option("--workers", &flags->workers).value("N").min(0).max(1024).show_default("one a core").help("at the same time");
  command.option("--python", &flags->python).value("PATH").help("interpreter, CPython 3.8 or newer (default: python3 in PATH)");
  add_policy_options(command, flags->policy);
  command.example("gimbal sandbox bench", "One table.");
  command.run([flags](CommandContext& context) { return bench(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
