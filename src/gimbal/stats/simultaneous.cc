#include "gimbal/stats/simultaneous.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "gimbal/base/parallel.h"
#include "gimbal/stats/descriptive.h"

namespace gimbal::stats {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::size_t kDrawsPerChunk = 128;  // their normals and their contrasts stay in the second-level cache

// Relative to the largest variance: what rounding of a covariance over many rows leaves asymmetric, negative or unexplained.
constexpr double kRounding = 1e-8;
constexpr double kRankTolerance = 1e-13;

Result<void> check_input(const Matrix& c, const Matrix& contrasts, double level, std::size_t draws) {
  if (c.rows() != c.cols() || c.empty()) {
    return fail(ErrorCode::kInvalidArgument, "a covariance matrix must be square and not empty, found {} x {}", c.rows(),
                c.cols());
  }
  if (!contrasts.empty() && contrasts.cols() != c.cols()) {
    return fail(ErrorCode::kInvalidArgument, "contrasts of {} coordinates for a covariance of {}", contrasts.cols(), c.cols());
  }
  if (!(level > 0 && level < 1)) return fail(ErrorCode::kInvalidArgument, "a level must lie in (0, 1), found {}", level);
  if (draws == 0) return fail(ErrorCode::kInvalidArgument, "a simulated quantile needs at least one draw");
  GIMBAL_TRY(check_finite(c.values(), "covariance"));
  if (!contrasts.empty()) GIMBAL_TRY(check_finite(contrasts.values(), "contrast coefficient"));
  for (std::size_t i = 0; i < c.rows(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (std::abs(c(i, j) - c(j, i)) > kRounding * (std::abs(c(i, j)) + std::sqrt(std::abs(c(i, i) * c(j, j))))) {
        return fail(ErrorCode::kInvalidArgument, "a covariance matrix must be symmetric: entry ({}, {}) is {}, its mirror {}",
                    i, j, c(i, j), c(j, i));
      }
    }
  }
  return {};
}

// Standard deviations of the coordinates: working with correlations makes one tolerance fit every scale.
std::vector<double> standard_deviations(const Matrix& c) {
  std::vector<double> sd(c.rows());
  for (std::size_t i = 0; i < sd.size(); ++i) sd[i] = std::sqrt(std::max(0.0, c(i, i)));
  return sd;
}

// What correlations do not show: variances below 0, and covariances of coordinates that do not vary.
bool is_plausible(const Matrix& c, std::span<const double> sd) {
  const double largest = *std::max_element(sd.begin(), sd.end());
  const double rounding = kRounding * largest * largest;
  for (std::size_t i = 0; i < sd.size(); ++i) {
    if (c(i, i) < -rounding) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (std::abs(c(i, j)) > sd[i] * sd[j] + rounding) return false;
    }
  }
  return true;
}

RowMajor correlation(const Matrix& c, std::span<const double> sd) {
  const auto p = static_cast<Eigen::Index>(sd.size());
  RowMajor out(p, p);
  for (Eigen::Index i = 0; i < p; ++i) {
    for (Eigen::Index j = 0; j < p; ++j) {
      const auto ui = static_cast<std::size_t>(i);
      const auto uj = static_cast<std::size_t>(j);
      const double scale = sd[ui] * sd[uj];
      out(i, j) = scale > 0 ? 0.5 * (c(ui, uj) + c(uj, ui)) / scale : 0.0;
    }
  }
  return out;
}

// Cholesky with diagonal pivoting, stopped at the numerical rank: R = F F', F p x rank. Empty when what remains is not
// rounding, that is, R is not positive semidefinite. (Higham, Analysis of the Cholesky decomposition of a semi-definite matrix,
// 1990.)
std::optional<RowMajor> factor_semidefinite(RowMajor r) {
  const Eigen::Index p = r.rows();
  RowMajor f = RowMajor::Zero(p, p);
  Eigen::Index rank = 0;
  for (; rank < p; ++rank) {
    Eigen::Index pivot = 0;
    const double largest = r.diagonal().maxCoeff(&pivot);
    if (largest <= kRankTolerance * static_cast<double>(p)) break;
    const Eigen::VectorXd column = r.col(pivot) / std::sqrt(largest);
    f.col(rank) = column;
    r.noalias() -= column * column.transpose();
    r.row(pivot).setZero();  // exactly, not up to rounding: this coordinate is explained
    r.col(pivot).setZero();
  }
  if (r.cwiseAbs().maxCoeff() > kRounding * static_cast<double>(p)) return std::nullopt;
  return RowMajor(f.leftCols(rank));
}

// Standardised contrasts times the factor: row j of the answer, times standard normals, is l_j'Z / sd(l_j'Z).
RowMajor standardised_rows(const Matrix& contrasts, std::span<const double> sd, const RowMajor& factor) {
  const auto p = static_cast<std::size_t>(factor.rows());
  const std::size_t m = contrasts.empty() ? p : contrasts.rows();
  RowMajor rows(static_cast<Eigen::Index>(m), factor.cols());
  Eigen::Index kept = 0;
  for (std::size_t j = 0; j < m; ++j) {
    Eigen::RowVectorXd row = Eigen::RowVectorXd::Zero(factor.cols());
    double terms = 0;  // what the variance would be at most without cancellation
    for (std::size_t i = 0; i < p; ++i) {
      const double coefficient = (contrasts.empty() ? (i == j ? 1.0 : 0.0) : contrasts(j, i)) * sd[i];
      if (coefficient == 0) continue;
      row += coefficient * factor.row(static_cast<Eigen::Index>(i));
      terms += std::abs(coefficient);
    }
    const double variance = row.squaredNorm();
    if (variance > 1e-14 * terms * terms) rows.row(kept++) = row / std::sqrt(variance);
  }
  return rows.topRows(kept);
}

}  // namespace

Result<double> max_abs_quantile(const Matrix& covariance, const Matrix& contrasts, double level, std::size_t draws,
                                Stream stream) {
  GIMBAL_TRY(check_input(covariance, contrasts, level, draws));
  const std::vector<double> sd = standard_deviations(covariance);
  const std::optional<RowMajor> factor =
      is_plausible(covariance, sd) ? factor_semidefinite(correlation(covariance, sd)) : std::nullopt;
  if (!factor) return fail(ErrorCode::kInvalidArgument, "a covariance matrix must be positive semidefinite");
  const RowMajor rows = standardised_rows(contrasts, sd, *factor);
  if (rows.rows() == 0) return 0.0;

  const std::size_t p = covariance.rows();
  std::vector<double> largest(draws);
  parallel_for(draws, kDrawsPerChunk, [&](std::size_t begin, std::size_t end) {
    Eigen::MatrixXd normals(rows.cols(), static_cast<Eigen::Index>(end - begin));
    Stream own = stream;
    for (std::size_t d = begin; d < end; ++d) {
      own.seek(d * p);  // p a draw whatever the rank: a numerically different rank does not shift the other draws
      for (Eigen::Index k = 0; k < normals.rows(); ++k) normals(k, static_cast<Eigen::Index>(d - begin)) = own.normal();
    }
    const Eigen::MatrixXd standardised = rows * normals;
    for (std::size_t d = begin; d < end; ++d) {
      largest[d] = standardised.col(static_cast<Eigen::Index>(d - begin)).cwiseAbs().maxCoeff();
    }
  });
  return quantile(largest, level);
}

}  // namespace gimbal::stats
