#include "gimbal/stats/multiplicity.h"

#include <algorithm>
#include <numeric>

namespace gimbal::stats {
namespace {

Result<void> check_p_values(std::span<const double> p) {
  if (p.empty()) return fail(ErrorCode::kInsufficientData, "no p-values to adjust");
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (!(p[i] >= 0 && p[i] <= 1)) return fail(ErrorCode::kInvalidArgument, "p-value {} must lie in [0, 1], found {}", i, p[i]);
  }
  return {};
}

std::vector<std::size_t> ascending_order(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  return order;
}

}  // namespace

Result<std::vector<double>> holm(std::span<const double> p) {
  GIMBAL_TRY(check_p_values(p));
  const std::vector<std::size_t> order = ascending_order(p);
  std::vector<double> adjusted(p.size());
  double running = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    running = std::max(running, std::min(1.0, static_cast<double>(p.size() - k) * p[order[k]]));
    adjusted[order[k]] = running;
  }
  return adjusted;
}

Result<std::vector<double>> benjamini_hochberg(std::span<const double> p) {
  GIMBAL_TRY(check_p_values(p));
  const std::vector<std::size_t> order = ascending_order(p);
  std::vector<double> adjusted(p.size());
  double running = 1;
  for (std::size_t k = order.size(); k > 0; --k) {
    running = std::min(running, p[order[k - 1]] * (static_cast<double>(p.size()) / static_cast<double>(k)));
    adjusted[order[k - 1]] = running;
  }
  return adjusted;
}

Result<std::vector<double>> fixed_sequence(std::span<const double> p) {
  GIMBAL_TRY(check_p_values(p));
  std::vector<double> adjusted(p.size());
  double running = 0;
  for (std::size_t i = 0; i < p.size(); ++i) adjusted[i] = running = std::max(running, p[i]);
  return adjusted;
}

}  // namespace gimbal::stats
