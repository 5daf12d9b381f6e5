// The slow, obvious way to a unit's answer, for tests: try every set of arms at their bounds, solve the linear system of the
// others, keep the feasible point with the least objective. 3^K systems.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace gimbal::policy::testing {

// Solves the square system a x = b by elimination with row pivoting; empty when it is singular.
inline std::vector<double> solve_linear(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c + 1; r < n; ++r) {
      if (std::abs(a[r][c]) > std::abs(a[pivot][c])) pivot = r;
    }
    if (std::abs(a[pivot][c]) < 1e-13) return {};
    std::swap(a[c], a[pivot]), std::swap(b[c], b[pivot]);
    for (std::size_t r = c + 1; r < n; ++r) {
      const double f = a[r][c] / a[c][c];
      for (std::size_t j = c; j < n; ++j) a[r][j] -= f * a[c][j];
      b[r] -= f * b[c];
    }
  }
  for (std::size_t c = n; c-- > 0;) {
    for (std::size_t j = c + 1; j < n; ++j) b[c] -= a[c][j] * b[j];
    b[c] /= a[c][c];
  }
  return b;
}

// Minimizes 1/2 sum v D^2 + 1/2 rank_one (m'D)^2 - s'D over sum D = 0, lo <= D <= hi.
inline std::vector<double> slow_qp(std::span<const double> s, std::span<const double> v, std::span<const double> m,
                                   bool rank_one, std::span<const double> lo, std::span<const double> hi) {
  const std::size_t n = s.size();
  const auto objective = [&](const std::vector<double>& d) {
    double value = 0, inner = 0;
    for (std::size_t a = 0; a < n; ++a) value += v[a] * d[a] * d[a] / 2 - s[a] * d[a], inner += m[a] * d[a];
    return value + (rank_one ? inner * inner / 2 : 0.0);
  };
  std::size_t cases = 1;
  for (std::size_t a = 0; a < n; ++a) cases *= 3;
  std::vector<double> best;
  double best_value = std::numeric_limits<double>::infinity();
  for (std::size_t code = 0; code < cases; ++code) {
    std::vector<double> d(n);
    std::vector<std::size_t> free;
    std::size_t rest = code;
    double fixed = 0, fixed_inner = 0;
    for (std::size_t a = 0; a < n; ++a, rest /= 3) {
      if (rest % 3 == 2) {
        free.push_back(a);
        continue;
      }
      d[a] = rest % 3 == 0 ? lo[a] : hi[a];
      fixed += d[a], fixed_inner += m[a] * d[a];
    }
    if (free.empty()) {
      if (std::abs(fixed) > 1e-12) continue;
    } else {
      // Stationarity for the free arms and the sum: unknowns D_free and nu.
      const std::size_t f = free.size();
      std::vector<std::vector<double>> a(f + 1, std::vector<double>(f + 1, 0.0));
      std::vector<double> b(f + 1);
      for (std::size_t r = 0; r < f; ++r) {
        for (std::size_t c = 0; c < f; ++c) a[r][c] = rank_one ? m[free[r]] * m[free[c]] : 0.0;
        a[r][r] += v[free[r]];
        a[r][f] = 1, a[f][r] = 1;
        b[r] = s[free[r]] - (rank_one ? m[free[r]] * fixed_inner : 0.0);
      }
      b[f] = -fixed;
      const std::vector<double> x = solve_linear(std::move(a), std::move(b));
      if (x.empty()) continue;
      bool feasible = true;
      for (std::size_t r = 0; r < f; ++r) {
        d[free[r]] = x[r];
        feasible &= x[r] >= lo[free[r]] - 1e-11 && x[r] <= hi[free[r]] + 1e-11;
      }
      if (!feasible) continue;
    }
    if (const double value = objective(d); value < best_value) best_value = value, best = d;
  }
  return best;
}

}  // namespace gimbal::policy::testing
