#include "gimbal/policy/crossfit.h"

#include <algorithm>

#include "gimbal/base/number.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/learn/cross_validation.h"
#include "gimbal/policy/balance.h"
#include "gimbal/policy/crossfit_engine.h"
#include "gimbal/stats/descriptive.h"

namespace gimbal::policy {
namespace {

constexpr double kLargestForTrees = 1e15;  // squares of it, and a margin for weighting, fit into single precision
constexpr double kPerfectR2 = 0.99;        // of held-out rows: more than real covariates give

}  // namespace

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

double mean_of(std::span<const double> values, std::span<const double> weight) {
  const Result<double> mean = weight.empty() ? stats::mean(values) : stats::weighted_mean(values, weight);
  GIMBAL_CHECK(mean.has_value(), "outcomes and predictions are finite, weights are not all 0");
  return *mean;
}

double variance_of(std::span<const double> values, std::span<const double> weight) {
  const double mean = mean_of(values, weight);
  std::vector<double> squares(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) squares[i] = (values[i] - mean) * (values[i] - mean);
  return mean_of(squares, weight);
}

Result<CrossfitResult> Crossfitter::run() {
  GIMBAL_TRY(check_data());
  if (spec_.learner == Learner::kAuto && learn::gbdt_available() && !fits_trees_) {
    result_.warnings.push_back(
        {"gbdt_left_out",
         fmt::format(
             "outcomes beyond {} are too large for boosted trees, which compute in single precision: auto compares mean "
             "and linear models only",
             shortest(kLargestForTrees)),
         {}});
  }
  if (spec_.learner == Learner::kAuto && !learn::gbdt_available()) {
    result_.warnings.push_back(
        {"gbdt_unavailable", "XGBoost was not found (package libxgboost-dev): auto compares mean and linear models only", {}});
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

Result<void> Crossfitter::check_data() {
  const auto [low, high] = std::minmax_element(data_.logged.outcome.begin(), data_.logged.outcome.end());
  if (*low == *high) {
    return fail_at("--outcome", ErrorCode::kInsufficientData,
                   "the outcome \"{}\" is the same ({}) in all {} training rows: nothing can be learned", flags_.outcome,
                   data_.raw_outcome.front(), n());
  }
  std::vector<std::size_t> count(arms_, 0);
  for (std::size_t i = 0; i < n(); ++i) {
    count[static_cast<std::size_t>(data_.logged.action[i])] += data_.weight.empty() || data_.weight[i] > 0;
  }
  for (std::size_t a = 0; a < arms_; ++a) {
    if (count[a] == 0) {
      return fail_at("--arms", ErrorCode::kInvalidArgument, "arm \"{}\" has no rows in {}{}", data_.arms[a], data_.table.path(),
                     data_.weight.empty() ? "" : " with a weight above 0");
    }
  }
  if ((spec_.learner == Learner::kGbdt || flags_.propensity->kind == PropensitySpec::Kind::kGbdt) && !learn::gbdt_available()) {
    return fail_at("--learner", ErrorCode::kUnavailable,
                   "gbdt needs XGBoost, which was not found; install the package libxgboost-dev, or use --learner ridge");
  }
  fitted_outcome_ = data_.fitted_outcome();
  const auto largest = std::ranges::max_element(fitted_outcome_, {}, [](double y) { return std::fabs(y); });
  fits_trees_ = std::fabs(*largest) <= kLargestForTrees;
  if (spec_.learner == Learner::kGbdt && !fits_trees_) {
    return fail_at(
        "--learner", ErrorCode::kInvalidArgument,
        "gbdt computes in single precision: the outcome \"{}\" must lie within -{} and {}, found {}; rescale it, or use "
        "--learner ridge",
        flags_.outcome, shortest(kLargestForTrees), shortest(kLargestForTrees), shortest(*largest));
  }
  binary_ = std::all_of(fitted_outcome_.begin(), fitted_outcome_.end(), [](double y) { return y == 0 || y == 1; });
  variance_ = spec_.variance;
  if (variance_ == VarianceKind::kAuto) variance_ = binary_ ? VarianceKind::kBinomial : VarianceKind::kArm;
  if (variance_ == VarianceKind::kBinomial && !binary_) {
    return fail_at("--variance", ErrorCode::kInvalidArgument,
                   "binomial needs an outcome of 0 and 1; \"{}\" (net of cost columns) has other values", flags_.outcome);
  }
  if (spec_.learner == Learner::kLogistic && !binary_) {
    return fail_at("--learner", ErrorCode::kInvalidArgument,
                   "logistic needs an outcome of 0 and 1; \"{}\" (net of cost columns) has other values", flags_.outcome);
  }
  variance_floor_ = 1e-12 * variance_of(data_.logged.outcome, data_.weight);
  return {};
}

Result<void> Crossfitter::prepare() {
  if (linear() || tree()) {
    GIMBAL_TRY(features_, feature_columns(data_.table, flags_, spec_, data_.arms));
    if (features_.empty()) {
      return fail_at("--features", ErrorCode::kInvalidArgument,
                     "no column is left to be a feature in {}; use --learner mean to go without", data_.table.path());
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

Result<void> Crossfitter::make_parts() {
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
  shared_encoding_ =
      std::all_of(parts_.begin(), parts_.end(), [&](const Part& part) { return same_design(part.encoding, full().encoding); });
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

bool Crossfitter::same_design(const data::Encoding& a, const data::Encoding& b) {
  for (std::size_t f = 0; f < a.features().size(); ++f) {
    const data::Encoding::Feature &left = a.features()[f], &right = b.features()[f];
    if (left.missing_seen || right.missing_seen || left.levels != right.levels || left.reference != right.reference)
      return false;
  }
  return true;
}

Result<Designs> Crossfitter::designs(const Part& part, std::span<const std::size_t> rows) const {
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

Result<void> Crossfitter::fit_propensity_of(Part& part) const {
  const PropensitySpec& propensity = *flags_.propensity;
  // Shares are those of all training rows: they carry no row's outcome.
  const bool whole = part.fold < 0 || !propensity.is_estimated();
  Designs train;
  if (propensity.is_estimated()) {
    GIMBAL_TRY(train, designs(part, part.rows));
  }
  const std::vector<std::size_t>& rows = whole ? parts_.back().rows : part.rows;
  std::vector<int> action(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) action[i] = data_.logged.action[rows[i]];
  const std::vector<double> weight = gather(data_.weight, rows);
  const std::vector<std::int64_t> cluster = gather(data_.logged.cluster, rows);
  GIMBAL_TRY(part.propensity, fit_propensity(train, {propensity, spec_.clip, static_cast<int>(arms_), action, weight, cluster,
                                                     spec_.seed, part_key(part)}));
  return {};
}

Result<void> Crossfitter::fit_propensities() {
  e_ = data_.e;
  const PropensitySpec& propensity = *flags_.propensity;
  std::vector<Result<void>> fitted(parts_.size());
  const bool finished = parallel_for(parts_.size(), 1, hooks_.stop, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) fitted[p] = fit_propensity_of(parts_[p]);
  });
  if (!finished) return fail(ErrorCode::kInterrupted, "interrupted while the models were fitted; nothing was written");
  for (const Result<void>& one : fitted) GIMBAL_TRY(one);
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

Result<void> Crossfitter::trim() {
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
  result_.warnings.push_back(
      {"trimmed",
       fmt::format("{} units with a propensity below {} for some arm were left out: results speak of the others only",
                   result_.trimmed, spec_.trim),
       static_cast<std::int64_t>(result_.trimmed)});
  return {};
}

Result<CrossfitResult> Crossfitter::assemble() {
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

void Crossfitter::summarize() {
  const Table& table = result_.nuisance.table;
  warn_about_assignment();
  std::vector<std::int64_t> arm_rows;
  for (std::size_t a = 0; a < arms_; ++a) {
    ArmSummary summary;
    summary.arm = data_.arms[a];
    const std::vector<std::size_t>& rows = full().arm_rows[a];
    summary.rows = rows.size();
    arm_rows.push_back(static_cast<std::int64_t>(rows.size()));
    if (own_models()) summary.candidates = full().fits[a].candidates;
    const std::vector<double> weight = gather(data_.weight, rows), y = gather(data_.logged.outcome, rows);
    const double spread = variance_of(y, weight);
    if (crossfitted() && spread > 0) {
      std::vector<double> squares(rows.size());
      for (std::size_t r = 0; r < rows.size(); ++r) squares[r] = std::pow(y[r] - table.mu(rows[r], a), 2);
      summary.r2_oof = 1 - mean_of(squares, weight) / spread;
    }
    summary.variance_mean = mean_of(result_.nuisance.full_var.column(a), data_.weight);
    result_.arms.push_back(std::move(summary));
    if (own_models() && !full().fits[a].dropped.empty()) {
      const std::vector<std::string> names = full().encoding.design_names(data::Design::kLinear);
      std::vector<std::string> dropped;
      for (const std::size_t c : full().fits[a].dropped) dropped.push_back(names[c]);
      result_.warnings.push_back(
          {"collinear",
           fmt::format("arm \"{}\": collinear or constant columns got coefficient 0: {}", data_.arms[a], join(dropped, ", ")),
           static_cast<std::int64_t>(dropped.size())});
    }
  }
  if (auto warning = few_units_warning(data_.arms, arm_rows, "training rows")) result_.warnings.push_back(*warning);
  warn_about_fit();
  result_.propensity_min = *std::ranges::min_element(e_.values());
  result_.propensity_max = *std::ranges::max_element(e_.values());
  std::vector<double> loss(n());
  for (std::size_t i = 0; i < n(); ++i) loss[i] = -std::log(e_(i, static_cast<std::size_t>(data_.logged.action[i])));
  if (flags_.propensity->is_estimated()) result_.propensity_log_loss = mean_of(loss, data_.weight);
  if (result_.clipped > 0) {
    result_.warnings.push_back({"clipped",
                                fmt::format("{} estimated propensities were clipped to {}: clipping changes what is estimated",
                                            result_.clipped, spec_.clip),
                                static_cast<std::int64_t>(result_.clipped)});
  }
}

// Whether the rows can carry what is to be learned from them.
void Crossfitter::warn_about_assignment() {
  const Assignment assignment{data_.arms, data_.logged, data_.weight, e_};
  if (auto warning = propensity_warning(assignment)) result_.warnings.push_back(*std::move(warning));
  const PropensitySpec::Kind kind = flags_.propensity->kind;
  // Weighting by estimated propensities balances only as well as their model fits.
  if (kind == PropensitySpec::Kind::kLogistic || kind == PropensitySpec::Kind::kGbdt) return;
  std::vector<const data::Column*> features;
  for (const data::Encoding::Feature& feature : full().encoding.features())
    features.push_back(data_.table.find(feature.spec.column));
  if (auto warning = balance_warning(feature_balance(features, assignment), assignment))
    result_.warnings.push_back(*std::move(warning));
}

// What predictions on rows that were held out say of the features.
void Crossfitter::warn_about_fit() {
  std::vector<std::string> perfect;
  bool any = false;
  for (const ArmSummary& arm : result_.arms) {
    any = any || !arm.r2_oof || *arm.r2_oof > 0;
    if (arm.r2_oof && *arm.r2_oof > kPerfectR2) perfect.push_back(gimbal::quoted(arm.arm));
  }
  if (!perfect.empty()) {
    result_.warnings.push_back({"perfect_fit",
                                fmt::format("held-out outcomes are predicted all but perfectly (R2 above {}) for arm {}; is a "
                                            "feature computed from the outcome?",
                                            kPerfectR2, list_some(perfect)),
                                static_cast<std::int64_t>(perfect.size())});
  }
  if (!any && own_models() && spec_.learner != Learner::kMean) {
    result_.warnings.push_back({"no_signal",
                                "no arm's held-out outcomes are predicted better than by their mean: these rows do not show "
                                "for whom an arm works better",
                                std::nullopt});
  }
}

Result<std::vector<data::FeatureSpec>> feature_columns(const data::DataTable& table, const DataFlags& flags,
                                                       const FitSpec& spec, const std::vector<std::string>& arms) {
  if (!flags.features.empty()) {
    GIMBAL_TRY(std::vector<data::FeatureSpec> named, data::parse_features(flags.features, table.names()));
    for (const data::FeatureSpec& feature : named) {
      if (feature.column != flags.outcome && feature.column != flags.action) continue;
      return fail_at("--features", ErrorCode::kUsage,
                     "column \"{}\" is the {}, which is not known before the decision: it cannot be a feature", feature.column,
                     feature.column == flags.outcome ? "outcome" : "action");
    }
    return named;
  }
  data::NameSet roles;
  for (const std::string* name : {&flags.outcome, &flags.action, &flags.id, &flags.cluster, &flags.weight}) {
    if (!name->empty()) roles.insert(*name);
  }
  std::vector<std::string> prefixes;
  if (flags.propensity && flags.propensity->kind == PropensitySpec::Kind::kColumns)
    prefixes.push_back(flags.propensity->prefix);
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
