// gimbal sandbox run: one command or Python file inside the sandbox, its output on ours, a verdict on stderr.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/sandbox_commands.h"
#include "gimbal/sandbox/copy_out.h"
#include "gimbal/sandbox/descriptor.h"
#include "gimbal/sandbox/python_pool.h"
#include "gimbal/sandbox/run.h"

namespace gimbal::cli {
namespace {

using sandbox::Isolation;
using sandbox::PolicyKind;
using sandbox::RunResult;
using sandbox::Status;

struct Flags {
  SandboxPolicyFlags policy;
  std::vector<std::string> command;
  std::int64_t cpu_ms = 10'000, wall_ms = 30'000;
  Bytes memory{std::uint64_t{1} << 30}, output{std::uint64_t{16} << 20}, disk{std::uint64_t{64} << 20},
      stack{std::uint64_t{256} << 20};
  int processes = 16, files = 256, uid_base = sandbox::kDefaultUidBase;
  std::vector<std::string> read_only, writable, variables, copy_in;
  std::vector<sandbox::CopyOutRule> copy_out;
  std::optional<std::string> stdin_file, python;
  Isolation isolation = Isolation::kForkServer;
  std::string net = "none";
  bool propagate = false;
};

Result<sandbox::Descriptor> open_file(const std::string& path, const std::string& flag) {
  sandbox::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_at(flag, ErrorCode::kNotFound, "cannot read {}: {}", path, std::strerror(errno));
  struct stat info{};
  if (fstat(file.get(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return fail_at(flag, ErrorCode::kInvalidArgument, "expected a file, found the folder {}", path);
  }
  return file;
}

// Bytes as they are: standard input may be anything.
Result<std::string> read_bytes(int file, const char* flag, const StopToken& stop) {
  std::string bytes;
  std::array<char, 65536> buffer;
  for (ssize_t n; (n = read(file, buffer.data(), buffer.size())) != 0;) {
    if (stop.stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted while reading {}", flag);
    if (n < 0 && errno != EINTR) return fail_at(flag, ErrorCode::kInvalidArgument, "cannot read: {}", std::strerror(errno));
    if (n > 0) bytes.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return bytes;
}

Result<std::vector<sandbox::Bind>> binds(const Flags& flags) {
  std::vector<sandbox::Bind> found;
  const auto add = [&](const std::vector<std::string>& paths, const char* flag, bool writable) -> Result<void> {
    for (const std::string& path : paths) {
      std::error_code error;
      const std::filesystem::path whole = std::filesystem::canonical(path, error);
      if (error) return fail_at(flag, ErrorCode::kNotFound, "no such path: {}", path);
      if (whole == "/") return fail_at(flag, ErrorCode::kInvalidArgument, "the whole file system cannot be made visible");
      found.push_back({whole.string(), std::filesystem::absolute(path).lexically_normal().string(), writable});
    }
    return {};
  };
  GIMBAL_TRY(add(flags.read_only, "--ro", false));
  GIMBAL_TRY(add(flags.writable, "--rw", true));
  return found;
}

Result<std::vector<std::string>> environment(const Flags& flags, const CommandContext& context) {
  std::vector<std::string> env;
  for (const char* name : {"PATH", "LANG"}) {
    bool replaced = false;
    for (const std::string& entry : flags.variables) replaced = replaced || entry.starts_with(std::string(name) + "=");
    const std::optional<std::string> value = context.environment(name);
    if (value && !replaced) env.push_back(fmt::format("{}={}", name, *value));
  }
  for (const std::string& entry : flags.variables) {
    const auto parsed = parse_map_entry(entry);
    if (!parsed) return fail(Error(parsed.error()).at("--env"));
    env.push_back(entry);
  }
  return env;
}

int exit_of(Status status) {
  switch (status) {
    case Status::kOk:
      return 0;
    case Status::kTimeoutCpu:
    case Status::kTimeoutWall:
    case Status::kMemory:
    case Status::kOutputLimit:
    case Status::kProcessLimit:
      return exit_code(ErrorCode::kLimit);
    case Status::kCancelled:
      return exit_code(ErrorCode::kInterrupted);
    default:
      return 1;
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void write_output(JsonWriter& json, const std::string& name, const sandbox::Output& output) {
  if (is_utf8(output.bytes)) {
    json.field(name, output.bytes);
  } else {
    json.field(name + "_b64", base64_encode(output.bytes));
  }
  json.field(name + "_bytes", output.total).field(name + "_truncated", output.truncated);
}

double microseconds(double ms) { return std::round(ms * 1000) / 1000; }

std::string verdict_line(const RunResult& result) {
  std::string text(sandbox::status_name(result.status));
  if (result.exit_code) text += fmt::format(", exit {}", *result.exit_code);
  if (result.signal) text += ", " + *result.signal;
  text += fmt::format(", {:.1f} ms CPU, {:.1f} ms", result.cpu_ms, result.wall_ms);
  if (result.max_rss_bytes) text += ", " + format_bytes(static_cast<std::uint64_t>(*result.max_rss_bytes));
  if (result.message) text += ": " + *result.message;
  return text;
}

Result<sandbox::Limits> limits(const Flags& flags) {
  sandbox::Limits found;
  found.cpu_ms = flags.cpu_ms;
  found.wall_ms = flags.wall_ms;
  found.memory_bytes = static_cast<std::int64_t>(flags.memory.count);
  found.output_bytes = static_cast<std::int64_t>(flags.output.count);
  found.disk_bytes = static_cast<std::int64_t>(flags.disk.count);
  found.stack_bytes = static_cast<std::int64_t>(flags.stack.count);
  found.processes = flags.processes;
  found.files = flags.files;
  if (const Result<void> checked = sandbox::check_limits(found); !checked) {
    Error error = checked.error();
    constexpr std::pair<std::string_view, const char*> kFlags[] = {
        {"memory_bytes", "--memory"}, {"output_bytes", "--output-bytes"}, {"disk_bytes", "--disk"}, {"stack_bytes", "--stack"}};
    for (const auto& [field, flag] : kFlags) {
      if (error.where == field) error.where = flag;
    }
    return fail(std::move(error));
  }
  return found;
}

// What ended, and what it left for us.
struct Run {
  RunResult result;
  std::optional<int> processes;  // unknown for a Python file
  std::vector<sandbox::CopiedOut> copied_out;
};

Result<Run> run_command(CommandContext& context, const Flags& flags, sandbox::Spec spec, const std::string& input) {
  spec.argv = flags.command;
  spec.uid_base = flags.uid_base;
  GIMBAL_TRY(spec.binds, binds(flags));
  GIMBAL_TRY(spec.env, environment(flags, context));
  std::vector<sandbox::Descriptor> copied;
  for (const std::string& path : flags.copy_in) {
    GIMBAL_TRY(copied.emplace_back(), open_file(path, "--copy-in"));
    struct stat info{};
    fstat(copied.back().get(), &info);
    spec.files.push_back({std::filesystem::path(path).filename().string(), copied.back().get(), (info.st_mode & 0100) != 0});
  }
  Run run;
  Result<void> taken;
  if (!flags.copy_out.empty()) {
    spec.at_end = [&](int work) {
      for (const sandbox::CopyOutRule& rule : flags.copy_out) {
        Result<sandbox::CopiedOut> out = sandbox::copy_out(work, rule);
        if (out) {
          run.copied_out.push_back(std::move(*out));
        } else if (taken) {
          taken = fail(std::move(out).error().at("--copy-out"));
        }
      }
    };
  }
  Result<RunResult> result = sandbox::run(spec, std::as_bytes(std::span(input)), context.stop());
  if (!result) {
    Error error = std::move(result).error();
    if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kUnavailable;  // inside: the environment lacks it
    return fail(std::move(error));
  }
  GIMBAL_TRY(std::move(taken));
  run.result = std::move(*result);
  run.processes = run.result.processes;
  return run;
}

// A program in a pool of one worker: compiled first, then run in a process of its own.
Result<Run> run_python(CommandContext& context, const Flags& flags, const sandbox::Spec& spec, const std::string& input) {
  for (const char* name : {"copy-in", "copy-out", "env", "uid-base"}) {
    if (!context.given(name)) continue;
    return fail_at(fmt::format("--{}", name), ErrorCode::kUsage,
                   "goes with a command, not with --python; run the interpreter as a command: -- python3 {}", *flags.python);
  }
  GIMBAL_TRY(const sandbox::Descriptor file, open_file(*flags.python, "--python"));
  GIMBAL_TRY(const std::string program, read_bytes(file.get(), "--python", context.stop()));
  sandbox::PoolOptions options;
  options.workers = 1;
  GIMBAL_TRY(options.python, sandbox::find_python());
  GIMBAL_TRY(const std::vector<sandbox::Bind> visible, binds(flags));
  options.python.binds.insert(options.python.binds.end(), visible.begin(), visible.end());
  options.isolation = flags.isolation;
  options.confinement = spec.confinement;
  options.ceiling = spec.limits;
  GIMBAL_TRY(sandbox::PythonPool pool, sandbox::PythonPool::start(std::move(options)));
  sandbox::RunFlags run_flags;
  run_flags.limits = spec.limits;
  run_flags.arguments = flags.command;
  const sandbox::TestInput test{"0", input};
  GIMBAL_TRY(std::vector<sandbox::TestResult> results, pool.run(program, std::span(&test, 1), run_flags, context.stop()));
  sandbox::TestResult& one = results.at(0);
  Run run;
  RunResult& result = run.result;
  result.status = one.status;
  result.exit_code = one.exit_code;
  result.signal = std::move(one.signal);
  result.cpu_ms = one.cpu_ms;
  result.wall_ms = one.wall_ms;
  result.max_rss_bytes = one.max_rss_bytes;
  result.out = std::move(one.out);
  result.err = std::move(one.err);
  result.message = std::move(one.message);
  result.policy = spec.confinement.policy;
  result.layers = spec.confinement.layers;
  return run;
}

void say_protection(CommandContext& context, const Flags& flags, const sandbox::Confinement& confinement) {
  if (confinement.policy == PolicyKind::kOff) {
    context.warn("sandbox_off", "--sandbox=off: the program ran as it is, with your rights and without limits");
  } else if (confinement.policy == PolicyKind::kRlimits) {
    context.warn("sandbox_rlimits", "--sandbox=rlimits: the program was limited but not isolated");
  }
  for (const std::string& path : flags.writable) {
    context.warn("writable_bind", fmt::format("--rw {}: the program could change it", path));
  }
  if (context.quiet) return;
  const std::string layers = joined(confinement.layers.names());
  context.write_err(
      fmt::format("sandbox: {} ({})\n", sandbox::policy_name(confinement.policy), layers.empty() ? "no layers" : layers));
}

void say_copied_out(CommandContext& context, const Flags& flags, const Run& run) {
  for (std::size_t i = 0; i < run.copied_out.size(); ++i) {
    const sandbox::CopiedOut& copied = run.copied_out[i];
    const sandbox::CopyOutRule& rule = flags.copy_out[i];
    if (copied.files.empty()) {
      context.warn("copy_out_nothing", fmt::format("--copy-out: no file matches \"{}\"", rule.pattern));
    } else if (!context.quiet) {
      context.write_err(fmt::format("sandbox: {}: {}\n", rule.folder, list_some(copied.files)));
    }
    if (copied.skipped.empty()) continue;
    context.warn("copy_out_skipped", fmt::format("--copy-out: left out, as no plain files: {}", list_some(copied.skipped)),
                 static_cast<std::int64_t>(copied.skipped.size()));
  }
}

Result<int> run_one(CommandContext& context, const Flags& flags) {
  if (flags.command.empty() && !flags.python) {
    return fail_at("COMMAND", ErrorCode::kUsage, "missing: the command and its arguments after --, or --python FILE");
  }
  sandbox::Spec spec;
  GIMBAL_TRY(spec.limits, limits(flags));
  GIMBAL_TRY(binds(flags));
  GIMBAL_TRY(environment(flags, context));
  for (const std::string& path : flags.copy_in) {
    GIMBAL_TRY(open_file(path, "--copy-in"));
  }
  if (flags.python) {
    GIMBAL_TRY(open_file(*flags.python, "--python"));
  }
  GIMBAL_TRY(const sandbox::Capabilities machine, sandbox::probe(context.environment("GIMBAL_SANDBOX_DISABLE").value_or("")));
  GIMBAL_TRY(spec.confinement, sandbox::resolve_policy(flags.policy.policy, machine, flags.policy.accept_risk));
  std::string input;
  if (flags.stdin_file) {
    GIMBAL_TRY(const sandbox::Descriptor file, open_file(*flags.stdin_file, "--stdin"));
    GIMBAL_TRY(input, read_bytes(file.get(), "--stdin", context.stop()));
  } else {
    GIMBAL_TRY(input, read_bytes(STDIN_FILENO, "standard input", context.stop()));
  }
  say_protection(context, flags, spec.confinement);
  GIMBAL_TRY(const Run run,
             flags.python ? run_python(context, flags, spec, input) : run_command(context, flags, std::move(spec), input));
  const RunResult& result = run.result;
  if (!context.json) {
    context.write_out(result.out.bytes);
    context.write_err(result.err.bytes);
  }
  say_copied_out(context, flags, run);
  if (!context.quiet) context.write_err("sandbox: " + verdict_line(result) + "\n");

  DocumentWriter document("gimbal.sandbox.run/1");
  JsonWriter& json = document.json();
  json.field("status", sandbox::status_name(result.status)).field("exit_code", result.exit_code).field("signal", result.signal);
  json.field("cpu_ms", microseconds(result.cpu_ms)).field("wall_ms", microseconds(result.wall_ms));
  json.field("max_rss_bytes", result.max_rss_bytes).field("processes", run.processes);
  write_output(json, "stdout", result.out);
  write_output(json, "stderr", result.err);
  json.field("message", result.message).field("policy", sandbox::policy_name(result.policy));
  json.field("layers", result.layers.names());
  if (!flags.copy_out.empty()) {
    json.key("copied_out").begin_array();
    for (const sandbox::CopiedOut& copied : run.copied_out) {
      for (const std::string& path : copied.files) json.value(path);
    }
    json.end_array();
  }
  GIMBAL_TRY(finish_document(context, document));
  if (flags.propagate && result.exit_code) return *result.exit_code;
  return exit_of(result.status);
}

}  // namespace

Command sandbox_run_command() {
  auto flags = std::make_shared<Flags>();
  Command command("run", "Run one command or one Python file inside the sandbox.");
  command.description(
      "Standard input is passed on; standard output and error come back on ours; the verdict is one line on standard error. "
      "Inside, the current directory is empty and writable, the system's programs are visible, and nothing else. Of the "
      "environment only PATH and LANG are inherited. --python FILE compiles a file and runs it as `gimbal sandbox batch` "
      "would. Exit code: 0 ok, 1 the program failed, 4 no sandbox or no such command "
      "inside, 5 a limit was hit.");
  command.positional("COMMAND", &flags->command)
      .count(0)
      .help("the command and its arguments, after --; with --python the program's arguments");
  command.option("--python", &flags->python).value("FILE").file().help("run a Python file instead of a command");
  command.choice("--isolation", &flags->isolation, {{"fork-server", Isolation::kForkServer}, {"process", Isolation::kProcess}})
      .help("of --python: a process forked from a warm interpreter, or a fresh interpreter");
  add_policy_options(command, flags->policy);
  const auto limit = [&](OptionBuilder option) -> OptionBuilder { return option.group("Limits"); };
  limit(command.option("--cpu-ms", &flags->cpu_ms).value("MS").min(1).help("CPU time of all its processes together"));
  limit(command.option("--wall-ms", &flags->wall_ms).value("MS").min(1).help("time until it is killed"));
  limit(command.option("--memory", &flags->memory).value("SIZE").help("memory of all its processes together"));
  limit(command.option("--output-bytes", &flags->output).value("SIZE").help("of standard output and error each"));
  limit(command.option("--processes", &flags->processes).value("N").min(1).max(4096).help("processes and threads at a time"));
  limit(command.option("--disk", &flags->disk).value("SIZE").help("the work directory"));
  limit(command.option("--files", &flags->files).value("N").min(8).max(65536).help("open files of a process"));
  limit(command.option("--stack", &flags->stack).value("SIZE").help("stack of the main thread"));
  command.option("--stdin", &flags->stdin_file).value("FILE").file().help("standard input; default: ours");
  command.option("--ro", &flags->read_only).value("PATH").whole_words().help("make a file or folder visible, read-only");
  command.option("--rw", &flags->writable).value("PATH").whole_words().help("make a file or folder visible and writable");
  command.option("--copy-in", &flags->copy_in).value("FILE").whole_words().help("copy a file into the work directory");
  command
      .parsed_list<sandbox::CopyOutRule>("--copy-out", &flags->copy_out,
                                         [](std::string_view word) { return sandbox::parse_copy_out(std::string(word)); })
      .value("GLOB:DIR")
      .whole_words()
      .help("afterwards copy files of the work directory into a folder of ours; ** is any number of folders");
  command.option("--env", &flags->variables).value("NAME=VALUE").whole_words().help("a variable of its environment");
  command.choice("--net", &flags->net, {{"none", "none"}}).help("the network that it sees");
  command.option("--uid-base", &flags->uid_base)
      .value("ID")
      .min(1000)
      .max(2'000'000'000)
      .help("as root: the outer user id that programs run under");
  command.flag("--propagate", &flags->propagate).help("exit with the command's own code");
  command.example("echo 21 | gimbal sandbox run -- awk '{print $1 * 2}'", "A filter that cannot touch anything.");
  command.example("gimbal sandbox run --cpu-ms 2000 --memory 256M --copy-in solve.py -- python3 solve.py");
  command.example("gimbal sandbox run --python solve.py --stdin input.txt", "A Python file, compiled before it runs.");
  command.example("gimbal sandbox run --copy-in plot.gp --copy-out '*.svg:charts' -- gnuplot plot.gp", "Files come back.");
  command.run([flags](CommandContext& context) { return run_one(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
