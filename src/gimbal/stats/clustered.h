// The mean of influence values psi_i and its standard error, with unit weights and clusters.
//
//   psibar = sum w psi / sum w
//   units:     SE^2 = n/(n-1) sum_i w_i^2 (psi_i - psibar)^2 / (sum w)^2          (w = 1: sd(psi)/sqrt(n))
//   clusters:  SE^2 = G/(G-1) sum_g (sum_{i in g} w_i (psi_i - psibar))^2 / (sum w)^2
//
// Clusters of one unit give the first form. Liang and Zeger, Longitudinal data analysis using generalized linear models
// (Biometrika 1986).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::stats {

struct MeanEstimate {
  double mean = 0;
  double se = 0;
  std::int64_t groups = 0;  // n, or the number of clusters that occur
};

// `psi`: n finite values. `weight`: n values >= 0, or empty for 1. `cluster`: n ids >= 0, small (memory is the largest id), or
// empty for independent units; ids that do not occur do not count. Errors: insufficient_data with fewer than 2 units or
// clusters; invalid_argument as in descriptive.h. O(n).
Result<MeanEstimate> mean_with_se(std::span<const double> psi, std::span<const double> weight = {},
                                  std::span<const std::int64_t> cluster = {});

// The standard error alone; an empty `cluster` gives the one of independent units.
Result<double> clustered_se(std::span<const double> psi, std::span<const double> weight, std::span<const std::int64_t> cluster);

// Group sums: what both formulas, and the bootstrap of a mean, need of the data. Group g has value = sum of w (psi - center)
// and weight = sum of w; without clusters a unit is a group.
struct GroupSum {
  double value = 0;
  double weight = 0;
};
struct GroupSums {
  double center = 0;             // psibar: differences from it keep sums of squares accurate
  std::vector<GroupSum> groups;  // those that occur, by id
};
Result<GroupSums> group_sums(std::span<const double> psi, std::span<const double> weight,
                             std::span<const std::int64_t> cluster);

// Makes ids 0..G-1 of any keys, in order of first appearance.
std::vector<std::int64_t> dense_ids(std::span<const std::int64_t> keys);

}  // namespace gimbal::stats
