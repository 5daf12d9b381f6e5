#include "gimbal/policy/unit_scores.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kGrain = 4096;  // rows a chunk: the columns of a chunk stay in the cache
constexpr double kNoMove = 1e-12;     // |D| below this is the rounding of a policy file, not a change of policy

// Sums over one chunk of rows; combined in chunk order.
struct ChunkSums {
  double weight = 0, moved = 0, w = 0, w2 = 0;
  double max_weight = 0, max_move = 0;
  std::size_t zero_propensity = 0, first_zero = 0;
  std::size_t unsupported = 0, first_unsupported = 0;
  std::vector<double> shares;
};

// Scores of the rows [begin, end) of the full mode (pi, e, b, mu known for every arm).
void score_rows(const Logged& logged, std::span<const double> weight, const TestedPolicy& policy, std::size_t begin,
                std::size_t end, UnitScores& out, ChunkSums& sums) {
  const Matrix& pi = *policy.pi;
  const Matrix& e = *policy.e;
  const Matrix& b = policy.b ? *policy.b : e;
  const std::size_t arms = pi.cols();
  sums.shares.assign(arms, 0.0);
  for (std::size_t i = begin; i < end; ++i) {
    const double* pi_i = pi.data() + i * arms;
    const double* e_i = e.data() + i * arms;
    const double* b_i = b.data() + i * arms;
    const double omega = weight.empty() ? 1.0 : weight[i];
    double distance = 0, largest = 0;
    bool supported = true;
    for (std::size_t a = 0; a < arms; ++a) {
      const double move = std::fabs(pi_i[a] - b_i[a]);
      distance += move;
      largest = std::max(largest, move);
      supported &= e_i[a] > 0 || (pi_i[a] <= 0 && b_i[a] <= 0);
      sums.shares[a] += omega * pi_i[a];
    }
    sums.moved += omega * 0.5 * distance;
    sums.max_move = std::max(sums.max_move, largest);
    if (!supported && sums.unsupported++ == 0) sums.first_unsupported = i;

    const auto given = static_cast<std::size_t>(logged.action[i]);
    if (!(e_i[given] > 0)) {
      if (sums.zero_propensity++ == 0) sums.first_zero = i;
      continue;
    }
    const double w = pi_i[given] / e_i[given];
    const double w_baseline = b_i[given] / e_i[given];
    out.w_policy[i] = w;
    out.w_baseline[i] = w_baseline;
    sums.weight += omega;
    sums.w += omega * w;
    sums.w2 += omega * omega * w * w;
    sums.max_weight = std::max(sums.max_weight, w);
    if (policy.mu) {
      const double* mu_i = policy.mu->data() + i * arms;
      double mean_policy = 0, mean_baseline = 0;
      for (std::size_t a = 0; a < arms; ++a) {
        mean_policy += pi_i[a] * mu_i[a];
        mean_baseline += b_i[a] * mu_i[a];
      }
      const double residual = logged.outcome[i] - mu_i[given];
      out.dr_policy[i] = mean_policy + w * residual;
      out.dr_baseline[i] = mean_baseline + w_baseline * residual;
    }
  }
}

// The same when only the logged action's probability and propensity are known.
void score_logged_rows(std::span<const double> weight, const TestedPolicy& policy, std::size_t begin, std::size_t end,
                       UnitScores& out, ChunkSums& sums) {
  for (std::size_t i = begin; i < end; ++i) {
    const double omega = weight.empty() ? 1.0 : weight[i];
    if (!(policy.e_logged[i] > 0)) {
      if (sums.zero_propensity++ == 0) sums.first_zero = i;
      continue;
    }
    const double w = policy.pi_logged[i] / policy.e_logged[i];
    out.w_policy[i] = w;
    out.w_baseline[i] = 1.0;
    sums.max_move = std::max(sums.max_move, std::fabs(policy.pi_logged[i] - policy.e_logged[i]));
    sums.weight += omega;
    sums.w += omega * w;
    sums.w2 += omega * omega * w * w;
    sums.max_weight = std::max(sums.max_weight, w);
  }
}

Result<void> check_shapes(const Logged& logged, std::span<const double> weight, const TestedPolicy& policy) {
  const std::size_t n = logged.outcome.size();
  const auto bad = [&](std::string_view what, std::size_t found) {
    return fail(ErrorCode::kInvalidArgument, "policy {}: {} needs {} rows, one a test unit; found {}",
                gimbal::quoted(policy.name), what, n, found);
  };
  if (n < 2) return fail(ErrorCode::kInvalidArgument, "an evaluation needs at least 2 test units; found {}", n);
  if (!weight.empty() && weight.size() != n) return bad("the weight", weight.size());
  if (!logged.cluster.empty() && logged.cluster.size() != n) return bad("the cluster", logged.cluster.size());
  if (!policy.pi_logged.empty()) {
    if (policy.b)
      return fail_at("--baseline", ErrorCode::kUsage,
                     "when only the logged action's propensity is known, the logging policy is the only possible baseline");
    if (policy.pi_logged.size() != n) return bad("the probability of the logged action", policy.pi_logged.size());
    if (policy.e_logged.size() != n) return bad("the propensity of the logged action", policy.e_logged.size());
    return {};
  }
  GIMBAL_CHECK(policy.pi && policy.e, "a tested policy needs pi and e, or pi_logged and e_logged");
  if (logged.action.size() != n) return bad("the action", logged.action.size());
  const std::size_t arms = policy.pi->cols();
  for (const Matrix* matrix : {policy.pi, policy.e, policy.b, policy.mu}) {
    if (!matrix) continue;
    if (matrix->rows() != n) return bad("each matrix", matrix->rows());
    if (matrix->cols() != arms)
      return fail(ErrorCode::kInvalidArgument, "policy {}: {} arms in one matrix and {} in another",
                  gimbal::quoted(policy.name), arms, matrix->cols());
  }
  for (const int a : logged.action)
    if (a < 0 || static_cast<std::size_t>(a) >= arms)
      return fail(ErrorCode::kInvalidArgument, "policy {}: action {} is outside 0..{}", gimbal::quoted(policy.name), a,
                  arms - 1);
  return {};
}

}  // namespace

Result<UnitScores> unit_scores(const Logged& logged, std::span<const double> weight, const TestedPolicy& policy) {
  GIMBAL_TRY(check_shapes(logged, weight, policy));
  const std::size_t n = logged.outcome.size();
  const bool full = policy.pi_logged.empty();
  UnitScores out;
  out.w_policy.resize(n);
  out.w_baseline.resize(n);
  if (full && policy.mu) {
    out.dr_policy.resize(n);
    out.dr_baseline.resize(n);
  }
  std::vector<ChunkSums> chunks((n + kGrain - 1) / kGrain);
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    ChunkSums& sums = chunks[begin / kGrain];
    if (full)
      score_rows(logged, weight, policy, begin, end, out, sums);
    else
      score_logged_rows(weight, policy, begin, end, out, sums);
  });

  ChunkSums total;
  if (full) total.shares.assign(policy.pi->cols(), 0.0);
  for (const ChunkSums& chunk : chunks) {
    if (total.zero_propensity == 0) total.first_zero = chunk.first_zero;
    if (total.unsupported == 0) total.first_unsupported = chunk.first_unsupported;
    total.zero_propensity += chunk.zero_propensity;
    total.unsupported += chunk.unsupported;
    total.weight += chunk.weight;
    total.moved += chunk.moved;
    total.w += chunk.w;
    total.w2 += chunk.w2;
    total.max_weight = std::max(total.max_weight, chunk.max_weight);
    total.max_move = std::max(total.max_move, chunk.max_move);
    for (std::size_t a = 0; a < chunk.shares.size(); ++a) total.shares[a] += chunk.shares[a];
  }
  if (total.zero_propensity > 0)
    return fail(ErrorCode::kInvalidArgument,
                "policy {}: the propensity of the logged action must be above 0; it is not for {} of {} units "
                "(first: unit {}, counted from 0)",
                gimbal::quoted(policy.name), total.zero_propensity, n, total.first_zero);
  if (total.unsupported > 0)
    return fail(ErrorCode::kNotIdentified,
                "policy {} or its baseline cannot be evaluated from these data: {} of {} units get an arm that "
                "their propensities make impossible (first: unit {}, counted from 0)",
                gimbal::quoted(policy.name), total.unsupported, n, total.first_unsupported);
  if (!(total.weight > 0))
    return fail(ErrorCode::kInvalidArgument, "the weights of the test units sum to {:.6g}; some must be above 0", total.weight);
  if (full) {
    for (double& share : total.shares) share /= total.weight;
    out.shares = std::move(total.shares);
    out.moved = total.moved / total.weight;
  }
  out.ess = total.w2 > 0 ? total.w * total.w / total.w2 : 0.0;
  out.max_weight = total.max_weight;
  out.equals_baseline = total.max_move <= kNoMove;
  return out;
}

std::vector<double> score_column(const UnitScores& units, std::span<const double> outcome, std::span<const double> weight,
                                 Score score, double c0) {
  const std::size_t n = outcome.size();
  std::vector<double> psi(n);
  if (units.equals_baseline) return psi;
  const std::vector<double>& w = units.w_policy;
  const std::vector<double>& w_b = units.w_baseline;
  switch (score) {
    case Score::kIpw:
      for (std::size_t i = 0; i < n; ++i) psi[i] = (w[i] - w_b[i]) * outcome[i];
      break;
    case Score::kCipw:
      for (std::size_t i = 0; i < n; ++i) psi[i] = (w[i] - w_b[i]) * (outcome[i] - c0);
      break;
    case Score::kSnips: {
      const SelfNormalized policy = self_normalized(w, outcome, weight);
      const SelfNormalized baseline = self_normalized(w_b, outcome, weight);
      const double tau = policy.value - baseline.value;  // psi is centred at 0 by construction; the estimate is its mean
      for (std::size_t i = 0; i < n; ++i)
        psi[i] = tau + w[i] * (outcome[i] - policy.value) / policy.mean_weight -
                 w_b[i] * (outcome[i] - baseline.value) / baseline.mean_weight;
      break;
    }
    case Score::kDr:
      GIMBAL_CHECK(units.dr_policy.size() == n, "dr needs predictions");
      for (std::size_t i = 0; i < n; ++i) psi[i] = units.dr_policy[i] - units.dr_baseline[i];
      break;
  }
  return psi;
}

SelfNormalized self_normalized(std::span<const double> w, std::span<const double> outcome, std::span<const double> weight) {
  NeumaierSum total, sum_w, sum_wy;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double omega = weight.empty() ? 1.0 : weight[i];
    total += omega;
    sum_w += omega * w[i];
    sum_wy += omega * w[i] * outcome[i];
  }
  // All W = 0: the policy never agrees with the log. Its value is then unknown; 0 / 1 leaves psi = -(baseline's part).
  if (!(sum_w.value() > 0)) return {0.0, 1.0};
  return {sum_wy.value() / sum_w.value(), sum_w.value() / total.value()};
}

}  // namespace gimbal::policy
