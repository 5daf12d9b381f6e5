// What a constrained frontier remembers between solves (internal): points that were solved, and shadow prices that are expected
// at lambdas that were not. A new lambda starts from the prices of its neighbours, interpolated in log lambda.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "gimbal/policy/constraints.h"

namespace gimbal::policy {

struct ConstrainedFrontier::Memo {
  struct Start {
    double lambda = 0;  // of the neighbour below; 0: none
    std::vector<double> shadow_prices;
  };

  std::optional<ConstrainedPoint> find(double lambda) const {
    const std::lock_guard lock(mutex);
    const auto known = points.find(lambda);
    return known == points.end() ? std::nullopt : std::optional(known->second);
  }

  void keep(const ConstrainedPoint& point) {
    const std::lock_guard lock(mutex);
    prices.insert_or_assign(point.effective_lambda, point.shadow_prices);
    points.insert_or_assign(point.lambda, point);
  }

  void expect(double lambda, std::vector<double> shadow_prices) {
    const std::lock_guard lock(mutex);
    prices.try_emplace(lambda, std::move(shadow_prices));
  }

  std::size_t solved() const {
    const std::lock_guard lock(mutex);
    return points.size();
  }

  // The grid of `count` points that was solved last.
  std::optional<std::vector<ConstrainedPoint>> find_grid(std::size_t count) const {
    const std::lock_guard lock(mutex);
    return count == grid_count ? std::optional(grid) : std::nullopt;
  }
  void keep_grid(std::size_t count, std::vector<ConstrainedPoint> solved) {
    const std::lock_guard lock(mutex);
    grid_count = count;
    grid = std::move(solved);
  }

  Start start_for(double lambda, std::size_t constraints) const {
    const std::lock_guard lock(mutex);
    const auto above = prices.lower_bound(lambda);
    if (prices.empty()) return {0, std::vector<double>(constraints, 0.0)};
    if (above == prices.begin()) return {0, above->second};
    const auto below = std::prev(above);
    Start start{below->first, below->second};
    if (above == prices.end()) return start;
    const double part = std::log(lambda / below->first) / std::log(above->first / below->first);
    for (std::size_t j = 0; j < constraints; ++j) start.shadow_prices[j] += part * (above->second[j] - below->second[j]);
    return start;
  }

  // The states that the last solve left, or fresh ones while another thread has them.
  ArmStates take_states(const ConstraintPasses& passes) {
    {
      const std::lock_guard lock(mutex);
      if (has_states) {
        has_states = false;
        return std::move(states);
      }
    }
    return passes.fresh_states();
  }
  void give_states(ArmStates used) {
    const std::lock_guard lock(mutex);
    states = std::move(used);
    has_states = true;
  }

  mutable std::mutex mutex;
  std::map<double, ConstrainedPoint> points;     // by lambda as asked for
  std::map<double, std::vector<double>> prices;  // by effective lambda
  std::vector<ConstrainedPoint> grid;
  std::size_t grid_count = 0;  // 0: none yet
  ArmStates states;
  bool has_states = false;
};

}  // namespace gimbal::policy
