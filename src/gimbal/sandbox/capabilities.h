// What this machine can enforce: every layer is proved by a child process that was really put into it.
//
// That the kernel has a feature says little: unshare may succeed while AppArmor takes the capabilities away, a container's
// seccomp profile may forbid namespaces, a masked /proc forbids mounts. So each layer is tried in a child which then checks the
// effect (no network interface but loopback, pid 1, a forbidden system call that kills, a file that cannot be read).
// GIMBAL_SANDBOX_DISABLE=userns,landlock,... makes layers count as absent; it can only take away.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::sandbox {

struct LayerReport {
  Layer layer = Layer::kUserns;
  bool available = false;
  std::string detail;  // "uid 1000 -> 61000", or why it is absent
  std::string remedy;  // what to do about an absent layer; empty when available
};

struct Capabilities {
  std::vector<LayerReport> layers;  // all, in the order of `Layer`
  std::string kernel;               // "6.1.0-18-amd64"
  std::string arch;                 // "x86_64"
  int landlock_abi = 0;
  bool foreign_uid = false;   // root: outer ids of their own are possible
  std::string cgroup_parent;  // where groups can be made; empty: nowhere

  bool has(Layer layer) const;
  const LayerReport& report(Layer layer) const;
};

// Probes with the value of GIMBAL_SANDBOX_DISABLE given as `disabled` (comma-separated; unknown names are an error).
// About 20 ms; keep the result. Errors: invalid_argument for an unknown layer name.
Result<Capabilities> probe(std::string_view disabled);
// The same with the environment's value.
Result<Capabilities> probe();

// The layers for a policy. kAuto: kFull if it can be built, else kNoUserns. Errors: unavailable, naming every missing layer
// with its reason and remedy; usage for kRlimits without `accept_risk`.
Result<Confinement> resolve_policy(PolicyKind policy, const Capabilities& capabilities, bool accept_risk = false);

}  // namespace gimbal::sandbox
