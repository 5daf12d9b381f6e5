// The exact path in memory, on one thread: the peers' versions of the same work are in bench/peers/path_numpy.py.
#include <benchmark/benchmark.h>

#include "gimbal/base/parallel.h"
#include "gimbal/policy/path.h"
#include "gimbal/policy/path_sort.h"
#include "gimbal/policy/path_test_tables.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kUnits = 1'000'000;

std::shared_ptr<const Table> table_of(std::size_t arms) {
  static std::map<std::size_t, std::shared_ptr<const Table>> tables;
  auto& table = tables[arms];
  if (!table) table = testing::share(testing::random_table({.units = kUnits, .arms = arms}, 1));
  return table;
}

void build_path(benchmark::State& state) {
  const ThreadLimit limit(static_cast<int>(state.range(1)));
  const auto table = table_of(static_cast<std::size_t>(state.range(0)));
  const PathSpec spec{.score = state.range(2) == 0 ? Score::kIpw : Score::kDr, .c0 = 0, .bounds = {}};
  for (auto _ : state) {
    auto path = FrontierPath::build(table, spec);
    benchmark::DoNotOptimize(path->curve().at_infinity());
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
