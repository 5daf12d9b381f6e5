// Effects by doubly robust contrasts, variances from rows that the models have not seen, and the predictions of a part.
#include "gimbal/learn/cross_validation.h"
#include "gimbal/policy/crossfit_engine.h"

namespace gimbal::policy {
namespace {

constexpr int kEffectFolds = 3;
constexpr std::size_t kFewestRows = 10;  // an arm's rows in an inner training part

// What regresses the contrasts of --effect dr. A learner that was named is kept to (ridge for the linear ones): the
// one-standard- error rule would take the mean wherever effects are small beside the noise, and a constant effect gives
// everyone the same arm.
Learner effect_learner(Learner outcome) {
  switch (outcome) {
    case Learner::kOls:
    case Learner::kRidge:
    case Learner::kLogistic:
      return Learner::kRidge;
    case Learner::kGbdt:
      return Learner::kGbdt;
    default:
      return Learner::kAuto;
  }
}

}  // namespace

Result<Matrix> Crossfitter::fit_effects(Part& part) const {
  const std::vector<std::size_t>& rows = part.rows;
  const std::vector<double> weight = gather(data_.weight, rows);
  const std::vector<std::int64_t> cluster = gather(data_.logged.cluster, rows);
  std::vector<int> action(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) action[r] = data_.logged.action[rows[r]];
  GIMBAL_TRY(const learn::Folds inner, learn::keyed_folds(Stream(spec_.seed, "policy.effect", part_key(part)), rows.size(),
                                                          kEffectFolds, {.stratum = action, .cluster = cluster}));
  GIMBAL_TRY(const Designs all, designs(part, rows));
  Matrix e(rows.size(), arms_);
  if (flags_.propensity->is_estimated()) {
    GIMBAL_TRY(const PropensityModel::Prediction predicted, part.propensity.predict(all, rows.size(), arms_));
    e = predicted.e;
  } else {
    e = e_.select_rows(rows);
  }
  Matrix mu(rows.size(), arms_);  // net, from models that have not seen the row
  for (int f = 0; f < kEffectFolds; ++f) {
    std::vector<std::size_t> held;
    for (const std::size_t r : inner.held_out(f)) held.push_back(rows[r]);
    GIMBAL_TRY(const Designs unseen, designs(part, held));
    for (std::size_t a = 0; a < arms_; ++a) {
      std::vector<std::size_t> train;
      for (std::size_t r = 0; r < rows.size(); ++r) {
        if (inner.of[r] != f && action[r] == static_cast<int>(a)) train.push_back(rows[r]);
      }
      if (train.size() < kFewestRows) {
        return fail_at("--effect", ErrorCode::kInsufficientData,
                       "arm \"{}\" has {} rows in an inner training part, {} are needed", data_.arms[a], train.size(),
                       kFewestRows);
      }
      const std::vector<double> y = gather(fitted_outcome_, train), w = gather(data_.weight, train);
      const std::vector<std::int64_t> c = gather(data_.logged.cluster, train);
      GIMBAL_TRY(const Designs x, designs(part, train));
      RegressionTask inner_task = task(part, a, y, w, c);
      inner_task.part = (part_key(part) + 2) * 1000 + f;  // keys apart from those of the parts
      inner_task.held_out = false;
      GIMBAL_TRY(const RegressionFit fit, fit_regression(x, inner_task));
      std::vector<double> predicted(held.size(), fit.model.intercept);
      if (fit.model.learner != Learner::kMean) {
        GIMBAL_TRY(predicted, fit.model.predict(unseen));
      }
      const std::vector<std::size_t> places = inner.held_out(f);
      for (std::size_t r = 0; r < held.size(); ++r) mu(places[r], a) = net(predicted[r], a);
    }
  }
  // Doubly robust scores Gamma and their contrasts with the first arm.
  Matrix contrast(rows.size(), arms_, 0.0);
  std::vector<double> gamma(arms_), y(rows.size());
  std::vector<std::vector<double>> targets(arms_, std::vector<double>(rows.size()));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t a = 0; a < arms_; ++a) gamma[a] = mu(r, a);
    const std::size_t given = static_cast<std::size_t>(action[r]);
    gamma[given] += (data_.logged.outcome[rows[r]] - mu(r, given)) / e(r, given);
    for (std::size_t a = 1; a < arms_; ++a) targets[a][r] = gamma[a] - gamma[0];
  }
  for (std::size_t a = 1; a < arms_; ++a) {
    RegressionTask effect = task(part, a, targets[a], weight, cluster);
    effect.learner = effect_learner(spec_.learner);
    effect.binary = false;
    effect.gbdt_candidate = spec_.learner == Learner::kAuto && fits_trees_;
    effect.part = (part_key(part) + 2) * 1000 + kEffectFolds;
    effect.held_out = true;
    GIMBAL_TRY(RegressionFit fit, fit_regression(all, effect));
    for (std::size_t r = 0; r < rows.size(); ++r) contrast(r, a) = fit.held_out[r];
    part.models[a].effect = std::move(fit.model);
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    double level = 0;
    for (std::size_t a = 0; a < arms_; ++a) level += e(r, a) * (mu(r, a) - contrast(r, a));
    for (std::size_t a = 0; a < arms_; ++a) mu(r, a) = level + contrast(r, a);
  }
  return mu;
}

Result<VarianceModel> Crossfitter::fit_variance(const Part& part, std::size_t arm, std::span<const double> held_out,
                                                std::span<const double> in_sample) const {
  const std::vector<std::size_t>& rows = part.arm_rows[arm];
  const std::vector<double> weight = gather(data_.weight, rows);
  std::vector<double> squared(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const double residual = fitted_outcome_[rows[r]] - held_out[r];
    squared[r] = residual * residual;
  }
  VarianceModel out;
  out.kind = variance_;
  out.mean = mean_of(squared, weight);
  if (!crossfitted() && own_models()) {
    // In-sample residuals: RSS / (n - p).
    const double rows_count = static_cast<double>(rows.size());
    const double parameters = part.fits[arm].parameters;
    if (rows_count <= parameters) {
      return fail_at("--folds", ErrorCode::kInsufficientData, "arm \"{}\" has {} rows for {} parameters", data_.arms[arm],
                     rows.size(), parameters);
    }
    out.mean *= rows_count / (rows_count - parameters);
  }
  if (variance_ == VarianceKind::kBinomial) {
    out.rows = static_cast<double>(rows.size());
    std::vector<double> gaps(rows.size());
    for (std::size_t r = 0; r < rows.size(); ++r) gaps[r] = (held_out[r] - in_sample[r]) * (held_out[r] - in_sample[r]);
    out.excess = mean_of(gaps, weight);
  }
  if (variance_ == VarianceKind::kModel) {
    GIMBAL_TRY(const Designs x, designs(part, rows));
    const std::vector<std::int64_t> cluster = gather(data_.logged.cluster, rows);
    RegressionTask squares = task(part, arm, squared, weight, cluster);
    squares.learner = spec_.learner == Learner::kGbdt ? Learner::kGbdt : Learner::kRidge;
    squares.binary = false;
    squares.part = (part_key(part) + 2) * 1000 + kEffectFolds + 1;
    squares.held_out = false;
    GIMBAL_TRY(RegressionFit fit, fit_regression(x, squares));
    out.regression = std::move(fit.model);
  }
  return out;
}

Model Crossfitter::model_of(const Part& part) const {
  Model model;
  model.flags = flags_;
  model.flags.arms = data_.arms;
  model.spec = spec_;
  model.spec.variance = variance_;
  model.arms = data_.arms;
  model.encoding = part.encoding;
  model.arm_models = part.models;
  model.arm_cost = data_.arm_cost;
  model.propensity = part.propensity;
  model.variance_floor = variance_floor_;
  model.binary = binary_;
  model.rows = n();
  model.c0 = mean_of(data_.logged.outcome, data_.weight);
  return model;
}

Result<Table> Crossfitter::predict(const Part& part, const std::vector<std::size_t>& rows) const {
  GIMBAL_TRY(const Designs x, designs(part, rows));
  const bool from_table =
      !own_models() || variance_ == VarianceKind::kColumns || flags_.propensity->kind == PropensitySpec::Kind::kColumns;
  GIMBAL_TRY(Predictions out, model_of(part).predict(x, from_table ? data_.table.select_rows(rows) : bare_table(rows.size())));
  return std::move(out.table);
}

data::DataTable Crossfitter::bare_table(std::size_t rows) {
  data::DataTable table("table");
  table.add_numbers("row", std::vector<double>(rows, 0.0));
  return table;
}

Result<void> Crossfitter::fit_effects_and_predict() {
  result_.nuisance.table.arms = data_.arms;
  result_.nuisance.table.mu = Matrix(n(), arms_);
  result_.nuisance.table.var = Matrix(n(), arms_);
  Matrix& oof_mu = result_.nuisance.table.mu;
  for (Part& part : parts_) {
    part.models.resize(arms_);
    for (std::size_t a = 0; a < arms_ && own_models(); ++a) part.models[a].outcome = part.fits[a].model;
    Matrix unseen_mu;  // of part.rows, with --effect dr
    if (spec_.effect == Effect::kDr && own_models()) {
      if (hooks_.stop.stop_requested())
        return fail(ErrorCode::kInterrupted, "interrupted while effects were fitted; nothing was written");
      GIMBAL_TRY(unseen_mu, fit_effects(part));
    }
    GIMBAL_TRY(fit_variances(part, unseen_mu));
    if (part.fold < 0 && crossfitted()) break;
    GIMBAL_TRY(const Table predicted, predict(part, part.unseen));
    for (std::size_t r = 0; r < part.unseen.size(); ++r) {
      std::ranges::copy(predicted.mu.row(r), oof_mu.row(part.unseen[r]).begin());
      std::ranges::copy(predicted.var.row(r), result_.nuisance.table.var.row(part.unseen[r]).begin());
    }
  }
  GIMBAL_TRY(const Table predicted, predict(full(), full().rows));
  result_.nuisance.full_mu = predicted.mu;
  result_.nuisance.full_var = predicted.var;
  return {};
}

Result<void> Crossfitter::fit_variances(Part& part, const Matrix& unseen_mu) {
  if (variance_ == VarianceKind::kColumns) return {};
  // What the part's final models (effects included) say of its own rows; needed where in-sample predictions enter.
  Matrix in_sample(part.rows.size(), arms_);
  if (variance_ == VarianceKind::kBinomial || !crossfitted() || !own_models()) {
    for (std::size_t a = 0; a < arms_; ++a) part.models[a].variance = VarianceModel{};
    const VarianceKind kind = variance_;
    variance_ = VarianceKind::kArm;  // predictions of mu alone
    Result<Table> predicted = predict(part, part.rows);
    variance_ = kind;
    if (!predicted) return fail(std::move(predicted).error());
    in_sample = std::move(predicted->mu);
  }
  std::vector<std::size_t> seen(arms_, 0);  // how many rows of each arm have passed
  std::vector<std::vector<double>> held_out(arms_), own(arms_);
  for (std::size_t r = 0; r < part.rows.size(); ++r) {
    const std::size_t i = part.rows[r], a = static_cast<std::size_t>(data_.logged.action[i]);
    double prediction;
    if (!crossfitted() || !own_models())
      prediction = fitted(in_sample(r, a), a);
    else if (part.fold < 0)
      prediction = fitted(result_.nuisance.table.mu(i, a), a);
    else if (!unseen_mu.empty())
      prediction = fitted(unseen_mu(r, a), a);
    else
      prediction = part.fits[a].held_out[seen[a]];
    held_out[a].push_back(prediction);
    own[a].push_back(fitted(in_sample(r, a), a));
    ++seen[a];
  }
  for (std::size_t a = 0; a < arms_; ++a) {
    GIMBAL_TRY(part.models[a].variance, fit_variance(part, a, held_out[a], own[a]));
  }
  return {};
}

}  // namespace gimbal::policy
