#include "gimbal/run/chart_theme.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "gimbal/base/hash.h"

namespace gimbal::run {

// Found by search over OKLab distances under the four kinds of vision; chart_theme_test.cc keeps the distances.
const Palette kLightPalette = {
    "#FFFFFF", "#1B1F24", "#59616B", "#8B949E",
    "#E3E6EA", "#0B4F9E", "#A8480A", {"#1A46B8", "#B85410", "#12A592", "#6B1257", "#C08400", "#1C86C4", "#8F1414", "#5E5966"}};
const Palette kDarkPalette = {
    "#15181C", "#E8EAED", "#A3ABB5", "#6E7681",
    "#2B3037", "#79B4FF", "#FFA657", {"#5088FF", "#F58B34", "#90F2E0", "#BC72A4", "#F2D65C", "#46C8FA", "#E0504C", "#BBA9A6"}};

namespace {

std::string properties(const Palette& p) {
  std::string out = fmt::format("--bg:{};--ink:{};--mute:{};--axis:{};--grid:{};--up:{};--dn:{}", p.surface, p.ink, p.muted,
                                p.axis, p.grid, p.rise, p.fall);
  for (std::size_t i = 0; i < p.series.size(); ++i) out += fmt::format(";--c{}:{}", i, p.series[i]);
  return out;
}

// One rule, with the light value first and the property after it.
std::string rule(std::string_view css, std::string_view attribute, std::string_view light, std::string_view property,
                 std::string_view rest = {}) {
  return fmt::format(".gimbal-chart .{0}{{{1}:{2};{1}:var(--{3}){4}}}", css, attribute, light, property, rest);
}

std::string make_style() {
  const Palette& p = kLightPalette;
  std::string css = ".gimbal-chart{" + properties(kLightPalette) + "}";
  css += "@media screen and (prefers-color-scheme:dark){.gimbal-chart{" + properties(kDarkPalette) + "}}";
  css += "@media screen{:root[data-theme=dark] .gimbal-chart{" + properties(kDarkPalette) +
         "}:root[data-theme=light] .gimbal-chart{" + properties(kLightPalette) + "}}";
  css += rule("bg", "fill", p.surface, "bg");
  css += rule("tx", "fill", p.ink, "ink");
  css += rule("mu", "fill", p.muted, "mute");
  css += rule("ha", "stroke", p.surface, "bg", ";paint-order:stroke;stroke-width:3.5px;stroke-linejoin:round");
  css += rule("ax", "stroke", p.axis, "axis", ";fill:none");
  css += rule("gr", "stroke", p.grid, "grid", ";fill:none");
  css += rule("rf", "stroke", p.muted, "mute", ";fill:none;stroke-dasharray:5 4");
  css += rule("up", "fill", p.rise, "up");
  css += rule("dn", "fill", p.fall, "dn");
  css += rule("ci", "color", p.ink, "ink");
  for (std::size_t i = 0; i < p.series.size(); ++i)
    css += rule(fmt::format("c{}", i), "color", p.series[i], fmt::format("c{}", i));
  css += ".gimbal-chart .ls{stroke:currentColor;fill:none;stroke-linejoin:round;stroke-linecap:round}";
  css += ".gimbal-chart .fl{fill:currentColor}";
  css += rule("mk", "stroke", p.surface, "bg", ";fill:currentColor;stroke-width:1px;paint-order:stroke");
  css += ".gimbal-chart .ba{fill:currentColor;stroke:none}";
  css += ".gimbal-chart text{font-variant-numeric:tabular-nums}";
  return css;
}

constexpr std::string_view kFonts =
    "'Helvetica Neue',Helvetica,Arial,'Liberation Sans','Nimbus Sans',Roboto,'Noto Sans',sans-serif";

}  // namespace

std::string colour_class(int colour) { return colour < 0 ? "ci" : fmt::format("c{}", colour % kPaletteSize); }

std::string_view dash_pattern(Dash dash, int colour) {
  constexpr std::array<std::string_view, kPaletteSize> kPatterns = {"",     "7 5", "1 5",         "9 4 1 4",
                                                                    "14 5", "4 4", "9 4 1 4 1 4", "3 6"};
  switch (dash) {
    case Dash::kSolid:
      return "";
    case Dash::kDashed:
      return "7 5";
    case Dash::kDotted:
      return "1 5";
    case Dash::kDashDot:
      return "9 4 1 4";
    case Dash::kAuto:
      break;
  }
  // Where colours start again, dashes are shifted by one, so that all pairs of the first 64 differ.
  return colour < 0 ? "" : kPatterns[static_cast<std::size_t>((colour + colour / kPaletteSize) % kPaletteSize)];
}

Marker resolve_marker(Marker marker, int colour) {
  constexpr std::array<Marker, kPaletteSize> kShapes = {Marker::kCircle,  Marker::kSquare, Marker::kTriangle,
                                                        Marker::kDiamond, Marker::kCross,  Marker::kTriangleDown,
                                                        Marker::kPlus,    Marker::kStar};
  if (marker != Marker::kAuto) return marker;
  return colour < 0 ? Marker::kCircle : kShapes[static_cast<std::size_t>((colour + colour / kPaletteSize) % kPaletteSize)];
}

bool marker_is_open(Marker marker) { return marker == Marker::kCross || marker == Marker::kPlus || marker == Marker::kStar; }

void append_marker(std::string& d, Marker marker, double x, double y, double r) {
  SvgPath path;
  const auto polygon = [&](std::initializer_list<std::pair<double, double>> corners) {
    bool first = true;
    for (const auto& [dx, dy] : corners) {
      first ? path.move_to(x + dx * r, y + dy * r) : path.line_to(x + dx * r, y + dy * r);
      first = false;
    }
    path.close();
  };
  const auto stroke = [&](double dx, double dy) {
    path.move_to(x - dx * r, y - dy * r);
    path.line_to(x + dx * r, y + dy * r);
  };
  switch (marker) {
    case Marker::kNone:
    case Marker::kAuto:
      break;
    case Marker::kCircle: {
      const std::string radius = coordinate(r), across = coordinate(2 * r);
      d += "M" + coordinate(x - r) + " " + coordinate(y) + "a" + radius + " " + radius + " 0 1 0 " + across + " 0a" + radius +
           " " + radius + " 0 1 0-" + across + " 0z";
      return;
    }
    case Marker::kSquare:
      polygon({{-0.9, -0.9}, {0.9, -0.9}, {0.9, 0.9}, {-0.9, 0.9}});
      break;
    case Marker::kTriangle:
      polygon({{0, -1.15}, {1.1, 0.8}, {-1.1, 0.8}});
      break;
    case Marker::kTriangleDown:
      polygon({{0, 1.15}, {1.1, -0.8}, {-1.1, -0.8}});
      break;
    case Marker::kDiamond:
      polygon({{0, -1.3}, {1.3, 0}, {0, 1.3}, {-1.3, 0}});
      break;
    case Marker::kCross:
      stroke(0.9, 0.9);
      stroke(0.9, -0.9);
      break;
    case Marker::kStar:
      stroke(0.6, 1.04);
      stroke(0.6, -1.04);
      stroke(1.2, 0);
      break;
    case Marker::kPlus:
      stroke(1.15, 0);
      stroke(0, 1.15);
      break;
  }
  d += path.text();
}

void draw_marker(SvgWriter& svg, Marker marker, int colour, double x, double y, double r) {
  std::string d;
  append_marker(d, marker, x, y, r);
  if (marker_is_open(marker)) {
    svg.path(d, "ls " + colour_class(colour), "stroke-width=\"2\"");
  } else {
    svg.path(d, "mk " + colour_class(colour));
  }
}

namespace {

constexpr double kMargin = 4;
constexpr double kLegendLine = 19;
constexpr double kLegendSample = 28;
constexpr std::size_t kMaxLegendItems = 24;

void draw_legend_sample(SvgWriter& svg, const LegendItem& item, double x, double y) {
  const std::string colour = colour_class(item.colour);
  if (item.swatch > 0) {
    svg.rect(x, y - 5.5, kLegendSample - 4, 11, "ba " + colour, fmt::format("fill-opacity=\"{:.2f}\"", item.swatch));
  }
  if (item.line) {
    svg.line(x, y, x + kLegendSample - 4, y, "ls " + colour,
             fmt::format("stroke-width=\"{}\"{}", coordinate(item.width),
                         item.dash.empty() ? "" : fmt::format(" stroke-dasharray=\"{}\"", item.dash)));
  }
  if (item.marker != Marker::kNone) draw_marker(svg, item.marker, item.colour, x + kLegendSample / 2 - 2, y, 4);
}

}  // namespace

double draw_heading(SvgWriter& svg, double width, std::string_view title, std::string_view subtitle) {
  double y = kMargin;
  for (const std::string& line : wrap_text(title, 15, width - 2 * kMargin, 3, true)) {
    y += 19;
    svg.text(kMargin, y - 4, line, {.size = 15, .bold = true, .full = title.size() > 200 ? title : std::string_view{}});
  }
  for (const std::string& line : wrap_text(subtitle, 12, width - 2 * kMargin, 4)) {
    y += 16;
    svg.text(kMargin, y - 4, line, {.css = "mu"});
  }
  return y + (y > kMargin ? 4 : 0);
}

double draw_legend(SvgWriter& svg, double width, double y, const std::vector<LegendItem>& items) {
  if (items.empty()) return y;
  double x = kMargin;
  const std::size_t shown = std::min(items.size(), kMaxLegendItems);
  for (std::size_t i = 0; i < shown; ++i) {
    const std::string label = elide(items[i].label, 12, std::min(300.0, width - kLegendSample - 4 * kMargin));
    const double needed = kLegendSample + text_width(label, 12);
    if (x > kMargin && x + needed > width - kMargin) {
      x = kMargin;
      y += kLegendLine;
    }
    draw_legend_sample(svg, items[i], x, y + 10);
    svg.text(x + kLegendSample, y + 14, label, {.full = items[i].label});
    x += needed + 18;
  }
  if (items.size() > shown) {
    const std::string more = fmt::format("and {} more", items.size() - shown);
    if (x + text_width(more, 12) > width - kMargin) {
      x = kMargin;
      y += kLegendLine;
    }
    svg.text(x, y + 14, more, {.css = "mu"});
  }
  return y + kLegendLine + 7;
}

void draw_no_data(SvgWriter& svg, double x, double y, double width, double height) {
  svg.text(x + width / 2, y + height / 2 + 4, "no data", {.size = 13, .anchor = Anchor::kMiddle, .css = "mu"});
}

Chart finish_chart(const SvgWriter& body, double width, double height, std::string_view title, std::string_view description,
                   ReportTable numbers) {
  static const std::string kStyle = make_style();
  const std::string heading = title.empty() ? "Chart" : shorten(title, 300);
  const std::string text = shorten(description, 2000);
  const std::string id = fmt::format("g{:012x}", hash64(heading + '\0' + text + '\0' + body.body()) >> 16);
  const std::string w = coordinate(std::ceil(width)), h = coordinate(std::ceil(height));
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"gimbal-chart\" role=\"img\" aria-labelledby=\"" + id +
                    "-t " + id + "-d\" viewBox=\"0 0 " + w + " " + h + "\" width=\"" + w + "\" height=\"" + h +
                    "\" font-family=\"";
  svg += kFonts;
  svg += "\" font-size=\"12\"><title id=\"" + id + "-t\">" + escape_markup(heading) + "</title><desc id=\"" + id + "-d\">" +
         escape_markup(text) + "</desc><style>" + kStyle + "</style><rect class=\"bg\" width=\"" + w + "\" height=\"" + h +
         "\"/>";
  svg += body.body();
  svg += "</svg>";
  return {.id = id, .title = heading, .svg = std::move(svg), .numbers = std::move(numbers)};
}

}  // namespace gimbal::run
