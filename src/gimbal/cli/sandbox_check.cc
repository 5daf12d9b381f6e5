// gimbal sandbox check: which layers this machine has, which are in force under a policy, what that costs, and whether it
// holds.
#include <functional>
#include <memory>
#include <vector>

#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/sandbox_commands.h"
#include "gimbal/sandbox/run.h"
#include "gimbal/sandbox/self_check.h"
#include "gimbal/stats/descriptive.h"

namespace gimbal::cli {
namespace {

using sandbox::Capabilities;
using sandbox::CheckReport;
using sandbox::Confinement;
using sandbox::LayerReport;

constexpr int kMeasuredRuns = 9;
// Tests of one job, so that its compilation weighs little.
constexpr int kMeasuredTests = 50;

struct Flags {
  SandboxPolicyFlags policy;
  bool corpus = false, compare = false;
};

// Milliseconds from start to end of a program that does nothing: the median of a few runs.
std::optional<double> process_ms(const Confinement& confinement, const CommandContext& context) {
  sandbox::Spec spec;
  spec.argv = {"true"};
  spec.env = {"PATH=/usr/bin:/bin"};
  spec.confinement = confinement;
  std::vector<double> times;
  for (int i = 0; i < kMeasuredRuns; ++i) {
    const double start = context.clock().monotonic_s();
    const Result<sandbox::RunResult> result = sandbox::run(spec, {}, context.stop());
    if (!result || result->status != sandbox::Status::kOk) return std::nullopt;
    times.push_back((context.clock().monotonic_s() - start) * 1e3);
  }
  return stats::median(times).value();
}

// The same for a test of a Python program that does nothing, in a fork server that is warm.
std::optional<double> fork_server_ms(const sandbox::PoolOptions& options, const CommandContext& context) {
  sandbox::PoolOptions one = options;
  one.workers = 1;
  auto pool = sandbox::PythonPool::start(std::move(one));
  if (!pool) return std::nullopt;
  const std::vector<sandbox::TestInput> tests(kMeasuredTests, sandbox::TestInput{"0", ""});
  const auto results = pool->run("pass", tests, sandbox::RunFlags{}, context.stop());
  if (!results) return std::nullopt;
  std::vector<double> times;
  for (const sandbox::TestResult& result : *results) times.push_back(result.wall_ms);
  return stats::median(times).value();
}

std::string layer_table(const Capabilities& machine, const std::function<bool(const LayerReport&)>& in_force) {
  TextTable table({"layer", "available", "in force", "detail"});
  table.wrap();
  for (const LayerReport& layer : machine.layers) {
    const std::string remedy = layer.available || layer.remedy.empty() ? "" : "; " + layer.remedy;
    table.row({std::string(sandbox::layer_name(layer.layer)), layer.available ? "yes" : "no", in_force(layer) ? "yes" : "no",
               layer.detail + remedy});
  }
  return table.text();
}

void print_report(const CommandContext& context, const char* what, const CheckReport& report) {
  std::string text = fmt::format("\n{}: {} programs, {} failed.\n", what, report.cases, report.failed.size());
  for (const std::string& note : report.notes) text += "  " + note + "\n";
  context.print(text);
}

void write_report(JsonWriter& json, const char* key, const char* count, const std::optional<CheckReport>& report) {
  if (!report) return;
  json.key(key).begin_object().field(count, report->cases).field("failed", report->failed).end_object();
}

Result<int> check(CommandContext& context, const Flags& flags) {
  const std::string disabled = context.environment("GIMBAL_SANDBOX_DISABLE").value_or("");
  GIMBAL_TRY(const Capabilities machine, sandbox::probe(disabled));
  const Result<Confinement> confinement = sandbox::resolve_policy(flags.policy.policy, machine, flags.policy.accept_risk);
  if (!confinement && confinement.error().code != ErrorCode::kUnavailable) return fail(confinement.error());
  const bool usable = confinement.has_value();
  const auto in_force = [&](const LayerReport& layer) { return usable && confinement->layers.has(layer.layer); };
  const std::string policy(sandbox::policy_name(usable ? confinement->policy : flags.policy.policy));
  context.lap("probe");

  context.print(layer_table(machine, in_force));
  const Result<sandbox::PythonInterpreter> python = sandbox::find_python();
  sandbox::PoolOptions options;
  std::optional<double> process, fork_server;
  std::optional<CheckReport> corpus, compare;
  if (usable) {
    if (python) options.python = *python;
    options.confinement = *confinement;
    process = process_ms(*confinement, context);
    if (python) fork_server = fork_server_ms(options, context);
    context.print(fmt::format("\nPolicy {}: usable. Memory is bounded by: {}.\n", policy, confinement->memory_bound));
    if (process) context.print(fmt::format("A program that does nothing takes {:.1f} ms.\n", *process));
    if (fork_server) context.print(fmt::format("A Python test in the fork server takes {:.1f} ms.\n", *fork_server));
    context.lap("measure");
  } else {
    context.print("\n" + error_text(confinement.error()));
  }
  if (usable && (flags.corpus || flags.compare) && !python) return fail(python.error());
  if (usable && flags.corpus) {
    GIMBAL_TRY(corpus, sandbox::check_corpus(options, context.stop()));
    print_report(context, "Escape corpus, both isolations", *corpus);
    context.lap("corpus");
  }
  if (usable && flags.compare) {
    GIMBAL_TRY(const std::vector<sandbox::CorpusCase> programs, sandbox::compare_programs());
    GIMBAL_TRY(compare, sandbox::compare_isolations(options, programs, context.stop()));
    print_report(context, "Fork server and fresh interpreter", *compare);
    context.lap("compare");
  }

  DocumentWriter document("gimbal.sandbox.check/1");
  JsonWriter& json = document.json();
  json.field("usable", usable).field("policy", policy).field("kernel", machine.kernel).field("arch", machine.arch);
  json.field("landlock_abi", machine.landlock_abi).key("layers").begin_array();
  for (const LayerReport& layer : machine.layers) {
    json.begin_object()
        .field("name", sandbox::layer_name(layer.layer))
        .field("available", layer.available)
        .field("in_force", in_force(layer))
        .field("detail", layer.detail);
    if (!layer.available) json.field("remedy", layer.remedy);
    json.end_object();
  }
  json.end_array();
  if (usable) {
    json.field("memory_bound", confinement->memory_bound);
  } else {
    json.null_field("memory_bound");
  }
  if (python) {
    json.key("python").begin_object().field("path", python->path).field("version", python->version).end_object();
  } else {
    json.null_field("python");
  }
  if (usable) {
    json.key("overhead_ms").begin_object().field("fork_server", fork_server).field("process", process).end_object();
  }
  write_report(json, "corpus", "cases", corpus);
  write_report(json, "compare", "programs", compare);
  GIMBAL_TRY(finish_document(context, document));
  if (!usable) return exit_code(ErrorCode::kUnavailable);
  return (corpus && !corpus->failed.empty()) || (compare && !compare->failed.empty()) ? 1 : 0;
}

}  // namespace

Command sandbox_check_command() {
  auto flags = std::make_shared<Flags>();
  Command command("check", "Probe every layer and say what protects this machine.");
  command.description(
      "Each layer is tried in a child process that checks its effect. Exit code 0: programs can be run under the policy; 4: "
      "they "
      "cannot, and the table says what is missing and what to do about it; 1: a program of --corpus or --compare ended "
      "otherwise "
      "than it should. GIMBAL_SANDBOX_DISABLE=userns,landlock makes layers count as absent.");
  add_policy_options(command, flags->policy);
  command.flag("--corpus", &flags->corpus)
      .help("run the built-in programs that try to escape, with and without the fork server (about a minute)");
  command.flag("--compare", &flags->compare).help("run 60 built-in programs with and without the fork server and compare");
  command.example("gimbal sandbox check", "The table of layers.");
  command.example("gimbal sandbox check --corpus --compare", "Does it hold?");
  command.run([flags](CommandContext& context) { return check(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
