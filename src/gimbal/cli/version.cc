#include "gimbal/cli/version.h"

#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal_build_info.h"

namespace gimbal::cli {

BuildInfo build_info() {
  return {GIMBAL_VERSION,    GIMBAL_BUILD_COMMIT,   GIMBAL_BUILD_COMPILER,
          GIMBAL_BUILD_TYPE, GIMBAL_BUILD_SANITIZE, GIMBAL_BUILD_XGBOOST != 0};
}

namespace {

Result<int> print_version(CommandContext& context) {
  const BuildInfo info = build_info();
  context.print(fmt::format("gimbal {} (commit {}, {}, {})\nfeatures: {}\n", info.version, info.commit, info.compiler,
                            info.build_type, info.xgboost ? "xgboost" : "none"));
  DocumentWriter document("gimbal.version/1");
  document.json()
      .field("version", info.version)
      .field("commit", info.commit)
      .field("compiler", info.compiler)
      .field("build_type", info.build_type);
  document.json().key("features").begin_object().field("xgboost", info.xgboost);
  if (info.sanitize.empty()) {
    document.json().null_field("sanitize");
  } else {
    document.json().field("sanitize", info.sanitize);
  }
  document.json().end_object();
  GIMBAL_TRY(finish_document(context, document));
  return 0;
}

}  // namespace

CommandGroup version_commands() {
  Command command("version", "Print the version, the commit, and what was built in.");
  command.example("gimbal version --json", "For a bug report.");
  command.run(print_version);
  return CommandGroup::single(std::move(command));
}

}  // namespace gimbal::cli
