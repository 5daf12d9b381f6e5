// Learners on data that bench/peers/ridge_crossfit.py makes bit for bit alike.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "gimbal/base/counter_uniform.h"
#include "gimbal/base/parallel.h"
#include "gimbal/learn/gbdt.h"
#include "gimbal/learn/linear.h"
#include "gimbal/learn/logistic.h"

namespace gimbal::learn {
namespace {

struct Data {
  Matrix x;
  std::vector<double> y;
  std::vector<int> arm, fold;
};

Data make_data(std::size_t n, std::size_t d, int arms, int folds) {
  Data data{Matrix(n, d), std::vector<double>(n), std::vector<int>(n), std::vector<int>(n)};
  for (std::size_t j = 0; j < n * d; ++j) data.x.values()[j] = counter_uniform(j) - 0.5;
  for (std::size_t i = 0; i < n; ++i) {
    data.arm[i] = static_cast<int>(i) % arms;
    data.fold[i] = static_cast<int>(i) / arms % folds;
    data.y[i] = counter_uniform(n * d + i) + data.x(i, 0) - 0.5 * data.x(i, 1) + 0.1 * data.arm[i] * data.x(i, 2);
  }
  return data;
}

void CrossfitRidge(benchmark::State& state) {
  const ThreadLimit one(1);
  const Data data = make_data(100000, 50, 3, 5);
  double log_penalty = 0;
  for (auto _ : state) {
    const auto fits = crossfit_ridge({data.x, data.y, {}, data.arm, 3, data.fold, 5});
    log_penalty = 0;
    for (const LinearFit& fit : fits->training) log_penalty += std::log10(fit.penalty) / 15;
  }
  state.counters["mean_log10_penalty"] = log_penalty;
}
BENCHMARK(CrossfitRidge)->Unit(benchmark::kMillisecond);

void Ols(benchmark::State& state) {
  const ThreadLimit one(1);
  const Data data = make_data(100000, 50, 1, 1);
  for (auto _ : state) benchmark::DoNotOptimize(fit_ols({data.x, data.y}));
}
BENCHMARK(Ols)->Unit(benchmark::kMillisecond);

void LogisticWithChosenPenalty(benchmark::State& state) {
  const ThreadLimit one(1);
  const Data data = make_data(20000, 20, 1, 1);
  std::vector<double> label(data.y.size());
  for (std::size_t i = 0; i < label.size(); ++i) label[i] = data.y[i] > 0.5 ? 1 : 0;
  for (auto _ : state) benchmark::DoNotOptimize(fit_logistic({data.x, label}));
}
BENCHMARK(LogisticWithChosenPenalty)->Unit(benchmark::kMillisecond);

void GbdtWithEarlyStop(benchmark::State& state) {
  if (!gbdt_available()) return state.SkipWithError("needs XGBoost");
  const Data data = make_data(20000, 20, 1, 1);
  int rounds = 0;
  for (auto _ : state) rounds = Gbdt::train({data.x, data.y}, {})->rounds();
  state.counters["rounds"] = rounds;
}
BENCHMARK(GbdtWithEarlyStop)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gimbal::learn
