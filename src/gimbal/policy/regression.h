// One fitted regression of `policy`: mean, least squares, ridge, logistic or boosted trees behind one face, with predictions
// for its own training rows that have not seen the row's outcome, and the `auto` choice between them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/learn/gbdt.h"
#include "gimbal/policy/fit_spec.h"

namespace gimbal::policy {

// The same rows in the two designs of data/encoding.h. `tree` is empty unless boosted trees take part, `linear` unless others
// do.
struct Designs {
  Matrix linear, tree;
  std::size_t rows() const { return linear.rows() > 0 || tree.rows() == 0 ? linear.rows() : tree.rows(); }
};
// Which of them a learner (or the candidates of auto) needs.
bool needs_linear(Learner learner);
bool needs_tree(Learner learner);

class Regression {
 public:
  Learner learner = Learner::kMean;  // mean, ols, ridge, logistic or gbdt
  double intercept = 0;
  std::vector<double> coefficients;  // of the linear design; empty for mean and gbdt
  double intercept_se = 0;
  std::vector<double> standard_errors;  // as `coefficients`, NaN where there is none
  std::optional<double> penalty;        // ridge, logistic
  std::optional<int> rounds;            // gbdt
  std::shared_ptr<const learn::Gbdt> booster;

  // n predictions; probabilities for logistic. Errors: those of the booster.
  Result<std::vector<double>> predict(const Designs& designs) const;
  void write(JsonWriter& json) const;
  static Result<Regression> read(const JsonView& json);
};

struct CandidateScore {
  Learner learner;
  double mse = 0, se = 0;
};

struct RegressionFit {
  Regression model;
  // For each training row: the prediction of a model that did not see it (leave-one-out for mean, ols and ridge, else a 3-fold
  // split), and that of the model itself.
  std::vector<double> held_out, in_sample;
  double parameters = 1;                   // counting the intercept
  std::vector<CandidateScore> candidates;  // of auto, simplest first
  std::vector<std::size_t> dropped;        // collinear columns (ols)
};

struct RegressionTask {
  Learner learner = Learner::kAuto;
  bool binary = false;                         // outcomes are 0 and 1
  bool gbdt_candidate = true;                  // auto compares boosted trees too, where XGBoost is available
  std::span<const double> y;                   // n
  std::span<const double> weight = {};         // n or empty
  std::span<const std::int64_t> cluster = {};  // n or empty: inner folds never split a cluster
  std::uint64_t seed = 0;
  std::int64_t part = 0, arm = 0;  // key the inner folds and hold-outs
  bool held_out = true;            // false: `held_out` may stay empty for logistic and gbdt (saves the inner fits)
};

// auto: compares mean, ridge (logistic for 0/1 outcomes) and gbdt by 3-fold squared error and takes the simplest within one
// standard error of the best; gbdt takes part where XGBoost is available. Errors: unavailable, insufficient_data of the
// learners.
Result<RegressionFit> fit_regression(const Designs& designs, const RegressionTask& task);

}  // namespace gimbal::policy
