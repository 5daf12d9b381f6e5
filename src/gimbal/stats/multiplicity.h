// p-values adjusted for multiple testing: compare each with the level as if it were alone.
//
// All take p-values in [0, 1] (else invalid_argument with the position; empty input is insufficient_data) and answer in the
// order of the input.
#pragma once

#include <span>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::stats {

// Family-wise error under any dependence (Holm 1979): running maximum of (m - k) p_(k), k = 0.., at most 1.
// Of .01, .04, .03, .005: .03, .06, .06, .02.
Result<std::vector<double>> holm(std::span<const double> p);

// False discovery rate for independent or positively dependent tests (Benjamini and Hochberg 1995): running minimum from the
// largest of m p_(k) / k, k = 1... Of .01, .04, .03, .005: .02, .04, .04, .02.
Result<std::vector<double>> benjamini_hochberg(std::span<const double> p);

// Family-wise error when the order of testing was fixed before the data were seen: each test counts only if all before it
// succeeded, so the adjusted value is the running maximum.
Result<std::vector<double>> fixed_sequence(std::span<const double> p);

}  // namespace gimbal::stats
