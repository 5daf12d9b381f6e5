#include "gimbal/cli/policy_progress.h"

#include <memory>

#include "gimbal/base/progress.h"

namespace gimbal::cli {

policy::SolveHooks solve_hooks(const CommandContext& context, std::size_t steps) {
  policy::SolveHooks hooks;
  hooks.stop = context.stop();
  if (steps == 0) return hooks;
  const auto progress = std::make_shared<Progress>("solving", steps, context.progress_mode(), context.clock(), "points");
  hooks.point_done = [progress] { progress->advance(); };
  return hooks;
}

}  // namespace gimbal::cli
