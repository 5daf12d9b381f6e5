// Cross-fitting: nuisance models for every row that have not seen the row's outcome, and the full-data models.
//
// The rows are dealt into J folds (by cluster if there are clusters, else stratified by arm). For each fold, propensity,
// outcome regressions, variances and, with --effect dr, effect regressions are fitted on the other folds - learner choice,
// penalties, boosting rounds and encodings included - and applied to the fold. The full-data models, fitted on all rows, go
// into the model file; their variances come from the out-of-fold residuals.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/warning.h"
#include "gimbal/policy/logged_data.h"
#include "gimbal/policy/model.h"
#include "gimbal/policy/nuisance_table.h"

namespace gimbal::policy {

// For the document of `fit`: one entry an arm, from the full-data models.
struct ArmSummary {
  std::string arm;
  std::size_t rows = 0;
  std::vector<CandidateScore> candidates;
  std::optional<double> r2_oof;  // 1 - out-of-fold squared error / variance of the arm's outcomes; none with one fold
  double variance_mean = 0;      // mean of s2_a over the training rows
};

struct CrossfitResult {
  LoggedData data;           // the rows that were used (--trim leaves some out)
  Model model;               // `training` is left empty
  NuisanceTable nuisance;    // out-of-fold (in-sample with one fold) e, mu, var with y and a; full_mu, full_var
  std::vector<int> fold_of;  // the fold of each row
  std::vector<ArmSummary> arms;
  std::size_t clipped = 0;  // rows whose estimated propensity was clipped
  std::size_t trimmed = 0;
  double propensity_min = 0, propensity_max = 0;
  std::optional<double> propensity_log_loss;  // out-of-fold mean of -log e_A
  std::vector<Warning> warnings;
};

struct CrossfitHooks {
  std::function<void(std::size_t total)> begin;  // number of regressions
  std::function<void()> step;                    // one is done; any thread
  StopToken stop;
};

// `flags` as the data were loaded. Errors: insufficient_data (constant outcome, an arm too small for the folds, naming arm and
// fold), usage (features), unavailable (gbdt without XGBoost), interrupted, and those of the encodings.
Result<CrossfitResult> crossfit(LoggedData data, const DataFlags& flags, const FitSpec& spec, const CrossfitHooks& hooks = {});

// Columns that are features: the flags' list, or every loaded column that has no other role.
Result<std::vector<data::FeatureSpec>> feature_columns(const data::DataTable& table, const DataFlags& flags,
                                                       const FitSpec& spec, const std::vector<std::string>& arms);

}  // namespace gimbal::policy
