// The escape corpus under both isolations and every policy that this machine can build, cases side by side.
#include "gimbal/sandbox/self_check.h"

#include <gmock/gmock.h>

#include "gimbal/sandbox/python_test_support.h"

namespace gimbal::sandbox {
namespace {

class Everywhere : public ::testing::TestWithParam<PolicyKind> {
 protected:
  void SetUp() override {
    const auto machine = probe(GetParam() == PolicyKind::kNoUserns ? "userns" : "");
    ASSERT_TRUE(machine.has_value());
    const auto confinement = resolve_policy(GetParam(), *machine);
    const auto python = find_python("", "/usr/bin:/usr/local/bin:/bin");
    if (!confinement || !python) GTEST_SKIP() << "skipped: needs the policy " << policy_name(GetParam()) << " and CPython 3.8";
    options_.workers = 2;
    options_.python = *python;
    options_.confinement = *confinement;
  }
  PoolOptions options_;
};

TEST_P(Everywhere, TheEscapeCorpusEndsAsItMay) {
  const auto report = check_corpus(options_, {});
  ASSERT_TRUE(report.has_value()) << report.error().text();
  EXPECT_GE(report->cases, 65);
  EXPECT_THAT(report->notes, ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Policies, Everywhere, ::testing::Values(PolicyKind::kFull, PolicyKind::kNoUserns),
                         [](const auto& policy) { return policy.param == PolicyKind::kFull ? "full" : "no_userns"; });

}  // namespace
}  // namespace gimbal::sandbox
