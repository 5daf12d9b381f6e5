#include "gimbal/diversity/kernel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "gimbal/base/random.h"

namespace gimbal::diversity {
namespace {

Matrix matrix(const std::vector<std::vector<double>>& rows) {
  Matrix out(rows.size(), rows.front().size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < rows[r].size(); ++c) out(r, c) = rows[r][c];
  }
  return out;
}

constexpr double kPrinted = 5e-8;

TEST(Vendi, ReproducesTheWorkedKernel) {
  const Matrix k = matrix({{1, .5, .2}, {.5, 1, .3}, {.2, .3, 1}});
  EXPECT_NEAR(vendi(k, 1).value(), 2.6504535, kPrinted);
  EXPECT_NEAR(vendi(k, 2).value(), 2.3936170, kPrinted);
  EXPECT_NEAR(vendi(k, kVendiInfinity).value(), 1.7815693, kPrinted);
  EXPECT_NEAR(vendi(k, .5).value(), 2.8151009, kPrinted);
}

TEST(Kernel, ReproducesTheWorkedVectors) {
  const Matrix unit = unit_rows(matrix({{1, 0}, {0, 1}, {1, 0}})).value();
  EXPECT_NEAR(cosine_pair(unit).value(), .6666667, kPrinted);
  EXPECT_NEAR(cosine_chamfer(unit).value(), .3333333, kPrinted);
  EXPECT_NEAR(cosine_vendi(unit, 1).value(), 1.8898816, kPrinted);
}

TEST(Kernel, PairAndChamferEqualTheirDefinitionsAndVendiItsOtherForm) {
  Stream s(1, "test.kernel");
  for (const auto& [m, d] : {std::pair{2, 5}, {7, 3}, {20, 30}, {300, 4}}) {
    Matrix x(static_cast<std::size_t>(m), static_cast<std::size_t>(d));
    for (double& v : x.values()) v = s.normal();
    const Matrix unit = unit_rows(x).value();
    Matrix kernel(unit.rows(), unit.rows()), distance(unit.rows(), unit.rows());
    for (std::size_t i = 0; i < unit.rows(); ++i) {
      for (std::size_t j = 0; j < unit.rows(); ++j) {
        for (std::size_t c = 0; c < unit.cols(); ++c) kernel(i, j) += unit(i, c) * unit(j, c);
        distance(i, j) = 1 - kernel(i, j);
      }
    }
    // Sums of at most 90 000 products of order 1.
    constexpr double kRounding = 1e-10;
    EXPECT_NEAR(cosine_pair(unit).value(), remote_clique(distance).value(), kRounding);
    EXPECT_NEAR(cosine_chamfer(unit).value(), chamfer(distance).value(), kRounding);
    for (const double q : {.5, 1.0, 2.0, 3.0, kVendiInfinity}) {
      EXPECT_NEAR(cosine_vendi(unit, q).value(), vendi(kernel, q).value(), 1e-7) << q;
    }
  }
}

TEST(Vendi, OfTheIdentityCountsTheItemsAndOfCopiesIsOne) {
  Matrix identity(4, 4), ones(4, 4);
  for (std::size_t i = 0; i < 4; ++i) identity(i, i) = 1;
  for (double& v : ones.values()) v = 1;
  for (const double q : {.5, 1.0, 2.0, kVendiInfinity}) {
    EXPECT_NEAR(vendi(identity, q).value(), 4, 1e-12);
    EXPECT_NEAR(vendi(ones, q).value(), 1, 1e-12);
  }
}

TEST(Vendi, NamesTheViolationOfAKernel) {
  const auto message = [](const std::vector<std::vector<double>>& k) { return vendi(matrix(k), 1).error().message; };
  EXPECT_EQ(message({{1, .5}, {.5, .9}}), "the kernel's diagonal must be 1; the largest difference is 0.1");
  EXPECT_EQ(message({{1, .5}, {.2, 1}}), "the kernel must be symmetric; the largest difference is 0.3");
  EXPECT_EQ(message({{1, 2}, {2, 1}}), "the kernel is indefinite: its smallest eigenvalue is -1");
  EXPECT_EQ(message({{1, .5}}), "a kernel is a square matrix, found 1 x 2");
}

TEST(UnitRows, NameTheRowThatHasNoDirection) {
  EXPECT_EQ(unit_rows(matrix({{1, 0}, {0, 0}})).error().message, "row 1 is zero: it has no direction");
  EXPECT_EQ(unit_rows(matrix({{1, 0}, {0, 0}}), true)->rows(), 1u);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(unit_rows(matrix({{1, nan}})).error().message, "row 0 holds a value that is not finite");
  EXPECT_NEAR(unit_rows(matrix({{3e200, 4e200}}))->operator()(0, 0), .6, 1e-15);  // squares would overflow
}

TEST(Kernel, HasNoValueForTooFewRows) {
  EXPECT_EQ(cosine_pair(matrix({{1, 0}})), std::nullopt);
  EXPECT_EQ(cosine_chamfer(matrix({{1, 0}})), std::nullopt);
  EXPECT_EQ(cosine_vendi(Matrix(0, 2), 1), std::nullopt);
  EXPECT_EQ(remote_clique(matrix({{0}})), std::nullopt);
}

}  // namespace
}  // namespace gimbal::diversity
