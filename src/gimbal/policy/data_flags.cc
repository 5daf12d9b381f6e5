#include "gimbal/policy/data_flags.h"

#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/data/table.h"

namespace gimbal::policy {
namespace {

constexpr std::string_view kPropensityNote =
    "uniform: every arm had the same probability; shares: simple randomization, the observed shares; columns:PREFIX: the file "
    "holds the "
    "probabilities; logistic or gbdt: estimated from the covariates, for observational data";

}  // namespace

std::string PropensitySpec::text() const {
  switch (kind) {
    case Kind::kUniform:
      return "uniform";
    case Kind::kShares:
      return "shares";
    case Kind::kColumns:
      return "columns:" + prefix;
    case Kind::kLogistic:
      return "logistic";
    case Kind::kGbdt:
      return "gbdt";
  }
  return "";
}

Result<PropensitySpec> parse_propensity(std::string_view text) {
  using Kind = PropensitySpec::Kind;
  if (text == "uniform") return PropensitySpec{Kind::kUniform, ""};
  if (text == "shares") return PropensitySpec{Kind::kShares, ""};
  if (text == "logistic") return PropensitySpec{Kind::kLogistic, ""};
  if (text == "gbdt") return PropensitySpec{Kind::kGbdt, ""};
  if (text.starts_with("columns:")) return PropensitySpec{Kind::kColumns, std::string(text.substr(8))};
  const std::vector<std::string> choices = {"uniform", "shares", "columns:PREFIX", "logistic", "gbdt"};
  return fail(Error{
      ErrorCode::kUsage,
      fmt::format("expected one of {}; found {}{}", join(choices, ", "), gimbal::quoted(text), did_you_mean(text, choices)),
      {std::string(kPropensityNote)},
      "--propensity"});
}

Error missing_propensity() {
  return Error{
      ErrorCode::kUsage,
      "the probabilities with which the arms were given must be named: uniform, shares, columns:PREFIX, logistic or gbdt",
      {std::string(kPropensityNote), "guessing here is the one mistake that cannot be repaired later, so there is no default"},
      "--propensity"};
}

Result<ValueCost> parse_value_cost(std::string_view text) {
  const std::size_t split_at = text.rfind('=');
  if (split_at == std::string_view::npos || split_at == 0 || split_at + 1 == text.size()) {
    return fail_at("--value-cost", ErrorCode::kUsage, "expected ARM=X or ARM=@column, found {}", gimbal::quoted(text));
  }
  ValueCost cost;
  cost.arm = text.substr(0, split_at);
  const std::string_view right = text.substr(split_at + 1);
  if (right.front() == '@') {
    cost.column = right.substr(1);
    return cost;
  }
  const std::optional<double> number = parse_finite(right);
  if (!number) {
    return fail_at("--value-cost", ErrorCode::kUsage, "expected a number or @column after \"{}=\", found {}", cost.arm,
                   gimbal::quoted(right));
  }
  if (!(std::fabs(*number) <= data::kLargestMagnitude)) {
    return fail_at("--value-cost", ErrorCode::kUsage, "a cost must lie within -1e70 and 1e70, found {}", gimbal::quoted(right));
  }
  cost.constant = *number;
  return cost;
}

void DataFlags::write(JsonWriter& json) const {
  json.begin_object()
      .field("outcome", outcome)
      .field("action", action)
      .field("id", id)
      .field("cluster", cluster)
      .field("weight", weight);
  json.key("propensity");
  propensity ? json.value(propensity->text()) : json.null();
  json.field("features", features)
      .field("arms", arms)
      .field("minimize", minimize)
      .field("drop_missing_outcome", drop_missing_outcome);
  json.key("value_costs").begin_array();
  for (const ValueCost& cost : value_costs) {
    json.begin_object().field("arm", cost.arm);
    cost.column.empty() ? json.field("constant", cost.constant) : json.field("column", cost.column);
    json.end_object();
  }
  json.end_array().field("baseline", baseline).end_object();
}

Result<DataFlags> DataFlags::read(const JsonView& json) {
  GIMBAL_TRY(json.expect_only({"outcome", "action", "id", "cluster", "weight", "propensity", "features", "arms", "minimize",
                               "drop_missing_outcome", "value_costs", "baseline"}));
  DataFlags flags;
  GIMBAL_TRY(flags.outcome, json.string("outcome"));
  GIMBAL_TRY(flags.action, json.string("action"));
  GIMBAL_TRY(flags.id, json.string("id"));
  GIMBAL_TRY(flags.cluster, json.string("cluster"));
  GIMBAL_TRY(flags.weight, json.string("weight"));
  if (json.has("propensity")) {
    GIMBAL_TRY(const std::string text, json.string("propensity"));
    GIMBAL_TRY(flags.propensity, parse_propensity(text));
  }
  GIMBAL_TRY(flags.features, json.strings("features"));
  GIMBAL_TRY(flags.arms, json.strings("arms"));
  GIMBAL_TRY(flags.minimize, json.boolean("minimize"));
  GIMBAL_TRY(flags.drop_missing_outcome, json.boolean("drop_missing_outcome"));
  GIMBAL_TRY(const JsonView costs, json.get("value_costs"));
  GIMBAL_TRY(const std::vector<JsonView> items, costs.items());
  for (const JsonView& item : items) {
    ValueCost cost;
    GIMBAL_TRY(cost.arm, item.string("arm"));
    GIMBAL_TRY(cost.column, item.string_or("column", ""));
    GIMBAL_TRY(cost.constant, item.number_or("constant", 0.0));
    flags.value_costs.push_back(std::move(cost));
  }
  GIMBAL_TRY(flags.baseline, json.string("baseline"));
  return flags;
}

}  // namespace gimbal::policy
