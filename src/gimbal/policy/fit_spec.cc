#include "gimbal/policy/fit_spec.h"

#include <array>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::policy {
namespace {

constexpr std::array<std::string_view, 6> kLearners = {"auto", "mean", "ols", "ridge", "logistic", "gbdt"};
constexpr std::array<std::string_view, 4> kVariances = {"auto", "arm", "model", "binomial"};
constexpr std::string_view kColumnsPrefix = "columns:";

template <std::size_t N>
Result<std::size_t> pick(std::string_view text, const std::array<std::string_view, N>& names, std::string_view flag,
                         bool columns) {
  for (std::size_t i = 0; i < N; ++i) {
    if (text == names[i]) return i;
  }
  std::vector<std::string> choices(names.begin(), names.end());
  if (columns) choices.push_back("columns:PREFIX");
  // Of two short words neither is what another word was meant to be.
  return fail_at(std::string(flag), ErrorCode::kUsage, "expected one of {}; found {}{}", join(choices, ", "),
                 gimbal::quoted(text), N > 2 ? did_you_mean(text, choices) : "");
}

}  // namespace

std::string_view learner_name(Learner learner) {
  return learner == Learner::kColumns ? "columns" : kLearners[static_cast<std::size_t>(learner)];
}

std::string FitSpec::learner_text() const {
  return learner == Learner::kColumns ? std::string(kColumnsPrefix) + learner_prefix : std::string(learner_name(learner));
}

std::string FitSpec::variance_text() const {
  return variance == VarianceKind::kColumns ? std::string(kColumnsPrefix) + variance_prefix
                                            : std::string(kVariances[static_cast<std::size_t>(variance)]);
}

Result<void> set_learner(FitSpec& spec, std::string_view text) {
  if (text.starts_with(kColumnsPrefix)) {
    spec.learner = Learner::kColumns;
    spec.learner_prefix = text.substr(kColumnsPrefix.size());
    return {};
  }
  GIMBAL_TRY(const std::size_t index, pick(text, kLearners, "--learner", true));
  spec.learner = static_cast<Learner>(index);
  return {};
}

Result<void> set_variance(FitSpec& spec, std::string_view text) {
  if (text.starts_with(kColumnsPrefix)) {
    spec.variance = VarianceKind::kColumns;
    spec.variance_prefix = text.substr(kColumnsPrefix.size());
    return {};
  }
  GIMBAL_TRY(const std::size_t index, pick(text, kVariances, "--variance", true));
  spec.variance = static_cast<VarianceKind>(index);
  return {};
}

Result<void> set_effect(FitSpec& spec, std::string_view text) {
  GIMBAL_TRY(const std::size_t index, pick(text, std::array<std::string_view, 2>{"t", "dr"}, "--effect", false));
  spec.effect = index == 0 ? Effect::kT : Effect::kDr;
  return {};
}

Result<void> set_unknown_category(FitSpec& spec, std::string_view text) {
  GIMBAL_TRY(const std::size_t index,
             pick(text, std::array<std::string_view, 2>{"error", "missing"}, "--unknown-category", false));
  spec.unknown = index == 0 ? data::UnknownCategory::kError : data::UnknownCategory::kMissing;
  return {};
}

void FitSpec::write(JsonWriter& json) const {
  json.begin_object()
      .field("learner", learner_text())
      .field("effect", effect == Effect::kT ? "t" : "dr")
      .field("variance", variance_text())
      .field("folds", folds)
      .field("clip", clip)
      .field("trim", trim)
      .field("unknown_category", unknown == data::UnknownCategory::kError ? "error" : "missing")
      .field("seed", seed)
      .end_object();
}

Result<FitSpec> FitSpec::read(const JsonView& json) {
  GIMBAL_TRY(json.expect_only({"learner", "effect", "variance", "folds", "clip", "trim", "unknown_category", "seed"}));
  FitSpec spec;
  GIMBAL_TRY(const std::string learner, json.string("learner"));
  GIMBAL_TRY(set_learner(spec, learner));
  GIMBAL_TRY(const std::string effect, json.string("effect"));
  GIMBAL_TRY(set_effect(spec, effect));
  GIMBAL_TRY(const std::string variance, json.string("variance"));
  GIMBAL_TRY(set_variance(spec, variance));
  GIMBAL_TRY(const std::int64_t folds, json.integer("folds"));
  spec.folds = static_cast<int>(folds);
  GIMBAL_TRY(spec.clip, json.number("clip"));
  GIMBAL_TRY(spec.trim, json.number("trim"));
  GIMBAL_TRY(const std::string unknown, json.string("unknown_category"));
  GIMBAL_TRY(set_unknown_category(spec, unknown));
  GIMBAL_TRY(spec.seed, read_seed(json));
  return spec;
}

Result<std::uint64_t> read_seed(const JsonView& json) {
  GIMBAL_TRY(const JsonView seed, json.get("seed"));
  const std::optional<std::uint64_t> value = parse_uint(seed.text());
  if (!value) {
    return fail(ErrorCode::kParseError, "{}: expected an integer from 0 to 2^64 - 1, found {}", seed.path(), seed.text());
  }
  return *value;
}

}  // namespace gimbal::policy
