#include "gimbal/learn/logistic.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "gimbal/base/parallel.h"
#include "gimbal/learn/softmax_regression.h"
#include "gimbal/learn/training_rows.h"

namespace gimbal::learn {

std::vector<double> LogisticOptions::default_penalties() {
  std::vector<double> out(10);
  for (int k = 0; k < 10; ++k) out[static_cast<std::size_t>(k)] = std::pow(10.0, -5 + 6 * k / 9.0);
  return out;
}

Result<LogisticFit> fit_logistic(const LogisticData& data, const LogisticOptions& options) {
  GIMBAL_TRY(const TrainingRows rows, training_rows(data.x, data.target, data.weight, data.rows, 2));
  for (const std::size_t i : rows.index)
    if (!(data.target[i] >= 0 && data.target[i] <= 1))
      return fail(ErrorCode::kInvalidArgument, "target of row {} must lie between 0 and 1, found {}", i, data.target[i]);
  GIMBAL_TRY(SoftmaxFit fit, fit_softmax(data.x, {2, data.target, {}, nullptr}, rows, options));
  LogisticFit out;
  out.intercept = fit.intercepts[0];
  const std::span<const double> slopes = std::as_const(fit.slopes).row(0);
  out.coefficients.assign(slopes.begin(), slopes.end());
  out.intercept_se = fit.intercept_se;
  out.standard_errors = std::move(fit.standard_errors);
  out.penalty = fit.penalty;
  out.cv_log_loss = std::move(fit.cv_log_loss);
  out.log_loss = fit.log_loss;
  out.iterations = fit.iterations;
  out.converged = fit.converged;
  out.rows = rows.positive;
  return out;
}

double LogisticFit::predict(std::span<const double> x) const {
  GIMBAL_CHECK(x.size() == coefficients.size(), "one value a coefficient");
  double eta = intercept;
  for (std::size_t k = 0; k < x.size(); ++k) eta += coefficients[k] * x[k];
  if (eta >= 0) return 1 / (1 + std::exp(-eta));
  const double e = std::exp(eta);
  return e / (1 + e);
}

std::vector<double> LogisticFit::predict(const Matrix& x) const {
  std::vector<double> out(x.rows());
  parallel_for(x.rows(), 8192, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) out[i] = predict(x.row(i));
  });
  return out;
}

namespace {

Result<void> check_classes(const MultinomialData& data) {
  const std::size_t n = data.x.rows();
  if (data.classes < 2) return fail(ErrorCode::kInvalidArgument, "expected at least 2 classes, found {}", data.classes);
  if (data.soft) {
    if (data.soft->rows() != n || data.soft->cols() != static_cast<std::size_t>(data.classes))
      return fail(ErrorCode::kInvalidArgument, "expected {} x {} class probabilities, found {} x {}", n, data.classes,
                  data.soft->rows(), data.soft->cols());
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0;
      for (const double t : data.soft->row(i)) {
        if (!(t >= 0))
          return fail(ErrorCode::kInvalidArgument, "class probabilities of row {} must not be negative, found {}", i, t);
        sum += t;
      }
      if (!(std::abs(sum - 1) <= 1e-9))
        return fail(ErrorCode::kInvalidArgument, "class probabilities of row {} must sum to 1, found {}", i, sum);
    }
    return {};
  }
  if (data.label.size() != n)
    return fail(ErrorCode::kInvalidArgument, "expected a class for each of {} rows, found {}", n, data.label.size());
  for (std::size_t i = 0; i < n; ++i)
    if (data.label[i] < 0 || data.label[i] >= data.classes)
      return fail(ErrorCode::kInvalidArgument, "class of row {} must lie in 0..{}, found {}", i, data.classes - 1,
                  data.label[i]);
  return {};
}

}  // namespace

Result<MultinomialFit> fit_multinomial(const MultinomialData& data, const LogisticOptions& options) {
  GIMBAL_TRY(check_classes(data));
  GIMBAL_TRY(const TrainingRows rows, training_rows(data.x, std::nullopt, data.weight, data.rows, 2));
  const Targets targets{data.classes, {}, data.soft ? std::span<const int>{} : data.label, data.soft};
  GIMBAL_TRY(SoftmaxFit fit, fit_softmax(data.x, targets, rows, options));
  const auto classes = static_cast<std::size_t>(data.classes);
  MultinomialFit out;
  out.intercepts.assign(classes, 0.0);
  out.coefficients = Matrix(classes, data.x.cols());
  for (std::size_t c = 1; c < classes; ++c) {
    out.intercepts[c] = fit.intercepts[c - 1];
    std::ranges::copy(fit.slopes.row(c - 1), out.coefficients.row(c).begin());
  }
  // From "relative to class 0" to the symmetric form.
  const double k = static_cast<double>(classes);
  const double mean = std::accumulate(out.intercepts.begin(), out.intercepts.end(), 0.0) / k;
  for (double& v : out.intercepts) v -= mean;
  for (std::size_t column = 0; column < data.x.cols(); ++column) {
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) sum += out.coefficients(c, column);
    for (std::size_t c = 0; c < classes; ++c) out.coefficients(c, column) -= sum / k;
  }
  out.penalty = fit.penalty;
  out.cv_log_loss = std::move(fit.cv_log_loss);
  out.log_loss = fit.log_loss;
  out.iterations = fit.iterations;
  out.converged = fit.converged;
  out.rows = rows.positive;
  return out;
}

void MultinomialFit::predict(std::span<const double> x, std::span<double> out) const {
  const std::size_t classes = intercepts.size();
  GIMBAL_CHECK(x.size() == coefficients.cols() && out.size() == classes, "one value a coefficient, one place a class");
  double top = -std::numeric_limits<double>::infinity();
  for (std::size_t c = 0; c < classes; ++c) {
    out[c] = intercepts[c];
    for (std::size_t k = 0; k < x.size(); ++k) out[c] += coefficients(c, k) * x[k];
    top = std::max(top, out[c]);
  }
  double sum = 0;
  for (double& v : out) sum += v = std::exp(v - top);
  for (double& v : out) v /= sum;
}

Matrix MultinomialFit::predict(const Matrix& x) const {
  Matrix out(x.rows(), intercepts.size());
  parallel_for(x.rows(), 4096, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) predict(x.row(i), out.row(i));
  });
  return out;
}

}  // namespace gimbal::learn
