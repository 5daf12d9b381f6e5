// The path for two arms. Unit i moves at the rate h_i = c_i/k_i and stops at lambda_i = d_i/h_i, where d_i is its room in the
// direction of c_i. A score psi = g D adds (h g) lambda while the unit moves and d g = lambda_i (h g) after: so the rate r = h
// g is all that a unit contributes, and T = sum lambda_i r, S = sum lambda_i^2 r^2 over stopped units, U = sum r, V = sum r^2
// over moving ones. On the plug-in curve the rate of tau and that of q are the same number c^2/k.
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"
#include "gimbal/policy/path_build.h"

namespace gimbal::policy {

Result<void> PathBuilder::build_binary(FrontierPath& path) {
  const UnitModel& model = *path.model_;
  const Table& table = model.table();
  const std::size_t n = model.units();
  auto lambda = std::make_unique_for_overwrite<double[]>(n);
  auto change = std::make_unique_for_overwrite<double[]>(n);
  parallel_for(n, kUnitGrain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const BinaryUnit unit = model.load_binary(i);
      const double h = unit.c / unit.k;
      const double room = unit.c > 0 ? unit.hi : unit.lo;
      const double stop = h != 0 && room != 0 ? room / h : -1.0;
      lambda[i] = std::isfinite(stop) ? stop : -1.0;  // beyond the range of double it never stops, at a rate below 1e-308
      change[i] = -table.weight_of(i) * unit.c * h;
    }
  });
  finish(path, std::move(lambda), {change.get(), n}, {});
  return {};
}

SegmentCurve PathBuilder::score_binary(const FrontierPath& path, const UnitCoefficients& phi, Purpose purpose,
                                       const Design& design) {
  const UnitModel& model = *path.model_;
  const std::size_t n = model.units(), m = path.count_;
  const bool correlated = purpose == Purpose::kTest && !design.plain();
  std::vector<double> rate(n);
  parallel_for(n, kUnitGrain, [&](std::size_t begin, std::size_t end) {
    double values[2];
    for (std::size_t i = begin; i < end; ++i) {
      const BinaryUnit unit = model.load_binary(i);
      phi(i, values);
      rate[i] = unit.c / unit.k * (values[1] - values[0]);
    }
  });

  const auto c = std::make_shared_for_overwrite<SegmentCoefficients[]>(m + 1);
  c[0] = {};
  for (std::size_t s = 0; s < m; ++s) {
    const std::size_t i = path.order_[s];
    const double stop = path.breakpoints_[s], weight = design.weight_of(i);
    const double r = rate[i], stopped = stop * r;
    c[s + 1] = {weight * stopped, -weight * r, weight * stopped * stopped, 0, -weight * r * r};
  }
  const std::span<SegmentCoefficients> all(c.get(), m + 1);
  if (correlated) {
    // Units without a breakpoint do not move: their first piece is 0.
    std::vector<double> first_t0(n, 0.0), first_t1(n, 0.0);
    for (std::size_t s = 0; s < m; ++s) {
      const std::size_t i = path.order_[s];
      first_t1[i] = design.weight_of(i) * rate[i];
    }
    integrate_design(all, design, first_t0, first_t1, [&](std::size_t s) { return path.order_[s]; });
  } else {
    integrate(all, model.total_weight());
    if (purpose == Purpose::kTest) count_one_degree_of_freedom(all, n);
  }
  return SegmentCurve(path.breakpoints_, std::shared_ptr<const SegmentCoefficients[]>(c), m);
}

}  // namespace gimbal::policy
