#include "gimbal/cli/run_setup.h"

#include "gimbal/base/parallel.h"
#include "gimbal/cli/version.h"

namespace gimbal::cli {

run::RunSetup run_setup(const CommandContext& context) {
  const BuildInfo build = build_info();
  run::RunSetup setup;
  setup.component = context.component;
  setup.verb = context.verb;
  setup.command = context.argv;
  setup.options_json = context.options_json();
  setup.seed = context.seed;
  setup.threads = context.threads == 0 ? hardware_threads() : context.threads;
  setup.versions = {build.version, build.commit, build.compiler, std::nullopt};
  return setup;
}

run::RunServices run_services(const CommandContext& context) {
  run::RunServices services;
  services.clock = &context.clock();
  services.redactor = &context.log().redactor();
  return services;
}

}  // namespace gimbal::cli
