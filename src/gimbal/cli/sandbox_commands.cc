#include "gimbal/cli/sandbox_commands.h"

namespace gimbal::cli {

using sandbox::PolicyKind;

void add_policy_options(Command& command, SandboxPolicyFlags& flags) {
  command
      .choice("--sandbox", &flags.policy,
              {{"auto", PolicyKind::kAuto},
               {"full", PolicyKind::kFull},
               {"no-userns", PolicyKind::kNoUserns},
               {"rlimits", PolicyKind::kRlimits},
               {"off", PolicyKind::kOff}})
      .help(
          "full: namespaces, seccomp, limits; no-userns: Landlock, seccomp, limits; auto: full, else no-userns, else refuse; "
          "rlimits: limits without isolation; off: as it is");
  command.flag("--i-accept-risk", &flags.accept_risk).help("allow --sandbox rlimits, which isolates nothing");
}

CommandGroup sandbox_commands() {
  CommandGroup group("sandbox", "Run untrusted programs inside layers that this machine can prove.");
  group.description(
      "A program gets an empty work directory, the system's programs and libraries read-only, no network and no view of other "
      "processes, and bounded CPU time, memory, processes, disk and output. A layer counts only after a probe in a child "
      "proved "
      "it; what cannot be built is refused, never silently left out. Start with `gimbal sandbox check`.");
  group.add(sandbox_check_command());
  group.add(sandbox_run_command());
  group.add(sandbox_batch_command());
  group.add(sandbox_bench_command());
  return group;
}

std::vector<run::DoctorCheck> sandbox_doctor_checks() {
  return {{"sandbox", [] {
             const Result<sandbox::Capabilities> machine = sandbox::probe();
             if (!machine)
               return run::DoctorResult{run::DoctorState::kFail, machine.error().message, "unset GIMBAL_SANDBOX_DISABLE"};
             const Result<sandbox::Confinement> confinement = sandbox::resolve_policy(PolicyKind::kAuto, *machine);
             if (!confinement) {
               return run::DoctorResult{run::DoctorState::kFail, "untrusted programs cannot be run",
                                        "`gimbal sandbox check` lists what is missing and how to get it"};
             }
             std::string layers;
             for (const std::string& name : confinement->layers.names()) layers += (layers.empty() ? "" : ", ") + name;
             const std::string detail = fmt::format("{}: {}", sandbox::policy_name(confinement->policy), layers);
             if (confinement->policy == PolicyKind::kFull) return run::DoctorResult{run::DoctorState::kOk, detail, ""};
             const sandbox::LayerReport& userns = machine->report(sandbox::Layer::kUserns);
             return run::DoctorResult{run::DoctorState::kWarn, detail,
                                      "for the full policy: " + (userns.available ? "`gimbal sandbox check`" : userns.remedy)};
           }}};
}

}  // namespace gimbal::cli
