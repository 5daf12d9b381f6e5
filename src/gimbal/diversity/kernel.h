// Measures on vectors and kernels: mean cosine distance, distance to the nearest other, and the Vendi score.
//
// The Vendi score is the exponential of the entropy of the eigenvalues of K/m, K a similarity matrix with unit diagonal: an
// effective number of different items (Friedman and Dieng, TMLR 2023; orders q: Pasarkar and Dieng 2024). With cosine
// similarity K = X X' for unit rows X, whose eigenvalues other than 0 are those of the smaller X' X.
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"

namespace gimbal::diversity {

inline constexpr double kVendiInfinity = std::numeric_limits<double>::infinity();

// Rows scaled to length 1. Errors: invalid_argument naming the first row (0-based) that holds a value which is not finite, or
// that is zero; with `drop_zero` zero rows are left out.
Result<Matrix> unit_rows(const Matrix& vectors, bool drop_zero = false);

// Mean over pairs of 1 - cosine, of unit rows: (|sum|^2 - m) / (m (m - 1)) is the mean cosine, so O(m d). m < 2: none.
std::optional<double> cosine_pair(const Matrix& unit);
// Mean over i of the smallest 1 - cosine to another row. O(m^2 d). m < 2: none.
std::optional<double> cosine_chamfer(const Matrix& unit);
// Vendi score of the cosine kernel, through X'X (d x d) where d < m. q > 0 or infinity; m = 0: none.
std::optional<double> cosine_vendi(const Matrix& unit, double q);

// Mean over i of the smallest off-diagonal distance; mean of all off-diagonal distances. Square; m < 2: none.
std::optional<double> chamfer(const Matrix& distances);
std::optional<double> remote_clique(const Matrix& distances);

// Vendi score of a kernel. Errors: invalid_argument (not square or empty, not finite, a diagonal that differs from 1 by 1e-6,
// not symmetric within 1e-6, or an eigenvalue below -1e-8 m), naming the largest violation. q = 2 needs no eigenvalues: 1 /
// |K/m|^2. Eigenvalues below 1e-12 are dropped. O(m^3).
Result<double> vendi(const Matrix& kernel, double q);

// From a spectrum that sums to 1: exp(-sum l log l) for q = 1, 1 / max for q = infinity, else (sum l^q)^(1/(1-q)). q = 0
// counts.
double hill_number(std::vector<double> spectrum, double q);

}  // namespace gimbal::diversity
