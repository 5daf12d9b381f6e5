// The problem behind both logistic fits: K classes, parameters of class k >= 1 relative to class 0, standardized features.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/learn/logistic.h"
#include "gimbal/learn/training_rows.h"

namespace gimbal::learn {

// The targets, in one of three forms.
struct Targets {
  int classes = 2;
  std::span<const double> share;                 // binary: P(class 1) of each row
  std::span<const int> label;                    // or the class of each row
  const Matrix* soft = nullptr;                  // or n x classes probabilities
  void get(std::size_t row, double* out) const;  // probabilities of all classes
  int likeliest(std::size_t row) const;
};

struct SoftmaxFit {
  Matrix slopes;                   // (K-1) x d, original scale, log odds against class 0; 0 for constant features
  std::vector<double> intercepts;  // K-1
  double penalty = 0;
  std::vector<double> cv_log_loss;
  double log_loss = 0;
  int iterations = 0;
  bool converged = false;
  // Two classes only: standard errors of the intercept and the slopes, NaN for constant features.
  double intercept_se = 0;
  std::vector<double> standard_errors;
};

// Errors: as fit_logistic for penalties, folds and clusters.
Result<SoftmaxFit> fit_softmax(const Matrix& x, const Targets& targets, const TrainingRows& rows,
                               const LogisticOptions& options);

}  // namespace gimbal::learn
