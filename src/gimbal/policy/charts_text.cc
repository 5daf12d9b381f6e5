#include "gimbal/policy/charts_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/policy/baseline.h"

namespace gimbal::policy {

std::string Wording::outcome_name() const {
  const std::string name = outcome.empty() ? "outcome" : shortened(outcome, 40);
  return net_of_cost ? name + " net of cost" : name;
}

std::string Wording::improvement_unit() const {
  std::string what = outcome_unit.empty() ? outcome_name() : outcome_unit + " of " + outcome_name();
  if (minimize) what = "reduction of " + what;
  return what + " per " + unit;
}

Wording wording_of(const DataFlags& flags) {
  Wording out;
  out.outcome = flags.outcome;
  out.minimize = flags.minimize;
  out.net_of_cost = !flags.value_costs.empty();
  return out;
}

Wording wording_of(const LoadedFrontier& loaded) {
  Wording out = wording_of(loaded.model ? loaded.model->flags : loaded.data);
  out.minimize = out.minimize || loaded.request.minimize;
  out.binary = loaded.model && loaded.model->binary && !out.net_of_cost;
  return out;
}

std::string fixed_number(double value, int decimals, bool plus) {
  if (!std::isfinite(value)) return std::isnan(value) ? "–" : value > 0 ? "∞" : "\u2212∞";
  const std::string text = decimal_text(std::abs(value), decimals);
  if (text.find_first_not_of("0.") == std::string::npos) return text;
  return (value < 0 ? "\u2212" : plus ? "+" : "") + text;
}

std::string decimal_text(double value, int decimals) {
  if (value == 0) value = 0;  // not -0
  if (decimals < 0) return value == 0 ? "0" : fmt::format("{:.2e}", value);
  if (decimals == 0 && std::abs(value) >= 1e5 && std::abs(value) < 1e15) return format_count(std::llround(value));
  return fmt::format("{:.{}f}", value, decimals);
}

int decimals_for(double width) {
  if (!(width > 0) || !std::isfinite(width)) return 3;
  if (width < 1e-7 || width > 1e12) return kScientific;
  return std::clamp(static_cast<int>(std::ceil(1.3 - std::log10(width))), 0, 9);
}

std::string percent_words(double share) {
  if (!std::isfinite(share)) return "–";
  const double percent = 100 * share;
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  if (percent < 100 && percent > 99.9) return "> 99.9 %";
  const std::string text = fmt::format("{:.1f}", percent);
  return (text.ends_with(".0") ? text.substr(0, text.size() - 2) : text) + " %";
}

std::string power_words(double power) { return power > 0.999 ? "> 99.9 %" : power < 0.001 ? "< 0.1 %" : percent_words(power); }

std::string count_words(double n) {
  if (!std::isfinite(n)) return "∞";
  return n < 9e15 ? format_count(static_cast<std::int64_t>(whole_units(n))) : format_significant(n, 3);
}

std::string level_words(double alpha) { return format_significant(100 * (1 - alpha), 4) + " %"; }

std::string side_words(Side side) { return side == Side::kTwo ? "two-sided" : "one-sided"; }

std::string baseline_words(std::string_view baseline) {
  const auto spec = parse_baseline(baseline.empty() ? "logging" : baseline);
  std::string words = spec ? spec->words() : std::string(baseline);
  // The quotes around a name, as people write them; those inside it are the name's own.
  const std::size_t open = words.find('"'), close = words.rfind('"');
  if (open == close) return words;
  words.replace(close, 1, "”");
  return words.replace(open, 1, "“");
}

std::string lambda_words(double lambda) {
  return "λ = " + (std::isfinite(lambda) ? format_significant(lambda, 3) : std::string("∞"));
}

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

CurveValue curve_value(const FrontierPoint& point, CurveKind curve) {
  if (curve == CurveKind::kHonest && point.honest) {
    const HonestPoint& h = *point.honest;
    return {h.tau, h.se, h.z, h.z1, h.power, h.units_required};
  }
  return {point.moments.tau, point.se, point.z, point.z1, point.power, point.units_required};
}

std::string point_name(const FrontierPoint& point) {
  if (!point.at.starts_with("mark:")) return point.at;
  const std::string_view path = std::string_view(point.at).substr(5);
  const std::size_t slash = path.find_last_of('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace gimbal::policy
