#include "gimbal/diversity/kernel.h"

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"

namespace gimbal::diversity {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::Map<const RowMajor> map(const Matrix& m) {
  return {m.data(), static_cast<Eigen::Index>(m.rows()), static_cast<Eigen::Index>(m.cols())};
}

std::vector<double> eigenvalues(const Eigen::MatrixXd& symmetric) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(symmetric, Eigen::EigenvaluesOnly);
  const Eigen::VectorXd& values = solver.eigenvalues();
  return {values.data(), values.data() + values.size()};
}

// Row i of the answer: the smallest off-diagonal value of row i.
double mean_of_row_minima(const Matrix& m, double (*distance)(double)) {
  double sum = 0;
  for (std::size_t i = 0; i < m.rows(); ++i) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < m.cols(); ++j) {
      if (i != j) least = std::min(least, distance(m(i, j)));
    }
    sum += least;
  }
  return sum / static_cast<double>(m.rows());
}

}  // namespace

double hill_number(std::vector<double> spectrum, double q) {
  constexpr double kNegligible = 1e-12;
  std::erase_if(spectrum, [](double l) { return l < kNegligible; });
  if (q == 1) {
    double entropy = 0;
    for (const double l : spectrum) entropy -= l * std::log(l);
    return std::exp(entropy);
  }
  if (std::isinf(q)) return 1 / *std::ranges::max_element(spectrum);
  double sum = 0;
  for (const double l : spectrum) sum += std::pow(l, q);
  return std::pow(sum, 1 / (1 - q));
}

Result<Matrix> unit_rows(const Matrix& vectors, bool drop_zero) {
  std::vector<std::size_t> kept;
  std::vector<double> length(vectors.rows());
  for (std::size_t r = 0; r < vectors.rows(); ++r) {
    double largest = 0;
    for (const double x : vectors.row(r)) {
      if (!std::isfinite(x)) return fail(ErrorCode::kInvalidArgument, "row {} holds a value that is not finite", r);
      largest = std::max(largest, std::abs(x));
    }
    if (largest == 0) {
      if (drop_zero) continue;
      return fail(ErrorCode::kInvalidArgument, "row {} is zero: it has no direction", r);
    }
    double squares = 0;
    for (const double x : vectors.row(r)) squares += (x / largest) * (x / largest);
    length[r] = largest * std::sqrt(squares);
    kept.push_back(r);
  }
  Matrix out = vectors.select_rows(kept);
  for (std::size_t r = 0; r < kept.size(); ++r) {
    for (double& x : out.row(r)) x /= length[kept[r]];
  }
  return out;
}

std::optional<double> cosine_pair(const Matrix& unit) {
  if (unit.rows() < 2) return std::nullopt;
  const double m = static_cast<double>(unit.rows());
  return 1 - (map(unit).colwise().sum().squaredNorm() - m) / (m * (m - 1));
}

std::optional<double> cosine_chamfer(const Matrix& unit) {
  if (unit.rows() < 2) return std::nullopt;
  // Blocks of rows keep the memory at kBlock x m.
  constexpr Eigen::Index kBlock = 256;
  const auto x = map(unit);
  double sum = 0;
  for (Eigen::Index first = 0; first < x.rows(); first += kBlock) {
    const Eigen::Index n = std::min(kBlock, x.rows() - first);
    Eigen::MatrixXd cosine = x.middleRows(first, n) * x.transpose();
    for (Eigen::Index i = 0; i < n; ++i) cosine(i, first + i) = -2;
    sum += (1 - cosine.rowwise().maxCoeff().array()).sum();
  }
  return sum / static_cast<double>(unit.rows());
}

std::optional<double> cosine_vendi(const Matrix& unit, double q) {
  GIMBAL_CHECK(q > 0, "the order of a Vendi score is positive");
  if (unit.rows() == 0) return std::nullopt;
  const auto x = map(unit);
  const double m = static_cast<double>(unit.rows());
  const bool dual = x.cols() < x.rows();
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(dual ? x.cols() : x.rows(), dual ? x.cols() : x.rows());
  if (dual) {
    gram.selfadjointView<Eigen::Lower>().rankUpdate(x.transpose(), 1 / m);
  } else {
    gram.selfadjointView<Eigen::Lower>().rankUpdate(x, 1 / m);
  }
  if (q == 2) {
    const double diagonal = gram.diagonal().squaredNorm();
    return 1 / (2 * gram.triangularView<Eigen::StrictlyLower>().toDenseMatrix().squaredNorm() + diagonal);
  }
  return hill_number(eigenvalues(gram), q);
}

std::optional<double> chamfer(const Matrix& distances) {
  GIMBAL_CHECK(distances.rows() == distances.cols(), "pairwise distances form a square");
  if (distances.rows() < 2) return std::nullopt;
  return mean_of_row_minima(distances, [](double d) { return d; });
}

std::optional<double> remote_clique(const Matrix& distances) {
  GIMBAL_CHECK(distances.rows() == distances.cols(), "pairwise distances form a square");
  if (distances.rows() < 2) return std::nullopt;
  const double m = static_cast<double>(distances.rows());
  const auto d = map(distances);
  return (d.sum() - d.diagonal().sum()) / (m * (m - 1));
}

Result<double> vendi(const Matrix& kernel, double q) {
  GIMBAL_CHECK(q > 0, "the order of a Vendi score is positive");
  if (kernel.rows() == 0 || kernel.rows() != kernel.cols())
    return fail(ErrorCode::kInvalidArgument, "a kernel is a square matrix, found {} x {}", kernel.rows(), kernel.cols());
  const auto k = map(kernel);
  if (!k.allFinite()) return fail(ErrorCode::kInvalidArgument, "the kernel holds a value that is not finite");
  constexpr double kTolerance = 1e-6;
  const double diagonal = (k.diagonal().array() - 1).abs().maxCoeff();
  if (diagonal >= kTolerance)
    return fail(ErrorCode::kInvalidArgument, "the kernel's diagonal must be 1; the largest difference is {:.3g}", diagonal);
  const double asymmetry = (k - k.transpose()).cwiseAbs().maxCoeff();
  if (asymmetry >= kTolerance)
    return fail(ErrorCode::kInvalidArgument, "the kernel must be symmetric; the largest difference is {:.3g}", asymmetry);
  const double m = static_cast<double>(kernel.rows());
  if (q == 2) return 1 / (k / m).squaredNorm();
  const std::vector<double> spectrum = eigenvalues(k / m);
  const double least = *std::ranges::min_element(spectrum);
  if (least < -1e-8)
    return fail(ErrorCode::kInvalidArgument, "the kernel is indefinite: its smallest eigenvalue is {:.3g}", least * m);
  return hill_number(spectrum, q);
}

}  // namespace gimbal::diversity
