#include "gimbal/learn/linear.h"

#include <Eigen/Core>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>

#include "gimbal/base/parallel.h"
#include "gimbal/learn/linear_finish.h"

namespace gimbal::learn {

namespace {

using Eigen::Index;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Rows handled together: enough for the matrix products to run at full speed, few enough to stay in the second-level cache.
constexpr std::size_t kBlock = 256;
// A column is collinear when the part of it that the columns before leave unexplained is below this share of its length. Exact
// copies and one-hot sums come out near 1e-15; real features that correlate at 1 - 1e-12 still pass.
constexpr double kCollinear = 1e-9;

}  // namespace

double LinearFit::predict(std::span<const double> x) const {
  GIMBAL_CHECK(x.size() == coefficients.size(), "one value a coefficient");
  double sum = intercept;
  for (std::size_t k = 0; k < x.size(); ++k) sum += coefficients[k] * x[k];
  return sum;
}

std::vector<double> LinearFit::predict(const Matrix& x) const {
  std::vector<double> out(x.rows());
  parallel_for(x.rows(), 8192, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) out[i] = predict(x.row(i));
  });
  return out;
}

double leave_one_out(double y, double fitted, double leverage, double weight, double mean, double rows) {
  const double kept = 1 - leverage;
  if (kept < 1e-10) return (rows * mean - weight * y) / (rows - weight);
  return y - (y - fitted) / kept;
}

void finish_linear_fit(LinearFit& fit, std::span<const double> y, const TrainingRows& rows, std::vector<double> loo,
                       double rss) {
  const double n = static_cast<double>(rows.positive);
  fit.rows = rows.positive;
  fit.loo = std::move(loo);
  NeumaierSum squares;
  for (std::size_t r = 0; r < rows.index.size(); ++r) {
    const double error = y[rows.index[r]] - fit.loo[r];
    squares += rows.weight[r] * error * error;
  }
  fit.loo_mse = squares.value() / n;
  fit.residual_variance = n > fit.parameters ? rss / (n - fit.parameters) : kNaN;
}

namespace {

double residual_squares(std::span<const double> y, const TrainingRows& rows, std::span<const double> fitted) {
  NeumaierSum squares;
  for (std::size_t r = 0; r < rows.index.size(); ++r) {
    const double residual = y[rows.index[r]] - fitted[r];
    squares += rows.weight[r] * residual * residual;
  }
  return squares.value();
}

}  // namespace

Result<LinearFit> fit_mean(const RegressionData& data) {
  GIMBAL_TRY(const TrainingRows rows, training_rows(data.x, data.y, data.weight, data.rows, 2));
  const double n = static_cast<double>(rows.positive);
  LinearFit fit;
  fit.intercept = mean_over(data.y, rows);
  fit.coefficients.assign(data.x.cols(), 0.0);
  fit.standard_errors.assign(data.x.cols(), kNaN);
  const std::vector<double> fitted(rows.index.size(), fit.intercept);
  std::vector<double> loo(rows.index.size());
  for (std::size_t r = 0; r < loo.size(); ++r)
    loo[r] = leave_one_out(data.y[rows.index[r]], fit.intercept, rows.weight[r] / n, rows.weight[r], fit.intercept, n);
  finish_linear_fit(fit, data.y, rows, std::move(loo), residual_squares(data.y, rows, fitted));
  fit.intercept_se = std::sqrt(fit.residual_variance / n);
  return fit;
}

namespace {

// The triangle R of the weighted, centred, scaled columns (the outcome last): R'R = sum w z z'. Blocks of rows are stacked
// under the triangle of those before and reduced again, so memory does not grow with the rows and no Gram matrix squares the
// condition.
Eigen::MatrixXd triangle(const RegressionData& data, const TrainingRows& rows, const std::vector<std::size_t>& columns,
                         const Moments& moments, double y_mean) {
  const auto p = static_cast<Index>(columns.size()) + 1;
  const std::size_t block = std::max<std::size_t>(kBlock, 2 * static_cast<std::size_t>(p));
  Eigen::MatrixXd r = Eigen::MatrixXd::Zero(p, p);
  for (std::size_t begin = 0; begin < rows.index.size(); begin += block) {
    const std::size_t count = std::min(block, rows.index.size() - begin);
    Eigen::MatrixXd stacked(p + static_cast<Index>(count), p);
    stacked.topRows(p) = r;
    for (std::size_t q = 0; q < count; ++q) {
      const std::size_t i = rows.index[begin + q];
      const double root = std::sqrt(rows.weight[begin + q]);
      const Index at = p + static_cast<Index>(q);
      for (Index k = 0; k + 1 < p; ++k) {
        const std::size_t column = columns[static_cast<std::size_t>(k)];
        stacked(at, k) = root * (data.x(i, column) - moments.mean[column]) / moments.sd[column];
      }
      stacked(at, p - 1) = root * (data.y[i] - y_mean);
    }
    const Eigen::HouseholderQR<Eigen::Ref<Eigen::MatrixXd>> qr(stacked);
    r = stacked.topRows(p).triangularView<Eigen::Upper>();
  }
  return r;
}

// Householder reductions of the columns of R in order; a collinear column is put aside. On return `r` holds the triangle of the
// kept columns in its leading block and the outcome's components in its last column.
std::vector<std::size_t> reduce_columns(Eigen::MatrixXd& r) {
  const Index p = r.cols() - 1, rows = r.rows();
  std::vector<std::size_t> kept;
  Index rank = 0;
  for (Index k = 0; k < p && rank < rows; ++k) {
    const double length = r.col(k).norm();
    Eigen::VectorXd v = r.col(k).tail(rows - rank);
    const double rest = v.norm();
    if (!(rest > kCollinear * length)) continue;
    v[0] += std::copysign(rest, v[0]);
    v.normalize();
    // The columns behind, the outcome's too; what lies before is finished.
    auto behind = r.block(rank, k, rows - rank, p + 1 - k);
    const Eigen::RowVectorXd along = 2 * v.transpose() * behind;
    behind.noalias() -= v * along;
    r.col(rank) = r.col(k);
    r.col(rank).tail(rows - rank - 1).setZero();
    kept.push_back(static_cast<std::size_t>(k));
    ++rank;
  }
  return kept;
}

}  // namespace

Result<LinearFit> fit_ols(const RegressionData& data) {
  GIMBAL_TRY(const TrainingRows rows, training_rows(data.x, data.y, data.weight, data.rows, 2));
  const double n = static_cast<double>(rows.positive);
  const Moments moments = feature_moments(data.x, rows);
  const double y_mean = mean_over(data.y, rows);
  std::vector<std::size_t> columns;
  for (std::size_t k = 0; k < data.x.cols(); ++k)
    if (moments.sd[k] > 0) columns.push_back(k);

  Eigen::MatrixXd r = triangle(data, rows, columns, moments, y_mean);
  const std::vector<std::size_t> kept = reduce_columns(r);
  const auto rank = static_cast<Index>(kept.size());
  const Eigen::MatrixXd root = r.topLeftCorner(rank, rank);
  const auto triangular = root.triangularView<Eigen::Upper>();
  const Eigen::VectorXd beta = triangular.solve(Eigen::VectorXd(r.col(r.cols() - 1).head(rank)));
  std::vector<std::size_t> used(kept.size());  // columns of the data
  for (std::size_t k = 0; k < kept.size(); ++k) used[k] = columns[kept[k]];

  LinearFit fit;
  fit.coefficients.assign(data.x.cols(), 0.0);
  fit.standard_errors.assign(data.x.cols(), kNaN);
  fit.intercept = y_mean;
  for (Index k = 0; k < rank; ++k) {
    const std::size_t column = used[static_cast<std::size_t>(k)];
    fit.coefficients[column] = beta[k] / moments.sd[column];
    fit.intercept -= fit.coefficients[column] * moments.mean[column];
  }
  for (std::size_t k = 0; k < data.x.cols(); ++k)
    if (!std::binary_search(used.begin(), used.end(), k)) fit.dropped.push_back(k);
  fit.parameters = 1 + static_cast<double>(rank);

  std::vector<double> fitted(rows.index.size()), loo(rows.index.size());
  parallel_for(rows.index.size(), kBlock, [&](std::size_t begin, std::size_t end) {
    RowMajor z(static_cast<Index>(end - begin), rank);
    for (std::size_t q = begin; q < end; ++q)
      for (Index k = 0; k < rank; ++k) {
        const std::size_t column = used[static_cast<std::size_t>(k)];
        z(static_cast<Index>(q - begin), k) = (data.x(rows.index[q], column) - moments.mean[column]) / moments.sd[column];
      }
    const Eigen::VectorXd values = z * beta;
    triangular.solveInPlace<Eigen::OnTheRight>(z);
    for (std::size_t q = begin; q < end; ++q) {
      const auto at = static_cast<Index>(q - begin);
      fitted[q] = y_mean + values[at];
      const double leverage = rows.weight[q] * (1 / n + z.row(at).squaredNorm());
      loo[q] = leave_one_out(data.y[rows.index[q]], fitted[q], leverage, rows.weight[q], y_mean, n);
    }
  });
  finish_linear_fit(fit, data.y, rows, std::move(loo), residual_squares(data.y, rows, fitted));

  // Var(beta) = s^2 (R'R)^-1; the intercept is y_mean - mean'coefficients, and y_mean is independent of them.
  const Eigen::MatrixXd inverse = triangular.solve(Eigen::MatrixXd::Identity(rank, rank));
  Eigen::RowVectorXd at_zero(rank);
  for (Index k = 0; k < rank; ++k) {
    const std::size_t column = used[static_cast<std::size_t>(k)];
    fit.standard_errors[column] = std::sqrt(fit.residual_variance) * inverse.row(k).norm() / moments.sd[column];
    at_zero[k] = moments.mean[column] / moments.sd[column];
  }
  fit.intercept_se = std::sqrt(fit.residual_variance * (1 / n + (at_zero * inverse).squaredNorm()));
  return fit;
}

}  // namespace gimbal::learn
