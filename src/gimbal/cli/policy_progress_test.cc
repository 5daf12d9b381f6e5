#include "gimbal/cli/policy_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/base/file.h"
#include "gimbal/cli/test_host.h"

namespace gimbal::cli {
namespace {

using ::testing::HasSubstr;

TEST(PolicyProgress, AStopEndsAFrontierUnderSharedConstraintsWithExit130) {
  auto folder = TemporaryFolder::create();
  ASSERT_TRUE(folder);
  const auto path = [&](const char* name) { return (folder->path() / name).string(); };
  ASSERT_TRUE(write_atomic(path("t.csv"), "e_0,e_1,mu_0,mu_1,var_0,var_1\n.6,.4,1,2,1,2\n.6,.4,1,1.5,1,1\n.5,.5,1,.5,1,1\n"));
  const std::vector<std::string> flags = {"--nuisances", path("t.csv"), "--capacity", "1=0.5", "--n-test", "100", "-o"};
  const auto command = [&](std::string verb, const char* out) {
    std::vector<std::string> words = {"policy", std::move(verb)};
    words.insert(words.end(), flags.begin(), flags.end());
    words.push_back(path(out));
    return words;
  };
  TestHost host;
  EXPECT_EQ(host.run(command("frontier", "whole.json")), 0) << host.err;
  host.stop.request_stop();
  for (const char* verb : {"frontier", "choose"}) {
    EXPECT_EQ(host.run(command(verb, "stopped.json")), 130) << verb;
    EXPECT_THAT(host.err, HasSubstr("interrupted while the constrained frontier was computed")) << verb;
    EXPECT_FALSE(exists(path("stopped.json"))) << verb;
  }
}

}  // namespace
}  // namespace gimbal::cli
