#include "gimbal/stats/descriptive.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"

namespace gimbal::stats {
namespace {

double sum_of(std::span<const double> x) {
  NeumaierSum total;
  for (const double value : x) total.add(value);
  return total.value();
}

Result<void> check_quantile_level(double p) {
  if (!(p >= 0 && p <= 1)) return fail(ErrorCode::kInvalidArgument, "a quantile's level must lie in [0, 1], found {}", p);
  return {};
}

// Position (n - 1) p as the index below and the weight of the next value.
struct Position {
  std::size_t below;
  double fraction;
};
Position position_of(std::size_t n, double p) {
  const double h = static_cast<double>(n - 1) * p;
  const auto below = std::min(static_cast<std::size_t>(h), n - 1);
  return {below, h - static_cast<double>(below)};
}

// Exact at both ends, and does not overflow for values of opposite sign.
double interpolate(double low, double high, double fraction) {
  return fraction == 0 || low == high ? low : low * (1 - fraction) + high * fraction;
}

// Partially sorts `x`, which holds n >= 1 values.
double select_quantile(std::vector<double>& x, double p) {
  const auto [below, fraction] = position_of(x.size(), p);
  const auto at = x.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(x.begin(), at, x.end());
  if (fraction == 0) return *at;
  return interpolate(*at, *std::min_element(at + 1, x.end()), fraction);
}

}  // namespace

Result<void> check_finite(std::span<const double> x, std::string_view what) {
  if (x.empty()) return fail(ErrorCode::kInsufficientData, "no {}s: at least one is needed", what);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]))
      return fail(ErrorCode::kInvalidArgument, "{} {} must be a finite number, found {}", what, i, x[i]);
  }
  return {};
}

Result<void> check_weights(std::span<const double> weight, std::size_t n) {
  if (weight.empty()) return {};
  if (weight.size() != n) return fail(ErrorCode::kInvalidArgument, "{} weights for {} values", weight.size(), n);
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!(weight[i] >= 0) || std::isinf(weight[i])) {
      return fail(ErrorCode::kInvalidArgument, "weight {} must be finite and at least 0, found {}", i, weight[i]);
    }
    total += weight[i];
  }
  if (!(total > 0) || std::isinf(total))
    return fail(ErrorCode::kInvalidArgument, "the weights must have a positive finite sum");
  return {};
}

Result<double> sum(std::span<const double> x) {
  GIMBAL_TRY(check_finite(x));
  return sum_of(x);
}

Result<double> mean(std::span<const double> x) {
  GIMBAL_TRY(check_finite(x));
  return sum_of(x) / static_cast<double>(x.size());
}

Result<double> weighted_mean(std::span<const double> x, std::span<const double> weight) {
  if (weight.empty()) return mean(x);
  GIMBAL_TRY(check_finite(x));
  GIMBAL_TRY(check_weights(weight, x.size()));
  NeumaierSum numerator;
  for (std::size_t i = 0; i < x.size(); ++i) numerator.add(weight[i] * x[i]);
  return numerator.value() / sum_of(weight);
}

Result<double> variance(std::span<const double> x) {
  GIMBAL_TRY(const double center, mean(x));
  if (x.size() < 2) return fail(ErrorCode::kInsufficientData, "a variance needs at least 2 values, found 1");
  NeumaierSum squares;
  for (const double value : x) squares.add((value - center) * (value - center));
  return squares.value() / static_cast<double>(x.size() - 1);
}

Result<double> sd(std::span<const double> x) {
  GIMBAL_TRY(const double v, variance(x));
  return std::sqrt(v);
}

double quantile_sorted(std::span<const double> sorted, double p) {
  GIMBAL_CHECK(!sorted.empty(), "a quantile needs at least one value");
  GIMBAL_CHECK(p >= 0 && p <= 1, "a quantile's level must lie in [0, 1]");
  const auto [below, fraction] = position_of(sorted.size(), p);
  return fraction == 0 ? sorted[below] : interpolate(sorted[below], sorted[below + 1], fraction);
}

Result<double> quantile(std::span<const double> x, double p) {
  GIMBAL_TRY(check_finite(x));
  GIMBAL_TRY(check_quantile_level(p));
  std::vector<double> copy(x.begin(), x.end());
  return select_quantile(copy, p);
}

Result<std::vector<double>> quantiles(std::span<const double> x, std::span<const double> p) {
  GIMBAL_TRY(check_finite(x));
  std::vector<double> sorted(x.begin(), x.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> out;
  out.reserve(p.size());
  for (const double level : p) {
    GIMBAL_TRY(check_quantile_level(level));
    out.push_back(quantile_sorted(sorted, level));
  }
  return out;
}

Result<double> median(std::span<const double> x) { return quantile(x, 0.5); }

Result<double> mad(std::span<const double> x) {
  GIMBAL_TRY(const double center, median(x));
  std::vector<double> distance(x.begin(), x.end());
  for (double& value : distance) value = std::abs(value - center);
  return select_quantile(distance, 0.5);
}

Result<std::vector<double>> ranks(std::span<const double> x) {
  GIMBAL_TRY(check_finite(x));
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
  std::vector<double> rank(x.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && x[order[end]] == x[order[begin]]) ++end;
    const double shared = 0.5 * static_cast<double>(begin + 1 + end);  // mean of begin + 1 .. end
    for (std::size_t i = begin; i < end; ++i) rank[order[i]] = shared;
    begin = end;
  }
  return rank;
}

Result<double> effective_sample_size(std::span<const double> weight) {
  GIMBAL_TRY(check_finite(weight, "weight"));
  GIMBAL_TRY(check_weights(weight, weight.size()));
  // Relative to the largest weight, so that squares of tiny or huge weights neither vanish nor overflow.
  const double largest = *std::max_element(weight.begin(), weight.end());
  NeumaierSum total;
  NeumaierSum squares;
  for (const double w : weight) {
    const double scaled = w / largest;
    total.add(scaled);
    squares.add(scaled * scaled);
  }
  return total.value() * total.value() / squares.value();
}

}  // namespace gimbal::stats
