// gimbal sandbox check: which layers this machine has, which are in force under a policy, and what that costs.
#include <algorithm>
#include <memory>
#include <vector>

#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/sandbox_commands.h"
#include "gimbal/sandbox/run.h"

namespace gimbal::cli {
namespace {

using sandbox::Capabilities;
using sandbox::Confinement;
using sandbox::LayerReport;

constexpr int kMeasuredRuns = 9;

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
  std::nth_element(times.begin(), times.begin() + kMeasuredRuns / 2, times.end());
  return times[kMeasuredRuns / 2];
}

Result<int> check(CommandContext& context, const SandboxPolicyFlags& flags) {
  const std::string disabled = context.environment("GIMBAL_SANDBOX_DISABLE").value_or("");
  GIMBAL_TRY(const Capabilities machine, sandbox::probe(disabled));
  const Result<Confinement> confinement = sandbox::resolve_policy(flags.policy, machine, flags.accept_risk);
  if (!confinement && confinement.error().code != ErrorCode::kUnavailable) return fail(confinement.error());
  const bool usable = confinement.has_value();
  const auto in_force = [&](const LayerReport& layer) { return usable && confinement->layers.has(layer.layer); };
  const std::string policy(sandbox::policy_name(usable ? confinement->policy : flags.policy));
  const std::optional<double> overhead = usable ? process_ms(*confinement, context) : std::nullopt;

  TextTable table({"layer", "available", "in force", "detail"});
  table.wrap();
  for (const LayerReport& layer : machine.layers) {
    const std::string remedy = layer.available || layer.remedy.empty() ? "" : "; " + layer.remedy;
    table.row({std::string(sandbox::layer_name(layer.layer)), layer.available ? "yes" : "no", in_force(layer) ? "yes" : "no",
               layer.detail + remedy});
  }
  context.print(table.text());
  if (usable) {
    context.print(fmt::format("\nPolicy {}: usable. Memory is bounded by: {}.\n", policy, confinement->memory_bound));
    if (overhead) context.print(fmt::format("A program that does nothing takes {:.1f} ms.\n", *overhead));
  } else {
    context.print("\n" + error_text(confinement.error()));
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
    json.key("overhead_ms").begin_object().field("process", overhead).end_object();
  } else {
    json.null_field("memory_bound");
  }
  GIMBAL_TRY(finish_document(context, document));
  return usable ? 0 : exit_code(ErrorCode::kUnavailable);
}

}  // namespace

Command sandbox_check_command() {
  auto flags = std::make_shared<SandboxPolicyFlags>();
  Command command("check", "Probe every layer and say what protects this machine.");
  command.description(
      "Each layer is tried in a child process that checks its effect. Exit code 0: programs can be run under the policy; 4: "
      "they "
      "cannot, and the table says what is missing and what to do about it. GIMBAL_SANDBOX_DISABLE=userns,landlock makes layers "
      "count as absent.");
  add_policy_options(command, *flags);
  command.example("gimbal sandbox check", "The table of layers.");
  command.run([flags](CommandContext& context) { return check(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
