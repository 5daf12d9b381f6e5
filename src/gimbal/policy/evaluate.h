// Evaluation of policies on a test set: what each gains over the baseline, and how sure that is.
//
// Every unit i gets a score psi_i whose mean is the improvement tau = V(pi) - V(b); the standard error is that of a mean.
// With D = pi - b, w = D_A / e_A, W = pi_A / e_A, W_b = b_A / e_A (all at the unit's covariates and logged arm A):
//
//   ipw    psi = w Y                     cipw   psi = w (Y - c0)
//   snips  psi = W (Y - V_pi) / mean(W) - W_b (Y - V_b) / mean(W_b),  V_pi = sum(W Y) / sum(W),  V_b = sum(W_b Y) / sum(W_b)
//   dr     psi = sum_a D_a (mu_a + 1{A = a} (Y - mu_a) / e_a)
//
// SE^2 = G/(G-1) sum_g (sum_{i in g} omega_i (psi_i - psibar))^2 / (sum omega)^2, where each unit is its own cluster unless
// clusters are given. Assumptions: consistency, no unmeasured confounding given the covariates, overlap, independent clusters.
// Levels are those of the normal approximation, also on small samples. Swaminathan and Joachims (2015) for snips, Robins,
// Rotnitzky and Zhao (1994) for dr.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/policy/types.h"
#include "gimbal/policy/warning.h"

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

enum class Adjust { kHolm, kFixedSequence, kNone };
std::string_view adjust_name(Adjust adjust);  // "holm", "fixed-sequence", "none"
Result<Adjust> parse_adjust(std::string_view text);

// A column by whose levels the improvement is also reported.
struct Grouping {
  std::string column;
  std::vector<std::string> levels;
  std::vector<std::int32_t> level_of;  // a unit: index into levels, or -1 for "in no group"
};

struct BootstrapRequest {
  int draws = 2000;
  std::uint64_t seed = 0;
};

struct EvaluationSpec {
  Score primary = Score::kDr;
  double alpha = 0.05;
  Side side = Side::kTwo;
  Adjust adjust = Adjust::kHolm;
  bool minimize = false;             // outcomes were negated on reading: `value` is negated back
  std::string baseline = "logging";  // as given, for the document
  std::vector<std::string> arms;     // K names; may be empty in the logged-propensity mode
  std::vector<Grouping> groupings;
  std::vector<std::pair<std::size_t, std::size_t>> contrasts;  // (i, j): policy i against policy j
  std::optional<BootstrapRequest> bootstrap;
};

struct Estimate {
  double tau = 0, se = 0, ci_low = 0, ci_high = 0;
  std::optional<double> z, p;  // absent when se is 0
};

// Indexed by Score; dr is absent without predictions.
using Estimates = std::array<std::optional<Estimate>, 4>;

enum class Verdict { kBetter, kWorse, kInconclusive };
std::string_view verdict_name(Verdict verdict);

struct Value {
  double policy = 0, policy_se = 0, baseline = 0, baseline_se = 0;
};

struct Subgroup {
  std::string column, level;
  std::int64_t n = 0;
  std::optional<double> tau, se, ci_low, ci_high, p, p_adjusted;  // tau absent on no rows; the rest on one unit or cluster
};

struct BootstrapInterval {
  int draws = 0;
  double ci_low = 0, ci_high = 0;
};

struct PolicyEvaluation {
  std::string name;
  Estimates estimates;
  std::optional<BootstrapInterval> bootstrap;  // of the primary score
  std::optional<double> p_adjusted;
  Verdict verdict = Verdict::kInconclusive;
  Value value;  // dr when dr is primary, self-normalized otherwise
  std::optional<Predicted> predicted;
  std::vector<double> shares;   // a share an arm; empty in the logged-propensity mode
  double ess = 0;               // (sum omega W)^2 / sum (omega W)^2
  double max_weight = 0;        // largest W
  std::optional<double> moved;  // mean of 1/2 sum_a |D_a|
  bool poor_overlap = false;    // max_weight > 50 or ess < 5 % of n
  std::vector<Subgroup> subgroups;
};

// The improvement of one policy over another, scored with the nuisances of the first.
struct ContrastEvaluation {
  std::string policy, against;
  Estimates estimates;
  std::optional<double> p_adjusted;
  Verdict verdict = Verdict::kInconclusive;
};

struct Evaluation {
  std::int64_t n = 0;
  std::optional<std::int64_t> clusters;
  EvaluationSpec spec;
  std::vector<PolicyEvaluation> policies;
  std::vector<ContrastEvaluation> contrasts;
  std::vector<Warning> warnings;

  bool all_better() const;
  bool poor_overlap() const;
};

// `logged`: n >= 2 units; action may be empty in the logged-propensity mode. `weight`: empty, or n values >= 0, some positive.
// Several policies are adjusted for by spec.adjust (contrasts form a family of their own, and so do the levels of a grouping
// within a policy). Errors: invalid_argument (shapes, values, e_A <= 0 for a logged arm), usage (primary dr without
// predictions), not_identified with the count where pi or b puts mass on an arm with e_a = 0. O(n K) a policy, parallel.
Result<Evaluation> evaluate(const Logged& logged, std::span<const double> weight, std::span<const TestedPolicy> policies,
                            const EvaluationSpec& spec);

// One unit's parts of the four scores; what the sums above are made of. Also used by charts, contrasts and tests.
struct UnitScores {
  std::vector<double> w_policy, w_baseline;    // W, W_b
  std::vector<double> dr_policy, dr_baseline;  // sum_a pi_a phi_a, sum_a b_a phi_a; empty without predictions
  std::vector<double> shares;                  // weighted mean of pi_a; empty in the logged-propensity mode
  std::optional<double> moved;                 // weighted mean of 1/2 sum_a |D_a|
  double ess = 0, max_weight = 0;
  bool equals_baseline = false;  // |D_a| <= 1e-12 for every unit and arm: psi is then 0 by definition, not rounding noise
};
// Errors as evaluate(). O(n K), parallel; the same bits for any number of threads.
Result<UnitScores> unit_scores(const Logged& logged, std::span<const double> weight, const TestedPolicy& policy);

// psi of one score over all units. `c0` is used by cipw, `weight` by snips. Requires predictions for dr.
std::vector<double> score_column(const UnitScores& units, std::span<const double> outcome, std::span<const double> weight, Score score,
                                 double c0);

// "policy.json: +0.0347 per unit (95 % CI 0.0302 to 0.0392), p < 1e-9: better than the logging policy; predicted +0.0342"
std::string summary_line(const PolicyEvaluation& policy, const EvaluationSpec& spec);

}  // namespace gimbal::policy
