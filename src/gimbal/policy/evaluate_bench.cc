// Target: n = 10^6, K = 2, four scores with standard errors in at most 0.1 s of CPU time.
#include <benchmark/benchmark.h>

#include "gimbal/base/parallel.h"
#include "gimbal/base/random.h"
#include "gimbal/policy/evaluate.h"

namespace gimbal::policy {
namespace {

// range: n, K, clusters (0: independent units).
void evaluate_four_scores(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0)), arms = static_cast<std::size_t>(state.range(1));
  Stream stream(0, "policy.bench.evaluate");
  Matrix pi(n, arms), e(n, arms), mu(n, arms);
  Logged logged;
  EvaluationSpec spec;
  for (std::size_t a = 0; a < arms; ++a) spec.arms.push_back(std::to_string(a));
  for (std::size_t i = 0; i < n; ++i) {
    double pi_sum = 0, e_sum = 0;
    for (std::size_t a = 0; a < arms; ++a) {
      pi_sum += pi(i, a) = stream.uniform();
      e_sum += e(i, a) = 0.5 + stream.uniform();
      mu(i, a) = stream.uniform();
    }
    for (std::size_t a = 0; a < arms; ++a) pi(i, a) /= pi_sum, e(i, a) /= e_sum;
    logged.action.push_back(static_cast<int>(stream.categorical(e.row(i))));
    logged.outcome.push_back(stream.uniform());
    if (state.range(2) > 0)
      logged.cluster.push_back(static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(state.range(2)))));
  }
  TestedPolicy policy;
  policy.name = "bench";
  policy.pi = &pi, policy.e = &e, policy.mu = &mu, policy.c0 = 0.5;
  const ThreadLimit one(1);
  for (auto _ : state) benchmark::DoNotOptimize(evaluate(logged, {}, {{policy}}, spec));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(evaluate_four_scores)
    ->Args({1'000'000, 2, 0})
    ->Args({1'000'000, 2, 50'000})
    ->Args({1'000'000, 5, 0})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gimbal::policy
