// The frontier between improvement and the power to show it, exactly: every policy that no other beats in both, for all lambda.
//
// Each unit's deviation D_i(lambda) is continuous and piecewise linear (path_unit.h). All units' breakpoints are sorted once;
// between two of them tau = E[mu'D] is linear and q = E[psi^2] quadratic in lambda, so one scan gives both everywhere
// (path_curve.h). The same breakpoints serve any other score of the same policies: `tested` replaces the model's moments by
// those of held-out scores, which is the honest curve. Sums that matter for small lambda run from the left, those that matter
// for large lambda from the right, both compensated: a value agrees with direct evaluation to 1e-9 relative at any lambda.
// Cost: O(nK log nK) time (one radix sort); 12 bytes a breakpoint, 24 for its moments and 40 for those of each other score.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/policy/path_curve.h"
#include "gimbal/policy/path_unit.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

// Writes the K coefficients phi_a of unit i: psi_i(lambda) = sum_a D_ia(lambda) phi_a. Called from several threads.
using UnitCoefficients = std::function<void(std::size_t unit, std::span<double> phi)>;

// Immutable value; copies share the table and the arrays.
class FrontierPath {
 public:
  // Errors as UnitModel::make. Shares `table`.
  static Result<FrontierPath> build(std::shared_ptr<const Table> table, PathSpec spec);

  const UnitModel& model() const { return *model_; }
  const Table& table() const { return model_->table(); }

  // Plug-in moments. lambda in [0, +infinity]. O(log nK).
  const SegmentCurve& curve() const { return curve_; }
  Moments at(double lambda) const { return curve_.at(lambda); }
  std::span<const double> breakpoints() const { return curve_.breakpoints(); }

  // The lambda from which policies are undominated: the first breakpoint (all policies below it are scalings of one
  // direction), or the lambda with the largest z where bounds forbid the baseline. nullopt when no unit can move.
  std::optional<double> lambda_max_z() const { return lambda_max_z_; }
  // The lambda at which `share` in (0, 1] of the units that move at all have met their first breakpoint. nullopt as above.
  std::optional<double> lambda_saturated(double share) const;

  // pi (n x K) at lambda in [0, +infinity]; parallel over units. `out` is resized.
  void probabilities(double lambda, Matrix& out) const;

  // Mean psi and mean psi^2 (both weighted by the table's weights) of other scores along the same policies.
  SegmentCurve mean_of(const UnitCoefficients& phi) const;
  // The same with q - tau^2 = n SE^2, SE the standard error of the mean of psi with the divisor n-1, unit weights and, where
  // `cluster` (dense ids 0..G-1, one a unit) is not empty, clusters: so z1 = tau / sqrt(q - tau^2) counts the design effect.
  // Requires n >= 2, G >= 2.
  SegmentCurve tested(const UnitCoefficients& phi, std::span<const std::int64_t> cluster = {}) const;
  // tau = the mean probability of `arm` (q is that of its deviation).
  SegmentCurve share_of(std::size_t arm) const;

 private:
  std::shared_ptr<const UnitModel> model_;
  std::shared_ptr<const double[]> breakpoints_;         // sorted
  std::shared_ptr<const std::uint32_t[]> order_;        // event number of each breakpoint
  std::shared_ptr<const std::uint32_t[]> first_event_;  // n + 1 event numbers where units have several; null: see slots_
  std::size_t count_ = 0;                               // breakpoints
  std::size_t slots_ = 1;                               // event number = unit * slots_ + j when first_event_ is null
  SegmentCurve curve_;
  std::optional<double> lambda_max_z_;

  friend class PathBuilder;
};

// Plug-in tau and q of any policy (n x K probabilities) under the model's score: marks other policies on the chart.
Moments policy_moments(const UnitModel& model, const Matrix& pi);

// What a document prints about a policy beside its moments. All means are weighted.
struct PolicySummary {
  std::vector<double> shares;  // mean probability of each arm
  double ess = 0;              // n / E[sum_a pi_a^2 / e_a]: the effective sample size expected under logging
  double max_weight = 0;       // largest pi_a / e_a over units and arms with pi_a > 0
  double moved = 0;            // mean of 1/2 sum_a |D_a|
};
PolicySummary summarize(const Table& table, const Matrix& pi);

}  // namespace gimbal::policy
