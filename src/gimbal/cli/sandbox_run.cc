// gimbal sandbox run: one command inside the sandbox, its output on ours, a verdict on stderr.
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
#include "gimbal/sandbox/run.h"

namespace gimbal::cli {
namespace {

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
  std::optional<std::string> stdin_file;
  std::string net = "none";
  bool propagate = false;
};

class OpenFile {
 public:
  explicit OpenFile(int number = -1) : number_(number) {}
  OpenFile(OpenFile&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~OpenFile() {
    if (number_ >= 0) close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

Result<OpenFile> open_file(const std::string& path, const std::string& flag) {
  const int number = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (number < 0) return fail_at(flag, ErrorCode::kNotFound, "cannot read {}: {}", path, std::strerror(errno));
  struct stat info{};
  if (fstat(number, &info) == 0 && S_ISDIR(info.st_mode)) {
    close(number);
    return fail_at(flag, ErrorCode::kInvalidArgument, "expected a file, found the folder {}", path);
  }
  return OpenFile(number);
}

// Bytes as they are: standard input may be anything.
Result<std::string> read_bytes(int file, const StopToken& stop) {
  std::string bytes;
  std::array<char, 65536> buffer;
  for (ssize_t n; (n = read(file, buffer.data(), buffer.size())) != 0;) {
    if (stop.stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted while reading standard input");
    if (n < 0 && errno != EINTR)
      return fail_at("--stdin", ErrorCode::kInvalidArgument, "cannot read: {}", std::strerror(errno));
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

Result<int> run_one(CommandContext& context, const Flags& flags) {
  sandbox::Spec spec;
  spec.argv = flags.command;
  spec.uid_base = flags.uid_base;
  GIMBAL_TRY(spec.limits, limits(flags));
  GIMBAL_TRY(spec.binds, binds(flags));
  GIMBAL_TRY(spec.env, environment(flags, context));
  GIMBAL_TRY(const sandbox::Capabilities machine, sandbox::probe(context.environment("GIMBAL_SANDBOX_DISABLE").value_or("")));
  GIMBAL_TRY(spec.confinement, sandbox::resolve_policy(flags.policy.policy, machine, flags.policy.accept_risk));
  std::vector<OpenFile> copied;
  for (const std::string& path : flags.copy_in) {
    GIMBAL_TRY(copied.emplace_back(), open_file(path, "--copy-in"));
    struct stat info{};
    fstat(copied.back().get(), &info);
    spec.files.push_back({std::filesystem::path(path).filename().string(), copied.back().get(), (info.st_mode & 0100) != 0});
  }
  std::string input;
  if (flags.stdin_file) {
    GIMBAL_TRY(const OpenFile file, open_file(*flags.stdin_file, "--stdin"));
    GIMBAL_TRY(input, read_bytes(file.get(), context.stop()));
  } else {
    GIMBAL_TRY(input, read_bytes(STDIN_FILENO, context.stop()));
  }

  const std::string layers = joined(spec.confinement.layers.names());
  if (spec.confinement.policy == PolicyKind::kOff) {
    context.warn("sandbox_off", "--sandbox=off: the program ran as it is, with your rights and without limits");
  } else if (spec.confinement.policy == PolicyKind::kRlimits) {
    context.warn("sandbox_rlimits", "--sandbox=rlimits: the program was limited but not isolated");
  }
  for (const std::string& path : flags.writable) {
    context.warn("writable_bind", fmt::format("--rw {}: the program could change it", path));
  }
  if (!context.quiet) {
    context.write_err(fmt::format("sandbox: {} ({})\n", sandbox::policy_name(spec.confinement.policy),
                                  layers.empty() ? "no layers" : layers));
  }

  Result<RunResult> ran = sandbox::run(spec, std::as_bytes(std::span(input)), context.stop());
  if (!ran) {
    Error error = std::move(ran).error();
    if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kUnavailable;  // inside: the environment lacks it
    return fail(std::move(error));
  }
  const RunResult& result = *ran;
  if (!context.json) {
    context.write_out(result.out.bytes);
    context.write_err(result.err.bytes);
  }
  if (!context.quiet) context.write_err("sandbox: " + verdict_line(result) + "\n");

  DocumentWriter document("gimbal.sandbox.run/1");
  JsonWriter& json = document.json();
  json.field("status", sandbox::status_name(result.status)).field("exit_code", result.exit_code).field("signal", result.signal);
  json.field("cpu_ms", microseconds(result.cpu_ms)).field("wall_ms", microseconds(result.wall_ms));
  json.field("max_rss_bytes", result.max_rss_bytes).field("processes", result.processes);
  write_output(json, "stdout", result.out);
  write_output(json, "stderr", result.err);
  json.field("message", result.message).field("policy", sandbox::policy_name(result.policy));
  json.field("layers", result.layers.names());
  GIMBAL_TRY(finish_document(context, document));
  if (flags.propagate && result.exit_code) return *result.exit_code;
  return exit_of(result.status);
}

}  // namespace

Command sandbox_run_command() {
  auto flags = std::make_shared<Flags>();
  Command command("run", "Run one command inside the sandbox.");
  command.description(
      "Standard input is passed on; standard output and error come back on ours; the verdict is one line on standard error. "
      "Inside, the current directory is empty and writable, the system's programs are visible, and nothing else. Of the "
      "environment only PATH and LANG are inherited. Exit code: 0 ok, 1 the program failed, 4 no sandbox or no such command "
      "inside, 5 a limit was hit.");
  command.positional("COMMAND", &flags->command).count(1).help("the command and its arguments, after --");
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
  command.run([flags](CommandContext& context) { return run_one(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
