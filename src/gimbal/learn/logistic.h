// Logistic regression, binary and multinomial: probabilities from features, with an L2 penalty chosen by cross-validation.
//
// Minimizes mean_i w_i loss_i + m * P(b) where loss is the log loss, P(b) = |b|^2 / 2 for two classes and sum_k |b_k - mean_l
// b_l|^2 for K (so K = 2 is the binary fit, and renaming classes renames the answer), b the weights of the features
// standardized on the rows that are fitted; intercepts are free. Newton's method with step halving up to 200 parameters (the
// Hessian is reused while it still serves), L-BFGS above. Separable data are no special case: the penalty keeps the minimum
// finite. The penalty is picked among 10 by 5-fold log loss on keyed folds (cross_validation.h).
//
// Labels may be soft (probabilities). Weights are importance weights: only ratios matter. Deterministic to the bit for any
// number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/random.h"
#include "gimbal/base/result.h"

namespace gimbal::learn {

struct LogisticOptions {
  std::optional<double> penalty;                        // given: no cross-validation
  std::vector<double> penalties = default_penalties();  // candidates, > 0
  static std::vector<double> default_penalties();       // 10 values from 10^-5 to 10, equally spaced in the logarithm
  int folds = 5;                                        // for the choice of the penalty
  Stream stream{0, "learn.logistic"};                   // keys the folds
  std::span<const std::int64_t> cluster = {};           // n, or empty: rows that share a value are never split by those folds
  // false: the difference form for pairs. Rows are x_winner - x_loser with target 1 (or the share of votes); features are
  // scaled but not centred and there is no intercept, so that exchanging the two sides exchanges the probabilities.
  bool intercept = true;
  int max_iterations = 50;  // of Newton's method; L-BFGS takes up to 20 times as many
};

struct LogisticData {
  const Matrix& x;                                        // n x d, finite
  std::span<const double> target;                         // n, P(class 1) in [0, 1]; 0 and 1 for hard labels
  std::span<const double> weight = {};                    // n, >= 0, not all 0; empty: 1 each
  std::optional<std::span<const std::size_t>> rows = {};  // the rows to fit on; absent: all
};

struct LogisticFit {
  double intercept = 0;
  std::vector<double> coefficients;  // d, log odds per unit of the original feature; 0 for constant features
  // From H^-1 I H^-1, I the information of the likelihood (weights scaled to mean 1) and H = I + penalty: without penalty the
  // classical ones. NaN for constant features.
  double intercept_se = 0;
  std::vector<double> standard_errors;
  double penalty = 0;
  std::vector<double> cv_log_loss;  // of each candidate penalty; empty when the penalty was given
  double log_loss = 0;              // weighted mean, in-sample
  int iterations = 0;
  bool converged = false;
  std::size_t rows = 0;

  double predict(std::span<const double> x) const;  // P(class 1)
  std::vector<double> predict(const Matrix& x) const;
};

// Errors: invalid_argument on sizes that do not match, targets outside [0,1], values that are not finite, negative weights;
// insufficient_data with fewer than 2 rows of positive weight (or fewer rows or clusters than folds when the penalty is
// chosen).
Result<LogisticFit> fit_logistic(const LogisticData& data, const LogisticOptions& options = {});

struct MultinomialData {
  const Matrix& x;                                        // n x d
  std::span<const int> label = {};                        // n, in [0, classes); empty when `soft` is given
  const Matrix* soft = nullptr;                           // n x classes, rows sum to 1 within 1e-9
  int classes = 2;                                        // >= 2
  std::span<const double> weight = {};                    // n or empty
  std::optional<std::span<const std::size_t>> rows = {};  // the rows to fit on; absent: all
};

struct MultinomialFit {
  std::vector<double> intercepts;  // K, summing to 0
  Matrix coefficients;             // K x d, columns sum to 0; original scale
  double penalty = 0;
  std::vector<double> cv_log_loss;
  double log_loss = 0;
  int iterations = 0;
  bool converged = false;
  std::size_t rows = 0;

  // One row's probabilities into `out` (K values), which sum to 1.
  void predict(std::span<const double> x, std::span<double> out) const;
  Matrix predict(const Matrix& x) const;  // n x K
};

// A class without rows is allowed: its probability falls until the gradient vanishes, to about 1e-9.
Result<MultinomialFit> fit_multinomial(const MultinomialData& data, const LogisticOptions& options = {});

}  // namespace gimbal::learn
