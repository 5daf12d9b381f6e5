// Folds that depend on a key and the row's place only, and the comparison of learners by their errors on rows they have not
// seen.
//
// Folds: rows (or clusters, in the order of their first row) are put in the order of a keyed Philox permutation and dealt out
// in turn. With strata each stratum is dealt out after the other without starting again, so that both strata and folds are
// balanced to within one row. Nothing else enters: not the values of the data, not threads, not the names of clusters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/random.h"
#include "gimbal/base/result.h"

namespace gimbal::learn {

struct FoldGroups {
  std::span<const int> stratum = {};           // n values >= 0 (the arm, the class), or empty; not used when there are clusters
  std::span<const std::int64_t> cluster = {};  // n values, or empty; rows that share one are never split
};

struct Folds {
  int count = 1;
  std::vector<int> of;                                // the fold of each row, in [0, count)
  std::vector<std::size_t> held_out(int fold) const;  // its rows, ascending
  std::vector<std::size_t> training(int fold) const;  // all others, ascending; every row when count is 1
};

// `stream` names what the folds are for: Stream(seed, "policy.fold"). Errors: invalid_argument (folds < 1, sizes),
// insufficient_data when there are fewer rows (or clusters) than folds.
Result<Folds> keyed_folds(Stream stream, std::size_t rows, int folds, const FoldGroups& groups = {});

// The simplest candidate whose mean loss is within one standard error of the best, where the standard error is that of the mean
// paired difference of unit losses between the two (Breiman et al. 1984, with pairing).
struct OneStandardError {
  std::size_t chosen = 0;
  std::size_t best = 0;
  std::vector<double> mean;       // weighted mean loss of each candidate
  std::vector<double> se;         // its standard error
  std::vector<double> excess_se;  // standard error of the mean difference to the best; 0 for the best
};
// `losses`: n x C, unit losses, candidates from the simplest to the most flexible. `weight`: n or empty. `cluster`: n or empty:
// standard errors count clusters. A candidate with a NaN loss is out (its fields are NaN). Errors: insufficient_data with fewer
// than 2 units or clusters; invalid_argument on sizes, weights, or when every candidate is out.
Result<OneStandardError> one_standard_error(const Matrix& losses, std::span<const double> weight = {},
                                            std::span<const std::int64_t> cluster = {});

enum class Loss {
  kSquared,  // (y - prediction)^2
  kLog,      // -y log p - (1-y) log(1-p), p cut to [1e-15, 1 - 1e-15]
};
double unit_loss(Loss loss, double y, double prediction);

// Predictions for the rows `held_out` (in order) of a model fitted on the rows `training`. Must not use other rows' outcomes.
using FoldLearner =
    std::function<Result<std::vector<double>>(std::span<const std::size_t> training, std::span<const std::size_t> held_out)>;

struct Candidate {
  std::string name;
  FoldLearner learner;
};

struct Comparison {
  Matrix predictions;  // n x C, each made by a model that did not see the row
  Matrix losses;       // n x C
  OneStandardError rule;
};

// Fits every candidate on every training part (in parallel) and applies the one-standard-error rule; candidates from the
// simplest to the most flexible. `y`, `weight`, `cluster`: n, as in `one_standard_error`. Errors: those of the learners, in the
// order of candidates and folds.
Result<Comparison> compare_by_folds(std::span<const Candidate> candidates, std::span<const double> y, const Folds& folds,
                                    Loss loss, std::span<const double> weight = {}, std::span<const std::int64_t> cluster = {});

}  // namespace gimbal::learn
