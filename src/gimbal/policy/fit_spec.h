// How the nuisance models are fitted: the choices of `fit` and `run`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gimbal/base/json.h"
#include "gimbal/base/result.h"
#include "gimbal/data/encoding.h"

namespace gimbal::policy {

// The regression of the outcome within an arm. kColumns: predictions brought by the user, in the columns prefix + arm.
enum class Learner { kAuto, kMean, kOls, kRidge, kLogistic, kGbdt, kColumns };
std::string_view learner_name(Learner learner);

// t: effects are differences of the arms' regressions. dr: doubly robust contrasts are regressed on the covariates, which
// shrinks the effects instead of the arms' levels (Kennedy 2023, the DR-learner); by ridge where the learner is linear, by
// boosted trees with gbdt, by the auto rule otherwise.
enum class Effect { kT, kDr };

// s2_a(x) = E[(Y(a) - muhat_a(x))^2 | x]: one number an arm, a regression of squared residuals, mu (1 - mu) for 0/1 outcomes,
// or columns. kAuto: binomial for a 0/1 outcome, else arm.
enum class VarianceKind { kAuto, kArm, kModel, kBinomial, kColumns };

struct FitSpec {
  Learner learner = Learner::kAuto;
  std::string learner_prefix;
  Effect effect = Effect::kT;
  VarianceKind variance = VarianceKind::kAuto;
  std::string variance_prefix;
  int folds = 5;       // 1..20; 1: nothing is cross-fitted and there is no honest curve
  double clip = 0.01;  // estimated propensities are clipped to [clip, 1]
  double trim = 0;     // units with min_a e_a below this are left out
  data::UnknownCategory unknown = data::UnknownCategory::kError;
  std::uint64_t seed = 0;

  std::string learner_text() const;  // "auto", "columns:mu_"
  std::string variance_text() const;
  void write(JsonWriter& json) const;
  static Result<FitSpec> read(const JsonView& json);
};

// The member "seed" of a document: all 64 bits.
Result<std::uint64_t> read_seed(const JsonView& json);

// Usage errors list the choices. They set the field and its prefix.
Result<void> set_learner(FitSpec& spec, std::string_view text);
Result<void> set_effect(FitSpec& spec, std::string_view text);
Result<void> set_variance(FitSpec& spec, std::string_view text);
Result<void> set_unknown_category(FitSpec& spec, std::string_view text);

}  // namespace gimbal::policy
