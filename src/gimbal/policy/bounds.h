// Bounds on single units: how far a policy may move one unit, and which arms it may not give it.
//
// All bounds are turned into a box lo_a <= D_a <= hi_a on the deviation D = pi - b of each unit. An arm with e_a = 0 was
// impossible when the data were collected and stays impossible: its box is [0, 0]. Room below kNoRoom counts as none, so that
// a baseline that sits at a bound up to rounding does sit at it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

inline constexpr double kNoRoom = 1e-12;

// D = pi - b, 0 where the two differ by no more than the rounding of probabilities: it would count as a difference of policies
// where nobody has moved, and its z is of size 1.
inline double deviation(double pi, double b) {
  const double d = pi - b;
  return d <= 4.5e-16 && d >= -4.5e-16 ? 0.0 : d;
}

struct Bounds {
  double max_drift = 1;                 // |D_a| <= max_drift, in (0, 1]
  std::vector<double> floor, ceiling;   // one an arm, in [0, 1]; empty: 0 and 1
  std::vector<std::uint8_t> forbidden;  // n x K row-major, nonzero: this unit never gets this arm; empty: none

  bool none() const { return max_drift >= 1 && floor.empty() && ceiling.empty() && forbidden.empty(); }
};

// The box of unit i on D, one entry an arm. The box holds 0 exactly where the baseline keeps the bounds.
void unit_box(const Table& table, const Bounds& bounds, std::size_t i, std::span<double> lo, std::span<double> hi);

// The number of units whose baseline breaks a bound. Errors (infeasible, naming the first unit): an arm's
// lower bound above its upper bound, lower bounds that sum to more than 1, upper bounds that sum to less than 1.
// Requires one floor and ceiling an arm and n x K forbidden cells where they are given.
Result<std::size_t> check_bounds(const Table& table, const Bounds& bounds);

}  // namespace gimbal::policy
