#include "gimbal/policy/propensity.h"

#include "gimbal/base/hash.h"
#include "gimbal/learn/logistic.h"

namespace gimbal::policy {

using Kind = PropensitySpec::Kind;

std::vector<double> arm_shares(std::span<const int> action, std::span<const double> weight, std::size_t arms) {
  std::vector<double> shares(arms, 0.0);
  double total = 0;
  for (std::size_t i = 0; i < action.size(); ++i) {
    const double w = weight.empty() ? 1.0 : weight[i];
    shares[static_cast<std::size_t>(action[i])] += w;
    total += w;
  }
  for (double& share : shares) share /= total;
  return shares;
}

Result<PropensityModel> fit_propensity(const Designs& designs, const PropensityTask& task) {
  PropensityModel model;
  model.spec = task.spec;
  model.clip = task.clip;
  switch (task.spec.kind) {
    case Kind::kUniform:
    case Kind::kColumns:
      break;
    case Kind::kShares:
      model.shares = arm_shares(task.action, task.weight, static_cast<std::size_t>(task.arms));
      break;
    case Kind::kLogistic: {
      learn::LogisticOptions options;
      options.stream = Stream(task.seed, "policy.propensity", task.part);
      options.cluster = task.cluster;
      learn::MultinomialData data{designs.linear, task.action, nullptr, task.arms, task.weight, {}};
      GIMBAL_TRY(learn::MultinomialFit fit, learn::fit_multinomial(data, options));
      model.intercepts = std::move(fit.intercepts);
      model.coefficients = std::move(fit.coefficients);
      break;
    }
    case Kind::kGbdt: {
      learn::GbdtOptions options;
      options.objective = learn::GbdtObjective::kSoftprob;
      options.classes = task.arms;
      options.stream = Stream(task.seed, "policy.propensity", task.part);
      options.cluster = task.cluster;
      const std::vector<double> label(task.action.begin(), task.action.end());
      GIMBAL_TRY(learn::Gbdt booster, learn::Gbdt::train({designs.tree, label, task.weight, {}}, options));
      model.booster = std::make_shared<const learn::Gbdt>(std::move(booster));
      break;
    }
  }
  return model;
}

Result<PropensityModel::Prediction> PropensityModel::predict(const Designs& designs, std::size_t rows, std::size_t arms) const {
  Prediction out{Matrix(rows, arms, 1.0 / static_cast<double>(arms)), 0};
  switch (spec.kind) {
    case Kind::kUniform:
      return out;
    case Kind::kColumns:
      return fail(ErrorCode::kInternal, "propensities in columns are read, not predicted");
    case Kind::kShares:
      for (std::size_t i = 0; i < rows; ++i) std::copy(shares.begin(), shares.end(), out.e.row(i).begin());
      return out;
    case Kind::kLogistic: {
      const learn::MultinomialFit fit{intercepts, coefficients, 0, {}, 0, 0, true, 0};
      out.e = fit.predict(designs.linear);
      break;
    }
    case Kind::kGbdt: {
      GIMBAL_TRY(out.e, booster->predict(designs.tree));
      break;
    }
  }
  for (std::size_t i = 0; i < rows; ++i) {
    bool clipped = false;
    double sum = 0;
    for (double& p : out.e.row(i)) {
      clipped = clipped || p < clip;
      p = std::min(1.0, std::max(clip, p));
      sum += p;
    }
    for (double& p : out.e.row(i)) p /= sum;
    out.clipped += clipped;
  }
  return out;
}

void PropensityModel::write(JsonWriter& json) const {
  json.begin_object().field("kind", spec.text()).field("clip", clip);
  if (spec.kind == Kind::kShares) json.field("shares", shares);
  if (spec.kind == Kind::kLogistic) {
    json.field("intercepts", intercepts).key("coefficients").begin_array();
    for (std::size_t a = 0; a < coefficients.rows(); ++a) json.value(coefficients.row(a));
    json.end_array();
  }
  if (spec.kind == Kind::kGbdt) {
    const Result<std::string> bytes = booster->save_to_bytes();
    GIMBAL_CHECK(bytes.has_value(), "a trained booster can be saved");
    json.field("booster", base64_encode(*bytes));
  }
  json.end_object();
}

Result<PropensityModel> PropensityModel::read(const JsonView& json) {
  PropensityModel model;
  GIMBAL_TRY(const std::string kind, json.string("kind"));
  GIMBAL_TRY(model.spec, parse_propensity(kind));
  GIMBAL_TRY(model.clip, json.number("clip"));
  if (model.spec.kind == Kind::kShares) {
    GIMBAL_TRY(model.shares, json.numbers("shares"));
  }
  if (model.spec.kind == Kind::kLogistic) {
    GIMBAL_TRY(model.intercepts, json.numbers("intercepts"));
    GIMBAL_TRY(const JsonView rows, json.get("coefficients"));
    GIMBAL_TRY(const std::vector<JsonView> items, rows.items());
    std::vector<double> values;
    std::size_t width = 0;
    for (const JsonView& item : items) {
      GIMBAL_TRY(const std::vector<double> row, item.numbers());
      if (&item != &items.front() && row.size() != width) {
        return fail(ErrorCode::kCorrupted, "{}: coefficient rows have different lengths", json.path());
      }
      width = row.size();
      values.insert(values.end(), row.begin(), row.end());
    }
    if (items.size() != model.intercepts.size()) {
      return fail(ErrorCode::kCorrupted, "{}: expected {} coefficient rows, found {}", json.path(), model.intercepts.size(),
                  items.size());
    }
    model.coefficients = Matrix(items.size(), width, std::move(values));
  }
  if (model.spec.kind == Kind::kGbdt) {
    GIMBAL_TRY(const std::string text, json.string("booster"));
    GIMBAL_TRY(const std::string bytes, base64_decode(text));
    GIMBAL_TRY(learn::Gbdt booster, learn::Gbdt::load_from_bytes(bytes));
    model.booster = std::make_shared<const learn::Gbdt>(std::move(booster));
  }
  return model;
}

}  // namespace gimbal::policy
