// The exact path in memory, on one thread. Targets: n = 10^6, K = 2 in at most 0.12 s, K = 5 in at most 0.8 s. What is
// measured beside numpy on the same arrays is in peers_bench.cc.
#include <benchmark/benchmark.h>

#include "gimbal/base/counter_uniform.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/random.h"
#include "gimbal/policy/path.h"
#include "gimbal/policy/path_sort.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kUnits = 1'000'000;

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
      table.mu(i, a) = 1 + counter_uniform(kUnits * arms + cell);
      table.var(i, a) = .5 + counter_uniform(2 * kUnits * arms + cell);
    }
    for (std::size_t a = 0; a < arms; ++a) table.e(i, a) /= sum;
  }
  return shared = std::make_shared<const Table>(std::move(table));
}

void build_path(benchmark::State& state) {
  const ThreadLimit limit(static_cast<int>(state.range(1)));
  const auto table = table_of(static_cast<std::size_t>(state.range(0)));
  const PathSpec spec{.score = state.range(2) == 0 ? Score::kIpw : Score::kDr, .c0 = 0, .bounds = {}};
  for (auto _ : state) {
    auto path = FrontierPath::build(table, spec);
    state.counters["tau_at_infinity"] = path->curve().at_infinity().tau;
  }
}
BENCHMARK(build_path)
    ->ArgNames({"arms", "threads", "dr"})
    ->ArgsProduct({{2, 5}, {1, 2}, {0, 1}})
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();

// The honest curve along an existing path.
void score_path(benchmark::State& state) {
  const ThreadLimit limit(1);
  const auto path = FrontierPath::build(table_of(static_cast<std::size_t>(state.range(0))), {});
  std::vector<std::int64_t> cluster;
  if (state.range(1) != 0) {
    for (std::size_t i = 0; i < kUnits; ++i) cluster.push_back(static_cast<std::int64_t>(i % 1000));
  }
  const UnitCoefficients phi = [](std::size_t i, std::span<double> out) {
    for (std::size_t a = 0; a < out.size(); ++a) out[a] = static_cast<double>((i + a) % 7);
  };
  for (auto _ : state) benchmark::DoNotOptimize(path->tested(phi, cluster).at_infinity());
}
BENCHMARK(score_path)->ArgNames({"arms", "clusters"})->ArgsProduct({{2, 5}, {0, 1}})->Unit(benchmark::kMillisecond);

void sort_breakpoints(benchmark::State& state) {
  Stream stream(1, "policy.bench_sort");
  std::vector<double> values(kUnits);
  for (double& x : values) x = std::exp(3 * stream.normal());
  for (auto _ : state) {
    state.PauseTiming();
    auto key = std::make_unique<double[]>(kUnits);
    auto value = std::make_unique<std::uint32_t[]>(kUnits);
    std::copy(values.begin(), values.end(), key.get());
    state.ResumeTiming();
    sort_by_key(key, value, kUnits);
    benchmark::DoNotOptimize(key[0]);
  }
}
BENCHMARK(sort_breakpoints)->Unit(benchmark::kMillisecond);

void probabilities(benchmark::State& state) {
  const ThreadLimit limit(1);
  const auto path = FrontierPath::build(table_of(static_cast<std::size_t>(state.range(0))), {});
  Matrix pi;
  for (auto _ : state) path->probabilities(5, pi);
}
BENCHMARK(probabilities)->ArgName("arms")->Arg(2)->Arg(5)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gimbal::policy
