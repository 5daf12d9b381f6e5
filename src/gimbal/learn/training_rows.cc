#include "gimbal/learn/training_rows.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace gimbal::learn {

Result<TrainingRows> training_rows(const Matrix& x, std::optional<std::span<const double>> y, std::span<const double> weight,
                                   std::optional<std::span<const std::size_t>> rows, std::size_t least, Missing missing) {
  if (y && y->size() != x.rows())
    return fail(ErrorCode::kInvalidArgument, "expected an outcome for each of {} rows of features, found {}", x.rows(),
                y->size());
  if (!weight.empty() && weight.size() != x.rows())
    return fail(ErrorCode::kInvalidArgument, "expected a weight for each of {} rows of features, found {}", x.rows(),
                weight.size());
  TrainingRows out;
  if (!rows) {
    out.index.resize(x.rows());
    std::iota(out.index.begin(), out.index.end(), std::size_t{0});
  } else {
    out.index.assign(rows->begin(), rows->end());
  }
  out.weight.reserve(out.index.size());
  double total = 0;
  for (const std::size_t i : out.index) {
    if (i >= x.rows()) return fail(ErrorCode::kInvalidArgument, "row {} does not exist: there are {}", i, x.rows());
    if (y && !std::isfinite((*y)[i]))
      return fail(ErrorCode::kInvalidArgument, "outcome of row {} must be a finite number, found {}", i, (*y)[i]);
    const double w = weight.empty() ? 1.0 : weight[i];
    if (!(std::isfinite(w) && w >= 0))
      return fail(ErrorCode::kInvalidArgument, "weight of row {} must be a finite number of at least 0, found {}", i, w);
    const std::span<const double> features = x.row(i);
    for (std::size_t k = 0; k < features.size(); ++k)
      if (!std::isfinite(features[k]) && !(missing == Missing::kAllowed && std::isnan(features[k])))
        return fail(ErrorCode::kInvalidArgument, "feature {} of row {} must be a finite number, found {}", k, i, features[k]);
    out.weight.push_back(w);
    total += w;
    if (w > 0) ++out.positive;
  }
  if (out.positive < least)
    return fail(ErrorCode::kInsufficientData, "expected at least {} rows of positive weight, found {}", least, out.positive);
  const double scale = static_cast<double>(out.positive) / total;
  if (!std::isfinite(scale)) return fail(ErrorCode::kInvalidArgument, "the sum of weights, {}, is out of range", total);
  for (double& w : out.weight) w *= scale;
  return out;
}

bool is_constant(double sd, double mean) { return !(sd > 1e-12 * std::abs(mean)); }

Moments feature_moments(const Matrix& x, const TrainingRows& rows) {
  using Eigen::ArrayXd;
  const auto d = static_cast<Eigen::Index>(x.cols());
  const double n = static_cast<double>(rows.positive);
  const auto features = [&](std::size_t r) { return Eigen::Map<const ArrayXd>(x.row(rows.index[r]).data(), d); };
  ArrayXd sum = ArrayXd::Zero(d);
  for (std::size_t r = 0; r < rows.index.size(); ++r) sum += rows.weight[r] * features(r);
  const ArrayXd mean = sum / n;
  // A second pass about the first mean corrects its rounding and keeps the squares free of cancellation.
  ArrayXd square = ArrayXd::Zero(d), from_mean(d);
  sum.setZero();
  for (std::size_t r = 0; r < rows.index.size(); ++r) {
    from_mean = features(r) - mean;
    sum += rows.weight[r] * from_mean;
    square += rows.weight[r] * from_mean.square();
  }
  Moments out{std::vector<double>(x.cols()), std::vector<double>(x.cols())};
  for (std::size_t k = 0; k < x.cols(); ++k) {
    const auto at = static_cast<Eigen::Index>(k);
    const double correction = sum[at] / n;
    const double sd = std::sqrt(std::max(square[at] / n - correction * correction, 0.0));
    out.mean[k] = mean[at] + correction;
    out.sd[k] = is_constant(sd, out.mean[k]) ? 0.0 : sd;
  }
  return out;
}

double mean_over(std::span<const double> y, const TrainingRows& rows) {
  double mean = 0;
  for (int pass = 0; pass < 2; ++pass) {
    double sum = 0;
    for (std::size_t r = 0; r < rows.index.size(); ++r) sum += rows.weight[r] * (y[rows.index[r]] - mean);
    mean += sum / static_cast<double>(rows.positive);
  }
  return mean;
}

}  // namespace gimbal::learn
