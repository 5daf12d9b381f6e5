// The state that cross-fitting builds up step by step (internal to crossfit*.cc).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "gimbal/policy/crossfit.h"

namespace gimbal::policy {

// The training part of one fold, or all rows.
struct Part {
  int fold = -1;                    // -1: all rows
  std::vector<std::size_t> rows;    // it trains on these
  std::vector<std::size_t> unseen;  // and predicts these
  data::Encoding encoding;
  PropensityModel propensity;
  std::vector<std::vector<std::size_t>> arm_rows;  // K lists, ascending
  std::vector<RegressionFit> fits;                 // K, of the fitted outcome
  std::vector<ArmModel> models;                    // K
};

class Crossfitter {
 public:
  Crossfitter(LoggedData data, const DataFlags& flags, const FitSpec& spec, const CrossfitHooks& hooks)
      : data_(std::move(data)), flags_(flags), spec_(spec), hooks_(hooks), arms_(data_.arms.size()) {}

  Result<CrossfitResult> run();

 private:
  std::size_t n() const { return data_.rows(); }
  bool linear() const { return fit_needs_linear(spec_, *flags_.propensity); }
  bool tree() const { return fit_needs_tree(spec_, *flags_.propensity); }
  bool own_models() const { return spec_.learner != Learner::kColumns; }
  bool crossfitted() const { return spec_.folds > 1; }
  Part& full() { return parts_.back(); }

  // crossfit.cc: checks, parts and their encodings, propensities, the result.
  Result<void> check_data();
  Result<void> prepare();
  Result<void> make_parts();
  static bool same_design(const data::Encoding& a, const data::Encoding& b);

  // The rows as `part` encodes them.
  Result<Designs> designs(const Part& part, std::span<const std::size_t> rows) const;
  std::int64_t part_key(const Part& part) const { return part.fold; }

  Result<void> fit_propensity_of(Part& part) const;
  Result<void> fit_propensities();  // of all parts, in parallel
  Result<void> trim();

  // crossfit_models.cc: outcome regressions.
  Result<void> check_size(const Part& part, std::size_t arm) const;
  RegressionTask task(const Part& part, std::size_t arm, std::span<const double> y, std::span<const double> weight,
                      std::span<const std::int64_t> cluster) const;
  Result<void> fit_outcomes();
  Result<RegressionFit> fit_arm(const Part& part, std::size_t arm, std::span<const std::size_t> rows) const;
  // All parts and arms from one pass over the rows: fold Gram matrices are subtracted from the arm's total.
  Result<void> fit_ridge_at_once(std::size_t tasks);

  // crossfit_effects.cc: effects, variances, predictions.
  // chat_a of a part, and for its rows the net predictions mu' that have not seen the row (rows x K).
  Result<Matrix> fit_effects(Part& part) const;
  double net(double fitted, std::size_t arm) const { return data_.outcome_sign * fitted - data_.arm_cost[arm]; }
  double fitted(double net_value, std::size_t arm) const { return data_.outcome_sign * (net_value + data_.arm_cost[arm]); }

  // The variance model of one arm from pairs (outcome, prediction that has not seen it), on the fitted scale.
  Result<VarianceModel> fit_variance(const Part& part, std::size_t arm, std::span<const double> held_out,
                                     std::span<const double> in_sample) const;
  Model model_of(const Part& part) const;
  Result<Table> predict(const Part& part, const std::vector<std::size_t>& rows) const;
  static data::DataTable bare_table(std::size_t rows);
  Result<void> fit_effects_and_predict();
  Result<void> fit_variances(Part& part, const Matrix& unseen_mu);

  Result<CrossfitResult> assemble();
  void summarize();
  void warn_about_assignment();
  void warn_about_fit();

  LoggedData data_;
  const DataFlags& flags_;
  FitSpec spec_;
  const CrossfitHooks& hooks_;
  std::size_t arms_;
  std::vector<double> fitted_outcome_;
  bool binary_ = false;
  bool fits_trees_ = true;  // outcomes that boosted trees, which compute in single precision, can hold
  VarianceKind variance_ = VarianceKind::kArm;
  double variance_floor_ = 0;
  std::vector<data::FeatureSpec> features_;
  std::vector<int> fold_of_;
  std::vector<Part> parts_;  // the folds, then all rows
  bool shared_encoding_ = true;
  Designs design_;  // of all rows, as the full part encodes them
  Matrix e_;        // n x K: given, or out-of-fold
  CrossfitResult result_;
};

// values[rows], or nothing where there are no values.
std::vector<double> gather(std::span<const double> values, std::span<const std::size_t> rows);
std::vector<std::int64_t> gather(std::span<const std::int64_t> values, std::span<const std::size_t> rows);
// Of finite values; weights empty: 1 each. The variance has the divisor n.
double mean_of(std::span<const double> values, std::span<const double> weight);
double variance_of(std::span<const double> values, std::span<const double> weight);

}  // namespace gimbal::policy
