// The work that bench/peers measures against other libraries, on arrays that its scripts make bit for bit alike. The counters
// hold results, which the scripts compare with the peer's before they compare times.
#include <benchmark/benchmark.h>

#include <functional>
#include <memory>
#include <string>

#include "gimbal/base/counter_uniform.h"
#include "gimbal/base/parallel.h"
#include "gimbal/policy/evaluate.h"
#include "gimbal/policy/path.h"
#include "gimbal/policy/tree.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kUnits = 1'000'000;

// Column c, row i of the inputs is counter_uniform(c n + i).
Matrix columns(std::size_t n, std::size_t first, std::size_t count, const std::function<double(double)>& map) {
  Matrix out(n, count);
  for (std::size_t c = 0; c < count; ++c) {
    for (std::size_t i = 0; i < n; ++i) out(i, c) = map(counter_uniform((first + c) * n + i));
  }
  return out;
}

void normalize_rows(Matrix& m) {
  for (std::size_t i = 0; i < m.rows(); ++i) {
    double sum = 0;
    for (const double x : m.row(i)) sum += x;
    for (double& x : m.row(i)) x /= sum;
  }
}

std::shared_ptr<const Table> make_table(std::size_t arms) {
  Table table;
  for (std::size_t a = 0; a < arms; ++a) table.arms.push_back(std::to_string(a));
  table.e = columns(kUnits, 0, arms, [](double u) { return 0.5 + u; });
  normalize_rows(table.e);
  table.mu = columns(kUnits, arms, arms, [](double u) { return u; });
  table.var = columns(kUnits, 2 * arms, arms, [](double u) { return 0.5 + u; });
  return std::make_shared<const Table>(std::move(table));
}

void PeerPath(benchmark::State& state) {
  const ThreadLimit one(1);
  const auto table = make_table(static_cast<std::size_t>(state.range(0)));
  const PathSpec spec{.score = state.range(1) == 0 ? Score::kIpw : Score::kDr, .c0 = 0, .bounds = {}};
  Moments at_two, at_infinity;
  for (auto _ : state) {
    const auto path = FrontierPath::build(table, spec);
    at_two = path->at(2);
    at_infinity = path->curve().at_infinity();
  }
  state.counters["tau_2"] = at_two.tau;
  state.counters["q_2"] = at_two.q;
  state.counters["tau_infinity"] = at_infinity.tau;
}
BENCHMARK(PeerPath)->ArgNames({"arms", "dr"})->Args({2, 1})->Args({5, 0})->Args({5, 1})->Unit(benchmark::kMillisecond);

void PeerEvaluate(benchmark::State& state) {
  const ThreadLimit one(1);
  constexpr std::size_t kArms = 2;
  Matrix e = columns(kUnits, 0, kArms, [](double u) { return 0.5 + u; });
  Matrix mu = columns(kUnits, kArms, kArms, [](double u) { return u; });
  Matrix pi = columns(kUnits, 3 * kArms, kArms, [](double u) { return 0.5 + u; });
  normalize_rows(e);
  normalize_rows(pi);
  Logged logged;
  for (std::size_t i = 0; i < kUnits; ++i) {
    logged.action.push_back(counter_uniform(4 * kArms * kUnits + i) < e(i, 0) ? 0 : 1);
    logged.outcome.push_back(counter_uniform((4 * kArms + 1) * kUnits + i));
  }
  TestedPolicy policy;
  policy.name = "bench";
  policy.pi = &pi, policy.e = &e, policy.mu = &mu, policy.c0 = 0.5;
  EvaluationSpec spec;
  spec.arms = {"0", "1"};
  double value = 0, se = 0;
  for (auto _ : state) {
    const auto evaluation = evaluate(logged, {}, {{policy}}, spec);
    value = evaluation->policies[0].value.policy;
    se = evaluation->policies[0].value.policy_se;
  }
  state.counters["value"] = value;
  state.counters["se"] = se;
}
BENCHMARK(PeerEvaluate)->Unit(benchmark::kMillisecond);

void PeerTree(benchmark::State& state) {
  const ThreadLimit limit(static_cast<int>(state.range(0)));
  constexpr std::size_t kRows = 100'000, kFeatures = 20, kArms = 3;
  TreeInput input;
  for (std::size_t f = 0; f < kFeatures; ++f) input.features.push_back("x" + std::to_string(f));
  for (std::size_t a = 0; a < kArms; ++a) input.arms.push_back(std::to_string(a));
  input.x = columns(kRows, 0, kFeatures, [](double u) { return u; });
  input.scores = columns(kRows, kFeatures, kArms, [](double u) { return u; });
  // Arm 1 pays where x0 and x1 are on the same side of 1/2: a greedy first split sees nothing of it.
  for (std::size_t i = 0; i < kRows; ++i) {
    input.scores(i, 1) += (input.x(i, 0) > 0.5) == (input.x(i, 1) > 0.5) ? 0.1 : -0.1;
  }
  double reward = 0;
  for (auto _ : state) reward = fit_tree(input, TreeOptions{})->reward_per_unit;
  state.counters["reward_per_unit"] = reward;
}
BENCHMARK(PeerTree)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace gimbal::policy
