// Tables for the tests of the frontier: the worked examples of docs/policy.md and seeded random ones.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/policy/path_unit.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy::testing {

inline Table make_table(std::size_t units, std::size_t arms, std::vector<double> e, std::vector<double> mu,
                        std::vector<double> var, std::vector<double> b = {}, std::vector<double> weight = {}) {
  Table table;
  for (std::size_t a = 0; a < arms; ++a) table.arms.push_back(std::to_string(a));
  table.e = Matrix(units, arms, std::move(e));
  table.mu = Matrix(units, arms, std::move(mu));
  table.var = Matrix(units, arms, std::move(var));
  if (!b.empty()) table.b = Matrix(units, arms, std::move(b));
  table.weight = std::move(weight);
  return table;
}

inline std::shared_ptr<const Table> share(Table table) { return std::make_shared<const Table>(std::move(table)); }

// The worked examples P1 to P4.
inline std::shared_ptr<const Table> p1() { return share(make_table(2, 2, {.6, .4, .6, .4}, {1, 2, 1, 1.5}, {1, 2, 1, 1})); }
inline std::shared_ptr<const Table> p2() { return share(make_table(1, 3, {.5, .25, .25}, {1, 1.5, .5}, {1, 2, 1})); }
inline std::shared_ptr<const Table> p3() {
  return share(
      make_table(3, 2, {.6, .4, .6, .4, .5, .5}, {1, 2, 1, 1.5, 1, .5}, {1, 2, 1, 1, 1, 1}, {1, 0, 1, 0, 1, 0}, {.4, .4, .2}));
}
inline std::shared_ptr<const Table> p4() {
  return share(make_table(2, 3, {.2, .3, .5, .6, .4, 0}, {0, 1, 1, 2, 1, 9}, {1, 1, 1, 1, 1, 1}));
}

struct RandomTable {
  std::size_t units = 20, arms = 3;
  bool deterministic_baseline = false;  // b = one arm for each unit
  bool other_baseline = false;          // b random, not e
  bool weights = false;
  bool ties = false;        // mu from a few values
  bool impossible = false;  // some e_a = 0
};

// Dirichlet(1) probabilities.
inline void fill_simplex(Stream& stream, std::span<double> row) {
  double sum = 0;
  for (double& x : row) sum += x = stream.exponential() + .02;
  for (double& x : row) x /= sum;
}

inline Table random_table(const RandomTable& spec, std::uint64_t seed) {
  Stream stream(seed, "policy.test_table");
  const std::size_t n = spec.units, k = spec.arms;
  Table table;
  for (std::size_t a = 0; a < k; ++a) table.arms.push_back("arm" + std::to_string(a));
  table.e = Matrix(n, k), table.mu = Matrix(n, k), table.var = Matrix(n, k);
  if (spec.deterministic_baseline || spec.other_baseline) table.b = Matrix(n, k);
  for (std::size_t i = 0; i < n; ++i) {
    fill_simplex(stream, table.e.row(i));
    if (spec.impossible && k > 2 && stream.bernoulli(.3)) {
      const std::size_t gone = stream.below(k);
      const double rest = 1 - table.e(i, gone);
      table.e(i, gone) = 0;
      for (std::size_t a = 0; a < k; ++a) table.e(i, a) /= rest;
    }
    for (std::size_t a = 0; a < k; ++a) {
      table.mu(i, a) = spec.ties ? static_cast<double>(stream.below(3)) : 1 + stream.normal();
      table.var(i, a) = std::exp(stream.normal());
    }
    if (spec.deterministic_baseline) {
      std::size_t arm = stream.below(k);
      while (table.e(i, arm) == 0) arm = (arm + 1) % k;
      table.b(i, arm) = 1;
    } else if (spec.other_baseline) {
      double sum = 0;
      for (std::size_t a = 0; a < k; ++a) sum += table.b(i, a) = table.e(i, a) > 0 ? stream.exponential() : 0.0;
      for (std::size_t a = 0; a < k; ++a) table.b(i, a) /= sum;
    }
    if (spec.weights) table.weight.push_back(stream.exponential());
  }
  return table;
}

}  // namespace gimbal::policy::testing
