#include "gimbal/cli/run_setup.h"

#include "gimbal/base/parallel.h"
#include "gimbal/cli/test_host.h"
#include "gimbal/cli/version.h"

namespace gimbal::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

run::RunSetup seen;

// `gimbal probe run --folds N`, which only takes its setup.
CommandGroup probe_commands() {
  auto folds = std::make_shared<int>(5);
  Command command("run", "Take the setup.");
  command.option("--folds", folds.get()).help("folds");
  command.example("gimbal probe run");
  command.run([folds](CommandContext& context) -> Result<int> {
    seen = run_setup(context);
    return 0;
  });
  CommandGroup group("probe", "Take setups.");
  group.add(std::move(command));
  return group;
}

TEST(RunSetup, RecordsTheCommandItsOptionsAndTheirSources) {
  const CommandEntry entry{"probe", "Take setups.", probe_commands};
  TestHost host;
  host.environment["GIMBAL_SEED"] = "7";
  ASSERT_EQ(host.run({&entry, 1}, {"probe", "run", "--folds", "3"}), 0) << host.err;
  EXPECT_EQ(seen.component, "probe");
  EXPECT_EQ(seen.verb, "run");
  EXPECT_THAT(seen.command, ElementsAre("gimbal", "probe", "run", "--folds", "3"));
  EXPECT_EQ(seen.seed, 7u);
  EXPECT_EQ(seen.threads, hardware_threads()) << "0 stands for all, and the record says how many they were";
  EXPECT_EQ(seen.versions.commit, build_info().commit);
  EXPECT_THAT(seen.options_json, HasSubstr(R"("folds":{"value":3,"source":"flag"})"));
  EXPECT_THAT(seen.options_json, HasSubstr(R"("seed":{"value":7,"source":"environment"})"));
  EXPECT_TRUE(run::parse_run_options(seen.options_json, "options").has_value());
}

}  // namespace
}  // namespace gimbal::cli
