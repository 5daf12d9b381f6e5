// What the tests of the charts share: small charts, hostile texts, and readings of a drawn picture.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/run/chart.h"
#include "gimbal/run/chart_decimate.h"
#include "gimbal/run/markup_check.h"
#include "gimbal/run/svg.h"

namespace gimbal::run {

inline const std::string kHostile = "<script>alert(\"1\")</script>' onload='x & \x01\x1B \xFF\xC3 ]]> --> {var(--x)}";

inline std::vector<double> ramp(std::size_t n, double step = 1) {
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = step * static_cast<double>(i);
  return x;
}

inline Series line(std::string label, std::vector<double> x, std::vector<double> y) {
  Series series;
  series.label = std::move(label);
  series.x = std::move(x);
  series.y = std::move(y);
  return series;
}

inline XyChart xy(std::vector<Series> series) {
  XyChart chart;
  chart.title = "Chart";
  chart.x.title = "x";
  chart.panels.emplace_back();
  chart.panels[0].y.title = "y";
  chart.panels[0].series = std::move(series);
  return chart;
}

// One chart of each kind, with `text` wherever a text can stand.
inline std::vector<Chart> all_kinds(const std::string& text) {
  std::vector<Chart> charts;
  XyChart chart = xy({line(text, {1, 2, 3, 4}, {1, 4, 2, 3}), line(text + "2", {1, 2, 3, 4}, {2, 1, 3, 5})});
  chart.title = chart.subtitle = chart.x.title = chart.x.unit = text;
  chart.panels[0].y = {.title = text, .unit = text};
  chart.panels[0].series[0].bands = {{{0, 3, 1, 2}, {2, 5, 3, 4}, text}, {{-1, 2, 0, 1}, {3, 6, 4, 5}, text + "b"}};
  chart.panels[0].series[1].style = {.line = false};
  chart.panels[0].guides = {line(text, {1, 4}, {1, 5})};
  chart.panels[0].lines = {{ReferenceLine::Kind::kHorizontal, 3, text},
                           {ReferenceLine::Kind::kVertical, 2, text},
                           {ReferenceLine::Kind::kDiagonal, 0, text}};
  chart.panels[0].marks = {{.x = 2, .y = 3, .label = text, .x_lo = 1.5, .x_hi = 2.5, .y_lo = 2, .y_hi = 4},
                           {.x = 2.01, .y = 3.01, .label = text}};
  chart.panels.push_back(chart.panels[0]);
  charts.push_back(draw(chart));
  for (const auto kind :
       {DistributionChart::Kind::kHistogram, DistributionChart::Kind::kDensity, DistributionChart::Kind::kEcdf}) {
    DistributionChart distribution;
    distribution.title = distribution.subtitle = distribution.x.title = distribution.x.unit = distribution.what = text;
    distribution.kind = kind;
    distribution.samples = {{text, {1, 2, 2, 3, 7}, {}}, {text + "2", {2, 3, 4, 4.5, 5}, {1, 2, 1, 1, 1}}};
    distribution.lines = {{ReferenceLine::Kind::kVertical, 2, text}};
    charts.push_back(draw(distribution));
  }
  DotPlot dots;
  dots.title = dots.subtitle = dots.x.title = dots.x.unit = dots.zero_label = text;
  dots.series = {text, text + "2"};
  dots.groups = {
      {text,
       {{.label = text, .estimates = {{1, 0, 2}, {2}}, .strong = true}, {.label = text, .estimates = {{3}}, .note = text}}}};
  charts.push_back(draw(dots));
  HeatMap heat;
  heat.title = heat.subtitle = heat.row_title = heat.column_title = heat.value_title = heat.unit = text;
  heat.rows = heat.columns = {text, text, "c"};
  heat.groups = {{text, 1}, {text, 2}};
  heat.values = Matrix(3, 3, {0, 1, -1, 0.5, kNoValue, 2, 1, 1, 1});
  charts.push_back(draw(heat));
  TreeChart tree;
  tree.title = tree.subtitle = text;
  tree.nodes = {{text, {text, text}, {1, 2}, {text, text}}, {text, {}, {}, {}, 0}, {text, {}, {}, {}, 9}};
  charts.push_back(draw(tree));
  return charts;
}

// Every text of a picture as a box, by the same widths that the kit uses; slanted texts are left out.
struct TextBox {
  std::string text;
  double x, y, width, height;
};
inline std::vector<TextBox> text_boxes(const std::string& svg) {
  std::vector<TextBox> boxes;
  const std::vector<MarkupElement> elements = read_markup(svg).elements;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const MarkupElement& e = elements[i];
    if (e.name != "text" || e.attributes.count("transform") != 0) continue;
    const bool bold = e.attributes.count("font-weight") != 0;
    const double size = e.attributes.count("font-size") != 0 ? std::stod(e.attributes.at("font-size")) : 12;
    // An exponent is smaller than the rest; 1.02 is the slack of the widths.
    std::string exponent;
    double small = size;
    if (i + 1 < elements.size() && elements[i + 1].name == "tspan") {
      exponent = elements[i + 1].text;
      small = std::stod(elements[i + 1].attributes.at("font-size"));
    }
    const std::string base = e.text.substr(0, e.text.size() - exponent.size());
    const double width = (text_width(base, size, bold) + text_width(exponent, small, bold)) / 1.02;
    double x = std::stod(e.attributes.at("x"));
    if (e.attributes.count("text-anchor") != 0) x -= width * (e.attributes.at("text-anchor") == "end" ? 1 : 0.5);
    boxes.push_back({e.text, x, std::stod(e.attributes.at("y")) - 0.75 * size, width, size});
  }
  return boxes;
}

// "" or what is wrong: a text that leaves the picture, or two that cover each other by more than a pixel.
inline std::string layout_fault(const Chart& chart) {
  const MarkupReading reading = read_markup(chart.svg);
  if (!reading.error.empty()) return reading.error;
  const double width = std::stod(reading.elements[0].attributes.at("width")),
               height = std::stod(reading.elements[0].attributes.at("height"));
  const std::vector<TextBox> boxes = text_boxes(chart.svg);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const TextBox& a = boxes[i];
    if (a.x < -0.5 || a.x + a.width > width + 0.5 || a.y < -0.5 || a.y + a.height > height + 0.5)
      return "\"" + a.text + "\" leaves the picture";
    for (std::size_t j = 0; j < i; ++j) {
      const TextBox& b = boxes[j];
      const double w = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
      const double h = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
      if (w > 1 && h > 1) return "\"" + a.text + "\" covers \"" + b.text + "\"";
    }
  }
  return "";
}

inline std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + part.size())) ++n;
  return n;
}

// The `d` of the longest path with these classes and attributes: shorter ones belong to the legend.
inline std::string path_with(const Chart& chart, const std::string& css, const std::string& attribute = "") {
  std::string longest;
  for (const MarkupElement& e : read_markup(chart.svg).named("path")) {
    const bool wanted = e.attributes.at("class") == css && (attribute.empty() || e.attributes.count(attribute) != 0);
    if (wanted && e.attributes.at("d").size() > longest.size()) longest = e.attributes.at("d");
  }
  return longest;
}

// Absolute corners of a path of ours.
inline std::vector<PixelPoint> corners(const std::string& d) {
  std::vector<PixelPoint> points;
  double x = 0, y = 0;
  char command = 0;
  for (std::size_t i = 0; i < d.size();) {
    if ((d[i] >= 'a' && d[i] <= 'z') || d[i] == 'M') command = d[i++];
    if (command == 'z') continue;
    const auto number = [&] {
      char* end = nullptr;
      const double v = std::strtod(d.c_str() + i, &end);
      i = static_cast<std::size_t>(end - d.c_str());
      return v;
    };
    if (command == 'M') x = number(), y = number();
    if (command == 'l') x += number(), y += number();
    if (command == 'h') x += number();
    if (command == 'v') y += number();
    points.push_back({x, y});
    while (i < d.size() && d[i] == ' ') ++i;
  }
  return points;
}

}  // namespace gimbal::run
