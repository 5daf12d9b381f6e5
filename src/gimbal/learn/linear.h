// Linear regression: the mean, least squares and ridge, each with exact leave-one-out predictions and readable coefficients.
//
// All three fit y = intercept + x'coefficients by weighted least squares; the intercept is never penalized. `fit_ridge`
// standardizes the features on the rows that it fits (weighted mean 0, weighted variance 1) and picks the penalty among 25 by
// the exact leave-one-out squared error. With Z the standardized features, R = Z'WZ / sum(w) = V diag(s) V' and penalty m (a
// multiple of the mean diagonal of the Gram matrix Z'WZ), the coefficients are V (s + m)^-1 V'Z'Wy / sum(w) and the leverages
// h_i = w_i / sum(w) (1 + sum_k (z_i'v_k)^2 / (s_k + m)); so one eigendecomposition serves all penalties, and the prediction
// for row i of the model fitted without row i is y_i - (y_i - f_i) / (1 - h_i) (scales and penalty held fixed; Golub, Heath,
// Wahba 1979).
//
// `crossfit_ridge` fits every arm on every training part at once: one pass over the rows accumulates a Gram matrix for each
// (arm, fold), about a common shift so that nothing cancels, and the training part of fold j is the arm's total minus fold j.
//
// Weights are importance weights: only their ratios matter. Everything is deterministic to the bit for any number of threads.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"

namespace gimbal::learn {

// What a regression is fitted on. The spans must outlive the call only.
struct RegressionData {
  const Matrix& x;                                        // n x d, finite
  std::span<const double> y;                              // n, finite
  std::span<const double> weight = {};                    // n, >= 0, finite, not all 0; empty: 1 each
  std::optional<std::span<const std::size_t>> rows = {};  // the rows to fit on, in this order; absent: all
};

struct LinearFit {
  double intercept = 0;
  std::vector<double> coefficients;  // d, on the original scale; 0 for dropped columns

  // Classical standard errors, sqrt(residual_variance * diag(A^-1 (Z'WZ) A^-1)) with weights scaled to mean 1, A = Z'WZ +
  // penalty: for ridge the spread of the penalized estimate, not its bias. NaN for dropped columns, and all NaN without
  // residual degrees of freedom. The intercept's is that of the fit's value at x = 0.
  double intercept_se = 0;
  std::vector<double> standard_errors;

  std::vector<std::size_t> dropped;  // columns that are constant or (ols) linear combinations of earlier columns, ascending
  std::size_t rows = 0;              // rows fitted on that have positive weight
  double parameters = 1;             // trace of the hat matrix, the intercept included: rank + 1 for ols, less for ridge
  // n/(n - parameters) times the weighted mean of squared residuals (RSS/(n - p) with unit weights); NaN when n <= parameters.
  double residual_variance = 0;
  double penalty = 0;  // ridge: the chosen multiple of the mean diagonal of the Gram matrix; else 0

  // For each row of `data.rows` (or of the data) in order: the prediction of the model fitted without that row. A row of weight
  // 0 has its ordinary prediction. Where a row alone determines a coefficient (leverage 1) it is the weighted mean of the
  // others.
  std::vector<double> loo;
  double loo_mse = 0;  // weighted mean of (y - loo)^2

  // The prediction for one row (d values).
  double predict(std::span<const double> x) const;
  // n predictions for n x d features.
  std::vector<double> predict(const Matrix& x) const;
};

// The weighted mean; coefficients all 0. Errors (all three): invalid_argument on sizes that do not match, values that are not
// finite, negative weights; insufficient_data when fewer than 2 rows have positive weight.
Result<LinearFit> fit_mean(const RegressionData& data);

// Least squares by QR of the centred columns (in blocks of rows, then column-pivoted: a column whose part orthogonal to the
// columns before it is below 1e-9 of its length goes to the end, gets coefficient 0 and is listed in `dropped`). O(n d^2) time,
// O(d^2) memory beside the data.
Result<LinearFit> fit_ols(const RegressionData& data);

struct RidgeOptions {
  std::vector<double> penalties = default_penalties();  // candidates, > 0, as multiples of the mean diagonal of the Gram matrix
  static std::vector<double> default_penalties();       // 25 values from 10^-4 to 10^4, equally spaced in the logarithm
};

// O(n d^2 + d^3 + n d P) for P penalties; n P doubles of memory. Equal leave-one-out errors: the larger penalty.
Result<LinearFit> fit_ridge(const RegressionData& data, const RidgeOptions& options = {});

// Ridge for each arm: on all its rows, and on its rows outside each fold.
struct CrossfitData {
  const Matrix& x;                      // n x d
  std::span<const double> y;            // n
  std::span<const double> weight = {};  // n or empty
  std::span<const int> arm;             // n, in [0, arms)
  int arms = 1;
  std::span<const int> fold;  // n, in [0, folds); empty with folds = 0
  int folds = 0;              // 0: full models only
};

struct CrossfitRidge {
  int folds = 0;
  std::vector<LinearFit> full;      // one an arm, fitted on all rows of the arm
  std::vector<LinearFit> training;  // arm * folds + fold: fitted on the arm's rows outside the fold
  const LinearFit& outside(int arm, int fold) const { return training[static_cast<std::size_t>(arm * folds + fold)]; }
};

// The same fits as fit_ridge on `rows` = the arm's rows (outside the fold), ascending; `loo` follows that order. All of them
// cost one pass for the Gram matrices, an eigendecomposition each and the leave-one-out errors; arms x folds run in parallel.
// Errors: as fit_ridge, insufficient_data naming arm and fold.
Result<CrossfitRidge> crossfit_ridge(const CrossfitData& data, const RidgeOptions& options = {});

}  // namespace gimbal::learn
