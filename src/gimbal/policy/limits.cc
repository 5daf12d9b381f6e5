#include "gimbal/policy/limits.h"

#include <algorithm>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::policy {
namespace {

void write_numbers(JsonWriter& json, std::string_view name, const std::vector<ArmNumber>& items) {
  json.key(name).begin_array();
  for (const ArmNumber& item : items) json.begin_object().field("arm", item.arm).field("value", item.value).end_object();
  json.end_array();
}

Result<std::vector<ArmNumber>> read_numbers(const JsonView& json, std::string_view name) {
  std::vector<ArmNumber> out;
  GIMBAL_TRY(const JsonView list, json.get(name));
  GIMBAL_TRY(const std::vector<JsonView> items, list.items());
  for (const JsonView& item : items) {
    ArmNumber number;
    GIMBAL_TRY(number.arm, item.string("arm"));
    GIMBAL_TRY(number.value, item.number("value"));
    out.push_back(std::move(number));
  }
  return out;
}

Result<const data::DataTable*> need_units(const data::DataTable* units, std::string_view column, std::string_view flag) {
  if (units) return units;
  return fail_at(std::string(flag), ErrorCode::kInvalidArgument,
                 "column \"{}\" is not known for these units: they come without covariates", column);
}

}  // namespace

std::vector<std::string> Limits::columns() const {
  std::vector<std::string> out;
  for (const ForbiddenCell& cell : forbids) out.push_back(cell.column);
  for (const ArmResource& resource : resources) {
    if (!resource.column.empty()) out.push_back(resource.column);
  }
  return out;
}

void Limits::write(JsonWriter& json) const {
  json.begin_object().field("max_drift", max_drift);
  write_numbers(json, "floor", floors);
  write_numbers(json, "ceiling", ceilings);
  json.key("forbid").begin_array();
  for (const ForbiddenCell& cell : forbids) {
    json.begin_object().field("arm", cell.arm).field("column", cell.column).field("level", cell.level).end_object();
  }
  json.end_array();
  write_numbers(json, "capacity", capacities);
  write_numbers(json, "min_share", min_shares);
  json.field("budget", budget).key("resource").begin_array();
  for (const ArmResource& resource : resources) {
    json.begin_object()
        .field("arm", resource.arm)
        .field("constant", resource.constant)
        .field("column", resource.column)
        .end_object();
  }
  json.end_array().end_object();
}

Result<Limits> Limits::read(const JsonView& json) {
  GIMBAL_TRY(json.expect_only({"max_drift", "floor", "ceiling", "forbid", "capacity", "min_share", "budget", "resource"}));
  Limits out;
  GIMBAL_TRY(out.max_drift, json.number("max_drift"));
  GIMBAL_TRY(out.floors, read_numbers(json, "floor"));
  GIMBAL_TRY(out.ceilings, read_numbers(json, "ceiling"));
  GIMBAL_TRY(out.capacities, read_numbers(json, "capacity"));
  GIMBAL_TRY(out.min_shares, read_numbers(json, "min_share"));
  if (json.has("budget")) {
    GIMBAL_TRY(out.budget, json.number("budget"));
  }
  GIMBAL_TRY(const JsonView forbid, json.get("forbid"));
  GIMBAL_TRY(const std::vector<JsonView> cells, forbid.items());
  for (const JsonView& item : cells) {
    ForbiddenCell cell;
    GIMBAL_TRY(cell.arm, item.string("arm"));
    GIMBAL_TRY(cell.column, item.string("column"));
    GIMBAL_TRY(cell.level, item.string("level"));
    out.forbids.push_back(std::move(cell));
  }
  GIMBAL_TRY(const JsonView resource, json.get("resource"));
  GIMBAL_TRY(const std::vector<JsonView> resources, resource.items());
  for (const JsonView& item : resources) {
    ArmResource one;
    GIMBAL_TRY(one.arm, item.string("arm"));
    GIMBAL_TRY(one.constant, item.number("constant"));
    GIMBAL_TRY(one.column, item.string("column"));
    out.resources.push_back(std::move(one));
  }
  return out;
}

Result<ArmNumber> parse_arm_fraction(std::string_view text, std::string_view flag) {
  const std::size_t at = text.rfind('=');
  if (at == std::string_view::npos || at == 0) {
    return fail_at(std::string(flag), ErrorCode::kUsage, "expected ARM=FRACTION, found {}", gimbal::quoted(text));
  }
  const std::optional<double> value = parse_finite(text.substr(at + 1));
  if (!value || *value < 0 || *value > 1) {
    return fail_at(std::string(flag), ErrorCode::kUsage, "expected a fraction from 0 to 1 after \"{}=\", found {}",
                   text.substr(0, at), gimbal::quoted(text.substr(at + 1)));
  }
  return ArmNumber{std::string(text.substr(0, at)), *value};
}

Result<ForbiddenCell> parse_forbidden(std::string_view text) {
  const std::size_t equals = text.rfind('=');
  const std::size_t colon = equals == std::string_view::npos ? equals : text.rfind(':', equals);
  if (colon == std::string_view::npos || colon == 0 || colon + 1 >= equals) {
    return fail_at("--forbid", ErrorCode::kUsage, "expected ARM:COLUMN=LEVEL, found {}", gimbal::quoted(text));
  }
  return ForbiddenCell{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1, equals - colon - 1)),
                       std::string(text.substr(equals + 1))};
}

Result<ArmResource> parse_resource(std::string_view text) {
  const std::size_t at = text.rfind('=');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size()) {
    return fail_at("--resource", ErrorCode::kUsage, "expected ARM=X or ARM=@column, found {}", gimbal::quoted(text));
  }
  ArmResource out;
  out.arm = text.substr(0, at);
  if (text[at + 1] == '@') {
    out.column = text.substr(at + 2);
    return out;
  }
  const std::optional<double> value = parse_finite(text.substr(at + 1));
  if (!value)
    return fail_at("--resource", ErrorCode::kUsage, "expected a number or @column after \"{}=\", found {}", out.arm,
                   gimbal::quoted(text.substr(at + 1)));
  out.constant = *value;
  return out;
}

Result<std::size_t> find_arm(const std::vector<std::string>& arms, std::string_view name, std::string_view flag) {
  const auto at = std::find(arms.begin(), arms.end(), name);
  if (at != arms.end()) return static_cast<std::size_t>(at - arms.begin());
  return fail_at(std::string(flag), ErrorCode::kUsage, "unknown arm {}; arms found: {}{}", gimbal::quoted(name),
                 join(arms, ", "), did_you_mean(name, arms));
}

Result<Bounds> resolve_bounds(const Limits& limits, const std::vector<std::string>& arms, const data::DataTable* units,
                              std::size_t n) {
  Bounds bounds;
  bounds.max_drift = limits.max_drift;
  if (!limits.floors.empty()) bounds.floor.assign(arms.size(), 0.0);
  if (!limits.ceilings.empty()) bounds.ceiling.assign(arms.size(), 1.0);
  for (const ArmNumber& floor : limits.floors) {
    GIMBAL_TRY(const std::size_t a, find_arm(arms, floor.arm, "--floor"));
    bounds.floor[a] = floor.value;
  }
  for (const ArmNumber& ceiling : limits.ceilings) {
    GIMBAL_TRY(const std::size_t a, find_arm(arms, ceiling.arm, "--ceiling"));
    bounds.ceiling[a] = ceiling.value;
  }
  if (!limits.forbids.empty()) bounds.forbidden.assign(n * arms.size(), 0);
  for (const ForbiddenCell& cell : limits.forbids) {
    GIMBAL_TRY(const std::size_t a, find_arm(arms, cell.arm, "--forbid"));
    GIMBAL_TRY(const data::DataTable* table, need_units(units, cell.column, "--forbid"));
    GIMBAL_TRY(const data::Column* column, data::require_column(*table, cell.column, "--forbid"));
    const data::Categories levels = data::as_categories(*column);
    const auto at = std::find(levels.levels.begin(), levels.levels.end(), cell.level);
    if (at == levels.levels.end()) continue;  // no unit here has that level
    const std::int32_t code = static_cast<std::int32_t>(at - levels.levels.begin());
    for (std::size_t i = 0; i < n; ++i) {
      if (levels.codes[i] == code) bounds.forbidden[i * arms.size() + a] = 1;
    }
  }
  return bounds;
}

Result<std::vector<LinearConstraint>> resolve_constraints(const Limits& limits, const std::vector<std::string>& arms,
                                                          const data::DataTable* units, std::size_t n) {
  std::vector<LinearConstraint> out;
  for (const ArmNumber& item : limits.capacities) {
    GIMBAL_TRY(const std::size_t a, find_arm(arms, item.arm, "--capacity"));
    out.push_back(capacity(fmt::format("capacity {}={}", item.arm, shortest(item.value)), a, arms.size(), item.value));
  }
  for (const ArmNumber& item : limits.min_shares) {
    GIMBAL_TRY(const std::size_t a, find_arm(arms, item.arm, "--min-share"));
    out.push_back(minimal_share(fmt::format("min-share {}={}", item.arm, shortest(item.value)), a, arms.size(), item.value));
  }
  if (!limits.budget) {
    if (!limits.resources.empty()) {
      return fail_at("--resource", ErrorCode::kUsage, "a resource needs a limit: add --budget B (mean resource a unit)");
    }
    return out;
  }
  if (limits.resources.empty()) {
    return fail_at("--budget", ErrorCode::kUsage,
                   "a budget needs to know what the arms use: add --resource ARM=X or ARM=@column");
  }
  const bool by_unit =
      std::any_of(limits.resources.begin(), limits.resources.end(), [](const ArmResource& r) { return !r.column.empty(); });
  LinearConstraint budget{fmt::format("budget {}", shortest(*limits.budget)), Matrix(by_unit ? n : 1, arms.size(), 0.0),
                          *limits.budget};
  for (const ArmResource& resource : limits.resources) {
    GIMBAL_TRY(const std::size_t a, find_arm(arms, resource.arm, "--resource"));
    std::vector<double> use(budget.g.rows(), resource.constant);
    if (!resource.column.empty()) {
      GIMBAL_TRY(const data::DataTable* table, need_units(units, resource.column, "--resource"));
      GIMBAL_TRY(const data::Column* column, data::require_column(*table, resource.column, "--resource"));
      GIMBAL_TRY(use, data::finite_numbers(*table, *column, "resource"));
    }
    for (std::size_t i = 0; i < use.size(); ++i) budget.g(i, a) = use[i];
  }
  out.push_back(std::move(budget));
  return out;
}

}  // namespace gimbal::policy
