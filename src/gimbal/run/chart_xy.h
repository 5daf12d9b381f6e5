// What XyChart's drawing shares with its text side: styles with every automatic choice made, the numbers, the description.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/run/chart.h"
#include "gimbal/run/chart_scale.h"
#include "gimbal/run/chart_theme.h"

namespace gimbal::run {

// Larger charts than these would neither be read nor fit kMaxSvgBytes; what is left out is said in the subtitle.
inline constexpr std::size_t kMaxSeries = 60;  // a panel
inline constexpr std::size_t kMaxMarks = 120;  // a panel; also reference lines and guides

// A series' style with the colour, dash and marker that it is drawn with. `index`: its place in the panel.
struct ResolvedStyle {
  int colour = 0;
  std::string_view dash;
  Marker marker = Marker::kNone;
};
ResolvedStyle resolve_style(const Series& series, std::size_t index);

// The drawable values that the axes must hold: of series, bands, marks with their error bars, and reference lines.
Extent x_extent(const XyChart& chart);
Extent y_extent(const Panel& panel);

// Bands from the widest to the narrowest, by their mean width over finite places.
std::vector<const Band*> widest_first(const Series& series);
// The opacity of a lone band, or of the k-th from the widest: narrow ones lie on wide ones and come out darker.
double band_opacity(std::size_t k, std::size_t count);

// One entry for each label: series first, then bands. None where a single entry would repeat the y title.
std::vector<LegendItem> legend_items(const XyChart& chart);

// All values in long form, one line a point: series, x, y, bands; then the marks. At most kMaxTableRows lines, spread evenly.
ReportTable xy_numbers(const XyChart& chart);
// "x: ...; y: ...; series ..., ...": what a reader who cannot see the chart should know first.
std::string xy_description(const XyChart& chart);

}  // namespace gimbal::run
