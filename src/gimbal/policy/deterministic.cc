#include "gimbal/policy/deterministic.h"

#include <algorithm>

#include "gimbal/policy/path_scan.h"

namespace gimbal::policy {
namespace {

// The lambda from which unit i gets an arm for sure, and its deviation then. Units that never move have lambda = infinity.
struct Switch {
  double lambda = kInfinity;
  double d = 0;
};

Switch switch_of(const BinaryUnit& unit) {
  if (unit.c > 0 && unit.hi >= kNoRoom) return {unit.k * unit.hi / (2 * unit.c), unit.hi};
  if (unit.c < 0 && -unit.lo >= kNoRoom) return {unit.k * unit.lo / (2 * unit.c), unit.lo};
  return {};
}

Result<UnitModel> make_model(std::shared_ptr<const Table> table, const PathSpec& spec) {
  if (table->arm_count() != 2) {
    return fail_at("--deterministic", ErrorCode::kUnsupported, "a frontier without randomization needs two arms, found {}",
                   table->arm_count());
  }
  if (!spec.bounds.none()) {
    return fail_at("--deterministic", ErrorCode::kUnsupported,
                   "a frontier without randomization does not take bounds (--max-drift, --floor, --ceiling, --forbid)");
  }
  return UnitModel::make(std::move(table), spec);
}

// Units that switch, in the order of their lambdas (ties by row, so that the order is the same everywhere).
struct Switches {
  std::vector<std::size_t> unit;
  std::vector<Switch> of;  // one a unit of the table
  std::shared_ptr<double[]> breakpoints;
};

Switches sorted_switches(const UnitModel& model) {
  Switches out;
  out.of.resize(model.units());
  for (std::size_t i = 0; i < model.units(); ++i) {
    out.of[i] = switch_of(model.load_binary(i));
    if (out.of[i].lambda < kInfinity) out.unit.push_back(i);
  }
  std::ranges::sort(out.unit, [&](std::size_t a, std::size_t b) {
    return out.of[a].lambda != out.of[b].lambda ? out.of[a].lambda < out.of[b].lambda : a < b;
  });
  out.breakpoints = std::make_shared<double[]>(out.unit.size());
  for (std::size_t s = 0; s < out.unit.size(); ++s) out.breakpoints[s] = out.of[out.unit[s]].lambda;
  return out;
}

}  // namespace

Result<SegmentCurve> deterministic_curve(std::shared_ptr<const Table> table, const PathSpec& spec) {
  GIMBAL_TRY(const UnitModel model, make_model(std::move(table), spec));
  const Switches switches = sorted_switches(model);
  const std::size_t m = switches.unit.size();
  auto coefficients = std::make_shared<SegmentCoefficients[]>(m + 1);
  for (std::size_t s = 0; s < m; ++s) {
    const std::size_t i = switches.unit[s];
    const BinaryUnit unit = model.load_binary(i);
    const double w = model.table().weight_of(i), d = switches.of[i].d;
    coefficients[s + 1].t0 = w * d * unit.c;
    coefficients[s + 1].q0 = w * d * d * unit.k;
  }
  integrate({coefficients.get(), m + 1}, model.total_weight());
  return SegmentCurve(switches.breakpoints, coefficients, m);
}

Result<SegmentCurve> deterministic_tested(std::shared_ptr<const Table> table, const PathSpec& spec, const UnitCoefficients& phi,
                                          std::span<const std::int64_t> cluster) {
  GIMBAL_TRY(const UnitModel model, make_model(std::move(table), spec));
  const Switches switches = sorted_switches(model);
  const std::size_t m = switches.unit.size(), n = model.units();
  const Design design{n, model.table().weight, cluster};
  auto coefficients = std::make_shared<SegmentCoefficients[]>(m + 1);
  std::array<double, 2> scores{};
  for (std::size_t s = 0; s < m; ++s) {
    const std::size_t i = switches.unit[s];
    phi(i, scores);
    const double psi = switches.of[i].d * (scores[1] - scores[0]);
    coefficients[s + 1].t0 = design.weight_of(i) * psi;
    coefficients[s + 1].q0 = psi * psi;
  }
  const std::span<SegmentCoefficients> all{coefficients.get(), m + 1};
  if (design.plain()) {
    integrate(all, static_cast<double>(n));
    count_one_degree_of_freedom(all, n);
  } else {
    for (SegmentCoefficients& change : all) change.q0 = 0;
    const std::vector<double> nothing(n, 0.0);  // at lambda = 0 nobody has moved
    integrate_design(all, design, nothing, nothing, [&](std::size_t s) { return switches.unit[s]; });
  }
  return SegmentCurve(switches.breakpoints, coefficients, m);
}

Result<Matrix> deterministic_probabilities(std::shared_ptr<const Table> table, const PathSpec& spec, double lambda) {
  GIMBAL_TRY(const UnitModel model, make_model(std::move(table), spec));
  Matrix pi(model.units(), 2);
  for (std::size_t i = 0; i < model.units(); ++i) {
    const Switch at = switch_of(model.load_binary(i));
    // Exact numbers, no sums of rounded ones: a unit that has not moved has its baseline to the bit.
    const bool moves = lambda > at.lambda;
    for (std::size_t a = 0; a < 2; ++a) {
      pi(i, a) = !moves ? model.table().baseline(i, a) : (a == 1) == (at.d > 0) ? 1.0 : 0.0;
    }
  }
  return pi;
}

}  // namespace gimbal::policy
