// One pass over the units at given multipliers: what shared constraints need to know about everybody at once (internal).
//
// At multipliers eta every unit minimizes on its own, with the score lambda mu_a - sum_j eta_j g_ja in place of lambda mu_a.
// Solving a path takes thousands of passes over the same units, and from one to the next few arms meet or leave a bound. So the
// units are packed once, and a unit is solved from the arms that were free before: given them, the answer is a linear step; it
// is exact when the arms that it leaves between their bounds are those it started from, and the next guess otherwise. Where
// that does not settle (rare), the exact solver of path_unit.h decides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/policy/linear_constraint.h"
#include "gimbal/policy/path_unit.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

// The score of an arm is lambda (mu_a - sum_j base_j g_ja) - sum_j rest_j g_ja, so eta = lambda base + rest: with a base near
// the shadow price the multipliers keep their digits where lambda is huge.
struct Prices {
  double lambda = 0;
  std::vector<double> base, rest;

  double eta(std::size_t j) const { return lambda * base[j] + rest[j]; }
};

// Sums over the units, for J constraints.
struct Pass {
  Moments moments;
  std::vector<double> usage;  // E[sum_a g_a pi_a] of each constraint
  double lagrangian = 0;      // of 1/2 q - lambda tau + sum eta (usage - limit), without the limit's part of the base prices
  // (J+1) x (J+1): how the means of g_j'D and, last, mu'D answer to a score that moves along g_k and mu.
  Matrix response;
};

// Which bound each packed arm stands at. Every solve has its own and takes it from pass to pass; a new one will do.
using ArmStates = std::vector<std::uint8_t>;

class ConstraintPasses {
 public:
  // Keeps references to neither; copies of the units take 32 bytes a unit and arm. Requires g of 1 x K or n x K.
  ConstraintPasses(std::shared_ptr<const UnitModel> model, std::vector<LinearConstraint> constraints);

  const UnitModel& model() const { return *model_; }
  std::span<const LinearConstraint> constraints() const { return constraints_; }
  std::span<const double> baseline_usage() const { return baseline_usage_; }
  ArmStates fresh_states() const;

  // O(n K), the same bits for any number of threads.
  Pass at(const Prices& prices, ArmStates& states) const;
  // The smallest attainable sum_j blend_j usage_j.
  double least_usage(std::span<const double> blend) const;

  // How far the deviations at `prices` can be scaled up before the first arm meets a bound: the smallest bound / D over the
  // arms that move. 0 where an arm stands at a bound away from 0 already; infinity where nobody moves.
  double room_to_scale(const Prices& prices, ArmStates& states) const;
  // D of the packed arms of unit i, as the policy is written.
  void solve_unit(const Prices& prices, std::size_t i, Unit& unit) const;

 private:
  struct Work;
  std::size_t constraint_count() const { return constraints_.size(); }
  void load_amounts(std::size_t i, Work& work) const;
  template <std::size_t kArms, bool kDr>
  void solve_packed(const Prices& prices, std::size_t i, std::uint8_t* state, Work& work) const;
  void dispatch(const Prices& prices, std::size_t i, ArmStates& states, Work& work) const;
  void settle_exactly(std::size_t i, std::uint8_t* state, Work& work) const;
  void add_unit(std::size_t i, const std::uint8_t* state, Work& work, double* sum) const;
  void pass_binary(const Prices& prices, std::size_t begin, std::size_t end, double* sum) const;

  std::shared_ptr<const UnitModel> model_;
  std::vector<LinearConstraint> constraints_;
  std::vector<double> baseline_usage_;
  std::vector<double> weight_;      // omega / sum omega
  std::vector<std::size_t> first_;  // n + 1: packed arms of unit i are [first_[i], first_[i + 1])
  std::vector<std::int32_t> arm_;
  std::vector<double> mu_, inverse_, lo_, hi_;  // inverse: 1/v; hi is infinite where no upper bound can bind
  std::vector<BinaryUnit> binary_;              // two arms: one number a unit moves
  std::vector<double> more_;                    // n x J: what the second arm uses more than the first
};

}  // namespace gimbal::policy
