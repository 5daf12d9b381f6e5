#include "gimbal/policy/crossfit.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/learn/cross_validation.h"
#include "gimbal/learn/linear.h"

namespace gimbal::policy {
namespace {

constexpr int kEffectFolds = 3;
constexpr std::size_t kFewestRows = 10;  // an arm's rows in a training part, for every learner but ols

std::vector<double> gather(std::span<const double> values, std::span<const std::size_t> rows) {
  if (values.empty()) return {};
  std::vector<double> out(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) out[i] = values[rows[i]];
  return out;
}

std::vector<std::int64_t> gather(std::span<const std::int64_t> values, std::span<const std::size_t> rows) {
  if (values.empty()) return {};
  std::vector<std::int64_t> out(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) out[i] = values[rows[i]];
  return out;
}

double weighted_mean(std::span<const double> values, std::span<const double> weight) {
  NeumaierSum sum, total;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double w = weight.empty() ? 1.0 : weight[i];
    sum += w * values[i];
    total += w;
  }
  return sum.value() / total.value();
}

double weighted_variance(std::span<const double> values, std::span<const double> weight) {
  const double mean = weighted_mean(values, weight);
  std::vector<double> squares(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) squares[i] = (values[i] - mean) * (values[i] - mean);
  return weighted_mean(squares, weight);
}

// What regresses the contrasts of --effect dr. A learner that was named is kept to (ridge for the linear ones): the one-standard-
// error rule would take the mean wherever effects are small beside the noise, and a constant effect gives everyone the same arm.
Learner effect_learner(Learner outcome) {
  switch (outcome) {
    case Learner::kOls:
    case Learner::kRidge:
    case Learner::kLogistic: return Learner::kRidge;
    case Learner::kGbdt: return Learner::kGbdt;
    default: return Learner::kAuto;
  }
}

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

  Result<CrossfitResult> run() {
    GIMBAL_TRY(check_data());
    if (spec_.learner == Learner::kAuto && !learn::gbdt_available()) {
      result_.warnings.push_back({"gbdt_unavailable", "XGBoost was not found (package libxgboost-dev): auto compares mean and linear models only", {}});
    }
    GIMBAL_TRY(prepare());
    GIMBAL_TRY(fit_propensities());
    if (spec_.trim > 0) {
      GIMBAL_TRY(trim());
    }
    GIMBAL_TRY(fit_outcomes());
    GIMBAL_TRY(fit_effects_and_predict());
    return assemble();
  }

 private:
  std::size_t n() const { return data_.rows(); }
  bool linear() const { return fit_needs_linear(spec_, *flags_.propensity); }
  bool tree() const { return fit_needs_tree(spec_, *flags_.propensity); }
  bool own_models() const { return spec_.learner != Learner::kColumns; }
  bool crossfitted() const { return spec_.folds > 1; }
  Part& full() { return parts_.back(); }

  Result<void> check_data() {
    const auto [low, high] = std::minmax_element(data_.logged.outcome.begin(), data_.logged.outcome.end());
    if (*low == *high) {
      return fail_at("--outcome", ErrorCode::kInsufficientData, "the outcome \"{}\" is the same ({}) in all {} training rows: nothing can be learned",
                     flags_.outcome, data_.raw_outcome.front(), n());
    }
    std::vector<std::size_t> count(arms_, 0);
    for (const int a : data_.logged.action) ++count[static_cast<std::size_t>(a)];
    for (std::size_t a = 0; a < arms_; ++a) {
      if (count[a] == 0) {
        return fail_at("--arms", ErrorCode::kInvalidArgument, "arm \"{}\" has no rows in {}", data_.arms[a], data_.table.path());
      }
    }
    if ((spec_.learner == Learner::kGbdt || flags_.propensity->kind == PropensitySpec::Kind::kGbdt) && !learn::gbdt_available()) {
      return fail_at("--learner", ErrorCode::kUnavailable,
                     "gbdt needs XGBoost, which was not found; install the package libxgboost-dev, or use --learner ridge");
    }
    fitted_outcome_ = data_.fitted_outcome();
    binary_ = std::all_of(fitted_outcome_.begin(), fitted_outcome_.end(), [](double y) { return y == 0 || y == 1; });
    variance_ = spec_.variance;
    if (variance_ == VarianceKind::kAuto) variance_ = binary_ ? VarianceKind::kBinomial : VarianceKind::kArm;
    if (variance_ == VarianceKind::kBinomial && !binary_) {
      return fail_at("--variance", ErrorCode::kInvalidArgument, "binomial needs an outcome of 0 and 1; \"{}\" (net of cost columns) has other values",
                     flags_.outcome);
    }
    if (spec_.learner == Learner::kLogistic && !binary_) {
      return fail_at("--learner", ErrorCode::kInvalidArgument, "logistic needs an outcome of 0 and 1; \"{}\" (net of cost columns) has other values",
                     flags_.outcome);
    }
    variance_floor_ = 1e-12 * weighted_variance(data_.logged.outcome, data_.weight);
    return {};
  }

  Result<void> prepare() {
    if (linear() || tree()) {
      GIMBAL_TRY(features_, feature_columns(data_.table, flags_, spec_, data_.arms));
      if (features_.empty()) {
        return fail_at("--features", ErrorCode::kInvalidArgument, "no column is left to be a feature in {}; use --learner mean to go without",
                       data_.table.path());
      }
    }
    if (crossfitted()) {
      GIMBAL_TRY(const learn::Folds folds, learn::keyed_folds(Stream(spec_.seed, "policy.fold"), n(), spec_.folds,
                                                              {.stratum = data_.logged.action, .cluster = data_.logged.cluster}));
      fold_of_ = folds.of;
    } else {
      fold_of_.assign(n(), 0);
    }
    return make_parts();
  }

  Result<void> make_parts() {
    parts_.clear();
    const int folds = crossfitted() ? spec_.folds : 0;
    for (int j = 0; j <= folds; ++j) {
      Part part;
      part.fold = j < folds ? j : -1;
      for (std::size_t i = 0; i < n(); ++i) (part.fold >= 0 && fold_of_[i] == part.fold ? part.unseen : part.rows).push_back(i);
      if (part.fold < 0) part.unseen = part.rows;
      GIMBAL_TRY(part.encoding, data::Encoding::fit(data_.table, features_, {.rows = part.rows, .weights = data_.weight}));
      part.arm_rows.resize(arms_);
      for (const std::size_t i : part.rows) part.arm_rows[static_cast<std::size_t>(data_.logged.action[i])].push_back(i);
      parts_.push_back(std::move(part));
    }
    // Where every part would encode the rows alike (no imputed means, the same levels), one design serves all of them.
    shared_encoding_ = std::all_of(parts_.begin(), parts_.end(), [&](const Part& part) { return same_design(part.encoding, full().encoding); });
    design_ = {};
    if (linear()) {
      GIMBAL_TRY(data::Encoded encoded, full().encoding.apply(data_.table, {.design = data::Design::kLinear}));
      design_.linear = std::move(encoded.x);
    }
    if (tree()) {
      GIMBAL_TRY(data::Encoded encoded, full().encoding.apply(data_.table, {.design = data::Design::kTree}));
      design_.tree = std::move(encoded.x);
    }
    return {};
  }

  static bool same_design(const data::Encoding& a, const data::Encoding& b) {
    for (std::size_t f = 0; f < a.features().size(); ++f) {
      const data::Encoding::Feature &left = a.features()[f], &right = b.features()[f];
      if (left.missing_seen || right.missing_seen || left.levels != right.levels || left.reference != right.reference) return false;
    }
    return true;
  }

  // The rows as `part` encodes them.
  Result<Designs> designs(const Part& part, std::span<const std::size_t> rows) const {
    Designs out;
    const bool share = shared_encoding_ || part.fold < 0;
    if (linear() && share) out.linear = design_.linear.select_rows(rows);
    if (tree() && share) out.tree = design_.tree.select_rows(rows);
    if (share) return out;
    // A level may be absent from the training part of a fold; that is no error of the user's.
    const auto encode = [&](data::Design design) {
      return part.encoding.apply(data_.table, {.design = design, .unknown = data::UnknownCategory::kMissing, .rows = rows});
    };
    if (linear()) {
      GIMBAL_TRY(data::Encoded encoded, encode(data::Design::kLinear));
      out.linear = std::move(encoded.x);
    }
    if (tree()) {
      GIMBAL_TRY(data::Encoded encoded, encode(data::Design::kTree));
      out.tree = std::move(encoded.x);
    }
    return out;
  }

  std::int64_t part_key(const Part& part) const { return part.fold; }

  Result<void> fit_propensities() {
    e_ = data_.e;
    const PropensitySpec& propensity = *flags_.propensity;
    for (Part& part : parts_) {
      // Shares are those of all training rows: they carry no row's outcome.
      const bool whole = part.fold < 0 || !propensity.is_estimated();
      Designs train;
      if (propensity.is_estimated()) {
        GIMBAL_TRY(train, designs(part, part.rows));
      }
      const std::vector<std::size_t>& rows = whole ? full().rows : part.rows;
      std::vector<int> action(rows.size());
      for (std::size_t i = 0; i < rows.size(); ++i) action[i] = data_.logged.action[rows[i]];
      const std::vector<double> weight = gather(data_.weight, rows);
      const std::vector<std::int64_t> cluster = gather(data_.logged.cluster, rows);
      GIMBAL_TRY(part.propensity, fit_propensity(train, {propensity, spec_.clip, static_cast<int>(arms_), action, weight, cluster, spec_.seed,
                                                         part_key(part)}));
    }
    if (propensity.kind == PropensitySpec::Kind::kColumns || propensity.kind == PropensitySpec::Kind::kUniform) return {};
    e_ = Matrix(n(), arms_);
    for (const Part& part : parts_) {
      if (part.fold < 0 && crossfitted()) continue;
      Designs unseen;
      if (propensity.is_estimated()) {
        GIMBAL_TRY(unseen, designs(part, part.unseen));
      }
      GIMBAL_TRY(const PropensityModel::Prediction predicted, part.propensity.predict(unseen, part.unseen.size(), arms_));
      result_.clipped += predicted.clipped;
      for (std::size_t r = 0; r < part.unseen.size(); ++r) std::ranges::copy(predicted.e.row(r), e_.row(part.unseen[r]).begin());
    }
    return {};
  }

  Result<void> trim() {
    std::vector<std::size_t> keep;
    for (std::size_t i = 0; i < n(); ++i) {
      if (*std::ranges::min_element(e_.row(i)) >= spec_.trim) keep.push_back(i);
    }
    result_.trimmed = n() - keep.size();
    if (result_.trimmed == 0) return {};
    if (keep.empty()) {
      return fail_at("--trim", ErrorCode::kInsufficientData, "no unit has a propensity of at least {} for every arm", spec_.trim);
    }
    std::vector<PropensityModel> models;
    for (Part& part : parts_) models.push_back(std::move(part.propensity));
    data_ = data_.select_rows(keep);
    e_ = e_.select_rows(keep);
    std::vector<int> folds(keep.size());
    for (std::size_t i = 0; i < keep.size(); ++i) folds[i] = fold_of_[keep[i]];
    fold_of_ = std::move(folds);
    GIMBAL_TRY(check_data());
    GIMBAL_TRY(make_parts());
    for (std::size_t p = 0; p < parts_.size(); ++p) parts_[p].propensity = std::move(models[p]);
    result_.warnings.push_back({"trimmed",
                                fmt::format("{} units with a propensity below {} for some arm were left out: results speak of the others only",
                                            result_.trimmed, spec_.trim),
                                static_cast<std::int64_t>(result_.trimmed)});
    return {};
  }

  Result<void> check_size(const Part& part, std::size_t arm) const {
    const std::size_t rows = part.arm_rows[arm].size();
    std::size_t needed = kFewestRows;
    if (spec_.learner == Learner::kOls) needed = part.encoding.width(data::Design::kLinear) + 1 + 2;
    if (rows >= needed) return {};
    const std::string where = part.fold < 0 ? "the training data" : fmt::format("the training part of fold {} of {}", part.fold + 1, spec_.folds);
    return fail_at("--folds", ErrorCode::kInsufficientData, "arm \"{}\" has {} rows in {}, {} are needed{}; use fewer folds or features, or --learner mean",
                   data_.arms[arm], rows, where, needed, spec_.learner == Learner::kOls ? " (2 more than parameters)" : "");
  }

  RegressionTask task(const Part& part, std::size_t arm, std::span<const double> y, std::span<const double> weight,
                      std::span<const std::int64_t> cluster) const {
    RegressionTask out;
    out.learner = spec_.learner;
    out.binary = binary_;
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

  Result<void> fit_outcomes() {
    for (Part& part : parts_) {
      part.fits.resize(arms_);
      // Predictions in columns need no rows, but the variance around them does.
      for (std::size_t a = 0; a < arms_ && (own_models() || variance_ != VarianceKind::kColumns); ++a) GIMBAL_TRY(check_size(part, a));
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
        if (fit) part.fits[t % arms_] = std::move(*fit);
        else errors[t] = std::move(fit).error();
        if (hooks_.step) hooks_.step();
      }
    });
    if (!finished) return fail(ErrorCode::kInterrupted, "interrupted while the models were fitted; nothing was written");
    for (std::size_t t = 0; t < tasks; ++t) {
      if (errors[t]) return fail(std::move(*errors[t]).with_note(fmt::format("while fitting arm \"{}\"", data_.arms[t % arms_])));
    }
    return {};
  }

  Result<RegressionFit> fit_arm(const Part& part, std::size_t arm, std::span<const std::size_t> rows) const {
    GIMBAL_TRY(const Designs x, designs(part, rows));
    const std::vector<double> y = gather(fitted_outcome_, rows), weight = gather(data_.weight, rows);
    const std::vector<std::int64_t> cluster = gather(data_.logged.cluster, rows);
    return fit_regression(x, task(part, arm, y, weight, cluster));
  }

  // All parts and arms from one pass over the rows: fold Gram matrices are subtracted from the arm's total.
  Result<void> fit_ridge_at_once(std::size_t tasks) {
    if (hooks_.stop.stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted while the models were fitted; nothing was written");
    const int folds = crossfitted() ? spec_.folds : 0;
    GIMBAL_TRY(learn::CrossfitRidge ridge,
               learn::crossfit_ridge({design_.linear, fitted_outcome_, data_.weight, data_.logged.action, static_cast<int>(arms_),
                                      folds > 0 ? std::span<const int>(fold_of_) : std::span<const int>{}, folds}));
    for (Part& part : parts_) {
      for (std::size_t a = 0; a < arms_; ++a) {
        learn::LinearFit& fit = part.fold < 0 ? ridge.full[a] : ridge.training[a * static_cast<std::size_t>(folds) + static_cast<std::size_t>(part.fold)];
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
        for (std::size_t r = 0; r < out.in_sample.size(); ++r) out.in_sample[r] = fit.predict(design_.linear.row(part.arm_rows[a][r]));
      }
    }
    for (std::size_t t = 0; t < tasks && hooks_.step; ++t) hooks_.step();
    return {};
  }

  // chat_a of a part, and for its rows the net predictions mu' that have not seen the row (rows x K).
  Result<Matrix> fit_effects(Part& part) const {
    const std::vector<std::size_t>& rows = part.rows;
    const std::vector<double> weight = gather(data_.weight, rows);
    const std::vector<std::int64_t> cluster = gather(data_.logged.cluster, rows);
    std::vector<int> action(rows.size());
    for (std::size_t r = 0; r < rows.size(); ++r) action[r] = data_.logged.action[rows[r]];
    GIMBAL_TRY(const learn::Folds inner, learn::keyed_folds(Stream(spec_.seed, "policy.effect", part_key(part)), rows.size(), kEffectFolds,
                                                            {.stratum = action, .cluster = cluster}));
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
          return fail_at("--effect", ErrorCode::kInsufficientData, "arm \"{}\" has {} rows in an inner training part, {} are needed", data_.arms[a],
                         train.size(), kFewestRows);
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
      effect.gbdt_candidate = spec_.learner == Learner::kAuto;
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

  double net(double fitted, std::size_t arm) const { return data_.outcome_sign * fitted - data_.arm_cost[arm]; }
  double fitted(double net_value, std::size_t arm) const { return data_.outcome_sign * (net_value + data_.arm_cost[arm]); }

  // The variance model of one arm from pairs (outcome, prediction that has not seen it), on the fitted scale.
  Result<VarianceModel> fit_variance(const Part& part, std::size_t arm, std::span<const double> held_out, std::span<const double> in_sample) const {
    const std::vector<std::size_t>& rows = part.arm_rows[arm];
    const std::vector<double> weight = gather(data_.weight, rows);
    std::vector<double> squared(rows.size());
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const double residual = fitted_outcome_[rows[r]] - held_out[r];
      squared[r] = residual * residual;
    }
    VarianceModel out;
    out.kind = variance_;
    out.mean = weighted_mean(squared, weight);
    if (!crossfitted() && own_models()) {
      // In-sample residuals: RSS / (n - p).
      const double rows_count = static_cast<double>(rows.size());
      const double parameters = part.fits[arm].parameters;
      if (rows_count <= parameters) {
        return fail_at("--folds", ErrorCode::kInsufficientData, "arm \"{}\" has {} rows for {} parameters", data_.arms[arm], rows.size(), parameters);
      }
      out.mean *= rows_count / (rows_count - parameters);
    }
    if (variance_ == VarianceKind::kBinomial) {
      out.rows = static_cast<double>(rows.size());
      std::vector<double> gaps(rows.size());
      for (std::size_t r = 0; r < rows.size(); ++r) gaps[r] = (held_out[r] - in_sample[r]) * (held_out[r] - in_sample[r]);
      out.excess = weighted_mean(gaps, weight);
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

  Model model_of(const Part& part) const {
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
    model.c0 = weighted_mean(data_.logged.outcome, data_.weight);
    return model;
  }

  Result<Table> predict(const Part& part, const std::vector<std::size_t>& rows) const {
    GIMBAL_TRY(const Designs x, designs(part, rows));
    const bool from_table = !own_models() || variance_ == VarianceKind::kColumns || flags_.propensity->kind == PropensitySpec::Kind::kColumns;
    GIMBAL_TRY(Predictions out, model_of(part).predict(x, from_table ? data_.table.select_rows(rows) : bare_table(rows.size())));
    return std::move(out.table);
  }

  static data::DataTable bare_table(std::size_t rows) {
    data::DataTable table("table");
    table.add_numbers("row", std::vector<double>(rows, 0.0));
    return table;
  }

  Result<void> fit_effects_and_predict() {
    result_.nuisance.table.arms = data_.arms;
    result_.nuisance.table.mu = Matrix(n(), arms_);
    result_.nuisance.table.var = Matrix(n(), arms_);
    Matrix& oof_mu = result_.nuisance.table.mu;
    for (Part& part : parts_) {
      part.models.resize(arms_);
      for (std::size_t a = 0; a < arms_ && own_models(); ++a) part.models[a].outcome = part.fits[a].model;
      Matrix unseen_mu;  // of part.rows, with --effect dr
      if (spec_.effect == Effect::kDr && own_models()) {
        if (hooks_.stop.stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted while effects were fitted; nothing was written");
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

  Result<void> fit_variances(Part& part, const Matrix& unseen_mu) {
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
      if (!crossfitted() || !own_models()) prediction = fitted(in_sample(r, a), a);
      else if (part.fold < 0) prediction = fitted(result_.nuisance.table.mu(i, a), a);
      else if (!unseen_mu.empty()) prediction = fitted(unseen_mu(r, a), a);
      else prediction = part.fits[a].held_out[seen[a]];
      held_out[a].push_back(prediction);
      own[a].push_back(fitted(in_sample(r, a), a));
      ++seen[a];
    }
    for (std::size_t a = 0; a < arms_; ++a) {
      GIMBAL_TRY(part.models[a].variance, fit_variance(part, a, held_out[a], own[a]));
    }
    return {};
  }

  Result<CrossfitResult> assemble() {
    Table& table = result_.nuisance.table;
    table.e = e_;
    table.weight = data_.weight;
    result_.nuisance.logged = data_.logged;
    result_.model = model_of(full());
    if (!flags_.id.empty()) {
      const data::Column& ids = *data_.table.find(flags_.id);
      for (std::size_t i = 0; i < n(); ++i) result_.nuisance.id.push_back(ids.text(i));
    }
    summarize();
    result_.fold_of = std::move(fold_of_);
    result_.data = std::move(data_);
    return std::move(result_);
  }

  void summarize() {
    const Table& table = result_.nuisance.table;
    for (std::size_t a = 0; a < arms_; ++a) {
      ArmSummary summary;
      summary.arm = data_.arms[a];
      const std::vector<std::size_t>& rows = full().arm_rows[a];
      summary.rows = rows.size();
      if (own_models()) summary.candidates = full().fits[a].candidates;
      const std::vector<double> weight = gather(data_.weight, rows), y = gather(data_.logged.outcome, rows);
      const double spread = weighted_variance(y, weight);
      if (crossfitted() && spread > 0) {
        std::vector<double> squares(rows.size());
        for (std::size_t r = 0; r < rows.size(); ++r) squares[r] = std::pow(y[r] - table.mu(rows[r], a), 2);
        summary.r2_oof = 1 - weighted_mean(squares, weight) / spread;
      }
      summary.variance_mean = weighted_mean(result_.nuisance.full_var.column(a), data_.weight);
      result_.arms.push_back(std::move(summary));
      if (own_models() && !full().fits[a].dropped.empty()) {
        const std::vector<std::string> names = full().encoding.design_names(data::Design::kLinear);
        std::vector<std::string> dropped;
        for (const std::size_t c : full().fits[a].dropped) dropped.push_back(names[c]);
        result_.warnings.push_back({"collinear", fmt::format("arm \"{}\": collinear or constant columns got coefficient 0: {}", data_.arms[a], join(dropped, ", ")),
                                    static_cast<std::int64_t>(dropped.size())});
      }
      if (rows.size() < 30) {
        result_.warnings.push_back({"few_units_in_arm", fmt::format("arm \"{}\" has {} training rows; normal approximations need about 30", data_.arms[a], rows.size()),
                                    static_cast<std::int64_t>(rows.size())});
      }
    }
    result_.propensity_min = *std::ranges::min_element(e_.values());
    result_.propensity_max = *std::ranges::max_element(e_.values());
    std::vector<double> loss(n());
    for (std::size_t i = 0; i < n(); ++i) loss[i] = -std::log(e_(i, static_cast<std::size_t>(data_.logged.action[i])));
    if (flags_.propensity->is_estimated()) result_.propensity_log_loss = weighted_mean(loss, data_.weight);
    if (result_.clipped > 0) {
      result_.warnings.push_back({"clipped", fmt::format("{} estimated propensities were clipped to {}: clipping changes what is estimated", result_.clipped, spec_.clip),
                                  static_cast<std::int64_t>(result_.clipped)});
    }
  }

  LoggedData data_;
  const DataFlags& flags_;
  FitSpec spec_;
  const CrossfitHooks& hooks_;
  std::size_t arms_;
  std::vector<double> fitted_outcome_;
  bool binary_ = false;
  VarianceKind variance_ = VarianceKind::kArm;
  double variance_floor_ = 0;
  std::vector<data::FeatureSpec> features_;
  std::vector<int> fold_of_;
  std::vector<Part> parts_;  // the folds, then all rows
  bool shared_encoding_ = true;
  Designs design_;           // of all rows, as the full part encodes them
  Matrix e_;                 // n x K: given, or out-of-fold
  CrossfitResult result_;
};

}  // namespace

Result<std::vector<data::FeatureSpec>> feature_columns(const data::DataTable& table, const DataFlags& flags, const FitSpec& spec,
                                                       const std::vector<std::string>& arms) {
  if (!flags.features.empty()) return data::parse_features(flags.features, table.names());
  data::NameSet roles;
  for (const std::string* name : {&flags.outcome, &flags.action, &flags.id, &flags.cluster, &flags.weight}) {
    if (!name->empty()) roles.insert(*name);
  }
  std::vector<std::string> prefixes;
  if (flags.propensity && flags.propensity->kind == PropensitySpec::Kind::kColumns) prefixes.push_back(flags.propensity->prefix);
  if (spec.learner == Learner::kColumns) prefixes.push_back(spec.learner_prefix);
  if (spec.variance == VarianceKind::kColumns) prefixes.push_back(spec.variance_prefix);
  if (flags.baseline.starts_with("columns:")) prefixes.push_back(flags.baseline.substr(8));
  for (const std::string& prefix : prefixes) {
    for (const std::string& arm : arms) roles.insert(prefix + arm);
  }
  return data::features_except(table, roles);
}

Result<CrossfitResult> crossfit(LoggedData data, const DataFlags& flags, const FitSpec& spec, const CrossfitHooks& hooks) {
  if (!flags.propensity) return fail(missing_propensity());
  if (spec.folds < 1 || spec.folds > 20) {
    return fail_at("--folds", ErrorCode::kUsage, "expected an integer from 1 to 20, found {}", spec.folds);
  }
  return Crossfitter(std::move(data), flags, spec, hooks).run();
}

}  // namespace gimbal::policy
