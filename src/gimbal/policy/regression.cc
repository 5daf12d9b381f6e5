#include "gimbal/policy/regression.h"

#include <array>

#include "gimbal/base/hash.h"
#include "gimbal/learn/cross_validation.h"
#include "gimbal/learn/linear.h"
#include "gimbal/learn/logistic.h"

namespace gimbal::policy {
namespace {

constexpr int kInnerFolds = 3;

struct Fitted {
  Regression model;
  std::vector<double> loo;  // empty for logistic and gbdt
  double parameters = 1;
  std::vector<std::size_t> dropped;
};

Fitted from_linear(learn::LinearFit fit, Learner learner) {
  Fitted out;
  out.model.learner = learner;
  out.model.intercept = fit.intercept;
  out.model.intercept_se = fit.intercept_se;
  if (learner != Learner::kMean) {
    out.model.coefficients = std::move(fit.coefficients);
    out.model.standard_errors = std::move(fit.standard_errors);
  }
  if (learner == Learner::kRidge) out.model.penalty = fit.penalty;
  out.loo = std::move(fit.loo);
  out.parameters = fit.parameters;
  out.dropped = std::move(fit.dropped);
  return out;
}

using Rows = std::optional<std::span<const std::size_t>>;  // absent: all rows

// `fold` is -1 for the fit on all rows; it keys the hold-out of boosted trees.
Result<Fitted> fit_learner(Learner learner, const Designs& designs, const RegressionTask& task, Rows rows, int fold) {
  const learn::RegressionData linear{designs.linear, task.y, task.weight, rows};
  switch (learner) {
    case Learner::kMean: {
      // The mean needs no features: an empty design saves the checks of a wide one.
      const Matrix none(task.y.size(), 0);
      GIMBAL_TRY(learn::LinearFit fit, learn::fit_mean({none, task.y, task.weight, rows}));
      return from_linear(std::move(fit), learner);
    }
    case Learner::kOls: {
      GIMBAL_TRY(learn::LinearFit fit, learn::fit_ols(linear));
      return from_linear(std::move(fit), learner);
    }
    case Learner::kRidge: {
      GIMBAL_TRY(learn::LinearFit fit, learn::fit_ridge(linear));
      return from_linear(std::move(fit), learner);
    }
    case Learner::kLogistic: {
      learn::LogisticOptions options;
      options.stream = Stream(task.seed, "policy.logistic", task.part, task.arm, fold);
      options.cluster = task.cluster;
      GIMBAL_TRY(learn::LogisticFit fit, learn::fit_logistic({designs.linear, task.y, task.weight, rows}, options));
      Fitted out;
      out.model.learner = learner;
      out.model.intercept = fit.intercept;
      out.model.intercept_se = fit.intercept_se;
      out.model.coefficients = std::move(fit.coefficients);
      out.model.standard_errors = std::move(fit.standard_errors);
      out.model.penalty = fit.penalty;
      out.parameters = 1 + static_cast<double>(out.model.coefficients.size());
      return out;
    }
    case Learner::kGbdt: {
      learn::GbdtOptions options;
      options.objective = task.binary ? learn::GbdtObjective::kLogistic : learn::GbdtObjective::kSquaredError;
      options.stream = Stream(task.seed, "policy.gbdt", task.part, task.arm, fold);
      options.cluster = task.cluster;
      GIMBAL_TRY(learn::Gbdt booster, learn::Gbdt::train({designs.tree, task.y, task.weight, rows}, options));
      Fitted out;
      out.model.learner = learner;
      out.model.rounds = booster.rounds();
      out.model.booster = std::make_shared<const learn::Gbdt>(std::move(booster));
      return out;
    }
    case Learner::kAuto:
    case Learner::kColumns:
      break;
  }
  return fail(ErrorCode::kInternal, "{} is not a learner that is fitted", learner_name(learner));
}

learn::Candidate candidate(Learner learner, const Designs& designs, const RegressionTask& task, const learn::Folds& folds) {
  return {std::string(learner_name(learner)),
          [=, &designs, &task, &folds](std::span<const std::size_t> training,
                                       std::span<const std::size_t> held_out) -> Result<std::vector<double>> {
            const int fold = held_out.empty() ? 0 : folds.of[held_out.front()];
            GIMBAL_TRY(const Fitted fit, fit_learner(learner, designs, task, training, fold));
            Designs rows;
            if (needs_linear(learner)) rows.linear = designs.linear.select_rows(held_out);
            if (needs_tree(learner)) rows.tree = designs.tree.select_rows(held_out);
            if (learner == Learner::kMean) return std::vector<double>(held_out.size(), fit.model.intercept);
            return fit.model.predict(rows);
          }};
}

}  // namespace

bool needs_linear(Learner learner) {
  return learner == Learner::kAuto || learner == Learner::kOls || learner == Learner::kRidge || learner == Learner::kLogistic;
}

bool needs_tree(Learner learner) { return learner == Learner::kGbdt || (learner == Learner::kAuto && learn::gbdt_available()); }

Result<std::vector<double>> Regression::predict(const Designs& designs) const {
  if (learner == Learner::kMean) return std::vector<double>(designs.rows(), intercept);
  if (learner == Learner::kGbdt) {
    GIMBAL_TRY(const Matrix predicted, booster->predict(designs.tree));
    return predicted.column(0);
  }
  std::vector<double> out(designs.linear.rows());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::span<const double> x = designs.linear.row(i);
    double sum = intercept;
    for (std::size_t j = 0; j < coefficients.size(); ++j) sum += coefficients[j] * x[j];
    out[i] = learner == Learner::kLogistic ? 1.0 / (1.0 + std::exp(-sum)) : sum;
  }
  return out;
}

void Regression::write(JsonWriter& json) const {
  json.begin_object().field("learner", learner_name(learner));
  if (learner == Learner::kGbdt) {
    const Result<std::string> bytes = booster->save_to_bytes();
    GIMBAL_CHECK(bytes.has_value(), "a trained booster can be saved");
    json.field("rounds", *rounds).field("booster", base64_encode(*bytes));
  } else {
    json.field("intercept", intercept).field("intercept_se", intercept_se);
    json.field("coefficients", coefficients).field("standard_errors", standard_errors).field("penalty", penalty);
  }
  json.end_object();
}

Result<Regression> Regression::read(const JsonView& json) {
  Regression out;
  GIMBAL_TRY(const std::string name, json.string("learner"));
  FitSpec spec;
  GIMBAL_TRY(set_learner(spec, name));
  out.learner = spec.learner;
  if (out.learner == Learner::kGbdt) {
    GIMBAL_TRY(const std::int64_t rounds, json.integer("rounds"));
    out.rounds = static_cast<int>(rounds);
    GIMBAL_TRY(const std::string text, json.string("booster"));
    GIMBAL_TRY(const std::string bytes, base64_decode(text));
    GIMBAL_TRY(learn::Gbdt booster, learn::Gbdt::load_from_bytes(bytes));
    out.booster = std::make_shared<const learn::Gbdt>(std::move(booster));
    return out;
  }
  GIMBAL_TRY(out.intercept, json.number("intercept"));
  GIMBAL_TRY(out.intercept_se, json.number_or("intercept_se", std::numeric_limits<double>::quiet_NaN()));
  GIMBAL_TRY(out.coefficients, json.numbers("coefficients"));
  GIMBAL_TRY(out.standard_errors, json.numbers("standard_errors"));
  if (json.has("penalty")) {
    GIMBAL_TRY(out.penalty, json.number("penalty"));
  }
  return out;
}

Result<RegressionFit> fit_regression(const Designs& designs, const RegressionTask& task) {
  RegressionFit out;
  Learner learner = task.learner;
  std::vector<Learner> learners;
  if (learner == Learner::kAuto) {
    learners = {Learner::kMean, task.binary ? Learner::kLogistic : Learner::kRidge};
    if (task.gbdt_candidate && learn::gbdt_available()) learners.push_back(Learner::kGbdt);
  } else if (task.held_out && (learner == Learner::kLogistic || learner == Learner::kGbdt)) {
    learners = {learner};
  }
  if (!learners.empty()) {
    GIMBAL_TRY(const learn::Folds folds, learn::keyed_folds(Stream(task.seed, "policy.inner", task.part, task.arm),
                                                            task.y.size(), kInnerFolds, {.cluster = task.cluster}));
    std::vector<learn::Candidate> candidates;
    for (const Learner each : learners) candidates.push_back(candidate(each, designs, task, folds));
    GIMBAL_TRY(const learn::Comparison comparison,
               learn::compare_by_folds(candidates, task.y, folds, learn::Loss::kSquared, task.weight, task.cluster));
    learner = learners[comparison.rule.chosen];
    out.held_out = comparison.predictions.column(comparison.rule.chosen);
    if (task.learner == Learner::kAuto) {
      for (std::size_t c = 0; c < learners.size(); ++c) {
        out.candidates.push_back({learners[c], comparison.rule.mean[c], comparison.rule.se[c]});
      }
    }
  }
  GIMBAL_TRY(Fitted fit, fit_learner(learner, designs, task, std::nullopt, -1));
  out.model = std::move(fit.model);
  out.parameters = fit.parameters;
  out.dropped = std::move(fit.dropped);
  if (!fit.loo.empty()) out.held_out = std::move(fit.loo);
  if (learner == Learner::kMean) {
    out.in_sample.assign(task.y.size(), out.model.intercept);
  } else {
    GIMBAL_TRY(out.in_sample, out.model.predict(designs));
  }
  return out;
}

}  // namespace gimbal::policy
