// From the changes at sorted breakpoints to the coefficients of every segment (internal to the path).
//
// Constants (t0, q0) are summed from the left and slopes (t1, q1, q2) from the right, where all units stand still and they are
// exactly 0: so tau keeps its digits at lambdas far below and far above the bulk of the breakpoints. All sums are compensated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "gimbal/policy/path_curve.h"

namespace gimbal::policy {

// In: c[0] holds t0, q0 of the segment at 0 (its slopes are ignored), c[s + 1] the change of all five at breakpoint s. Out: the
// coefficients of every segment, divided by `total`.
void integrate(std::span<SegmentCoefficients> c, double total);

// How the units of a held-out score depend on each other.
struct Design {
  std::size_t units = 0;
  std::span<const double> weight;         // empty: 1
  std::span<const std::int64_t> cluster;  // empty: each unit is its own
  bool plain() const { return weight.empty() && cluster.empty(); }
  double weight_of(std::size_t i) const { return weight.empty() ? 1.0 : weight[i]; }
};

// Turns the mean and mean square of independent, equally weighted scores into q - tau^2 = n/(n-1) (q - tau^2).
void count_one_degree_of_freedom(std::span<SegmentCoefficients> c, std::size_t units);

// For weights or clusters. In: c[s + 1].t0, t1 hold the change of omega psi of the unit that breakpoint s belongs to,
// `first_t0`, `first_t1` (n each) omega psi of every unit on its first piece, unit_of(s) that unit. Out: tau = sum omega psi /
// sum omega and q - tau^2 = n SE^2 with SE^2 = G/(G-1) sum_g (sum_g omega (psi - tau))^2 / (sum omega)^2.
void integrate_design(std::span<SegmentCoefficients> c, const Design& design, std::span<const double> first_t0,
                      std::span<const double> first_t1, const std::function<std::size_t(std::size_t)>& unit_of);

}  // namespace gimbal::policy
