// Landlock through its three system calls: path rules that a process puts on itself, no privilege needed.
//
// The constants are the kernel's own numbers, written down here because the headers of Debian 12 end at an earlier ABI than
// running kernels have. What an ABI does not know is left out of the masks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gimbal::sandbox {

// linux/landlock.h, struct landlock_ruleset_attr as of ABI 6.
struct LandlockRuleset {
  std::uint64_t handled_files = 0;
  std::uint64_t handled_network = 0;  // from ABI 4
  std::uint64_t scoped = 0;           // from ABI 6
};

inline constexpr std::uint64_t kLandlockExecute = 1u << 0;
inline constexpr std::uint64_t kLandlockWriteFile = 1u << 1;
inline constexpr std::uint64_t kLandlockReadFile = 1u << 2;
inline constexpr std::uint64_t kLandlockReadDir = 1u << 3;
inline constexpr std::uint64_t kLandlockTruncate = 1u << 14;     // from ABI 3
inline constexpr std::uint64_t kLandlockIoctlDevice = 1u << 15;  // from ABI 5

// The ABI of the running kernel; 0 without Landlock (or where it is switched off at boot).
int landlock_abi();
// Everything that a ruleset of this ABI can deny; network (bind and connect of TCP) and scopes (signals, abstract sockets)
// included.
LandlockRuleset landlock_everything(int abi);
// The bytes of LandlockRuleset that this ABI reads.
std::size_t landlock_ruleset_size(int abi);

// The system calls; -1 and errno as usual. Async-signal-safe.
int landlock_create(const LandlockRuleset& ruleset, std::size_t size);
int landlock_allow_path(int ruleset, int path_descriptor, std::uint64_t access);
int landlock_restrict(int ruleset);

}  // namespace gimbal::sandbox
