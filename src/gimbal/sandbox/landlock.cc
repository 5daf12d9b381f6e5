#include "gimbal/sandbox/landlock.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace gimbal::sandbox {
namespace {

// The same numbers on every architecture.
constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr unsigned kVersionFlag = 1;
constexpr int kRulePathBeneath = 1;

// linux/landlock.h, struct landlock_path_beneath_attr (packed there too).
struct __attribute__((packed)) PathBeneath {
  std::uint64_t allowed = 0;
  std::int32_t parent = -1;
};

constexpr std::uint64_t low_bits(int count) { return (std::uint64_t{1} << count) - 1; }

}  // namespace

int landlock_abi() {
  const long abi = syscall(kCreateRuleset, nullptr, 0, kVersionFlag);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

LandlockRuleset landlock_everything(int abi) {
  LandlockRuleset ruleset;
  // ABI 1 knows 13 rights on files, 2 adds moving between folders, 3 truncation, 5 ioctl on devices.
  ruleset.handled_files = low_bits(abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13);
  ruleset.handled_network = abi >= 4 ? low_bits(2) : 0;
  ruleset.scoped = abi >= 6 ? low_bits(2) : 0;
  return ruleset;
}

std::size_t landlock_ruleset_size(int abi) { return abi >= 6 ? 24 : abi >= 4 ? 16 : 8; }

int landlock_create(const LandlockRuleset& ruleset, std::size_t size) {
  return static_cast<int>(syscall(kCreateRuleset, &ruleset, size, 0u));
}

int landlock_allow_path(int ruleset, int path_descriptor, std::uint64_t access) {
  PathBeneath rule;
  rule.allowed = access;
  rule.parent = path_descriptor;
  return static_cast<int>(syscall(kAddRule, ruleset, kRulePathBeneath, &rule, 0u));
}

int landlock_restrict(int ruleset) { return static_cast<int>(syscall(kRestrictSelf, ruleset, 0u)); }

}  // namespace gimbal::sandbox
