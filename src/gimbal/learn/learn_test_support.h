// Random data for the tests of this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/random.h"

namespace gimbal::learn {

inline Matrix random_features(std::size_t n, std::size_t d, std::uint64_t seed) {
  Stream stream(seed, "test.features");
  Matrix x(n, d);
  for (double& v : x.values()) v = stream.normal();
  // Columns on different scales and off centre, as in real data.
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < d; ++k) x(i, k) = x(i, k) * (1.0 + static_cast<double>(k)) + 3.0 * static_cast<double>(k);
  return x;
}

inline std::vector<double> random_outcomes(const Matrix& x, double noise, std::uint64_t seed) {
  Stream stream(seed, "test.outcomes");
  std::vector<double> y(x.rows());
  for (std::size_t i = 0; i < x.rows(); ++i) {
    y[i] = 2.0 + noise * stream.normal();
    for (std::size_t k = 0; k < x.cols(); ++k) y[i] += (k % 2 == 0 ? 0.5 : -0.3) * x(i, k) / (1.0 + static_cast<double>(k));
  }
  return y;
}

inline std::vector<double> random_weights(std::size_t n, std::uint64_t seed) {
  Stream stream(seed, "test.weights");
  std::vector<double> w(n);
  for (double& v : w) v = 0.2 + 2 * stream.uniform();
  return w;
}

}  // namespace gimbal::learn
