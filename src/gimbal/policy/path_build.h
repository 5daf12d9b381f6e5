// How a FrontierPath is filled (internal): events are found and sorted, then moments are summed along them. Two engines: one
// for two arms with a feasible baseline, where a unit has one breakpoint and one number to remember, and a general one that
// walks every unit twice, first for the events, then for what changes at them.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "gimbal/base/result.h"
#include "gimbal/policy/path.h"
#include "gimbal/policy/path_scan.h"

namespace gimbal::policy {

inline constexpr std::size_t kUnitGrain = 4096;  // units a chunk: some 10^5 ns of work, far above the cost of a task

// Whether q becomes E[psi^2], or q - tau^2 the variance of a test (path.h: mean_of, tested).
enum class Purpose { kMean, kTest };

class PathBuilder {
 public:
  // Two arms and every unit's baseline inside its box: unit i moves at the rate h = c/k until lambda_i = d/h.
  static bool is_binary(const UnitModel& model) { return model.arms() == 2 && model.baseline_violations() == 0; }
  static Result<void> build_binary(FrontierPath& path);
  static SegmentCurve score_binary(const FrontierPath& path, const UnitCoefficients& phi, Purpose purpose,
                                   const Design& design);

  static Result<void> build_multi(FrontierPath& path);
  static SegmentCurve score_multi(const FrontierPath& path, const UnitCoefficients& phi, Purpose purpose, const Design& design);

 private:
  // Event e has lambda[e], which is negative where there is none, and changes the slope of sum omega mu'D by change[e]. Sorts
  // the events into the path and sums the plug-in curve. `start`: sums at lambda = 0.
  static void finish(FrontierPath& path, std::unique_ptr<double[]> lambda, std::span<const double> change, Moments start);
  static std::size_t unit_of(const FrontierPath& path, std::size_t event);
  static std::size_t event_slots(const FrontierPath& path);
};

}  // namespace gimbal::policy
