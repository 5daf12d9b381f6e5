// Ridge regression for one set of rows or for all arms and folds at once. The story: (1) sums of squares and products of every
// (arm, fold) cell in one pass, about the arm's mean; (2) a training part is the arm's total minus one cell; (3) its
// correlation matrix is diagonalized; (4) one pass over its rows gives every row's leave-one-out error for every penalty; (5)
// the best wins.

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "gimbal/base/parallel.h"
#include "gimbal/learn/linear.h"
#include "gimbal/learn/linear_finish.h"

namespace gimbal::learn {

namespace {

using Eigen::ArrayXd;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kBlock = 256;      // rows of one matrix product: 100 kB at 50 features, inside the second-level cache
constexpr std::size_t kChunk = 1 << 13;  // rows of one parallel task
// Below this share of what was subtracted from, a difference of sums has lost too many digits: such parts are summed anew.
constexpr double kCancelled = 1e-5;

struct Shift {
  VectorXd x;
  double y = 0;
};

// Sums over rows of w u u' with u = (x - shift, y - shift, 1); the lower triangle is kept.
struct Sums {
  MatrixXd m;
  double weight() const { return m(m.rows() - 1, m.rows() - 1); }
  double square(Index k) const { return m(k, k); }
};

Shift mean_shift(const Matrix& x, std::span<const double> y, const TrainingRows& rows) {
  const Moments moments = feature_moments(x, rows);
  return {Eigen::Map<const VectorXd>(moments.mean.data(), static_cast<Index>(moments.mean.size())), mean_over(y, rows)};
}

// The part [begin, end) of `rows`.
Sums sum_products(const Matrix& x, std::span<const double> y, const TrainingRows& rows, std::size_t begin, std::size_t end,
                  const Shift& shift) {
  const auto d = static_cast<Index>(x.cols());
  Sums sums{MatrixXd::Zero(d + 2, d + 2)};
  RowMajor u(static_cast<Index>(kBlock), d + 2);
  for (std::size_t at = begin; at < end; at += kBlock) {
    const std::size_t count = std::min(kBlock, end - at);
    for (std::size_t q = 0; q < count; ++q) {
      const std::size_t i = rows.index[at + q];
      const double root = std::sqrt(rows.weight[at + q]);
      auto row = u.row(static_cast<Index>(q));
      row.head(d) = root * (Eigen::Map<const VectorXd>(x.row(i).data(), d) - shift.x).transpose();
      row[d] = root * (y[i] - shift.y);
      row[d + 1] = root;
    }
    sums.m.selfadjointView<Eigen::Lower>().rankUpdate(u.topRows(static_cast<Index>(count)).transpose());
  }
  return sums;
}

Sums sum_products(const Matrix& x, std::span<const double> y, const TrainingRows& rows, const Shift& shift) {
  const std::size_t n = rows.index.size(), chunks = (n + kChunk - 1) / kChunk;
  std::vector<Sums> parts(chunks);
  parallel_for(chunks, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t c = first; c < last; ++c)
      parts[c] = sum_products(x, y, rows, c * kChunk, std::min(n, (c + 1) * kChunk), shift);
  });
  Sums total = std::move(parts[0]);
  for (std::size_t c = 1; c < chunks; ++c) total.m += parts[c].m;
  return total;
}

// The standardized problem of one set of rows.
struct Standardized {
  std::vector<std::size_t> columns;  // features that vary
  VectorXd mean, sd;                 // of those
  double y_mean = 0;
  MatrixXd correlation;  // lower triangle
  VectorXd with_y;       // Z'Wy / sum(w)
};

// nullopt where centring would cancel too many digits: then the sums must be taken about the rows' own mean.
std::optional<Standardized> standardize(const Sums& sums, const Shift& shift, const VectorXd* total_square) {
  const Index d = sums.m.rows() - 2;
  const double w = sums.weight();
  Standardized out;
  std::vector<double> mean, sd;
  for (Index k = 0; k < d; ++k) {
    const double second = sums.square(k) / w, first = sums.m(d + 1, k) / w;
    const double variance = std::max(second - first * first, 0.0);
    // A feature that is constant in the arm is constant in every part of it: its squares about the arm's mean are rounding.
    const bool constant = is_constant(std::sqrt(std::max(second, 0.0)), shift.x[k]);
    if (!constant && total_square && (variance < kCancelled * second || sums.square(k) < kCancelled * (*total_square)[k]))
      return std::nullopt;
    if (constant || is_constant(std::sqrt(variance), shift.x[k] + first)) continue;
    out.columns.push_back(static_cast<std::size_t>(k));
    mean.push_back(shift.x[k] + first);
    sd.push_back(std::sqrt(variance));
  }
  const auto r = static_cast<Index>(out.columns.size());
  out.mean = Eigen::Map<VectorXd>(mean.data(), r);
  out.sd = Eigen::Map<VectorXd>(sd.data(), r);
  const double y_first = sums.m(d + 1, d) / w;
  out.y_mean = shift.y + y_first;
  out.correlation = MatrixXd::Zero(r, r);
  out.with_y.resize(r);
  for (Index a = 0; a < r; ++a) {
    const auto ka = static_cast<Index>(out.columns[static_cast<std::size_t>(a)]);
    const double first = sums.m(d + 1, ka) / w;
    out.with_y[a] = (sums.m(d, ka) / w - first * y_first) / out.sd[a];
    for (Index b = 0; b <= a; ++b) {
      const auto kb = static_cast<Index>(out.columns[static_cast<std::size_t>(b)]);
      out.correlation(a, b) = (sums.m(ka, kb) / w - first * sums.m(d + 1, kb) / w) / (out.sd[a] * out.sd[b]);
    }
  }
  return out;
}

// The leave-one-out predictions of all rows for all penalties, in one pass.
class LeaveOneOut {
 public:
  LeaveOneOut(const Matrix& x, std::span<const double> y, const TrainingRows& rows, const Standardized& problem,
              const MatrixXd& vectors, const VectorXd& values, const std::vector<double>& penalties)
      : predictions_(static_cast<Index>(rows.index.size()), static_cast<Index>(penalties.size())) {
    const Index r = values.size(), count = predictions_.cols(), d = static_cast<Index>(x.cols());
    const double n = static_cast<double>(rows.positive);
    MatrixXd shrink(r, count), response(r, count);  // 1 / (s + m), and times V'Z'Wy
    const VectorXd along = vectors.transpose() * problem.with_y;
    for (Index p = 0; p < count; ++p) {
      shrink.col(p) = (values.array() + penalties[static_cast<std::size_t>(p)]).inverse();
      response.col(p) = shrink.col(p).cwiseProduct(along);
    }
    // Whole rows are read, so constant features stay in with coefficient 0.
    Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(d);
    MatrixXd rotate = MatrixXd::Zero(d, r);  // diag(1/sd) V
    for (Index k = 0; k < r; ++k) {
      const auto column = static_cast<Index>(problem.columns[static_cast<std::size_t>(k)]);
      mean[column] = problem.mean[k];
      rotate.row(column) = vectors.row(k) / problem.sd[k];
    }
    const std::size_t total = rows.index.size(), chunks = (total + kChunk - 1) / kChunk;
    MatrixXd squares = MatrixXd::Zero(2 * count, static_cast<Index>(chunks));  // leave-one-out above, residual below
    parallel_for(chunks, 1, [&](std::size_t first, std::size_t last) {
      RowMajor z(static_cast<Index>(kBlock), d);
      MatrixXd q, f, h;
      ArrayXd yb, wb, share, residual, leverage;
      for (std::size_t chunk = first; chunk < last; ++chunk) {
        const auto at_chunk = static_cast<Index>(chunk);
        const std::size_t end = std::min(total, (chunk + 1) * kChunk);
        for (std::size_t at = chunk * kChunk; at < end; at += kBlock) {
          const auto size = static_cast<Index>(std::min(kBlock, end - at));
          yb.resize(size);
          wb.resize(size);
          for (Index row = 0; row < size; ++row) {
            const std::size_t i = rows.index[at + static_cast<std::size_t>(row)];
            yb[row] = y[i] - problem.y_mean;
            wb[row] = rows.weight[at + static_cast<std::size_t>(row)];
            z.row(row) = Eigen::Map<const Eigen::RowVectorXd>(x.row(i).data(), d) - mean;
          }
          share = wb / n;
          q.noalias() = z.topRows(size) * rotate;
          f.noalias() = q * response;
          q.array() *= q.array();
          h.noalias() = q * shrink;
          for (Index p = 0; p < count; ++p) {
            auto loo = predictions_.col(p).segment(static_cast<Index>(at), size).array();
            residual = yb - f.col(p).array();
            leverage = share * (h.col(p).array() + 1.0);
            squares(count + p, at_chunk) += (wb * residual.square()).sum();
            if (leverage.maxCoeff() < 1 - 1e-10) {
              leverage = residual / (1 - leverage);  // y - loo
              squares(p, at_chunk) += (wb * leverage.square()).sum();
              loo = yb - leverage + problem.y_mean;
              continue;
            }
            for (Index row = 0; row < size; ++row) {
              const double yi = yb[row] + problem.y_mean;
              loo[row] = leave_one_out(yi, yi - residual[row], leverage[row], wb[row], problem.y_mean, n);
              squares(p, at_chunk) += wb[row] * (yi - loo[row]) * (yi - loo[row]);
            }
          }
        }
      }
    });
    for (Index p = 0; p < count; ++p) {
      mse_.push_back(squares.row(p).sum() / n);
      rss_.push_back(squares.row(count + p).sum());
    }
  }

  const std::vector<double>& mse() const { return mse_; }
  double rss(std::size_t p) const { return rss_[p]; }
  std::vector<double> predictions(std::size_t p) const {
    const auto column = predictions_.col(static_cast<Index>(p));
    return {column.data(), column.data() + column.size()};
  }

 private:
  MatrixXd predictions_;
  std::vector<double> mse_, rss_;
};

// `penalties` ascending.
LinearFit solve(const Matrix& x, std::span<const double> y, const TrainingRows& rows, const Standardized& problem,
                const std::vector<double>& penalties) {
  const auto r = static_cast<Index>(problem.columns.size());
  MatrixXd vectors(r, r);
  VectorXd values(r);
  if (r > 0) {
    const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(problem.correlation);
    vectors = eigen.eigenvectors();
    values = eigen.eigenvalues().cwiseMax(0.0);
  }
  const LeaveOneOut errors(x, y, rows, problem, vectors, values, penalties);
  std::size_t best = 0;
  for (std::size_t p = 1; p < penalties.size(); ++p)
    if (errors.mse()[p] <= errors.mse()[best]) best = p;

  LinearFit fit;
  fit.penalty = penalties[best];
  const double n = static_cast<double>(rows.positive);
  const VectorXd shrink = (values.array() + fit.penalty).inverse();
  fit.parameters = 1 + values.dot(shrink);
  const VectorXd beta = vectors * (shrink.asDiagonal() * (vectors.transpose() * problem.with_y));
  fit.coefficients.assign(x.cols(), 0.0);
  fit.standard_errors.assign(x.cols(), kNaN);
  fit.intercept = problem.y_mean;
  const VectorXd slope = beta.cwiseQuotient(problem.sd);
  finish_linear_fit(fit, y, rows, errors.predictions(best), errors.rss(best));
  // Var(beta) = s^2 / n V s / (s + m)^2 V' on the standardized scale, of which `spread` is a square root.
  const MatrixXd spread = vectors * (values.cwiseSqrt().cwiseProduct(shrink)).asDiagonal();
  const double variance = fit.residual_variance / n;
  std::size_t next = 0;
  for (std::size_t k = 0; k < x.cols(); ++k) {
    if (next == problem.columns.size() || problem.columns[next] != k) {
      fit.dropped.push_back(k);
      continue;
    }
    const auto a = static_cast<Index>(next++);
    fit.coefficients[k] = slope[a];
    fit.intercept -= fit.coefficients[k] * problem.mean[a];
    fit.standard_errors[k] = std::sqrt(variance) * spread.row(a).norm() / problem.sd[a];
  }
  const Eigen::RowVectorXd at_zero = problem.mean.cwiseQuotient(problem.sd).transpose() * spread;
  fit.intercept_se = std::sqrt(variance * (1 + at_zero.squaredNorm()));
  return fit;
}

Result<std::vector<double>> checked_penalties(const RidgeOptions& options) {
  std::vector<double> penalties = options.penalties;
  if (penalties.empty()) return fail(ErrorCode::kInvalidArgument, "ridge needs at least one penalty");
  for (const double p : penalties)
    if (!(std::isfinite(p) && p > 0))
      return fail(ErrorCode::kInvalidArgument, "a penalty must be positive and finite, found {}", p);
  std::sort(penalties.begin(), penalties.end());
  return penalties;
}

// Sums about the rows' own mean: always accurate.
LinearFit solve_directly(const Matrix& x, std::span<const double> y, const TrainingRows& rows,
                         const std::vector<double>& penalties) {
  const Shift shift = mean_shift(x, y, rows);
  return solve(x, y, rows, *standardize(sum_products(x, y, rows, shift), shift, nullptr), penalties);
}

}  // namespace

std::vector<double> RidgeOptions::default_penalties() {
  std::vector<double> out(25);
  for (int k = 0; k < 25; ++k) out[static_cast<std::size_t>(k)] = std::pow(10.0, -4 + k / 3.0);
  return out;
}

Result<LinearFit> fit_ridge(const RegressionData& data, const RidgeOptions& options) {
  GIMBAL_TRY(const std::vector<double> penalties, checked_penalties(options));
  GIMBAL_TRY(const TrainingRows rows, training_rows(data.x, data.y, data.weight, data.rows, 2));
  return solve_directly(data.x, data.y, rows, penalties);
}

namespace {

// The arm's rows outside `fold`, with weights scaled anew.
TrainingRows rows_outside(const TrainingRows& arm, std::span<const int> fold_of, int fold) {
  TrainingRows out;
  double total = 0;
  for (std::size_t r = 0; r < arm.index.size(); ++r) {
    if (fold_of[arm.index[r]] == fold) continue;
    out.index.push_back(arm.index[r]);
    out.weight.push_back(arm.weight[r]);
    total += arm.weight[r];
    if (arm.weight[r] > 0) ++out.positive;
  }
  for (double& w : out.weight) w *= static_cast<double>(out.positive) / total;
  return out;
}

struct Arm {
  TrainingRows rows;
  Shift shift;
  std::vector<Sums> cell;  // of each fold
  Sums total;
};

Result<void> check_labels(std::string_view what, std::span<const int> labels, int count, std::size_t n) {
  if (labels.size() != n)
    return fail(ErrorCode::kInvalidArgument, "expected the {} of each of {} rows, found {}", what, n, labels.size());
  for (std::size_t i = 0; i < n; ++i)
    if (labels[i] < 0 || labels[i] >= count)
      return fail(ErrorCode::kInvalidArgument, "the {} of row {} must lie in 0..{}, found {}", what, i, count - 1, labels[i]);
  return {};
}

// Rows of each arm, checked; fails when an arm or a training part is too small.
Result<std::vector<Arm>> split_arms(const CrossfitData& data) {
  const std::size_t n = data.x.rows();
  if (data.arms < 1 || data.folds < 0 || data.folds == 1)
    return fail(ErrorCode::kInvalidArgument, "expected at least 1 arm and 0 or at least 2 folds, found {} and {}", data.arms,
                data.folds);
  GIMBAL_TRY(check_labels("arm", data.arm, data.arms, n));
  if (data.folds > 0) GIMBAL_TRY(check_labels("fold", data.fold, data.folds, n));
  std::vector<std::vector<std::size_t>> index(static_cast<std::size_t>(data.arms));
  for (std::size_t i = 0; i < n; ++i) index[static_cast<std::size_t>(data.arm[i])].push_back(i);
  std::vector<Arm> arms(index.size());
  for (std::size_t a = 0; a < arms.size(); ++a) {
    if (index[a].empty()) return fail(ErrorCode::kInsufficientData, "arm {} has no rows", a);
    auto rows = training_rows(data.x, data.y, data.weight, std::span<const std::size_t>(index[a]), 2);
    if (!rows) return fail(std::move(rows).error().with_note(fmt::format("in arm {}", a)));
    arms[a].rows = *std::move(rows);
    std::vector<std::size_t> positive(static_cast<std::size_t>(data.folds), 0);
    if (data.folds > 0)
      for (std::size_t r = 0; r < arms[a].rows.index.size(); ++r)
        if (arms[a].rows.weight[r] > 0) ++positive[static_cast<std::size_t>(data.fold[arms[a].rows.index[r]])];
    for (std::size_t j = 0; j < positive.size(); ++j)
      if (arms[a].rows.positive - positive[j] < 2)
        return fail(ErrorCode::kInsufficientData,
                    "arm {} has {} rows of positive weight outside fold {}; ridge needs at least 2", a,
                    arms[a].rows.positive - positive[j], j);
  }
  return arms;
}

// One pass over the arm's rows, cell by cell; partial sums are added in the order of the rows.
void sum_cells(const CrossfitData& data, Arm& arm) {
  arm.shift = mean_shift(data.x, data.y, arm.rows);
  const std::size_t folds = static_cast<std::size_t>(std::max(data.folds, 1));
  arm.cell.resize(folds);
  parallel_for(folds, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t j = first; j < last; ++j) {
      TrainingRows cell;
      for (std::size_t r = 0; r < arm.rows.index.size(); ++r) {
        if (data.folds > 0 && data.fold[arm.rows.index[r]] != static_cast<int>(j)) continue;
        cell.index.push_back(arm.rows.index[r]);
        cell.weight.push_back(arm.rows.weight[r]);
      }
      const auto size = static_cast<Index>(data.x.cols()) + 2;
      arm.cell[j] = cell.index.empty() ? Sums{MatrixXd::Zero(size, size)} : sum_products(data.x, data.y, cell, arm.shift);
    }
  });
  arm.total = arm.cell[0];
  for (std::size_t j = 1; j < folds; ++j) arm.total.m += arm.cell[j].m;
}

}  // namespace

Result<CrossfitRidge> crossfit_ridge(const CrossfitData& data, const RidgeOptions& options) {
  GIMBAL_TRY(const std::vector<double> penalties, checked_penalties(options));
  GIMBAL_TRY(std::vector<Arm> arms, split_arms(data));
  parallel_for(arms.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t a = first; a < last; ++a) sum_cells(data, arms[a]);
  });
  const auto folds = static_cast<std::size_t>(data.folds);
  CrossfitRidge out;
  out.folds = data.folds;
  out.full.resize(arms.size());
  out.training.resize(arms.size() * folds);
  parallel_for(arms.size() * (folds + 1), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t job = first; job < last; ++job) {
      const std::size_t a = job / (folds + 1), j = job % (folds + 1);
      const Arm& arm = arms[a];
      const bool full = j == folds;
      const TrainingRows rows = full ? arm.rows : rows_outside(arm.rows, data.fold, static_cast<int>(j));
      const VectorXd total_square = arm.total.m.diagonal();
      Sums sums = arm.total;
      if (!full) sums.m -= arm.cell[j].m;
      const auto problem = standardize(sums, arm.shift, &total_square);
      LinearFit& fit = full ? out.full[a] : out.training[a * folds + j];
      fit = problem ? solve(data.x, data.y, rows, *problem, penalties) : solve_directly(data.x, data.y, rows, penalties);
    }
  });
  return out;
}

}  // namespace gimbal::learn
