// Descriptive statistics: means, spread, order statistics, ranks.
//
// All take finite values: empty input is `insufficient_data`, NaN or infinity is `invalid_argument` naming the first such
// position. Sums are compensated (Neumaier). Quantiles are type 7, the only interpolating rule of the program.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::stats {

Result<double> sum(std::span<const double> x);
Result<double> mean(std::span<const double> x);
// sum(w x) / sum(w). Weights >= 0 with a positive sum, one a value; an empty span means all 1.
Result<double> weighted_mean(std::span<const double> x, std::span<const double> weight);
// Divisor n - 1; n >= 2, else insufficient_data.
Result<double> variance(std::span<const double> x);
Result<double> sd(std::span<const double> x);

// Type 7: linear interpolation at position (n - 1) p of the sorted values; p in [0, 1]. Of 1,2,3,4 at .3: 1.9. O(n).
Result<double> quantile(std::span<const double> x, double p);
// The same for several p with one sort.
Result<std::vector<double>> quantiles(std::span<const double> x, std::span<const double> p);
// For values that are sorted already (a precondition, as is n >= 1). O(1).
double quantile_sorted(std::span<const double> sorted, double p);
Result<double> median(std::span<const double> x);
// Median absolute deviation from the median, unscaled.
Result<double> mad(std::span<const double> x);

// Ranks 1..n; equal values share the mean of their ranks (mid-ranks). Of 10,20,20,5: 2, 3.5, 3.5, 1.
Result<std::vector<double>> ranks(std::span<const double> x);

// (sum w)^2 / sum w^2 (Kish): n for equal weights. Weights >= 0 with a positive sum.
Result<double> effective_sample_size(std::span<const double> weight);

// What all of the above check: ok when `x` is not empty and all finite.
Result<void> check_finite(std::span<const double> x, std::string_view what = "value");
// Weights: as many as `n`, finite, >= 0, positive sum; an empty span is ok.
Result<void> check_weights(std::span<const double> weight, std::size_t n);

}  // namespace gimbal::stats
