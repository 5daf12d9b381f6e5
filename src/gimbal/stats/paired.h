// Paired comparisons: the Wilcoxon signed-rank test and effect sizes of two groups measured on the same units.
//
// The test ranks the magnitudes of the differences d_i = a_i - b_i and compares the rank sums of the positive and the negative
// ones. Differences that are zero are dropped (Wilcoxon 1945); equal magnitudes share the mean of their ranks. Up to n = 50 the
// p-value is exact, with ties too: under the null each rank has either sign with probability 1/2, so the distribution of W+ is
// that of a sum over a random subset of the ranks, and doubled mid-ranks are integers that dynamic programming can add up.
#pragma once

#include <cstddef>
#include <span>

#include "gimbal/base/result.h"

namespace gimbal::stats {

// Beyond it the normal approximation is used; 2^50 subsets are still counted exactly in a double.
inline constexpr std::size_t kExactWilcoxonUnits = 50;
// Magnitudes closer than this share of the largest one are ties, and below it zeros: .60 - .75 and .55 - .70 differ in the last
// bit only.
inline constexpr double kTieTolerance = 1e-12;

struct WilcoxonResult {
  std::size_t n = 0;         // differences that are not zero
  std::size_t zeros = 0;     // dropped
  double w_plus = 0;         // rank sum of the positive differences
  double w_minus = 0;        // of the negative ones; w_plus + w_minus = n (n + 1) / 2
  double w = 0;              // the smaller one
  double p = 1;              // two-sided; 1 when n = 0, at least 2^(1 - n), so never below .05 for n < 6
  bool exact = true;         // false: normal approximation with tie correction, without continuity correction
  double rank_biserial = 0;  // (w_plus - w_minus) / (w_plus + w_minus) in [-1, 1] (Kerby 2014); 0 when n = 0
};

// `differences`: finite, at least one. Errors: insufficient_data (none), invalid_argument (not finite). O(n^3) for n <= 50
// (64 thousand additions), O(n log n) beyond.
Result<WilcoxonResult> wilcoxon_signed_rank(std::span<const double> differences);

// (mean a - mean b) / sqrt((s_a^2 + s_b^2) / 2) with sample variances: the groups' distance in units of their spread, pairs
// ignored. At least 2 finite values each. Errors: insufficient_data (fewer, or no spread beyond rounding), invalid_argument.
Result<double> cohens_d(std::span<const double> a, std::span<const double> b);

// mean(d) / sd(d): the same for pairs. Errors as cohens_d.
Result<double> cohens_d_z(std::span<const double> differences);

}  // namespace gimbal::stats
