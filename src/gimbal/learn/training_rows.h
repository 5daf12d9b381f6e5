// What every learner checks before it starts: sizes, finite values, weights; and the rows and weights that it then works on.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"

namespace gimbal::learn {

struct TrainingRows {
  std::vector<std::size_t> index;  // rows of the data, in the order given
  std::vector<double> weight;      // one for each of `index`, scaled to sum to `positive`
  std::size_t positive = 0;        // rows with positive weight
};

enum class Missing { kRefused, kAllowed };  // NaN in the features; infinities are always refused

// `rows`: absent means all; an empty list means none, and is too few.
// `y`: one value a row of x, where the outcome is a number. Errors: invalid_argument on sizes that do not match, rows out of
// range, values that are not finite, negative weights; insufficient_data when fewer than `least` rows have positive weight.
Result<TrainingRows> training_rows(const Matrix& x, std::optional<std::span<const double>> y, std::span<const double> weight,
                                   std::optional<std::span<const std::size_t>> rows, std::size_t least,
                                   Missing missing = Missing::kRefused);

// The mean and standard deviation of each feature over the rows, weighted, divisor the sum of weights. A feature whose spread
// is at the level of rounding (1e-12 of its size) is constant: deviation 0.
struct Moments {
  std::vector<double> mean;
  std::vector<double> sd;
};
Moments feature_moments(const Matrix& x, const TrainingRows& rows);
// The weighted mean of values given for each row of the data.
double mean_over(std::span<const double> y, const TrainingRows& rows);
// Whether a spread `sd` of a feature of mean `mean` is rounding.
bool is_constant(double sd, double mean);

}  // namespace gimbal::learn
