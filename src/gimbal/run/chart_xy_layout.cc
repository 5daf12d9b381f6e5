#include <algorithm>
#include <cmath>
#include <map>

#include "gimbal/run/chart_xy.h"

namespace gimbal::run {

Extent x_extent(const XyChart& chart) {
  Extent extent;
  const auto add = [&](double v) {
    if (drawable(v, chart.x.scale)) extent.add(v);
  };
  for (const Panel& panel : chart.panels) {
    for (const Series& series : panel.series) std::for_each(series.x.begin(), series.x.end(), add);
    for (const Mark& mark : panel.marks)
      for (const double v : {mark.x, mark.x_lo, mark.x_hi}) add(v);
    for (const ReferenceLine& line : panel.lines)
      if (line.kind == ReferenceLine::Kind::kVertical) add(line.at);
  }
  return extent;
}

Extent y_extent(const Panel& panel) {
  Extent extent;
  const auto add = [&](double v) {
    if (drawable(v, panel.y.scale)) extent.add(v);
  };
  for (const Series& series : panel.series) {
    std::for_each(series.y.begin(), series.y.end(), add);
    for (const Band& band : series.bands) {
      std::for_each(band.lo.begin(), band.lo.end(), add);
      std::for_each(band.hi.begin(), band.hi.end(), add);
    }
    if (series.style.fill) add(0);
  }
  for (const Mark& mark : panel.marks)
    for (const double v : {mark.y, mark.y_lo, mark.y_hi}) add(v);
  for (const ReferenceLine& line : panel.lines)
    if (line.kind == ReferenceLine::Kind::kHorizontal) add(line.at);
  return extent;
}

std::vector<const Band*> widest_first(const Series& series) {
  std::vector<std::pair<double, const Band*>> order;
  for (const Band& band : series.bands) {
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < band.lo.size(); ++i) {
      const double width = std::abs(band.hi[i] - band.lo[i]);
      if (std::isfinite(width)) sum += width, ++count;
    }
    order.emplace_back(count > 0 ? sum / count : 0.0, &band);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<const Band*> bands;
  for (const auto& [width, band] : order) bands.push_back(band);
  return bands;
}

double band_opacity(std::size_t k, std::size_t count) {
  return count == 1 ? 0.2 : 0.13 + 0.07 * static_cast<double>(std::min<std::size_t>(k, 4));
}

std::vector<LegendItem> legend_items(const XyChart& chart) {
  std::vector<LegendItem> items;
  std::map<std::string, std::size_t> known;
  const auto add = [&](const LegendItem& item) {
    if (item.label.empty()) return;
    const auto [place, fresh] = known.emplace(item.label, items.size());
    if (fresh) {
      items.push_back(item);
    } else if (items[place->second].colour != item.colour && !item.line && item.swatch > 0) {
      items[place->second].colour = kInk;  // the same band around several series
    }
  };
  for (const Panel& panel : chart.panels) {
    for (std::size_t i = 0; i < std::min(panel.series.size(), kMaxSeries); ++i) {
      const Series& series = panel.series[i];
      const ResolvedStyle style = resolve_style(series, i);
      add({series.label, style.colour, series.style.line, style.dash, series.style.width, style.marker,
           series.style.fill ? 0.25 : 0});
    }
  }
  for (const Panel& panel : chart.panels) {
    for (std::size_t i = 0; i < std::min(panel.series.size(), kMaxSeries); ++i) {
      const std::vector<const Band*> bands = widest_first(panel.series[i]);
      for (std::size_t k = 0; k < bands.size(); ++k) {
        add({.label = bands[k]->label,
             .colour = resolve_style(panel.series[i], i).colour,
             .swatch = band_opacity(k, bands.size()) + 0.07 * static_cast<double>(k)});
      }
    }
  }
  if (items.size() == 1 && chart.panels.size() == 1 && items[0].label == chart.panels[0].y.title) items.clear();
  return items;
}

ResolvedStyle resolve_style(const Series& series, std::size_t index) {
  ResolvedStyle style;
  style.colour = series.style.colour == kAutoColour ? static_cast<int>(index) : series.style.colour;
  style.dash = dash_pattern(series.style.dash, style.colour);
  const bool points = !series.style.line;
  const Marker marker = points && series.style.marker == Marker::kNone ? Marker::kAuto : series.style.marker;
  style.marker = resolve_marker(marker, style.colour);
  // A line through a single place would be invisible but for its marker.
  if (series.x.size() == 1 && style.marker == Marker::kNone) style.marker = resolve_marker(Marker::kAuto, style.colour);
  return style;
}

}  // namespace gimbal::run
