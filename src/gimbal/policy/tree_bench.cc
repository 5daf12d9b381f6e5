// Target: depth 2, n = 10^5, p = 20, 256 bins, K = 3 in at most 3 s on two cores.
#include <benchmark/benchmark.h>

#include "gimbal/base/random.h"
#include "gimbal/policy/tree.h"

namespace gimbal::policy {
namespace {

void tree_of_depth_two(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0)), p = static_cast<std::size_t>(state.range(1));
  const auto arms = static_cast<std::size_t>(state.range(2));
  Stream stream(0, "policy.bench.tree");
  TreeInput input;
  input.x = Matrix(n, p);
  input.scores = Matrix(n, arms);
  for (std::size_t f = 0; f < p; ++f) input.features.push_back("x" + std::to_string(f));
  for (std::size_t a = 0; a < arms; ++a) input.arms.push_back(std::to_string(a));
  for (double& x : input.x.values()) x = stream.normal();
  for (double& s : input.scores.values()) s = stream.normal();
  for (auto _ : state) benchmark::DoNotOptimize(fit_tree(input, TreeOptions{}));
}
BENCHMARK(tree_of_depth_two)
    ->Args({100'000, 20, 3})
    ->Args({100'000, 20, 2})
    ->Args({100'000, 20, 5})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace gimbal::policy
