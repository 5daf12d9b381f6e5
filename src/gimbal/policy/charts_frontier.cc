// The frontier and the promise gap: curves of tau, z and power along lambda with their bands.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/policy/charts.h"
#include "gimbal/policy/charts_text.h"

namespace gimbal::policy {
namespace {

constexpr int kHonestColour = 0;
constexpr int kPluginColour = 1;
constexpr int kMarkColour = 2;

// The printed points that lie on the frontier, by ascending lambda; marked policies are apart.
std::vector<const FrontierPoint*> points_along(const FrontierDocument& document) {
  std::vector<const FrontierPoint*> out;
  for (const FrontierPoint& point : document.points) {
    if (point.lambda) out.push_back(&point);
  }
  std::stable_sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return *a->lambda < *b->lambda; });
  return out;
}

bool any_honest(std::span<const FrontierPoint* const> points) {
  return std::any_of(points.begin(), points.end(), [](const FrontierPoint* p) { return p->honest.has_value(); });
}

// Few points are few rules of --at: they deserve a marker each.
run::SeriesStyle curve_style(CurveKind curve, std::size_t points) {
  const bool honest = curve == CurveKind::kHonest;
  return {.colour = honest ? kHonestColour : kPluginColour,
          .dash = honest ? run::Dash::kSolid : run::Dash::kDashed,
          .marker = points <= 12 ? (honest ? run::Marker::kCircle : run::Marker::kSquare) : run::Marker::kNone,
          .width = honest ? 2.4 : 2.0};
}

// How much wider the simultaneous band is than the pointwise one.
double band_ratio(const HonestPoint& point) {
  const double pointwise = point.tau_high - point.tau_low;
  return pointwise > 0 ? std::max(1.0, (point.band_high - point.band_low) / pointwise) : 1.0;
}

std::string pointwise_label(double alpha) { return level_words(alpha) + " at each point"; }
std::string simultaneous_label(double alpha) { return level_words(alpha) + " for the whole curve"; }

// Where the honest curve turns back (a larger lambda that delivers less), upright bands of its branches would cross. Then the
// band is the hull of all branches at each improvement.
bool turns_back(const run::Series& series) { return !std::is_sorted(series.x.begin(), series.x.end()); }

run::Series hull_of(const run::Series& series) {
  run::Series out{.label = "", .x = series.x, .y = {}, .bands = {}, .style = series.style};
  out.style.marker = run::Marker::kNone;
  std::sort(out.x.begin(), out.x.end());
  out.x.erase(std::unique(out.x.begin(), out.x.end()), out.x.end());
  out.y.assign(out.x.size(), run::kNoValue);
  for (const run::Band& band : series.bands) {
    run::Band hull{std::vector<double>(out.x.size(), kInfinity), std::vector<double>(out.x.size(), -kInfinity), band.label};
    for (std::size_t k = 0; k + 1 < series.x.size(); ++k) {
      const double from = series.x[k], to = series.x[k + 1];
      for (std::size_t g = 0; g < out.x.size(); ++g) {
        if (out.x[g] < std::min(from, to) || out.x[g] > std::max(from, to)) continue;
        // A step straight up touches both of its ends.
        for (const double t :
             {to != from ? (out.x[g] - from) / (to - from) : 0.0, to != from ? (out.x[g] - from) / (to - from) : 1.0}) {
          hull.lo[g] = std::min(hull.lo[g], band.lo[k] + t * (band.lo[k + 1] - band.lo[k]));
          hull.hi[g] = std::max(hull.hi[g], band.hi[k] + t * (band.hi[k + 1] - band.hi[k]));
        }
      }
    }
    out.bands.push_back(std::move(hull));
  }
  return out;
}

// Which points of the honest curve another one outdoes: as much improvement and as large a z, and visibly more of one.
std::vector<bool> outdone(const run::Series& z) {
  const auto range = [](const std::vector<double>& v) {
    const auto [lo, hi] = std::minmax_element(v.begin(), v.end());
    return *hi - *lo;
  };
  // A hundredth of the curve's own extent is less than the line is wide: wiggles do not tear the curve.
  const double dx = 0.01 * range(z.x), dy = 0.01 * range(z.y);
  std::vector<bool> out(z.x.size(), false);
  for (std::size_t i = 0; i < z.x.size(); ++i) {
    for (std::size_t j = 0; j < z.x.size() && !out[i]; ++j) {
      out[i] = z.x[j] >= z.x[i] && z.y[j] >= z.y[i] && (z.x[j] > z.x[i] + dx || z.y[j] > z.y[i] + dy);
    }
  }
  return out;
}

// The honest curve. Where the models' order of policies is not the one of the held-out rows it turns back and forth: a policy
// that moves further delivers less, or is even harder to prove. Only what no other point outdoes is the frontier that the
// held-out rows confirm; it is drawn solid, over the whole way as a thin dotted line. There a larger improvement has a smaller
// z, so the solid line cannot loop.
void add_honest(run::Panel& panel, run::Series series, const std::vector<bool>& outdone) {
  const bool all = std::none_of(outdone.begin(), outdone.end(), [](bool b) { return b; });
  if (turns_back(series)) {
    panel.series.push_back(hull_of(series));
    series.bands.clear();
  }
  if (all) {
    panel.series.push_back(std::move(series));
    return;
  }
  run::Series way = series;
  way.label = "honest, but another point has more of both";
  way.bands.clear();
  way.style.dash = run::Dash::kDotted;
  way.style.width = 1.2;
  way.style.marker = run::Marker::kNone;
  for (std::size_t k = 0; k < series.y.size(); ++k) {
    if (outdone[k]) series.y[k] = run::kNoValue;
  }
  panel.series.push_back(std::move(way));
  panel.series.push_back(std::move(series));
}

struct FrontierPanels {
  run::Panel power, z;
};

void add_curves(FrontierPanels& panels, std::span<const FrontierPoint* const> points, const TestSpec& test) {
  run::Series plugin_power{.label = "plug-in: what the models promise",
                           .x = {},
                           .y = {},
                           .bands = {},
                           .style = curve_style(CurveKind::kPlugin, points.size())};
  run::Series plugin_z = plugin_power;
  run::Series honest_power{
      .label = "honest: held-out rows", .x = {}, .y = {}, .bands = {}, .style = curve_style(CurveKind::kHonest, points.size())};
  honest_power.bands = {{{}, {}, simultaneous_label(test.alpha)}, {{}, {}, pointwise_label(test.alpha)}};
  run::Series honest_z = honest_power;
  const double root_n = std::sqrt(test.n);
  for (const FrontierPoint* point : points) {
    plugin_power.x.push_back(point->moments.tau);
    plugin_power.y.push_back(point->power);
    plugin_z.x.push_back(point->moments.tau);
    plugin_z.y.push_back(point->z);
    if (!point->honest) continue;
    const HonestPoint& h = *point->honest;
    honest_power.x.push_back(h.tau);
    honest_power.y.push_back(h.power);
    honest_z.x.push_back(h.tau);
    honest_z.y.push_back(h.z);
    const double ratio = band_ratio(h);
    for (const auto& [band, scale] : {std::pair{0, ratio}, std::pair{1, 1.0}}) {
      const double lo = root_n * (h.z1 - scale * (h.z1 - h.z1_low)), hi = root_n * (h.z1 + scale * (h.z1_high - h.z1));
      honest_z.bands[band].lo.push_back(lo);
      honest_z.bands[band].hi.push_back(hi);
      honest_power.bands[band].lo.push_back(power_at(lo, test));
      honest_power.bands[band].hi.push_back(power_at(hi, test));
    }
  }
  if (!honest_power.x.empty()) {
    const std::vector<bool> outdone_points = outdone(honest_z);
    add_honest(panels.power, std::move(honest_power), outdone_points);
    add_honest(panels.z, std::move(honest_z), outdone_points);
  }
  panels.power.series.push_back(std::move(plugin_power));
  panels.z.series.push_back(std::move(plugin_z));
}

void add_behind(FrontierPanels& panels, const FrontierDocument& document, const std::string& label, CurveKind curve) {
  run::Series power{.label = label, .x = {}, .y = {}, .bands = {}, .style = {}};
  run::Series z = power;
  for (const FrontierPoint* point : points_along(document)) {
    const CurveValue value = curve_value(*point, curve);
    power.x.push_back(value.tau);
    power.y.push_back(value.power);
    z.x.push_back(value.tau);
    z.y.push_back(value.z);
  }
  panels.power.guides.push_back(std::move(power));
  panels.z.guides.push_back(std::move(z));
}

struct NamedPoint {
  const FrontierPoint* point;
  std::string label;
  run::Marker shape;
  bool chosen = false;
};

// Points at one lambda are one mark: "chosen = max-tau".
std::vector<NamedPoint> named_points(const FrontierDocument& document, const FrontierHighlights& highlights) {
  std::vector<NamedPoint> out;
  const auto add = [&](const FrontierPoint* point, const std::string& label, run::Marker shape, bool chosen) {
    for (NamedPoint& other : out) {
      if (other.point->lambda != point->lambda) continue;
      other.label += " = " + label;
      return;
    }
    out.push_back({point, label, shape, chosen});
  };
  if (highlights.chosen) add(highlights.chosen, highlights.chosen_label, run::Marker::kStar, true);
  add(&document.max_z, "max-z", run::Marker::kTriangle, false);
  add(&document.max_tau, "max-tau", run::Marker::kTriangleDown, false);
  return out;
}

void add_marks(FrontierPanels& panels, const FrontierDocument& document, const FrontierHighlights& highlights, CurveKind curve,
               const TestSpec& test) {
  const auto mark = [&](double tau, double power, double z, const std::string& label, run::Marker shape, int colour) {
    panels.power.marks.push_back({.x = tau, .y = power, .label = label, .shape = shape, .colour = colour});
    panels.z.marks.push_back({.x = tau, .y = z, .label = label, .shape = shape, .colour = colour});
  };
  for (const NamedPoint& named : named_points(document, highlights)) {
    const CurveValue value = curve_value(*named.point, curve);
    mark(value.tau, value.power, value.z, named.label, named.shape,
         named.chosen                                         ? run::kInk
         : curve == CurveKind::kHonest && named.point->honest ? kHonestColour
                                                              : kPluginColour);
  }
  for (const FrontierPoint& point : document.points) {
    if (!point.lambda) mark(point.moments.tau, point.power, point.z, point_name(point), run::Marker::kSquare, kMarkColour);
  }
  if (!highlights.tested) return;
  const std::optional<Estimate>& tested = highlights.tested->estimates[static_cast<std::size_t>(highlights.primary)];
  if (!tested || !(tested->se > 0)) return;
  // The standard error that a test of n_test units with this spread would have.
  const double se =
      tested->se * (highlights.test_units > 0 ? std::sqrt(static_cast<double>(highlights.test_units) / test.n) : 1.0);
  const auto z = [&](double tau) { return tau / se; };
  run::Mark cross{.x = tested->tau,
                  .y = z(tested->tau),
                  .label = "tested",
                  .x_lo = tested->ci_low,
                  .x_hi = tested->ci_high,
                  .y_lo = z(tested->ci_low),
                  .y_hi = z(tested->ci_high),
                  .shape = run::Marker::kCross,
                  .colour = run::kInk};
  panels.z.marks.push_back(cross);
  for (double* y : {&cross.y, &cross.y_lo, &cross.y_hi}) *y = power_at(*y, test);
  panels.power.marks.push_back(cross);
}

// What both charts show, as figures: one row a point.
run::ReportTable point_numbers(const FrontierDocument& document, const Wording& wording, double alpha) {
  const std::string unit = wording.improvement_unit();
  run::ReportTable table;
  table.columns = {{"point", "", run::Align::kLeft},
                   {"λ", "", run::Align::kRight},
                   {"plug-in", unit, run::Align::kRight},
                   {"power", "plug-in", run::Align::kRight},
                   {"z", "plug-in", run::Align::kRight},
                   {"honest", unit, run::Align::kRight},
                   {level_words(alpha) + " CI", "honest", run::Align::kRight},
                   {"whole curve", "honest", run::Align::kRight},
                   {"power", "honest", run::Align::kRight},
                   {"z", "honest", run::Align::kRight}};
  const auto add = [&](const FrontierPoint& point, const std::string& name) {
    const auto number = [](double x) { return fixed_number(x, 4); };
    const std::string lambda = !point.lambda ? "–" : std::isfinite(*point.lambda) ? format_significant(*point.lambda, 4) : "∞";
    std::vector<std::string> row = {name, lambda, number(point.moments.tau), power_words(point.power),
                                    fixed_number(point.z, 2)};
    if (point.honest) {
      const HonestPoint& h = *point.honest;
      row.insert(row.end(), {number(h.tau), number(h.tau_low) + " to " + number(h.tau_high),
                             number(h.band_low) + " to " + number(h.band_high), power_words(h.power), fixed_number(h.z, 2)});
    }
    row.resize(table.columns.size(), "–");
    table.rows.push_back(std::move(row));
  };
  add(document.max_z, "max-z");
  add(document.max_tau, "max-tau");
  for (const FrontierPoint& point : document.points) {
    if (table.rows.size() < run::kMaxTableRows) add(point, point.at == "grid" ? "" : point_name(point));
  }
  return table;
}

bool reaches_zero(const run::Panel& panel) {
  for (const run::Series& series : panel.series) {
    for (const double x : series.x) {
      if (x < 0) return true;
    }
  }
  return std::any_of(panel.marks.begin(), panel.marks.end(),
                     [](const run::Mark& m) { return std::min(m.x, m.x_lo) < 0 || m.x < 0; });
}

}  // namespace

run::Chart frontier_chart(const FrontierDocument& document, const FrontierHighlights& highlights) {
  const LoadedFrontier& loaded = *document.loaded;
  const TestSpec& test = loaded.frontier->options().test;
  const Wording wording = highlights.wording.value_or(wording_of(loaded));
  const std::vector<const FrontierPoint*> points = points_along(document);
  const CurveKind curve = any_honest(points) ? loaded.frontier->curve() : CurveKind::kPlugin;
  const std::string units = count_words(test.n) + " test " + wording.units;

  FrontierPanels panels;
  panels.power.y = {.title = "power: the chance that a test finds the improvement significant",
                    .unit = units,
                    .min = {},
                    .max = {},
                    .percent = true};
  panels.z.y = {.title = "z: improvement in standard errors of the test", .unit = units, .min = {}, .max = {}};
  panels.z.height = 220;
  add_curves(panels, points, test);
  if (highlights.behind) add_behind(panels, *highlights.behind, highlights.behind_label, curve);
  add_marks(panels, document, highlights, curve, test);
  panels.power.lines.push_back(
      {run::ReferenceLine::Kind::kHorizontal, highlights.target_power, percent_words(highlights.target_power) + " power"});
  panels.z.lines.push_back({run::ReferenceLine::Kind::kHorizontal, critical_value(test),
                            "significant above " + format_significant(critical_value(test), 3)});
  if (reaches_zero(panels.power)) {
    panels.power.lines.push_back({run::ReferenceLine::Kind::kVertical, 0, "no improvement"});
    panels.z.lines.push_back({run::ReferenceLine::Kind::kVertical, 0, ""});
  }

  run::XyChart chart;
  chart.title = "Frontier: improvement against the power to show it";
  chart.subtitle =
      fmt::format("Score {}, {} test at level {}, compared with {}.", score_name(loaded.frontier->options().score),
                  side_words(test.side), format_significant(test.alpha, 3), baseline_words(loaded.request.baseline));
  chart.x = {.title = "improvement over " + baseline_words(loaded.request.baseline),
             .unit = wording.improvement_unit(),
             .min = {},
             .max = {}};
  chart.panels = {std::move(panels.power), std::move(panels.z)};
  run::Chart drawn = run::draw(chart);
  drawn.numbers = point_numbers(document, wording, test.alpha);
  return drawn;
}

run::Chart promise_chart(const FrontierDocument& document, const FrontierPoint* chosen,
                         const std::optional<Wording>& wording_given) {
  const LoadedFrontier& loaded = *document.loaded;
  const Wording wording = wording_given.value_or(wording_of(loaded));
  const double alpha = loaded.frontier->options().test.alpha;
  const std::vector<const FrontierPoint*> points = points_along(document);

  // lambda = infinity has no place on a logarithmic axis: it stands a little to the right of everything finite.
  double low = kInfinity, high = 0;
  const auto widen = [&](const FrontierPoint& point) {
    if (!point.lambda || !std::isfinite(*point.lambda) || !(*point.lambda > 0)) return;
    low = std::min(low, *point.lambda);
    high = std::max(high, *point.lambda);
  };
  for (const FrontierPoint* point : points) widen(*point);
  if (chosen) widen(*chosen);
  widen(document.max_z);
  if (!(high > 0)) low = high = 1;
  const double edge = high * std::max(1.3, std::pow(high / low, 0.07));
  const auto place = [&](const FrontierPoint& point) { return std::isfinite(*point.lambda) ? *point.lambda : edge; };

  run::Panel panel;
  panel.y = {.title = "improvement over " + baseline_words(loaded.request.baseline),
             .unit = wording.improvement_unit(),
             .min = {},
             .max = {},
             .percent = false,
             .include_zero = true};
  run::Series plugin{.label = "plug-in: what the models promise",
                     .x = {},
                     .y = {},
                     .bands = {},
                     .style = curve_style(CurveKind::kPlugin, points.size())};
  run::Series honest{
      .label = "honest: held-out rows", .x = {}, .y = {}, .bands = {}, .style = curve_style(CurveKind::kHonest, points.size())};
  honest.bands = {{{}, {}, simultaneous_label(alpha)}, {{}, {}, pointwise_label(alpha)}};
  for (const FrontierPoint* point : points) {
    if (!point->honest) continue;
    const HonestPoint& h = *point->honest;
    for (run::Series* series : {&plugin, &honest}) series->x.push_back(place(*point));
    plugin.y.push_back(point->moments.tau);
    honest.y.push_back(h.tau);
    honest.bands[0].lo.push_back(h.band_low);
    honest.bands[0].hi.push_back(h.band_high);
    honest.bands[1].lo.push_back(h.tau_low);
    honest.bands[1].hi.push_back(h.tau_high);
  }
  if (!honest.x.empty()) {
    panel.series = {std::move(honest), std::move(plugin)};
    if (chosen && chosen->lambda && chosen->honest) {
      panel.marks.push_back(
          {.x = place(*chosen), .y = chosen->honest->tau, .label = "chosen", .shape = run::Marker::kStar, .colour = run::kInk});
    }
    panel.lines.push_back({run::ReferenceLine::Kind::kVertical, edge, "λ = ∞"});
    panel.lines.push_back({run::ReferenceLine::Kind::kHorizontal, 0, ""});
  }
  run::XyChart chart;
  chart.title = "Promise gap: what the models expect against what held-out rows deliver";
  if (const std::optional<PromiseGap> gap = loaded.frontier->gap(document.max_tau, chosen)) {
    const auto words = [](std::string_view where, const PromiseGapAt& at) {
      const int decimals = decimals_for(at.se_honest);
      return fmt::format("At {}: promised {}, delivered {} ± {}.", where, fixed_number(at.plugin, decimals, true),
                         fixed_number(at.honest, decimals, true), fixed_number(at.se_honest, decimals));
    };
    if (gap->at_chosen) chart.subtitle = words("the chosen point", *gap->at_chosen) + " ";
    chart.subtitle += words("max-tau", gap->at_max_tau) + " ± is one standard error.";
  }
  chart.x = {.title = "λ: how much variance may be paid for improvement; to the right the policy moves further",
             .unit = "outcome units",
             .scale = run::Scale::kLog,
             .min = {},
             .max = {}};
  chart.panels = {std::move(panel)};
  run::Chart drawn = run::draw(chart);
  if (any_honest(points)) drawn.numbers = point_numbers(document, wording, alpha);
  return drawn;
}

}  // namespace gimbal::policy
