// The problem of one unit: which probabilities are best for it, given the price lambda of improvement.
//
// Minimize 1/2 sum_a v_a D_a^2 - sum_a s_a D_a over sum_a D_a = 0 and lo_a <= D_a <= hi_a. The answer is
// D_a = clamp((s_a - nu)/v_a, lo_a, hi_a) with one level nu for all arms ("water level"), found exactly by sorting the levels
// at which an arm meets a bound. With s_a = lambda mu_a, lo = -b and hi = 1 - b this is the unit's point on the frontier for
// the scores ipw, cipw and snips; for dr with more than two arms see path_unit.h.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace gimbal::policy {

// Reused between units so that no unit allocates. Grows to the largest number of arms it has seen.
struct WaterfillScratch {
  std::vector<int> order;
  std::vector<double> level;
  std::vector<int> ranking;   // waterfill_limit: arms by mu
  std::vector<double> group;  // waterfill_limit: tied arms
};

// Only lower bounds bind (hi is whatever the sum leaves). `d` receives the answer, all spans have one entry an arm (>= 1).
// Requires v > 0 and sum lo <= 0. O(K log K). Returns nu.
double waterfill(std::span<const double> s, std::span<const double> v, std::span<const double> lo, std::span<double> d,
                 WaterfillScratch& scratch);

// Both bounds. Requires v > 0, lo <= hi, sum lo <= 0 <= sum hi. O(K log K). Returns nu; where a whole interval of levels gives
// the same answer (every arm at a bound), its lower end.
double waterfill_box(std::span<const double> s, std::span<const double> v, std::span<const double> lo,
                     std::span<const double> hi, std::span<double> d, WaterfillScratch& scratch);

// The limit for s = lambda mu, lambda -> infinity: the arms with the largest mu take all they may; among arms with exactly the
// same mu the split minimizes sum v_a D_a^2. Same requirements as waterfill_box.
void waterfill_limit(std::span<const double> mu, std::span<const double> v, std::span<const double> lo,
                     std::span<const double> hi, std::span<double> d, WaterfillScratch& scratch);

}  // namespace gimbal::policy
