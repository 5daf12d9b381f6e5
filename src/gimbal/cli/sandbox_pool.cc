#include "gimbal/cli/sandbox_pool.h"

#include "gimbal/base/text.h"
#include "gimbal/sandbox/capabilities.h"

namespace gimbal::cli {

Result<StartedPool> start_pool(CommandContext& context, const SandboxPolicyFlags& policy, const std::string& python,
                               const char* python_flag, sandbox::PoolOptions options) {
  GIMBAL_TRY(const sandbox::Capabilities machine, sandbox::probe(context.environment("GIMBAL_SANDBOX_DISABLE").value_or("")));
  GIMBAL_TRY(options.confinement, sandbox::resolve_policy(policy.policy, machine, policy.accept_risk));
  Result<sandbox::PythonInterpreter> found = sandbox::find_python(python);
  if (!found) return fail(std::move(found).error().at(python_flag));
  options.python = *found;
  const sandbox::Confinement confinement = options.confinement;
  GIMBAL_TRY(sandbox::PythonPool pool, sandbox::PythonPool::start(std::move(options)));

  if (confinement.policy == sandbox::PolicyKind::kOff) {
    context.warn("sandbox_off", "--sandbox=off: the programs ran with your rights");
  } else if (confinement.policy == sandbox::PolicyKind::kRlimits) {
    context.warn("sandbox_rlimits", "--sandbox=rlimits: the programs were limited but not isolated");
  }
  return StartedPool{std::move(pool), confinement, std::move(*found)};
}

void say_layers(const CommandContext& context, const StartedPool& started) {
  if (context.quiet) return;
  const std::vector<std::string> layers = started.confinement.layers.names();
  context.write_err(fmt::format("sandbox: {} ({})\n", sandbox::policy_name(started.confinement.policy),
                                layers.empty() ? "no layers" : join(layers, ", ")));
}

}  // namespace gimbal::cli
