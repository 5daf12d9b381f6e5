#include "gimbal/learn/cross_validation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "gimbal/base/parallel.h"
#include "gimbal/stats/clustered.h"

namespace gimbal::learn {

std::vector<std::size_t> Folds::held_out(int fold) const {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < of.size(); ++i)
    if (of[i] == fold) rows.push_back(i);
  return rows;
}

std::vector<std::size_t> Folds::training(int fold) const {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < of.size(); ++i)
    if (count == 1 || of[i] != fold) rows.push_back(i);
  return rows;
}

Result<Folds> keyed_folds(Stream stream, std::size_t rows, int folds, const FoldGroups& groups) {
  if (folds < 1) return fail(ErrorCode::kInvalidArgument, "folds must be at least 1, found {}", folds);
  if (!groups.cluster.empty() && groups.cluster.size() != rows)
    return fail(ErrorCode::kInvalidArgument, "expected a cluster for each of {} rows, found {}", rows, groups.cluster.size());
  if (!groups.stratum.empty() && groups.stratum.size() != rows)
    return fail(ErrorCode::kInvalidArgument, "expected a stratum for each of {} rows, found {}", rows, groups.stratum.size());
  Folds out{folds, std::vector<int>(rows, 0)};
  if (!groups.cluster.empty()) {
    const std::vector<std::int64_t> dense = stats::dense_ids(groups.cluster);
    const std::size_t count = rows == 0 ? 0 : static_cast<std::size_t>(*std::max_element(dense.begin(), dense.end())) + 1;
    if (count < static_cast<std::size_t>(folds))
      return fail(ErrorCode::kInsufficientData, "{} folds need at least {} clusters, found {}", folds, folds, count);
    const std::vector<std::size_t> order = stream.permutation(count);
    std::vector<int> fold_of(count);
    for (std::size_t k = 0; k < count; ++k) fold_of[order[k]] = static_cast<int>(k % static_cast<std::size_t>(folds));
    for (std::size_t i = 0; i < rows; ++i) out.of[i] = fold_of[static_cast<std::size_t>(dense[i])];
    return out;
  }
  if (rows < static_cast<std::size_t>(folds))
    return fail(ErrorCode::kInsufficientData, "{} folds need at least {} rows, found {}", folds, folds, rows);
  std::vector<std::size_t> order = stream.permutation(rows);
  if (!groups.stratum.empty())
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return groups.stratum[a] < groups.stratum[b]; });
  for (std::size_t k = 0; k < rows; ++k) out.of[order[k]] = static_cast<int>(k % static_cast<std::size_t>(folds));
  return out;
}

Result<OneStandardError> one_standard_error(const Matrix& losses, std::span<const double> weight,
                                            std::span<const std::int64_t> cluster) {
  const std::size_t n = losses.rows(), candidates = losses.cols();
  const std::vector<std::int64_t> dense = stats::dense_ids(cluster);
  OneStandardError out;
  out.mean.assign(candidates, std::numeric_limits<double>::quiet_NaN());
  out.se = out.excess_se = out.mean;
  std::optional<std::size_t> best;
  for (std::size_t c = 0; c < candidates; ++c) {
    const std::vector<double> loss = losses.column(c);
    if (std::any_of(loss.begin(), loss.end(), [](double v) { return std::isnan(v); })) continue;
    GIMBAL_TRY(const stats::MeanEstimate estimate, stats::mean_with_se(loss, weight, dense));
    out.mean[c] = estimate.mean;
    out.se[c] = estimate.se;
    if (!best || estimate.mean < out.mean[*best]) best = c;
  }
  if (!best) return fail(ErrorCode::kInvalidArgument, "every candidate has a loss that is not a number");
  out.best = out.chosen = *best;
  out.excess_se[*best] = 0;
  for (std::size_t c = candidates; c-- > 0;) {
    if (c == *best || std::isnan(out.mean[c])) continue;
    std::vector<double> excess(n);
    for (std::size_t i = 0; i < n; ++i) excess[i] = losses(i, c) - losses(i, *best);
    GIMBAL_TRY(const stats::MeanEstimate difference, stats::mean_with_se(excess, weight, dense));
    out.excess_se[c] = difference.se;
    if (c < out.chosen && difference.mean <= difference.se) out.chosen = c;
  }
  return out;
}

double unit_loss(Loss loss, double y, double prediction) {
  if (loss == Loss::kSquared) return (y - prediction) * (y - prediction);
  const double p = std::clamp(prediction, 1e-15, 1 - 1e-15);
  return -(y * std::log(p) + (1 - y) * std::log1p(-p));
}

Result<Comparison> compare_by_folds(std::span<const Candidate> candidates, std::span<const double> y, const Folds& folds,
                                    Loss loss, std::span<const double> weight, std::span<const std::int64_t> cluster) {
  const std::size_t n = y.size(), count = candidates.size();
  if (folds.of.size() != n)
    return fail(ErrorCode::kInvalidArgument, "expected a fold for each of {} rows, found {}", n, folds.of.size());
  if (count == 0) return fail(ErrorCode::kInvalidArgument, "there is no candidate to compare");
  if (folds.count < 2)
    return fail(ErrorCode::kInvalidArgument, "learners are compared on at least 2 folds, found {}", folds.count);
  const auto fold_count = static_cast<std::size_t>(folds.count);
  Comparison out{Matrix(n, count), Matrix(n, count), {}};
  std::vector<std::optional<Error>> errors(count * fold_count);
  parallel_for(count * fold_count, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t job = begin; job < end; ++job) {
      const std::size_t c = job / fold_count;
      const int fold = static_cast<int>(job % fold_count);
      const std::vector<std::size_t> held_out = folds.held_out(fold);
      auto predictions = candidates[c].learner(folds.training(fold), held_out);
      if (!predictions) {
        errors[job] = std::move(predictions).error();
        continue;
      }
      GIMBAL_CHECK(predictions->size() == held_out.size(), "a learner predicts every held-out row");
      for (std::size_t k = 0; k < held_out.size(); ++k) {
        out.predictions(held_out[k], c) = (*predictions)[k];
        out.losses(held_out[k], c) = unit_loss(loss, y[held_out[k]], (*predictions)[k]);
      }
    }
  });
  for (auto& error : errors)
    if (error) return fail(*std::move(error));
  GIMBAL_TRY(out.rule, one_standard_error(out.losses, weight, cluster));
  return out;
}

}  // namespace gimbal::learn
