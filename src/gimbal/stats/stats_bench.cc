// Speed of what `policy evaluate` and the honest band lean on.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "gimbal/stats/bootstrap.h"
#include "gimbal/stats/clustered.h"
#include "gimbal/stats/simultaneous.h"

namespace gimbal::stats {
namespace {

std::vector<double> values(std::size_t n) {
  Stream s(1, "bench.values");
  std::vector<double> x(n);
  for (double& v : x) v = s.exponential();
  return x;
}

std::vector<std::int64_t> clusters(std::size_t n, std::uint64_t count) {
  Stream s(2, "bench.clusters");
  std::vector<std::int64_t> id(n);
  for (auto& g : id) g = static_cast<std::int64_t>(s.below(count));
  return id;
}

void StreamNormals(benchmark::State& state) {
  Stream s(3, "bench.normal");
  for (auto _ : state) benchmark::DoNotOptimize(s.normal());
}
BENCHMARK(StreamNormals);

void MeanWithSe(benchmark::State& state) {
  const auto x = values(1'000'000);
  for (auto _ : state) benchmark::DoNotOptimize(mean_with_se(x)->se);
}
BENCHMARK(MeanWithSe)->Unit(benchmark::kMillisecond);

void MeanWithClusteredSe(benchmark::State& state) {
  const auto x = values(1'000'000);
  const auto id = clusters(x.size(), 10'000);
  for (auto _ : state) benchmark::DoNotOptimize(mean_with_se(x, {}, id)->se);
}
BENCHMARK(MeanWithClusteredSe)->Unit(benchmark::kMillisecond);

void StudentizedBootstrapOfAMean(benchmark::State& state) {
  const auto x = values(static_cast<std::size_t>(state.range(0)));
  const auto stream = [](std::uint64_t b) { return Stream(4, "bench.bootstrap", b); };
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        bootstrap_mean(x, {}, {}, {.kind = BootstrapKind::kStudentized, .draws = 2000, .stream = stream})->lo);
  }
}
BENCHMARK(StudentizedBootstrapOfAMean)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond)->UseRealTime();

void BandOfACurve(benchmark::State& state) {
  const auto p = static_cast<std::size_t>(state.range(0));
  Matrix c(p, p);
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t j = 0; j < p; ++j) c(i, j) = static_cast<double>(std::min(i, j) + 1);
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(max_abs_quantile(c, {}, .95, kSimultaneousDraws, Stream(5, "bench.band")).value());
  }
}
BENCHMARK(BandOfACurve)->Arg(101)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace gimbal::stats
