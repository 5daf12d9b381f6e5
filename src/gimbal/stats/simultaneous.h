// Simultaneous bands: the quantile of the largest absolute standardised contrast of a normal vector.
//
// For Z ~ N(0, C) and contrasts l_1..l_m, the answer q has P(max_j |l_j'Z| / sqrt(l_j'C l_j) <= q) = level, so that
// estimate +- q se_j covers all m contrasts at once. By simulation: the Monte Carlo error of the level is about
// sqrt(level (1 - level) / draws), .2 % with the default draws at 95 %.
#pragma once

#include <cstddef>

#include "gimbal/base/matrix.h"
#include "gimbal/base/random.h"
#include "gimbal/base/result.h"

namespace gimbal::stats {

inline constexpr std::size_t kSimultaneousDraws = 10'000;

// `covariance`: p x p, symmetric, positive semidefinite (singular is fine). `contrasts`: m x p, a contrast a row; an empty
// matrix means the p coordinates. Contrasts whose variance is below 1e-14 of what their terms have are left out; the answer is
// 0 when none remains. Draw d takes uniforms d p .. d p + p - 1 of `stream`, from its beginning. Errors: invalid_argument
// (shapes, not finite, not symmetric, not positive semidefinite, level outside (0, 1), no draws). O(p^3 + draws m p), in
// parallel; bits independent of threads.
Result<double> max_abs_quantile(const Matrix& covariance, const Matrix& contrasts, double level, std::size_t draws,
                                Stream stream);

}  // namespace gimbal::stats
