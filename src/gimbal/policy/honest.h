// The honest frontier: what the policies of the path are worth on rows that their models have not seen.
//
// For each training row the deviation D_i(lambda) is built from out-of-fold nuisances and scored with the row's own outcome:
// psi_i(lambda) = sum_a D_ia(lambda) phi_ia. Its mean is an estimate of the improvement free of the winner's curse, and it is
// known exactly for all lambda, since the policies are piecewise linear (FrontierPath::tested). With weights or clusters the
// spread is s = sqrt(n) times the standard error of evaluate.h, so that z and power count the design effect; test clusters are
// taken to be of like size. Target: the policies that the fold models make (they see fewer rows than the final models).
//
// At the printed points: pointwise intervals tau +- z_{1-alpha/2} s / sqrt(n); a simultaneous band, in which z_{1-alpha/2} is
// replaced by the 1-alpha quantile of max_p |N(0, Corr)_p|; and an interval for the power from the influence of z1 = tau / s,
// u - (z1/2)(u^2 - 1) with u = (psi - tau) / s, summed within clusters first: U_g - (z1/2)(U_g^2 - m_g).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/base/warning.h"
#include "gimbal/policy/path.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

// Training rows with out-of-fold nuisances. `score` is the run's; snips is scored as cipw with the same c0.
struct HonestData {
  std::shared_ptr<const Table> table;
  std::shared_ptr<const Logged> logged;  // n rows of the table; cluster ids dense
  Score score = Score::kDr;
  double c0 = 0;  // of cipw (and snips): the training mean of Y

  std::size_t units() const { return table->units(); }
};

// Errors: invalid_argument where rows do not match, an action is out of range, or e_A <= 0 for a logged arm;
// insufficient_data for fewer than 2 units or clusters.
Result<void> check_honest_data(const HonestData& data);

// phi_ia: dr mu_a + 1{A=a} (Y - mu_a)/e_a, ipw 1{A=a} Y/e_a, cipw and snips 1{A=a} (Y - c0)/e_a. Shares the data. Where e_a = 0
// (an arm that no policy can give) phi_a is mu_a or 0.
UnitCoefficients held_out_scores(const HonestData& data);

// psi of any policy (n x K probabilities) on the training rows.
std::vector<double> held_out_psi(const HonestData& data, const Matrix& pi);
// tau = mean, q - tau^2 = n SE^2: what `select` and `power_at` take.
Result<Moments> held_out_moments(const HonestData& data, std::span<const double> psi);

// The honest fields of a printed point. se, z, power and units_required speak of test.n units, the intervals of tau of the
// training rows.
struct HonestPoint {
  double lambda = 0;
  double tau = 0, se = 0, z = 0, z1 = 0, power = 0;
  double units_required = 0;  // for power 0.8, not rounded; +infinity where z1 <= 0
  double tau_low = 0, tau_high = 0;
  double band_low = 0, band_high = 0;
  double z1_low = 0, z1_high = 0;        // interval of z1 from its influence function
  double power_low = 0, power_high = 0;  // the same as power at test.n
  double se_train = 0;                   // s / sqrt(n)
};

struct HonestPoints {
  std::vector<HonestPoint> points;
  double band_quantile = 0;  // in place of z_{1-alpha/2}; 0 when no point moves anybody
};

class HonestCurve {
 public:
  // The exact path of the out-of-fold table under data.score with c0 and `bounds` (forbidden cells are those of the training
  // rows). Errors: check_honest_data, FrontierPath::build.
  static Result<HonestCurve> build(HonestData data, Bounds bounds = {});
  // The same for the frontier without randomization (K = 2).
  static Result<HonestCurve> build_deterministic(HonestData data);

  const SegmentCurve& curve() const { return curve_; }
  Moments at(double lambda) const { return curve_.at(lambda); }
  // The out-of-fold path itself; nullptr for the deterministic frontier.
  const FrontierPath* path() const { return path_ ? &*path_ : nullptr; }
  const HonestData& data() const { return data_; }

  // Clustered over independent variance of psi at lambda (beyond the last breakpoint: at the last one); 1 without clusters.
  // The plug-in curve multiplies its variance by it, so that promised and honest power speak of the same test.
  double design_effect(double lambda) const;
  // The plug-in moments with that correction: tau unchanged, q - tau^2 multiplied.
  Moments with_design_effect(double lambda, Moments plugin) const;

  // `lambdas`: the printed points, over which the band is simultaneous (infinity allowed, any order). `extra`: further points
  // that get the same band quantile. Answers in the order given, extra points last. Stream: seed, "policy.band".
  // Cost n P (K + P/2), memory P^2 a thread; never n x P.
  Result<HonestPoints> points(std::span<const double> lambdas, std::span<const double> extra, const TestSpec& test,
                              std::uint64_t seed) const;

 private:
  HonestData data_;
  std::optional<FrontierPath> path_;  // absent: deterministic
  SegmentCurve curve_;
  std::optional<SegmentCurve> independent_;  // the same ignoring clusters; absent without them
};

// The same fields for policies that were solved one by one (shared constraints): psi is n x P, column p the scores of point p
// (held_out_psi), the first `in_band` of which share the simultaneous band. lambdas: P, copied into the points.
Result<HonestPoints> honest_points(const HonestData& data, std::span<const double> lambdas, const Matrix& psi,
                                   std::size_t in_band, const TestSpec& test, std::uint64_t seed);

// What the models promise against what held-out rows deliver. se_honest refers to the training rows.
struct PromiseGapAt {
  double plugin = 0, honest = 0, se_honest = 0;
};
enum class PromiseVerdict { kConsistent, kOverpromised, kUnknown };  // unknown: se_honest is 0 or not finite
std::string_view promise_verdict_name(PromiseVerdict verdict);
struct PromiseGap {
  PromiseGapAt at_max_tau;
  std::optional<PromiseGapAt> at_chosen;
  PromiseVerdict verdict = PromiseVerdict::kUnknown;
};
// Overpromised: at max-tau the plug-in tau exceeds the honest one by more than 2 se_honest, or is positive while the honest one
// is not.
PromiseGap promise_gap(PromiseGapAt at_max_tau, std::optional<PromiseGapAt> at_chosen);
// "the models promise 0.20 per unit; on rows they have not seen the same policies deliver -0.01 +- 0.03"; nullopt unless
// overpromised.
std::optional<Warning> promise_warning(const PromiseGap& gap);

}  // namespace gimbal::policy
