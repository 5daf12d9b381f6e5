// A dense row-major matrix of doubles: what passes between layers. Linear algebra maps it into Eigen where it is done.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "gimbal/base/check.h"

namespace gimbal {

class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t cols, double fill = 0.0) : rows_(rows), cols_(cols), values_(rows * cols, fill) {}
  Matrix(std::size_t rows, std::size_t cols, std::vector<double> values)
      : rows_(rows), cols_(cols), values_(std::move(values)) {
    GIMBAL_CHECK(values_.size() == rows * cols, "a matrix needs rows x cols values");
  }

  std::size_t rows() const { return rows_; }
  std::size_t cols() const { return cols_; }
  bool empty() const { return values_.empty(); }
  double& operator()(std::size_t r, std::size_t c) { return values_[r * cols_ + c]; }
  double operator()(std::size_t r, std::size_t c) const { return values_[r * cols_ + c]; }
  std::span<double> row(std::size_t r) { return {values_.data() + r * cols_, cols_}; }
  std::span<const double> row(std::size_t r) const { return {values_.data() + r * cols_, cols_}; }
  std::vector<double> column(std::size_t c) const {
    std::vector<double> out(rows_);
    for (std::size_t r = 0; r < rows_; ++r) out[r] = values_[r * cols_ + c];
    return out;
  }
  double* data() { return values_.data(); }
  const double* data() const { return values_.data(); }
  std::span<const double> values() const { return values_; }
  std::span<double> values() { return values_; }
  // The rows named by `index`, in that order.
  Matrix select_rows(std::span<const std::size_t> index) const {
    Matrix out(index.size(), cols_);
    for (std::size_t r = 0; r < index.size(); ++r)
      for (std::size_t c = 0; c < cols_; ++c) out(r, c) = (*this)(index[r], c);
    return out;
  }
  bool operator==(const Matrix&) const = default;

 private:
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::vector<double> values_;
};

}  // namespace gimbal
