// The last steps of every linear fit: leave-one-out predictions from leverages, then errors and the residual variance.
#pragma once

#include <span>
#include <vector>

#include "gimbal/learn/linear.h"
#include "gimbal/learn/training_rows.h"

namespace gimbal::learn {

// y_i - (y_i - fitted_i) / (1 - leverage_i); where the leverage is 1 to within 1e-10 row i alone determines a coefficient, and
// the weighted mean of the other rows stands in.
double leave_one_out(double y, double fitted, double leverage, double weight, double mean, double rows);

// Fills rows, loo, loo_mse and residual_variance of `fit` (whose `parameters` is set) from the leave-one-out value of each
// training row and the weighted sum of squared residuals.
void finish_linear_fit(LinearFit& fit, std::span<const double> y, const TrainingRows& rows, std::vector<double> loo,
                       double rss);

}  // namespace gimbal::learn
