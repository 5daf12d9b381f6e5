// Evaluation of policies on a test set: what each gains over the baseline, and how sure that is.
//
// Every unit gets a score psi_i (unit_scores.h: ipw, cipw, snips, dr) whose mean is the improvement tau = V(pi) - V(b); the
// standard error is that of a mean,
//
//   SE^2 = G/(G-1) sum_g (sum_{i in g} omega_i (psi_i - psibar))^2 / (sum omega)^2,
//
// where each unit is its own cluster unless clusters are given. Assumptions: consistency, no unmeasured confounding given the
// covariates, overlap, independent clusters. Levels are those of the normal approximation, also on small samples.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/base/warning.h"
#include "gimbal/policy/types.h"
#include "gimbal/policy/unit_scores.h"

namespace gimbal::policy {

enum class Adjust { kHolm, kFixedSequence, kNone };
std::string_view adjust_name(Adjust adjust);  // "holm", "fixed-sequence", "none"
Result<Adjust> parse_adjust(std::string_view text);

// A column by whose levels the improvement is also reported.
struct Grouping {
  std::string column;
  std::vector<std::string> levels;
  std::vector<std::int32_t> level_of;  // a unit: index into levels, or -1 for "in no group"
};

inline constexpr int kFewestBootstrapDraws = 100;  // fewer say nothing of the tails at a level of .05
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
  // What --strict reports: insufficient_data naming the policy, its largest weight and its effective sample size; nullopt when
  // every policy overlaps well.
  std::optional<Error> overlap_error() const;
};

// `logged`: n >= 2 units; action may be empty in the logged-propensity mode. `weight`: empty, or n values >= 0, some positive.
// Several policies are adjusted for by spec.adjust (contrasts form a family of their own, and so do the levels of a grouping
// within a policy). Errors: invalid_argument (shapes, values, e_A <= 0 for a logged arm), usage (primary dr without
// predictions), not_identified with the count where pi or b puts mass on an arm with e_a = 0. O(n K) a policy, parallel.
Result<Evaluation> evaluate(const Logged& logged, std::span<const double> weight, std::span<const TestedPolicy> policies,
                            const EvaluationSpec& spec);

// "policy.json: +0.0347 per unit (95 % CI 0.0302 to 0.0392), p < 1e-9: better than the logging policy; predicted +0.0342"
std::string summary_line(const PolicyEvaluation& policy, const EvaluationSpec& spec);

}  // namespace gimbal::policy
