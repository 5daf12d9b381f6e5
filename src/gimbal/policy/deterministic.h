// The frontier without randomization, for two arms: each unit gets an arm for sure or keeps its baseline.
//
// Unit i minimizes 1/2 k D^2 - lambda c D over D in {-b, 0, 1 - b}: treat iff c > k (1 - b) / (2 lambda), withhold iff
// c < -k b / (2 lambda), else keep the baseline (with b = e: keep drawing from the logging policy). It lies below the frontier
// of path.h; the difference is what randomization buys.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/policy/path.h"
#include "gimbal/policy/path_curve.h"
#include "gimbal/policy/path_unit.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

// A step function of lambda as a curve: every coefficient but t0 and q0 is zero. Its z is not monotone in lambda.
// Errors: unsupported for K != 2 or with bounds, otherwise those of UnitModel::make. O(n log n).
Result<SegmentCurve> deterministic_curve(std::shared_ptr<const Table> table, const PathSpec& spec);
// The same policies with held-out scores: as FrontierPath::tested.
Result<SegmentCurve> deterministic_tested(std::shared_ptr<const Table> table, const PathSpec& spec, const UnitCoefficients& phi,
                                          std::span<const std::int64_t> cluster = {});
// pi (n x 2) at lambda in (0, +infinity].
Result<Matrix> deterministic_probabilities(std::shared_ptr<const Table> table, const PathSpec& spec, double lambda);

}  // namespace gimbal::policy
