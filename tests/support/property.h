// Property tests: a body is run on many cases, each with a random stream of its own; a failure names the case and the seed.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "gimbal/base/random.h"

namespace gimbal::testing {

// Calls body(stream) for cases 0 .. count-1 and stops after the first that fails. Case k of a seed is always the same, so
// for_each_case(seed, 1, body, k) runs a failed one alone.
template <typename Body>
void for_each_case(std::uint64_t seed, int count, Body&& body, int first = 0) {
  for (int k = first; k < first + count && !::testing::Test::HasFailure(); ++k) {
    Stream stream(seed, "property", k);
    body(stream);
    if (::testing::Test::HasFailure()) ADD_FAILURE() << fmt::format("the failure above is case {} of seed {}", k, seed);
  }
}

// Any of the 2^64 doubles that is not a NaN or an infinity: all magnitudes, subnormals and both zeros.
inline double any_finite_double(Stream& stream) {
  while (true) {
    const std::uint64_t bits = stream.next();
    double value;
    static_assert(sizeof value == sizeof bits);
    __builtin_memcpy(&value, &bits, sizeof value);
    if (value - value == 0) return value;
  }
}

}  // namespace gimbal::testing
