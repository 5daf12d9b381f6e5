// Power against the size of the test.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/policy/charts.h"
#include "gimbal/policy/charts_text.h"

namespace gimbal::policy {

namespace {
// Doubles round a power to 1; it is never certain.
constexpr double kAlmostSure = 1 - 1e-9;
}  // namespace

PowerLine power_line(const FrontierPoint& point, CurveKind curve, const TestSpec& test, std::span<const double> n,
                     double target) {
  const CurveValue value = curve_value(point, curve);
  const bool honest = curve == CurveKind::kHonest && point.honest.has_value();
  PowerLine line{point_name(point), value.tau, units_required(value.z1, target, test), {}};
  for (const double size : n) {
    const double root = std::sqrt(size);
    PowerValue at{size, power_at(value.z1 * root, test), {}, {}};
    if (honest) {
      at.low = power_at(point.honest->z1_low * root, test);
      at.high = power_at(point.honest->z1_high * root, test);
    }
    line.values.push_back(at);
  }
  return line;
}

std::vector<double> test_sizes(double from, double to, std::size_t count) {
  std::vector<double> out;
  const double steps = count > 1 ? static_cast<double>(count - 1) : 1;
  for (std::size_t k = 0; k < count; ++k) {
    const double size = std::round(from * std::pow(to / from, static_cast<double>(k) / steps));
    if (out.empty() || size > out.back()) out.push_back(size);
  }
  return out;
}

run::Chart power_chart(const PowerChartInput& input) {
  run::Panel panel;
  panel.y = {.title = "power: the chance that the test finds the improvement significant",
             .unit = "",
             .min = 0.0,
             .max = 1.03,  // room above a line at 100 %
             .percent = true};
  panel.height = 320;
  // One band is readable, many are mud: with several lines only one that stands alone would carry its interval.
  const bool bands = input.lines.size() == 1;
  for (std::size_t k = 0; k < input.lines.size(); ++k) {
    const PowerLine& line = input.lines[k];
    const std::string needs = std::isfinite(line.n_required) ? "needs " + count_words(line.n_required) : "never gets there";
    run::Series series{.label = fmt::format("{}: {}", line.label, needs), .x = {}, .y = {}, .bands = {}, .style = {}};
    run::Band band{{}, {}, level_words(input.alpha) + " for the power"};
    for (const PowerValue& value : line.values) {
      series.x.push_back(value.n);
      series.y.push_back(std::min(value.power, kAlmostSure));
      band.lo.push_back(value.low.value_or(run::kNoValue));
      band.hi.push_back(value.high.value_or(run::kNoValue));
    }
    const bool has_band =
        std::any_of(line.values.begin(), line.values.end(), [](const PowerValue& v) { return v.low && v.high; });
    if (bands && has_band) series.bands.push_back(std::move(band));
    if (line.values.size() <= 12) series.style.marker = run::Marker::kAuto;
    panel.series.push_back(std::move(series));
    if (!line.values.empty() && line.n_required >= line.values.front().n && line.n_required <= line.values.back().n) {
      panel.marks.push_back({.x = line.n_required,
                             .y = input.target,
                             .label = count_words(line.n_required),
                             .shape = run::Marker::kCircle,
                             .colour = static_cast<int>(k)});
    }
  }
  panel.lines.push_back({run::ReferenceLine::Kind::kHorizontal, input.target, percent_words(input.target) + " power"});
  if (input.planned)
    panel.lines.push_back({run::ReferenceLine::Kind::kVertical, *input.planned, "planned: " + count_words(*input.planned)});

  run::XyChart chart;
  chart.title = "Power against the size of the test";
  chart.subtitle = fmt::format("{} test at level {}; the marks are the {} needed for {} power.",
                               input.side == Side::kTwo ? "Two-sided" : "One-sided", format_significant(input.alpha, 3),
                               input.wording.units, percent_words(input.target));
  chart.x = {.title = "size of the test", .unit = input.wording.units, .scale = run::Scale::kLog, .min = {}, .max = {}};
  chart.panels = {std::move(panel)};
  return run::draw(chart);
}

}  // namespace gimbal::policy
