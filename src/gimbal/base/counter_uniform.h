// Uniform numbers that bench/peers/support.py makes bit for bit alike, so that a benchmark and its peer work on the same
// arrays.
#pragma once

#include <cstdint>

namespace gimbal {

// splitmix64 of a counter (Steele, Lea and Flood 2014), as a double in [0, 1).
inline double counter_uniform(std::uint64_t index) {
  std::uint64_t z = (index + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

}  // namespace gimbal
