// The regressions of the outcome: every arm on every training part, in parallel.
#include "gimbal/base/parallel.h"
#include "gimbal/learn/linear.h"
#include "gimbal/policy/crossfit_engine.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kFewestRows = 10;  // an arm's rows in a training part, for every learner but ols

}  // namespace

Result<void> Crossfitter::check_size(const Part& part, std::size_t arm) const {
  std::size_t rows = 0;  // those that count
  for (const std::size_t i : part.arm_rows[arm]) rows += data_.weight.empty() || data_.weight[i] > 0;
  std::size_t needed = kFewestRows;
  if (spec_.learner == Learner::kOls) needed = part.encoding.width(data::Design::kLinear) + 1 + 2;
  if (rows >= needed) return {};
  const std::string where =
      part.fold < 0 ? "the training data" : fmt::format("the training part of fold {} of {}", part.fold + 1, spec_.folds);
  const bool uses_features = spec_.learner != Learner::kMean;
  return fail_at("--folds", ErrorCode::kInsufficientData, "arm \"{}\" has {} rows in {}, {} are needed{}; {}", data_.arms[arm],
                 rows, where, needed, spec_.learner == Learner::kOls ? " (2 more than parameters)" : "",
                 uses_features     ? "use fewer folds or features, or --learner mean"
                 : spec_.folds > 1 ? "use fewer folds"
                                   : "leave the arm out of the data");
}

RegressionTask Crossfitter::task(const Part& part, std::size_t arm, std::span<const double> y, std::span<const double> weight,
                                 std::span<const std::int64_t> cluster) const {
  RegressionTask out;
  out.learner = spec_.learner;
  out.binary = binary_;
  out.gbdt_candidate = fits_trees_;
  out.y = y;
  out.weight = weight;
  out.cluster = cluster;
  out.seed = spec_.seed;
  out.part = part_key(part);
  out.arm = static_cast<std::int64_t>(arm);
  // The full-data models take their residuals from the folds.
  out.held_out = part.fold >= 0;
  return out;
}

Result<void> Crossfitter::fit_outcomes() {
  for (Part& part : parts_) {
    part.fits.resize(arms_);
    // Predictions in columns need no rows, but the variance around them does.
    for (std::size_t a = 0; a < arms_ && (own_models() || variance_ != VarianceKind::kColumns); ++a)
      GIMBAL_TRY(check_size(part, a));
  }
  if (!own_models()) return {};
  const std::size_t tasks = parts_.size() * arms_;
  if (hooks_.begin) hooks_.begin(tasks);
  if (spec_.learner == Learner::kRidge && shared_encoding_) return fit_ridge_at_once(tasks);
  std::vector<std::optional<Error>> errors(tasks);
  const bool finished = parallel_for(tasks, 1, hooks_.stop, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      Part& part = parts_[t / arms_];
      Result<RegressionFit> fit = fit_arm(part, t % arms_, part.arm_rows[t % arms_]);
      if (fit)
        part.fits[t % arms_] = std::move(*fit);
      else
        errors[t] = std::move(fit).error();
      if (hooks_.step) hooks_.step();
    }
  });
  if (!finished) return fail(ErrorCode::kInterrupted, "interrupted while the models were fitted; nothing was written");
  for (std::size_t t = 0; t < tasks; ++t) {
    if (errors[t]) return fail(std::move(*errors[t]).with_note(fmt::format("while fitting arm \"{}\"", data_.arms[t % arms_])));
  }
  return {};
}

Result<RegressionFit> Crossfitter::fit_arm(const Part& part, std::size_t arm, std::span<const std::size_t> rows) const {
  GIMBAL_TRY(const Designs x, designs(part, rows));
  const std::vector<double> y = gather(fitted_outcome_, rows), weight = gather(data_.weight, rows);
  const std::vector<std::int64_t> cluster = gather(data_.logged.cluster, rows);
  return fit_regression(x, task(part, arm, y, weight, cluster));
}

Result<void> Crossfitter::fit_ridge_at_once(std::size_t tasks) {
  if (hooks_.stop.stop_requested())
    return fail(ErrorCode::kInterrupted, "interrupted while the models were fitted; nothing was written");
  const int folds = crossfitted() ? spec_.folds : 0;
  GIMBAL_TRY(learn::CrossfitRidge ridge,
             learn::crossfit_ridge({design_.linear, fitted_outcome_, data_.weight, data_.logged.action, static_cast<int>(arms_),
                                    folds > 0 ? std::span<const int>(fold_of_) : std::span<const int>{}, folds}));
  for (Part& part : parts_) {
    for (std::size_t a = 0; a < arms_; ++a) {
      learn::LinearFit& fit = part.fold < 0
                                  ? ridge.full[a]
                                  : ridge.training[a * static_cast<std::size_t>(folds) + static_cast<std::size_t>(part.fold)];
      RegressionFit& out = part.fits[a];
      out.model.learner = Learner::kRidge;
      out.model.intercept = fit.intercept;
      out.model.intercept_se = fit.intercept_se;
      out.model.coefficients = fit.coefficients;
      out.model.standard_errors = fit.standard_errors;
      out.model.penalty = fit.penalty;
      out.parameters = fit.parameters;
      out.held_out = std::move(fit.loo);
      out.in_sample.resize(part.arm_rows[a].size());
      for (std::size_t r = 0; r < out.in_sample.size(); ++r)
        out.in_sample[r] = fit.predict(design_.linear.row(part.arm_rows[a][r]));
    }
  }
  for (std::size_t t = 0; t < tasks && hooks_.step; ++t) hooks_.step();
  return {};
}

}  // namespace gimbal::policy
