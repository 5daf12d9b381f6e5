#include "gimbal/policy/power.h"

#include <cmath>

namespace gimbal::policy {

Result<std::vector<PowerRow>> power_rows(const Frontier& frontier, CurveKind curve, std::span<const std::string> rules,
                                         std::span<const double> sizes, double power, bool strict) {
  std::vector<PowerRow> rows;
  std::vector<double> lambdas;
  for (const std::string& text : rules) {
    GIMBAL_TRY(const SelectRule rule, parse_select_rule(text));
    GIMBAL_TRY(const Choice choice, frontier.choose(rule, curve));
    if (!choice.reached) {
      if (strict) return fail_at("--at", ErrorCode::kInfeasible, "{}: {}", text, choice.why);
      continue;
    }
    lambdas.push_back(choice.lambda);
    PowerRow row;
    row.at = text;
    row.lambda = choice.lambda;
    rows.push_back(std::move(row));
  }
  GIMBAL_TRY(const std::vector<FrontierPoint> points, frontier.points(lambdas, lambdas.size()));
  const TestSpec& test = frontier.options().test;
  for (std::size_t p = 0; p < rows.size(); ++p) {
    const bool honest = curve == CurveKind::kHonest && points[p].honest.has_value();
    PowerRow& row = rows[p];
    row.tau = honest ? points[p].honest->tau : points[p].moments.tau;
    row.z1 = honest ? points[p].honest->z1 : points[p].z1;
    row.units_required = units_required(row.z1, power, test);
    for (const double n : sizes) {
      PowerAt at;
      at.n = n;
      at.power = power_at(row.z1 * std::sqrt(n), {n, test.alpha, test.side});
      if (honest) {
        at.low = power_at(points[p].honest->z1_low * std::sqrt(n), {n, test.alpha, test.side});
        at.high = power_at(points[p].honest->z1_high * std::sqrt(n), {n, test.alpha, test.side});
      }
      row.power.push_back(at);
    }
  }
  return rows;
}

void write_power_fields(JsonWriter& json, std::span<const PowerRow> rows, CurveKind curve, const TestSpec& test) {
  json.field("curve", curve == CurveKind::kHonest ? "honest" : "plugin")
      .field("alpha", test.alpha)
      .field("side", test.side == Side::kTwo ? "two" : "one");
  json.key("rows").begin_array();
  for (const PowerRow& row : rows) {
    json.begin_object().field("at", row.at).field("lambda", row.lambda).field("tau", row.tau).field("z1", row.z1);
    json.field("n_required",
               std::isfinite(row.units_required) ? std::optional<double>(whole_units(row.units_required)) : std::nullopt);
    json.key("power").begin_array();
    for (const PowerAt& at : row.power)
      json.begin_object().field("n", at.n).field("power", at.power).field("low", at.low).field("high", at.high).end_object();
    json.end_array().end_object();
  }
  json.end_array();
}

}  // namespace gimbal::policy
