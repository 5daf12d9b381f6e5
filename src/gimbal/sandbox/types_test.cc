#include "gimbal/sandbox/types.h"

#include <gtest/gtest.h>

namespace gimbal::sandbox {
namespace {

TEST(SandboxTypes, NamesReadBack) {
  for (int i = 0; i <= static_cast<int>(Status::kCancelled); ++i) {
    EXPECT_EQ(parse_status(status_name(static_cast<Status>(i))), static_cast<Status>(i));
  }
  for (int i = 0; i <= static_cast<int>(PolicyKind::kOff); ++i) {
    EXPECT_EQ(parse_policy(policy_name(static_cast<PolicyKind>(i))), static_cast<PolicyKind>(i));
  }
  for (int i = 0; i < kLayerCount; ++i) {
    EXPECT_EQ(parse_layer(layer_name(static_cast<Layer>(i))), static_cast<Layer>(i));
  }
  EXPECT_EQ(status_name(Status::kTimeoutCpu), "timeout_cpu");
  EXPECT_EQ(parse_status("great"), std::nullopt);
}

TEST(SandboxTypes, LayersAreListedInTheirOrder) {
  LayerSet layers{Layer::kNnp, Layer::kUserns, Layer::kLandlock};
  EXPECT_EQ(layers.names(), (std::vector<std::string>{"userns", "landlock", "nnp"}));
  layers.remove(Layer::kLandlock);
  EXPECT_FALSE(layers.has(Layer::kLandlock));
}

TEST(SandboxTypes, LimitsThatNoProgramCouldKeepAreRefused) {
  EXPECT_TRUE(check_limits({}));
  Limits small;
  small.memory_bytes = 10;
  EXPECT_EQ(check_limits(small).error().text(), "memory_bytes: expected at least 33554432 (32M), found 10");
  Limits none;
  none.cpu_ms = 0;
  EXPECT_EQ(check_limits(none).error().text(), "cpu_ms: expected a positive number, found 0");
}

TEST(SandboxTypes, SignalsHaveTheirNames) {
  EXPECT_EQ(signal_name(9), "SIGKILL");
  EXPECT_EQ(signal_name(42), "SIG42");
}

}  // namespace
}  // namespace gimbal::sandbox
