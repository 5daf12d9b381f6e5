#include "gimbal/policy/path_scan.h"

#include <algorithm>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"

namespace gimbal::policy {

void integrate(std::span<SegmentCoefficients> c, double total) {
  const double scale = 1 / total;
  NeumaierSum t0, q0;
  t0.add(c[0].t0), q0.add(c[0].q0);
  c[0].t0 *= scale, c[0].q0 *= scale;
  for (std::size_t s = 1; s < c.size(); ++s) {
    t0.add(c[s].t0), q0.add(c[s].q0);
    c[s].t0 = t0.value() * scale, c[s].q0 = q0.value() * scale;
  }
  NeumaierSum t1, q1, q2;  // slopes of the segment to the left of s = slopes to its right minus the change
  for (std::size_t s = c.size(); s-- > 0;) {
    const SegmentCoefficients change = c[s];
    c[s].t1 = t1.value() * scale, c[s].q1 = q1.value() * scale, c[s].q2 = q2.value() * scale;
    t1.add(-change.t1), q1.add(-change.q1), q2.add(-change.q2);
  }
}

void count_one_degree_of_freedom(std::span<SegmentCoefficients> c, std::size_t units) {
  const double n = static_cast<double>(units);
  const double f = n / (n - 1), g = 1 / (n - 1);  // q' = f (q - tau^2) + tau^2 = f q - g tau^2
  for (SegmentCoefficients& s : c) {
    s.q0 = f * s.q0 - g * s.t0 * s.t0;
    s.q1 = f * s.q1 - 2 * g * s.t0 * s.t1;
    s.q2 = f * s.q2 - g * s.t1 * s.t1;
  }
}

void integrate_design(std::span<SegmentCoefficients> c, const Design& design, std::span<const double> first_t0,
                      std::span<const double> first_t1, const std::function<std::size_t(std::size_t)>& unit_of) {
  const std::size_t n = design.units;
  const auto group = [&](std::size_t i) { return design.cluster.empty() ? i : static_cast<std::size_t>(design.cluster[i]); };
  std::size_t groups = n;
  if (!design.cluster.empty()) {
    groups = 1 + static_cast<std::size_t>(*std::max_element(design.cluster.begin(), design.cluster.end()));
  }
  GIMBAL_CHECK(n >= 2 && groups >= 2, "a standard error needs two units and two clusters");

  // A_g = sum over the cluster of omega psi = a0 + a1 lambda; W_g = sum of omega.
  std::vector<NeumaierSum> a0(groups), a1(groups);
  std::vector<double> weight(groups, 0.0);
  NeumaierSum total;
  for (std::size_t i = 0; i < n; ++i) {
    a0[group(i)].add(first_t0[i]), a1[group(i)].add(first_t1[i]);
    weight[group(i)] += design.weight_of(i);
    total.add(design.weight_of(i));
  }
  // S0 = sum W_g^2, S1 = sum A_g W_g (l0 + l1 lambda), S2 = sum A_g^2 (in q0, q1, q2).
  std::vector<double> l0(c.size()), l1(c.size());
  NeumaierSum s0, first_tau, first_l0, first_square;
  for (std::size_t g = 0; g < groups; ++g) {
    s0.add(weight[g] * weight[g]);
    first_tau.add(a0[g].value());
    first_l0.add(weight[g] * a0[g].value());
    first_square.add(a0[g].value() * a0[g].value());
  }
  c[0] = {first_tau.value(), 0, first_square.value(), 0, 0};
  l0[0] = first_l0.value();
  for (std::size_t s = 1; s < c.size(); ++s) {
    const std::size_t g = group(unit_of(s - 1));
    const double d0 = c[s].t0, d1 = c[s].t1;
    const double old0 = a0[g].value(), old1 = a1[g].value();
    a0[g].add(d0), a1[g].add(d1);
    const double new0 = a0[g].value();
    c[s].q0 = d0 * (old0 + new0);
    c[s].q1 = 2 * (d0 * old1 + new0 * d1);
    c[s].q2 = d1 * (2 * old1 + d1);
    l0[s] = weight[g] * d0, l1[s] = weight[g] * d1;
  }
  integrate(c, 1.0);
  NeumaierSum left;
  for (double& x : l0) left.add(x), x = left.value();
  NeumaierSum right;
  for (std::size_t s = l1.size(); s-- > 0;) {
    const double change = l1[s];
    l1[s] = right.value();
    right.add(-change);
  }

  // q = n SE^2 + tau^2, n SE^2 = f (S2 - 2 tau S1 + tau^2 S0): a quadratic on each segment.
  const double w = total.value(), clusters = static_cast<double>(groups);
  const double f = static_cast<double>(n) * clusters / (clusters - 1) / (w * w);
  const double square = f * s0.value() + 1;
  for (std::size_t s = 0; s < c.size(); ++s) {
    const double t0 = c[s].t0 / w, t1 = c[s].t1 / w;
    c[s].q0 = f * (c[s].q0 - 2 * t0 * l0[s]) + square * t0 * t0;
    c[s].q1 = f * (c[s].q1 - 2 * (t0 * l1[s] + t1 * l0[s])) + 2 * square * t0 * t1;
    c[s].q2 = f * (c[s].q2 - 2 * t1 * l1[s]) + square * t1 * t1;
    c[s].t0 = t0, c[s].t1 = t1;
  }
}

}  // namespace gimbal::policy
