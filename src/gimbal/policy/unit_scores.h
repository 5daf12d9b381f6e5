// Scores of test units: what every estimate of an improvement is the mean of.
//
// With D = pi - b, w = D_A / e_A, W = pi_A / e_A, W_b = b_A / e_A (all at the unit's covariates and logged arm A), the score
// psi_i of unit i is
//
//   ipw    w Y                     cipw   w (Y - c0)
//   snips  W (Y - V_pi) / mean(W) - W_b (Y - V_b) / mean(W_b),  V_pi = sum(W Y) / sum(W),  V_b = sum(W_b Y) / sum(W_b)
//   dr     sum_a D_a (mu_a + 1{A = a} (Y - mu_a) / e_a)
//
// Swaminathan and Joachims (2015) for snips, Robins, Rotnitzky and Zhao (1994) for dr.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

// What the policy file promised; shown beside what the test says.
struct Predicted {
  std::optional<double> tau, tau_honest, power_honest;
};

// One policy and the nuisances by which it is scored. Matrices are n x K, rows of pi, e and b sum to 1; they are not copied and
// must outlive the call. Policies of one test may differ in all of them (each policy file carries its own models).
struct TestedPolicy {
  std::string name;
  const Matrix* pi = nullptr;
  const Matrix* e = nullptr;
  const Matrix* b = nullptr;   // null: the logging policy, b = e
  const Matrix* mu = nullptr;  // null: no predictions, hence no dr
  double c0 = 0;               // centre of cipw, fixed before the test set was seen

  // Instead of pi and e, when only the logged action's propensity is known: pi_A and e_A a unit. The baseline is b = e, and
  // dr, shares and `moved` do not exist.
  std::span<const double> pi_logged, e_logged;

  std::optional<Predicted> predicted;
};

// One unit's parts of the four scores; what the sums above are made of. Also used by charts, contrasts and tests.
struct UnitScores {
  std::vector<double> w_policy, w_baseline;    // W, W_b
  std::vector<double> dr_policy, dr_baseline;  // sum_a pi_a phi_a, sum_a b_a phi_a; empty without predictions
  std::vector<double> shares;                  // weighted mean of pi_a; empty in the logged-propensity mode
  std::optional<double> moved;                 // weighted mean of 1/2 sum_a |D_a|
  double ess = 0, max_weight = 0;
  bool equals_baseline = false;  // |D_a| <= 1e-12 for every unit and arm: psi is then 0 by definition, not rounding noise
};
// Errors: invalid_argument (shapes, fewer than 2 units, no positive weight, e_A <= 0 for a logged arm), not_identified with the
// count where pi or b puts mass on an arm with e_a = 0. `logged.action` may be empty in the logged-propensity mode. O(n K),
// parallel; the same bits for any number of threads.
Result<UnitScores> unit_scores(const Logged& logged, std::span<const double> weight, const TestedPolicy& policy);

// psi of one score over all units. `c0` is used by cipw, `weight` by snips. Requires predictions for dr.
std::vector<double> score_column(const UnitScores& units, std::span<const double> outcome, std::span<const double> weight,
                                 Score score, double c0);

// V = sum(omega W Y) / sum(omega W), and the weighted mean of W; an empty `weight` means 1. V is 0 where all W are 0.
struct SelfNormalized {
  double value = 0, mean_weight = 0;
};
SelfNormalized self_normalized(std::span<const double> w, std::span<const double> outcome, std::span<const double> weight);

}  // namespace gimbal::policy
