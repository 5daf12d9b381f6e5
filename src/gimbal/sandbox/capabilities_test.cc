#include "gimbal/sandbox/capabilities.h"

#include <gtest/gtest.h>

namespace gimbal::sandbox {
namespace {

Capabilities fake(LayerSet available) {
  Capabilities capabilities;
  for (int i = 0; i < kLayerCount; ++i) {
    const auto layer = static_cast<Layer>(i);
    capabilities.layers.push_back({layer, available.has(layer), available.has(layer) ? "" : "absent", "mend it"});
  }
  capabilities.landlock_abi = available.has(Layer::kLandlock) ? 3 : 0;
  return capabilities;
}

const LayerSet kFull{Layer::kUserns,  Layer::kPidns,   Layer::kNetns,   Layer::kIpcns, Layer::kUtsns,
                     Layer::kMountns, Layer::kSeccomp, Layer::kRlimits, Layer::kNnp};
const LayerSet kNoUserns{Layer::kLandlock, Layer::kSeccomp, Layer::kRlimits, Layer::kNnp, Layer::kReaper};

TEST(ResolvePolicy, AutoTakesFullThenNoUsernsThenRefuses) {
  EXPECT_EQ(resolve_policy(PolicyKind::kAuto, fake(kFull))->policy, PolicyKind::kFull);
  EXPECT_EQ(resolve_policy(PolicyKind::kAuto, fake(kFull))->layers, kFull);
  const Result<Confinement> second = resolve_policy(PolicyKind::kAuto, fake(kNoUserns));
  EXPECT_EQ(second->policy, PolicyKind::kNoUserns);
  EXPECT_EQ(second->layers, kNoUserns);
  EXPECT_EQ(resolve_policy(PolicyKind::kAuto, fake({Layer::kRlimits, Layer::kNnp})).error().code, ErrorCode::kUnavailable);
}

TEST(ResolvePolicy, APolicyNeverWeakensSilently) {
  LayerSet but_one = kFull;
  but_one.remove(Layer::kNetns);
  const Error error = resolve_policy(PolicyKind::kFull, fake(but_one)).error();
  EXPECT_EQ(error.message, "this machine cannot build the sandbox policy \"full\"");
  ASSERT_EQ(error.notes.size(), 2u);
  EXPECT_EQ(error.notes[0], "netns: absent; remedy: mend it");
  EXPECT_TRUE(error.notes[1].starts_with("--sandbox=off would run the program as it is"));
}

TEST(ResolvePolicy, AControlGroupIsAddedWhereThereIsOneAndThenBoundsTheMemory) {
  EXPECT_EQ(resolve_policy(PolicyKind::kFull, fake(kFull))->memory_bound, "monitor");
  LayerSet with_group = kFull;
  with_group.add(Layer::kCgroup);
  Capabilities machine = fake(with_group);
  machine.cgroup_parent = "/sys/fs/cgroup/x";
  const Result<Confinement> confinement = resolve_policy(PolicyKind::kAuto, machine);
  EXPECT_EQ(confinement->layers, with_group);
  EXPECT_EQ(confinement->memory_bound, "cgroup");
  EXPECT_EQ(confinement->cgroup_parent, "/sys/fs/cgroup/x");
  EXPECT_EQ(resolve_policy(PolicyKind::kOff, machine)->memory_bound, "none");
}

TEST(ResolvePolicy, RlimitsNeedsAcceptance) {
  EXPECT_EQ(resolve_policy(PolicyKind::kRlimits, fake(kFull)).error().where, "--sandbox");
  EXPECT_EQ(resolve_policy(PolicyKind::kRlimits, fake(kFull), true)->layers, (LayerSet{Layer::kRlimits}));
  EXPECT_TRUE(resolve_policy(PolicyKind::kOff, fake({}))->layers.empty());
}

TEST(Probe, ADisabledLayerCountsAsAbsentAndTakesWhatStandsOnItAlong) {
  const Capabilities capabilities = probe("userns,landlock").value();
  EXPECT_FALSE(capabilities.has(Layer::kUserns));
  EXPECT_FALSE(capabilities.has(Layer::kMountns));
  EXPECT_FALSE(capabilities.has(Layer::kLandlock));
  EXPECT_EQ(capabilities.landlock_abi, 0);
  EXPECT_EQ(capabilities.report(Layer::kUserns).detail, "switched off by GIMBAL_SANDBOX_DISABLE");
  EXPECT_EQ(probe("usernames").error().text(), "GIMBAL_SANDBOX_DISABLE: there is no layer \"usernames\"");
}

TEST(Probe, ListsEveryLayerInOrderWithAReasonForEachAbsentOne) {
  const Capabilities capabilities = probe("").value();
  ASSERT_EQ(capabilities.layers.size(), static_cast<std::size_t>(kLayerCount));
  for (int i = 0; i < kLayerCount; ++i) {
    const LayerReport& report = capabilities.layers[static_cast<std::size_t>(i)];
    EXPECT_EQ(report.layer, static_cast<Layer>(i));
    EXPECT_TRUE(report.available || !report.detail.empty());
  }
  // These need nothing but Linux.
  EXPECT_TRUE(capabilities.has(Layer::kNnp)) << capabilities.report(Layer::kNnp).detail;
  EXPECT_TRUE(capabilities.has(Layer::kRlimits)) << capabilities.report(Layer::kRlimits).detail;
}

}  // namespace
}  // namespace gimbal::sandbox
