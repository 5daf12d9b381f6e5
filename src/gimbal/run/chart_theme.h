// The look of every chart: colours for light and dark, dashes, marker shapes, and the envelope that makes a body an <svg>.
//
// The eight series colours keep apart under normal sight and under protan, deutan and tritan vision (Machado et al. 2009), in
// both schemes; dashes and marker shapes tell them apart in greyscale. Colours are CSS custom properties on .gimbal-chart, with
// the light value written before each use for viewers that know no custom properties. `data-theme` on the page's root element
// ("light" or "dark") overrides the reader's scheme. Printing is always light.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/run/chart.h"
#include "gimbal/run/svg.h"

namespace gimbal::run {

struct Palette {
  std::string_view surface, ink, muted, axis, grid, rise, fall;  // rise, fall: the ends of colour scales
  std::array<std::string_view, kPaletteSize> series;
};
extern const Palette kLightPalette;
extern const Palette kDarkPalette;

// Class names that chart bodies use:
//   tx ink text · mu muted text · ha halo behind text · bg surface · ax axis line · gr grid line · rf reference line
//   c0..c7, ci: a colour to use with  ls line · fl fill · mk filled marker with a rim · ba band
//   up dn: fill of the two ends of a colour scale
std::string colour_class(int colour);  // "c3"; kInk: "ci"

// The stroke-dasharray of a series, "" for a solid line. `colour` is not kAutoColour.
std::string_view dash_pattern(Dash dash, int colour);
Marker resolve_marker(Marker marker, int colour);
bool marker_is_open(Marker marker);  // drawn by strokes alone
// Appends the shape around (x, y) with radius r to a path's `d`.
void append_marker(std::string& d, Marker marker, double x, double y, double r);
void draw_marker(SvgWriter& svg, Marker marker, int colour, double x, double y, double r);

// One entry of a legend: a line, a marker, a swatch, or several of them together.
struct LegendItem {
  std::string label;
  int colour = 0;
  bool line = false;
  std::string_view dash = {};
  double width = 2;
  Marker marker = Marker::kNone;
  double swatch = 0;  // opacity of a filled box; 0: none
};

// The parts that stand above every plot. Each returns the y below which the next part may begin.
double draw_heading(SvgWriter& svg, double width, std::string_view title, std::string_view subtitle);
double draw_legend(SvgWriter& svg, double width, double y, const std::vector<LegendItem>& items);
void draw_no_data(SvgWriter& svg, double x, double y, double width, double height);

// Room that a body must leave below kMaxSvgBytes for <svg>, style, title and description at their longest.
inline constexpr std::size_t kEnvelopeBytes = 20'000;

// Draws again and again with half the detail until the body leaves that room. `Drawing(chart, detail)` has run() and svg();
// detail is 1 at first, when texts also have tool tips.
template <typename Drawing, typename Kind>
Drawing draw_to_fit(const Kind& chart) {
  for (double detail = 1;; detail /= 2) {
    Drawing drawing(chart, detail);
    drawing.run();
    if (drawing.svg().size() + kEnvelopeBytes <= kMaxSvgBytes || detail < 1e-3) return drawing;
  }
}

// Wraps a body: id from its content, <title>, <desc>, style, background.
Chart finish_chart(const SvgWriter& body, double width, double height, std::string_view title, std::string_view description,
                   ReportTable numbers);

}  // namespace gimbal::run
