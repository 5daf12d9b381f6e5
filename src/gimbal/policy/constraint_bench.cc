// The grid of a constrained frontier: 101 points, n = 2 * 10^5. Target: a few seconds on two cores.
#include <benchmark/benchmark.h>

#include <map>

#include "gimbal/base/counter_uniform.h"
#include "gimbal/base/parallel.h"
#include "gimbal/policy/constraints.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kUnits = 200'000;

std::shared_ptr<const Table> table_of(std::size_t arms) {
  static std::map<std::size_t, std::shared_ptr<const Table>> tables;
  auto& shared = tables[arms];
  if (shared) return shared;
  Table table;
  for (std::size_t a = 0; a < arms; ++a) table.arms.push_back(std::to_string(a));
  table.e = Matrix(kUnits, arms), table.mu = Matrix(kUnits, arms), table.var = Matrix(kUnits, arms);
  for (std::size_t i = 0; i < kUnits; ++i) {
    double sum = 0;
    for (std::size_t a = 0; a < arms; ++a) {
      const std::uint64_t cell = i * arms + a;
      sum += table.e(i, a) = .5 + counter_uniform(cell);
      table.mu(i, a) = 1 + counter_uniform(kUnits * arms + cell) + (a == 1 ? .2 : 0);
      table.var(i, a) = .5 + counter_uniform(2 * kUnits * arms + cell);
    }
    for (std::size_t a = 0; a < arms; ++a) table.e(i, a) /= sum;
  }
  return shared = std::make_shared<const Table>(std::move(table));
}

// A capacity that takes hold on the way, as arm 1 is best for most units; with `limits` = 2 also a minimal share.
void constrained_grid(benchmark::State& state) {
  const auto arms = static_cast<std::size_t>(state.range(0));
  const ThreadLimit limit(static_cast<int>(state.range(1)));
  const PathSpec spec{.score = state.range(2) == 0 ? Score::kIpw : Score::kDr, .c0 = 0, .bounds = {}};
  std::vector<LinearConstraint> constraints{capacity("capacity", 1, arms, 1.0 / static_cast<double>(arms) + .05)};
  if (state.range(3) > 1) constraints.push_back(minimal_share("min-share", 0, arms, 1.0 / static_cast<double>(arms) + .03));
  for (auto _ : state) {
    const auto frontier = ConstrainedFrontier::build(table_of(arms), spec, constraints);
    const auto grid = frontier->grid(101);
    state.counters["points"] = static_cast<double>(grid->size());
    state.counters["tau"] = grid->back().moments.tau;
    state.counters["price"] = grid->back().shadow_prices[0];
  }
}
BENCHMARK(constrained_grid)
    ->ArgNames({"arms", "threads", "dr", "limits"})
    ->ArgsProduct({{3, 5}, {1, 2}, {0, 1}, {1, 2}})
    ->Iterations(1)
    ->UseRealTime()
    ->Unit(benchmark::kSecond);

}  // namespace
}  // namespace gimbal::policy
