#include "gimbal/policy/model.h"

#include <algorithm>

#include "gimbal/base/text.h"
#include "gimbal/policy/logged_data.h"

namespace gimbal::policy {
namespace {

void write_variance(JsonWriter& json, const VarianceModel& variance) {
  FitSpec names;
  names.variance = variance.kind;
  json.begin_object()
      .field("kind", names.variance_text())
      .field("mean", variance.mean)
      .field("rows", variance.rows)
      .field("excess", variance.excess);
  json.key("regression");
  if (variance.regression)
    variance.regression->write(json);
  else
    json.null();
  json.end_object();
}

Result<VarianceModel> read_variance(const JsonView& json) {
  VarianceModel out;
  GIMBAL_TRY(const std::string kind, json.string("kind"));
  FitSpec names;
  GIMBAL_TRY(set_variance(names, kind));
  out.kind = names.variance;
  GIMBAL_TRY(out.mean, json.number("mean"));
  GIMBAL_TRY(out.rows, json.number("rows"));
  GIMBAL_TRY(out.excess, json.number("excess"));
  if (json.has("regression")) {
    GIMBAL_TRY(const JsonView regression, json.get("regression"));
    GIMBAL_TRY(out.regression, Regression::read(regression));
  }
  return out;
}

// A model whose parts do not belong together must not reach a prediction: every part must fit the designs that will be made.
Result<void> check_parts(const Model& model, std::string_view path) {
  const bool linear = fit_needs_linear(model.spec, *model.flags.propensity),
             tree = fit_needs_tree(model.spec, *model.flags.propensity);
  const std::size_t linear_width = model.encoding.width(data::Design::kLinear),
                    tree_width = model.encoding.width(data::Design::kTree);
  const auto fits = [&](const Regression& regression) {
    if (regression.learner == Learner::kMean) return true;
    if (regression.learner == Learner::kGbdt)
      return tree && regression.booster->features() == tree_width && regression.booster->outputs() == 1;
    return linear && regression.coefficients.size() == linear_width;
  };
  for (std::size_t a = 0; a < model.arm_models.size(); ++a) {
    const ArmModel& arm = model.arm_models[a];
    if (fits(arm.outcome) && (!arm.effect || fits(*arm.effect)) &&
        (!arm.variance.regression || fits(*arm.variance.regression)) &&
        (arm.variance.kind != VarianceKind::kModel || arm.variance.regression)) {
      continue;
    }
    return fail(ErrorCode::kCorrupted, "{}: the models of arm \"{}\" do not match the {} columns of the encoding", path,
                model.arms[a], linear_width);
  }
  const PropensityModel& propensity = model.propensity;
  const std::size_t arms = model.arms.size();
  bool good = propensity.spec.text() == model.flags.propensity->text();
  if (propensity.spec.kind == PropensitySpec::Kind::kShares) good = good && propensity.shares.size() == arms;
  if (propensity.spec.kind == PropensitySpec::Kind::kLogistic) {
    good = good && propensity.intercepts.size() == arms && propensity.coefficients.rows() == arms &&
           propensity.coefficients.cols() == linear_width;
  }
  if (propensity.spec.kind == PropensitySpec::Kind::kGbdt) {
    good =
        good && propensity.booster->features() == tree_width && static_cast<std::size_t>(propensity.booster->outputs()) == arms;
  }
  if (!good) {
    return fail(ErrorCode::kCorrupted, "{}: the propensity model ({}) does not match {} arms, {} columns and the flag {}", path,
                propensity.spec.text(), arms, linear_width, model.flags.propensity->text());
  }
  return {};
}

}  // namespace

Result<std::vector<double>> VarianceModel::predict(const Designs& designs, std::span<const double> mu, double floor) const {
  std::vector<double> out(mu.size(), mean);
  if (kind == VarianceKind::kModel) {
    GIMBAL_TRY(out, regression->predict(designs));
    for (double& s2 : out) s2 = std::clamp(s2, 0.1 * mean, 10 * mean);
  } else if (kind == VarianceKind::kBinomial) {
    const double edge = 1 / (rows + 2);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double p = std::clamp(mu[i], edge, 1 - edge);
      out[i] = p * (1 - p) + excess;
    }
  }
  for (double& s2 : out) s2 = std::max(s2, floor);
  return out;
}

bool fit_needs_linear(const FitSpec& spec, const PropensitySpec& propensity) {
  return needs_linear(spec.learner) || propensity.kind == PropensitySpec::Kind::kLogistic ||
         (spec.effect == Effect::kDr && spec.learner != Learner::kGbdt) ||
         (spec.variance == VarianceKind::kModel && spec.learner != Learner::kGbdt);
}

bool fit_needs_tree(const FitSpec& spec, const PropensitySpec& propensity) {
  return needs_tree(spec.learner) || propensity.kind == PropensitySpec::Kind::kGbdt;
}

data::NameSet Model::text_columns() const {
  data::NameSet names = encoding.text_columns();
  for (const std::string* name : {&flags.action, &flags.id, &flags.cluster}) {
    if (!name->empty()) names.insert(*name);
  }
  return names;
}

data::NameSet Model::columns() const {
  data::NameSet names = encoding.columns();
  if (flags.propensity->kind == PropensitySpec::Kind::kColumns) {
    for (const std::string& arm : arms) names.insert(flags.propensity->prefix + arm);
  }
  if (spec.learner == Learner::kColumns) {
    for (const std::string& arm : arms) names.insert(spec.learner_prefix + arm);
  }
  if (spec.variance == VarianceKind::kColumns) {
    for (const std::string& arm : arms) names.insert(spec.variance_prefix + arm);
  }
  return names;
}

Result<Predictions> Model::predict(const data::DataTable& table, data::UnknownCategory unknown) const {
  const data::NameSet needed = columns();
  std::vector<std::string> missing;
  for (const std::string& name : needed) {
    if (!table.find(name)) missing.push_back(gimbal::quoted(name));
  }
  // One name may be misspelled, which the encoding says; of more than one the file is another.
  if (missing.size() > 1) {
    return fail_at(table.path(), ErrorCode::kNotFound,
                   "{} of the {} columns that the model needs are not there: {}; columns: {}", missing.size(), needed.size(),
                   list_some(missing, 20), list_some(table.names(), 40));
  }
  Designs designs;
  std::size_t unknown_cells = 0;
  const bool linear = fit_needs_linear(spec, *flags.propensity);
  if (linear) {
    GIMBAL_TRY(data::Encoded encoded, encoding.apply(table, {.design = data::Design::kLinear, .unknown = unknown}));
    designs.linear = std::move(encoded.x);
    unknown_cells = encoded.unknown_cells;
  }
  if (fit_needs_tree(spec, *flags.propensity)) {
    GIMBAL_TRY(data::Encoded encoded, encoding.apply(table, {.design = data::Design::kTree, .unknown = unknown}));
    designs.tree = std::move(encoded.x);
    unknown_cells = std::max(unknown_cells, encoded.unknown_cells);
  }
  GIMBAL_TRY(Predictions out, predict(designs, table));
  out.unknown_cells = unknown_cells;
  return out;
}

Result<Predictions> Model::predict(const Designs& designs, const data::DataTable& table) const {
  const std::size_t n = table.rows(), k = arms.size();
  Predictions out;
  out.table.arms = arms;
  if (flags.propensity->kind == PropensitySpec::Kind::kColumns) {
    GIMBAL_TRY(out.table.e, read_arm_columns(table, flags.propensity->prefix, arms, "--propensity", "propensity", true));
  } else {
    GIMBAL_TRY(PropensityModel::Prediction e, propensity.predict(designs, n, k));
    out.table.e = std::move(e.e);
    out.clipped = e.clipped;
  }
  out.table.mu = Matrix(n, k);
  out.table.var = Matrix(n, k);
  Matrix fitted;  // predictions before sign and cost
  if (spec.learner == Learner::kColumns) {
    GIMBAL_TRY(fitted, read_arm_columns(table, spec.learner_prefix, arms, "--learner", "prediction", false));
  } else {
    fitted = Matrix(n, k);
    for (std::size_t a = 0; a < k; ++a) {
      std::vector<double> mu(n, arm_models[a].outcome.intercept);
      if (arm_models[a].outcome.learner != Learner::kMean) {
        GIMBAL_TRY(mu, arm_models[a].outcome.predict(designs));
      }
      for (std::size_t i = 0; i < n; ++i) fitted(i, a) = mu[i];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t a = 0; a < k; ++a) out.table.mu(i, a) = outcome_sign() * fitted(i, a) - arm_cost[a];
  }
  if (spec.effect == Effect::kDr) {
    // mu'_a = sum_j e_j mu_j + chat_a - sum_j e_j chat_j: the e-weighted mean stays, the effects are the regressed contrasts.
    Matrix contrast(n, k, 0.0);
    for (std::size_t a = 0; a < k; ++a) {
      if (!arm_models[a].effect) continue;
      std::vector<double> values(n, arm_models[a].effect->intercept);
      if (arm_models[a].effect->learner != Learner::kMean) {
        GIMBAL_TRY(values, arm_models[a].effect->predict(designs));
      }
      for (std::size_t i = 0; i < n; ++i) contrast(i, a) = values[i];
    }
    for (std::size_t i = 0; i < n; ++i) {
      double level = 0;
      for (std::size_t j = 0; j < k; ++j) level += out.table.e(i, j) * (out.table.mu(i, j) - contrast(i, j));
      for (std::size_t a = 0; a < k; ++a) out.table.mu(i, a) = level + contrast(i, a);
    }
  }
  if (spec.variance == VarianceKind::kColumns) {
    GIMBAL_TRY(out.table.var, read_arm_columns(table, spec.variance_prefix, arms, "--variance", "variance", false));
  } else {
    for (std::size_t a = 0; a < k; ++a) {
      std::vector<double> mu(n);  // on the fitted scale, which binomial variances need
      for (std::size_t i = 0; i < n; ++i) mu[i] = outcome_sign() * (out.table.mu(i, a) + arm_cost[a]);
      GIMBAL_TRY(const std::vector<double> s2, arm_models[a].variance.predict(designs, mu, variance_floor));
      for (std::size_t i = 0; i < n; ++i) out.table.var(i, a) = s2[i];
    }
  }
  return out;
}

void Model::write_fields(JsonWriter& json) const {
  json.field("rows", static_cast<std::int64_t>(rows))
      .field("arms", arms)
      .field("c0", outcome_sign() * c0)
      .field("outcome_kind", binary ? "binary" : "other");
  json.key("data");
  flags.write(json);
  json.key("fit");
  spec.write(json);
  json.key("encoding");
  encoding.write(json);
  json.field("arm_cost", arm_cost).field("variance_floor", variance_floor);
  json.key("propensity");
  propensity.write(json);
  json.key("models").begin_array();
  for (std::size_t a = 0; a < arm_models.size(); ++a) {
    json.begin_object().field("arm", arms[a]).key("outcome");
    arm_models[a].outcome.write(json);
    json.key("effect");
    if (arm_models[a].effect)
      arm_models[a].effect->write(json);
    else
      json.null();
    json.key("variance");
    write_variance(json, arm_models[a].variance);
    json.end_object();
  }
  json.end_array();
  json.key("training");
  training.write(json);
}

Result<Model> Model::read(const JsonView& json) {
  Model out;
  GIMBAL_TRY(const std::int64_t rows, json.integer("rows"));
  out.rows = static_cast<std::size_t>(rows);
  GIMBAL_TRY(out.arms, json.strings("arms"));
  GIMBAL_TRY(out.c0, json.number("c0"));
  GIMBAL_TRY(const std::string kind, json.string("outcome_kind"));
  out.binary = kind == "binary";
  GIMBAL_TRY(const JsonView data, json.get("data"));
  GIMBAL_TRY(out.flags, DataFlags::read(data));
  out.c0 *= out.outcome_sign();
  if (!out.flags.propensity) return fail(ErrorCode::kCorrupted, "{}: the model names no propensity", json.path());
  GIMBAL_TRY(const JsonView fit, json.get("fit"));
  GIMBAL_TRY(out.spec, FitSpec::read(fit));
  GIMBAL_TRY(const JsonView encoding, json.get("encoding"));
  GIMBAL_TRY(out.encoding, data::Encoding::read(encoding));
  GIMBAL_TRY(out.arm_cost, json.numbers("arm_cost"));
  GIMBAL_TRY(out.variance_floor, json.number("variance_floor"));
  GIMBAL_TRY(const JsonView propensity, json.get("propensity"));
  GIMBAL_TRY(out.propensity, PropensityModel::read(propensity));
  GIMBAL_TRY(const JsonView models, json.get("models"));
  GIMBAL_TRY(const std::vector<JsonView> items, models.items());
  if (items.size() != out.arms.size() || out.arm_cost.size() != out.arms.size()) {
    return fail(ErrorCode::kCorrupted, "{}: expected {} arm models and costs, found {} and {}", json.path(), out.arms.size(),
                items.size(), out.arm_cost.size());
  }
  for (const JsonView& item : items) {
    ArmModel arm;
    GIMBAL_TRY(const JsonView outcome, item.get("outcome"));
    GIMBAL_TRY(arm.outcome, Regression::read(outcome));
    if (item.has("effect")) {
      GIMBAL_TRY(const JsonView effect, item.get("effect"));
      GIMBAL_TRY(arm.effect, Regression::read(effect));
    }
    GIMBAL_TRY(const JsonView variance, item.get("variance"));
    GIMBAL_TRY(arm.variance, read_variance(variance));
    out.arm_models.push_back(std::move(arm));
  }
  GIMBAL_TRY(check_parts(out, json.path()));
  GIMBAL_TRY(const JsonView training, json.get("training"));
  GIMBAL_TRY(out.training, TrainingData::read(training));
  return out;
}

}  // namespace gimbal::policy
