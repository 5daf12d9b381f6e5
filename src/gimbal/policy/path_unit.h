// One row of a nuisance table as a problem in D, solved at one lambda or followed along all lambda.
//
// For a fixed price lambda >= 0 of improvement, unit i minimizes
//   ipw, cipw, snips:   1/2 sum_a v_a D_a^2 - lambda mu'D                   v_a = M_a / e_a, M_a = (mu_a - c)^2 + s2_a
//   dr:    1/2 (mu'D)^2 + 1/2 sum_a v_a D_a^2 - lambda mu'D                 v_a = s2_a / e_a
// over sum D = 0 and its box. The first is a waterfill. The second is a waterfill in theta, D(theta), with
// theta + mu'D(theta) = lambda; the left side is increasing and piecewise linear, so walking the pieces solves it exactly.
// D is piecewise linear in lambda. Without binding upper bounds an arm that has met its lower bound stays there, so there are
// at most K - 1 breakpoints; with them an arm may leave a bound again and the walk handles releases too.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/policy/bounds.h"
#include "gimbal/policy/types.h"
#include "gimbal/policy/waterfill.h"

namespace gimbal::policy {

struct PathSpec {
  Score score = Score::kDr;
  double c0 = 0;  // the centre of cipw; ipw has 0, snips the plug-in V(b), dr none
  Bounds bounds;
};

// The arms of one unit that can move, packed; the others keep D = 0. `mu` is measured from the arm with the smallest v: the
// answer does not depend on the origin, and differences of nearly equal arms keep their digits under a large lambda. Reused
// between units.
struct Unit {
  std::vector<int> arm;                  // index of each packed arm in the table
  std::vector<double> mu, v, lo, hi, d;  // d: the answer of UnitModel::solve
  std::size_t count = 0;                 // packed arms; 0 when the unit cannot move
  bool lower_only = true;                // 0 is in the box and no upper bound can bind

  WaterfillScratch scratch;
  std::vector<double> work;
  std::vector<int> state;
};

// Two arms, the second against the first: minimize 1/2 k D^2 - lambda c D over lo <= D <= hi, D that of the second arm.
struct BinaryUnit {
  double c = 0, k = 1, lo = 0, hi = 0;
};

// What a walk reports: from `lambda` on, to the next report, D_a = alpha_a + beta_a lambda for the packed arms. The first
// report has lambda = 0, the last one beta = 0.
using PieceSink = std::function<void(double lambda, std::span<const double> alpha, std::span<const double> beta)>;

// The end of a piece. Each D(lambda) is the optimum at its lambda, so d(psi^2) = 2 lambda d(mu'D) (envelope theorem): the
// change of slope is all that the plug-in moments need.
struct PathEvent {
  double lambda = 0;
  double slope_change = 0;  // of mu'D in lambda
};

// A table with a score and bounds: loads units. Holds the table; safe to use from several threads (a Unit each).
class UnitModel {
 public:
  // Errors: infeasible for bounds that a unit cannot meet, not_identified for a baseline with mass on an arm with e_a = 0,
  // insufficient_data for a table without units, invalid_argument for weights that are all zero or negative.
  static Result<UnitModel> make(std::shared_ptr<const Table> table, PathSpec spec);

  const Table& table() const { return *table_; }
  const PathSpec& spec() const { return spec_; }
  std::shared_ptr<const Table> shared_table() const { return table_; }
  std::size_t units() const { return table_->units(); }
  std::size_t arms() const { return table_->arm_count(); }
  double centre() const { return centre_; }  // c in M_a; 0 for ipw and dr
  double total_weight() const { return total_weight_; }
  std::size_t floored_variances() const { return floored_variances_; }      // cells of var below the floor
  std::size_t baseline_violations() const { return baseline_violations_; }  // units whose baseline breaks a bound
  double variance(std::size_t i, std::size_t a) const;                      // s2, floored
  double cost(std::size_t i, std::size_t a) const;                          // v_a; requires e_a > 0
  bool is_dr() const { return spec_.score == Score::kDr; }

  void load(std::size_t i, Unit& unit) const;
  BinaryUnit load_binary(std::size_t i) const;  // requires two arms in the table; c = 0 when the unit cannot move

  // D of the packed arms into unit.d. lambda in [0, +infinity].
  void solve(Unit& unit, double lambda) const;
  // The same with `price` added to the score of each packed arm (the -eta'g of shared constraints). Finite lambda.
  void solve(Unit& unit, double lambda, std::span<const double> price) const;
  // Reports the pieces of D along lambda in [0, infinity). O(K) a piece.
  void walk(Unit& unit, const PieceSink& sink) const;
  // Only where `walk` reports a new piece (without the first), ascending, and how the rate of mu'D changes there.
  void walk_events(Unit& unit, std::vector<PathEvent>& events) const;
  // D of all K arms from unit.d.
  void scatter(const Unit& unit, std::span<double> d) const;

 private:
  std::shared_ptr<const Table> table_;
  PathSpec spec_;
  double centre_ = 0;
  double total_weight_ = 0;
  double variance_floor_ = 0;
  std::size_t floored_variances_ = 0;
  std::size_t baseline_violations_ = 0;
};

}  // namespace gimbal::policy
