#include "gimbal/run/chart.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "gimbal/base/check.h"
#include "gimbal/run/chart_decimate.h"
#include "gimbal/run/chart_theme.h"
#include "gimbal/run/markup_check.h"
#include "gimbal/run/svg.h"

namespace gimbal::run {
namespace {

const std::string kHostile = "<script>alert(\"1\")</script>' onload='x & \x01\x1B \xFF\xC3 ]]> --> {var(--x)}";

std::vector<double> ramp(std::size_t n, double step = 1) {
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = step * static_cast<double>(i);
  return x;
}

Series line(std::string label, std::vector<double> x, std::vector<double> y) {
  Series series;
  series.label = std::move(label);
  series.x = std::move(x);
  series.y = std::move(y);
  return series;
}

XyChart xy(std::vector<Series> series) {
  XyChart chart;
  chart.title = "Chart";
  chart.x.title = "x";
  chart.panels.emplace_back();
  chart.panels[0].y.title = "y";
  chart.panels[0].series = std::move(series);
  return chart;
}

// One chart of each kind, with `text` wherever a text can stand.
std::vector<Chart> all_kinds(const std::string& text) {
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
std::vector<TextBox> text_boxes(const std::string& svg) {
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
std::string layout_fault(const Chart& chart) {
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

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + part.size())) ++n;
  return n;
}

// The `d` of the longest path with these classes and attributes: shorter ones belong to the legend.
std::string path_with(const Chart& chart, const std::string& css, const std::string& attribute = "") {
  std::string longest;
  for (const MarkupElement& e : read_markup(chart.svg).named("path")) {
    const bool wanted = e.attributes.at("class") == css && (attribute.empty() || e.attributes.count(attribute) != 0);
    if (wanted && e.attributes.at("d").size() > longest.size()) longest = e.attributes.at("d");
  }
  return longest;
}

// Absolute corners of a path of ours.
std::vector<PixelPoint> corners(const std::string& d) {
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

TEST(Chart, EveryKindIsWellFormedAndStandsAlone) {
  for (const std::string& text :
       {std::string("plain"), std::string(), kHostile, std::string(3000, 'W'), std::string("日本語 λ")}) {
    for (const Chart& chart : all_kinds(text)) {
      EXPECT_EQ(read_markup(chart.svg).error, "");
      EXPECT_EQ(outside_reference(chart.svg), "");
      EXPECT_EQ(count(chart.svg, "http"), 1u);  // xmlns
      EXPECT_EQ(count(chart.svg, "<script"), 0u);
      EXPECT_LE(chart.svg.size(), kMaxSvgBytes);
      EXPECT_LE(chart.numbers.rows.size(), kMaxTableRows);
      for (const auto& row : chart.numbers.rows) EXPECT_EQ(row.size(), chart.numbers.columns.size());
    }
  }
}

TEST(Chart, CarriesTitleAndDescriptionForThoseWhoCannotSeeIt) {
  for (const Chart& chart : all_kinds("tau")) {
    const MarkupReading reading = read_markup(chart.svg);
    EXPECT_EQ(reading.elements[0].attributes.at("role"), "img");
    EXPECT_EQ(reading.elements[0].attributes.at("aria-labelledby"), chart.id + "-t " + chart.id + "-d");
    EXPECT_EQ(reading.named("title")[0].attributes.at("id"), chart.id + "-t");
    EXPECT_EQ(reading.named("title")[0].text, "tau");
    EXPECT_GT(reading.named("desc")[0].text.size(), 10u);
  }
}

TEST(Chart, IsTheSameBytesForTheSameInput) {
  const std::vector<Chart> once = all_kinds("a"), again = all_kinds("a"), other = all_kinds("b");
  for (std::size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].svg, again[i].svg);
    EXPECT_NE(once[i].id, other[i].id);
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(once[i].id, once[j].id);
  }
}

TEST(Chart, TextsStayInThePictureAndApart) {
  for (const std::string& text :
       {std::string("label"), std::string("a rather long label of several words"), std::string(200, 'm')}) {
    for (const Chart& chart : all_kinds(text)) EXPECT_EQ(layout_fault(chart), "") << chart.title;
  }
}

TEST(Chart, AxisTextsStayApartForRandomRanges) {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> unit(0, 1);
  for (int round = 0; round < 400; ++round) {
    const double size = std::pow(10.0, 20 * unit(random) - 10);
    const bool log = round % 3 == 1, time = round % 3 == 2;
    XyChart chart = xy({line("a", {}, {}), line("b", {}, {})});
    for (Series& series : chart.panels[0].series) {
      for (int i = 0; i < 20; ++i) {
        series.x.push_back(time  ? 1.7e9 + size * unit(random)
                           : log ? size * std::pow(10.0, 8 * unit(random))
                                 : size * (2 * unit(random) - 1));
        series.y.push_back(std::exp(20 * unit(random) - 10));
      }
    }
    chart.x.scale = log ? Scale::kLog : time ? Scale::kTime : Scale::kLinear;
    if (round % 2 == 0) chart.panels[0].y.scale = Scale::kLog;
    chart.width = 300 + 700 * unit(random);
    ASSERT_EQ(layout_fault(draw(chart)), "") << "round " << round;
  }
}

TEST(Theme, HasALightAndADarkSchemeInsideThePicture) {
  const std::string svg = draw(xy({line("a", {1, 2}, {1, 2})})).svg;
  EXPECT_NE(svg.find("@media screen and (prefers-color-scheme:dark){.gimbal-chart{--bg:#15181C"), std::string::npos);
  EXPECT_NE(svg.find(":root[data-theme=dark] .gimbal-chart{"), std::string::npos);
  EXPECT_NE(svg.find(".c0{color:#1A46B8;color:var(--c0)}"), std::string::npos);  // readable where var() is unknown
}

// OKLab (Ottosson 2020) after a colour-vision matrix (Machado et al. 2009, severity 1).
using Triple = std::array<double, 3>;
Triple linear_rgb(std::string_view hex) {
  Triple rgb{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double c = static_cast<double>(std::stoi(std::string(hex.substr(1 + 2 * i, 2)), nullptr, 16)) / 255;
    rgb[i] = c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
  }
  return rgb;
}
Triple see(const std::array<Triple, 3>& m, const Triple& v) {
  Triple out{};
  for (std::size_t i = 0; i < 3; ++i) out[i] = std::max(0.0, m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2]);
  return out;
}
Triple oklab(const Triple& rgb) {
  Triple lms = see({{{0.4122214708, 0.5363325363, 0.0514459929},
                     {0.2119034982, 0.6806995451, 0.1073969566},
                     {0.0883024619, 0.2817188376, 0.6299787005}}},
                   rgb);
  for (double& v : lms) v = std::cbrt(v);
  return {0.2104542553 * lms[0] + 0.7936177850 * lms[1] - 0.0040720468 * lms[2],
          1.9779984951 * lms[0] - 2.4285922050 * lms[1] + 0.4505937099 * lms[2],
          0.0259040371 * lms[0] + 0.7827717662 * lms[1] - 0.8086757660 * lms[2]};
}
double luminance(std::string_view hex) {
  const Triple c = linear_rgb(hex);
  return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
}
double contrast(std::string_view a, std::string_view b) {
  const double x = luminance(a), y = luminance(b);
  return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

TEST(Theme, SeriesColoursKeepApartUnderEveryKindOfColourVision) {
  const std::array<Triple, 3> visions[] = {
      {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
      {{{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}}},
      {{{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}},
      {{{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}}}};
  for (const Palette* palette : {&kLightPalette, &kDarkPalette}) {
    for (const auto& vision : visions) {
      for (std::size_t i = 0; i < kPaletteSize; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
          const Triple a = oklab(see(vision, linear_rgb(palette->series[i]))),
                       b = oklab(see(vision, linear_rgb(palette->series[j])));
          // 0.02 is about the smallest difference that is seen side by side; lines apart need more.
          EXPECT_GT(std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]), 0.05) << palette->series[i] << " " << palette->series[j];
        }
      }
    }
  }
}

TEST(Theme, ColoursStandOutFromTheSurface) {
  for (const Palette* palette : {&kLightPalette, &kDarkPalette}) {
    // WCAG 2.2: 3 for graphics, 4.5 for text.
    for (const std::string_view colour : palette->series) EXPECT_GE(contrast(colour, palette->surface), 3) << colour;
    EXPECT_GE(contrast(palette->ink, palette->surface), 7);
    EXPECT_GE(contrast(palette->muted, palette->surface), 4.5);
  }
}

TEST(Theme, DashesAndMarkersTellSixtyFourSeriesApartInGreyscale) {
  for (int i = 0; i < 64; ++i) {
    for (int j = 0; j < i; ++j) {
      EXPECT_TRUE(colour_class(i) != colour_class(j) || dash_pattern(Dash::kAuto, i) != dash_pattern(Dash::kAuto, j));
      if (i < kPaletteSize) {
        EXPECT_NE(dash_pattern(Dash::kAuto, i), dash_pattern(Dash::kAuto, j));
        EXPECT_NE(resolve_marker(Marker::kAuto, i), resolve_marker(Marker::kAuto, j));
      }
    }
  }
}

TEST(ThinLine, KeepsEachColumnsExtremesAndItsEnds) {
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  std::vector<PixelPoint> points;
  for (int i = 0; i < 20'000; ++i) points.push_back({i * 0.01, 100 + 30 * normal(random)});
  points[7777].y = kNoValue;
  const auto runs = thin_line(points, 1);
  ASSERT_EQ(runs.size(), 2u);
  std::size_t kept = 0;
  for (const auto& run : runs) kept += run.size();
  EXPECT_LE(kept, 4u * 201);
  for (int column = 0; column < 200; ++column) {
    double lo = 1e9, hi = -1e9, thin_lo = 1e9, thin_hi = -1e9;
    for (const PixelPoint& p : points) {
      if (static_cast<int>(p.x) == column && !std::isnan(p.y)) lo = std::min(lo, p.y), hi = std::max(hi, p.y);
    }
    for (const auto& run : runs) {
      for (const PixelPoint& p : run) {
        if (static_cast<int>(p.x) == column) thin_lo = std::min(thin_lo, p.y), thin_hi = std::max(thin_hi, p.y);
      }
    }
    ASSERT_EQ(lo, thin_lo);
    ASSERT_EQ(hi, thin_hi);
  }
  EXPECT_EQ(runs[0].front().y, points.front().y);
  EXPECT_EQ(runs[1].back().y, points.back().y);
}

TEST(ThinCloud, KeepsTheOutermostPoints) {
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  std::vector<PixelPoint> points;
  for (int i = 0; i < 50'000; ++i) points.push_back({100 * normal(random), 100 * normal(random)});
  points[123].x = kNoValue;
  const auto thin = thin_cloud(points, 20);
  EXPECT_LT(thin.size(), 4000u);
  const auto range = [](const std::vector<PixelPoint>& list) {
    std::array<double, 4> out{1e9, -1e9, 1e9, -1e9};
    for (const PixelPoint& p : list) {
      if (std::isnan(p.x)) continue;
      out = {std::min(out[0], p.x), std::max(out[1], p.x), std::min(out[2], p.y), std::max(out[3], p.y)};
    }
    return out;
  };
  EXPECT_EQ(range(thin), range(points));
}

TEST(XyChart, AMillionPointsStaySmallAndKeepTheirPeak) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  std::vector<Series> many;
  for (int k = 0; k < 4; ++k) {
    Series series = line("s" + std::to_string(k), ramp(250'000), std::vector<double>(250'000));
    series.bands = {{std::vector<double>(250'000), std::vector<double>(250'000), "band"}};
    for (std::size_t i = 0; i < series.y.size(); ++i) {
      series.y[i] = normal(random);
      series.bands[0].lo[i] = series.y[i] - 1;
      series.bands[0].hi[i] = series.y[i] + 1;
    }
    many.push_back(std::move(series));
  }
  many[0].y[123'456] = 50;
  const Chart chart = draw(xy(many));
  EXPECT_LE(chart.svg.size(), kMaxSvgBytes);
  // The peak is the top of the first line by far: the rest of the line stays in the lower part of the plot.
  std::vector<double> heights;
  for (const PixelPoint& p : corners(path_with(chart, "ls c0", "stroke-width"))) heights.push_back(p.y);
  std::sort(heights.begin(), heights.end());
  ASSERT_GT(heights.size(), 1000u);
  EXPECT_LT(heights.front() + 150, heights[4]);
  EXPECT_EQ(chart.numbers.rows.size(), kMaxTableRows);
  EXPECT_EQ(chart.numbers.notes.front(), "200 of 1000000 points, spread evenly.");
}

TEST(XyChart, StaysSmallForAnyNumberOfAnything) {
  std::mt19937 random(2);
  std::normal_distribution<double> normal;
  Series tangle = line("tangle", std::vector<double>(300'000), std::vector<double>(300'000));  // x runs to and fro
  for (std::size_t i = 0; i < tangle.x.size(); ++i) tangle.x[i] = normal(random), tangle.y[i] = normal(random);
  Series cloud = tangle;
  cloud.style.line = false;
  std::vector<Series> crowd;
  for (int k = 0; k < 2000; ++k) crowd.push_back(line(kHostile + std::to_string(k), ramp(100), std::vector<double>(100, k)));
  XyChart marked = xy({line("a", ramp(3), ramp(3))});
  for (int k = 0; k < 3000; ++k) {
    marked.panels[0].marks.push_back({.x = normal(random), .y = normal(random), .label = kHostile});
    marked.panels[0].lines.push_back({ReferenceLine::Kind::kVertical, normal(random), kHostile});
    marked.panels[0].guides.push_back(line(kHostile, ramp(50), ramp(50)));
  }
  for (const XyChart& chart : {xy({tangle}), xy({cloud}), xy(crowd), marked}) {
    const Chart drawn = draw(chart);
    EXPECT_LE(drawn.svg.size(), kMaxSvgBytes);
    EXPECT_EQ(read_markup(drawn.svg).error, "");
  }
  EXPECT_NE(draw(xy(crowd)).svg.find("The first 60 of 2000 series are drawn."), std::string::npos);
}

TEST(XyChart, NonFiniteValuesLeaveGapsAndLonePointsStayVisible) {
  const Chart chart = draw(xy({line("a", ramp(8), {1, 2, kNoValue, 3, HUGE_VAL, 1, 2, 3})}));
  const std::string d = path_with(chart, "ls c0", "stroke-width");
  EXPECT_EQ(count(d, "M"), 3u);
  EXPECT_NE(d.find("h0"), std::string::npos);  // the lone fourth point
  XyChart log = xy({line("a", ramp(4), {1, -1, 0, 10})});
  log.panels[0].y.scale = Scale::kLog;
  EXPECT_EQ(count(path_with(draw(log), "ls c0", "stroke-width"), "M"), 2u);
}

TEST(XyChart, StepsHoldTheirValueUntilTheNext) {
  XyChart chart = xy({line("a", {0, 1, 2}, {0, 1, 3})});
  chart.panels[0].series[0].style.step = true;
  const auto points = corners(path_with(draw(chart), "ls c0", "stroke-width"));
  ASSERT_EQ(points.size(), 5u);
  EXPECT_EQ(points[0].y, points[1].y);
  EXPECT_EQ(points[1].x, points[2].x);
  EXPECT_EQ(points[2].y, points[3].y);
}

TEST(XyChart, DrawsWiderBandsPalerAndFirst) {
  XyChart chart = xy({line("a", ramp(3), {1, 2, 3})});
  chart.panels[0].series[0].bands = {{{0.5, 1.5, 2.5}, {1.5, 2.5, 3.5}, "narrow"}, {{0, 1, 2}, {2, 3, 4}, "wide"}};
  const Chart drawn = draw(chart);
  const std::size_t wide = drawn.svg.find("fill-opacity=\"0.13\""), narrow = drawn.svg.find("fill-opacity=\"0.20\"");
  ASSERT_NE(wide, std::string::npos);
  EXPECT_NE(drawn.svg.find(">wide<"), std::string::npos);
  EXPECT_LT(drawn.svg.find(">wide<"), drawn.svg.find(">narrow<"));
  EXPECT_LT(wide, narrow);
}

TEST(XyChart, DrawsTheCrossOfAResultWithBarsInBothDirections) {
  XyChart chart = xy({line("a", ramp(3), {1, 2, 3})});
  chart.panels[0].marks = {
      {.x = 1, .y = 2, .label = "tested", .x_lo = 0.5, .x_hi = 1.5, .y_lo = 1.5, .y_hi = 2.5, .shape = Marker::kCircle}};
  const Chart drawn = draw(chart);
  const auto bars = corners(path_with(drawn, "ls ci", "stroke-width"));
  ASSERT_EQ(bars.size(), 12u);  // two bars with two caps each
  EXPECT_EQ(bars[0].y, bars[1].y);
  EXPECT_EQ(bars[6].x, bars[7].x);
  EXPECT_EQ(drawn.numbers.rows.back(), (std::vector<std::string>{"tested", "1 [0.5, 1.5]", "2 [1.5, 2.5]"}));
}

TEST(XyChart, PanelsShareTheAxisAndTheLegend) {
  XyChart chart = xy({line("plug-in", ramp(3), {1, 2, 3}), line("honest", ramp(3), {1, 1, 2})});
  chart.panels.push_back(chart.panels[0]);
  chart.panels[1].y.title = "z";
  const Chart drawn = draw(chart);
  EXPECT_EQ(count(drawn.svg, ">plug-in</text>"), 1u);
  EXPECT_EQ(drawn.numbers.columns[0].title, "quantity");
  EXPECT_EQ(drawn.numbers.rows.size(), 12u);
}

TEST(XyChart, NamesNoSeriesThatTheAxisNames) {
  EXPECT_EQ(count(draw(xy({line("y", ramp(3), ramp(3))})).svg, ">y</text>"), 1u);
  EXPECT_EQ(count(draw(xy({line("honest", ramp(3), ramp(3))})).svg, ">honest</text>"), 1u);
}

TEST(XyChart, DegenerateInputStillGivesAChart) {
  EXPECT_NE(draw(xy({})).svg.find("no data"), std::string::npos);
  EXPECT_NE(draw(XyChart{}).svg.find("no data"), std::string::npos);
  EXPECT_NE(draw(xy({line("a", {1, 2}, {kNoValue, kNoValue})})).svg.find("no data"), std::string::npos);
  const Chart one = draw(xy({line("a", {3}, {42})}));
  EXPECT_EQ(one.svg.find("no data"), std::string::npos);
  EXPECT_NE(path_with(one, "mk c0"), "");  // a marker, since a line of one point cannot be seen
  for (const double v : {0.0, 1e300, -1e-300, 5e-324}) EXPECT_EQ(layout_fault(draw(xy({line("a", {1, 2}, {v, v})}))), "") << v;
  EXPECT_EQ(layout_fault(draw(xy({line("a", {-1e300, 1e300}, {1e300, -1e300})}))), "");
}

TEST(XyChart, ClipsLinesAtFixedEnds) {
  XyChart chart = xy({line("a", {0, 1, 2}, {0, 100, 0})});
  chart.panels[0].y.max = 10;
  const MarkupReading reading = read_markup(draw(chart).svg);
  EXPECT_EQ(reading.named("svg").size(), 2u);  // the inner one clips
}

TEST(XyChart, RefusesSeriesOfUnequalLength) {
  EXPECT_THROW(draw(xy({line("a", {1, 2}, {1})})), CheckFailure);
  XyChart chart = xy({line("a", {1, 2}, {1, 2})});
  chart.panels[0].series[0].bands = {{{1}, {2}, ""}};
  EXPECT_THROW(draw(chart), CheckFailure);
}

TEST(DistributionChart, CountsWholeNumbersInBinsOfTheirOwn) {
  DistributionChart chart;
  chart.samples = {{"", {1, 1, 2, 2, 2, 3, kNoValue}, {}}};
  const ReportTable table = draw(chart).numbers;
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(table.rows[0], (std::vector<std::string>{"0.5", "1.5", "2", "33.3 %"}));
  EXPECT_EQ(table.rows[1], (std::vector<std::string>{"1.5", "2.5", "3", "50.0 %"}));
  EXPECT_EQ(table.rows[2], (std::vector<std::string>{"2.5", "3.5", "1", "16.7 %"}));
}

TEST(DistributionChart, BinsHoldAllTheWeightBetweenRoundEdges) {
  std::mt19937 random(9);
  std::normal_distribution<double> normal;
  DistributionChart chart;
  chart.samples.push_back({"a", {}, {}});
  double total = 0;
  for (int i = 0; i < 3000; ++i) {
    chart.samples[0].values.push_back(normal(random));
    chart.samples[0].weights.push_back(1 + i % 3);
    total += 1 + i % 3;
  }
  const ReportTable table = draw(chart).numbers;
  EXPECT_GE(table.rows.size(), 8u);
  EXPECT_LE(table.rows.size(), 70u);
  double sum = 0;
  for (const auto& row : table.rows) sum += std::stod(row[2]);
  EXPECT_EQ(sum, total);
  const double width = std::stod(table.rows[1][0]) - std::stod(table.rows[0][0]);
  EXPECT_NEAR(std::stod(table.rows[0][0]) / width, std::round(std::stod(table.rows[0][0]) / width), 1e-6);
}

TEST(DistributionChart, TakesTheNumberOfBinsThatIsAskedFor) {
  DistributionChart chart;
  chart.samples = {{"", {0, 0.1, 0.5, 1.0}, {}}};
  chart.bins = 4;
  const ReportTable table = draw(chart).numbers;
  ASSERT_EQ(table.rows.size(), 4u);
  EXPECT_EQ(table.rows[0][2], "2");
  EXPECT_EQ(table.rows[2][2], "1");  // 0.5 lies on an edge and belongs to the right
  EXPECT_EQ(table.rows[3][2], "1");  // the last bin holds its right edge
}

TEST(DistributionChart, QuantilesOfAWeightedSampleCountItsWeights) {
  DistributionChart chart;
  chart.kind = DistributionChart::Kind::kEcdf;
  chart.samples = {{"", {3, 1, 2}, {1, 1, 8}}};
  const ReportTable table = draw(chart).numbers;
  EXPECT_EQ(table.rows[3], (std::vector<std::string>{"10 %", "1"}));
  EXPECT_EQ(table.rows[5], (std::vector<std::string>{"50 %", "2"}));
  EXPECT_EQ(table.rows[10], (std::vector<std::string>{"100 %", "3"}));
}

TEST(DistributionChart, ADensityHasMassOne) {
  std::mt19937 random(4);
  std::normal_distribution<double> normal;
  DistributionChart chart;
  chart.kind = DistributionChart::Kind::kDensity;
  chart.samples = {{"", {}, {}}};
  for (int i = 0; i < 500; ++i) chart.samples[0].values.push_back(normal(random));
  // Trapezoids under the drawn curve, in data units: the axis ticks give the scale.
  const Chart drawn = draw(chart);
  const auto points = corners(path_with(drawn, "ls c0", "stroke-width"));
  double x0 = 0, x1 = 0, y0 = 0, y1 = 0, vx0 = 0, vx1 = 0, vy1 = 0;
  int xs = 0;
  for (const MarkupElement& e : read_markup(drawn.svg).named("text")) {
    const bool x_label = e.attributes.count("text-anchor") != 0 && e.attributes.at("text-anchor") == "middle" &&
                         e.attributes.at("class") == "mu";
    const bool y_label = e.attributes.count("text-anchor") != 0 && e.attributes.at("text-anchor") == "end";
    std::string text = e.text;
    if (text.starts_with("−")) text = "-" + text.substr(3);
    if (x_label) {
      (xs == 0 ? x0 : x1) = std::stod(e.attributes.at("x"));
      (xs++ == 0 ? vx0 : vx1) = std::stod(text);
    }
    if (y_label) {
      if (std::stod(text) == 0) {
        y0 = std::stod(e.attributes.at("y")) - 4;
      } else {
        y1 = std::stod(e.attributes.at("y")) - 4;
        vy1 = std::stod(text);
      }
    }
  }
  ASSERT_GE(xs, 2);
  double mass = 0;
  for (std::size_t i = 1; i < points.size(); ++i) {
    mass += (points[i].x - points[i - 1].x) * (y0 - (points[i].y + points[i - 1].y) / 2);
  }
  mass *= (vx1 - vx0) / (x1 - x0) * vy1 / (y0 - y1);
  EXPECT_NEAR(mass, 1, 0.02);  // pixels are rounded to tenths, the top of the plot is some 200 of them
}

TEST(DistributionChart, EmptyAndConstantSamplesStillGiveAChart) {
  for (const auto kind :
       {DistributionChart::Kind::kHistogram, DistributionChart::Kind::kDensity, DistributionChart::Kind::kEcdf}) {
    for (const Scale scale : {Scale::kLinear, Scale::kLog}) {
      for (const std::vector<double>& values :
           {std::vector<double>{}, {7.0}, {7.0, 7.0, 7.0}, {kNoValue}, {0.0, 0.0}, {1e300, -1e300}, {1e-300, 1e300}}) {
        DistributionChart chart;
        chart.kind = kind;
        chart.x.scale = scale;
        chart.samples = {{"a", values, {}}};
        EXPECT_EQ(layout_fault(draw(chart)), "");
      }
    }
  }
  EXPECT_EQ(layout_fault(draw(DistributionChart{})), "");
}

TEST(DotPlot, PrintsEveryEstimateWithCommonDecimals) {
  DotPlot chart;
  chart.x.title = "improvement";
  chart.groups = {{"all",
                   {{.label = "dr", .estimates = {{16, 13.7, 18.3}}},
                    {.label = "ipw", .estimates = {{-0.02, -4, 4}}},
                    {.label = "lone", .estimates = {{3}}}}}};
  const Chart drawn = draw(chart);
  for (const char* text : {">16.0 [13.7, 18.3]<", ">0.0 [−4.0, 4.0]<", ">3.0<"})
    EXPECT_NE(drawn.svg.find(text), std::string::npos) << text;
  EXPECT_EQ(drawn.numbers.rows[0], (std::vector<std::string>{"all", "dr", "16", "13.7", "18.3"}));
  EXPECT_EQ(drawn.numbers.rows[2], (std::vector<std::string>{"all", "lone", "3", "", ""}));
}

TEST(DotPlot, JoinsOldAndNewInOneRow) {
  DotPlot chart;
  chart.x.percent = true;
  chart.series = {"old", "new"};
  chart.connect = true;
  chart.groups = {{"", {{.label = "arm", .estimates = {{0.25}, {0.04}}}}}};
  EXPECT_NE(draw(chart).svg.find(">25 % → 4 %<"), std::string::npos);
}

TEST(DotPlot, PointsAtWhatLiesBeyondAFixedAxis) {
  DotPlot chart;
  chart.x.min = -1;
  chart.x.max = 1;
  chart.groups = {{"", {{.label = "wide", .estimates = {{0, -5, 0.5}}}}}};
  const auto bar = corners(path_with(draw(chart), "ls c0", "stroke-width"));
  ASSERT_EQ(bar.size(), 7u);  // the bar, an arrow head of three points at the left, a cap of two at the right
  EXPECT_EQ(bar[3].x, bar[0].x);
  EXPECT_GT(bar[2].x, bar[3].x);
}

TEST(DotPlot, ManyRowsAreCutAndSaidSo) {
  DotPlot chart;
  chart.groups.resize(1);
  for (int i = 0; i < 5000; ++i)
    chart.groups[0].rows.push_back({.label = kHostile, .estimates = {{double(i), i - 1.0, i + 1.0}}});
  const Chart drawn = draw(chart);
  EXPECT_LE(drawn.svg.size(), kMaxSvgBytes);
  EXPECT_NE(drawn.svg.find("The first 250 of 5000 rows are drawn."), std::string::npos);
  EXPECT_EQ(layout_fault(draw(DotPlot{})), "");
}

TEST(HeatMap, PrintsNumbersAndMarksWhatIsMissing) {
  HeatMap chart;
  chart.values = Matrix(2, 2, {0.0, 0.25, 1.0, kNoValue});
  chart.rows = {"a", "b"};
  chart.columns = {"1", "2"};
  const Chart drawn = draw(chart);
  EXPECT_NE(drawn.svg.find(">0.25<"), std::string::npos);
  EXPECT_NE(drawn.svg.find(">no data<"), std::string::npos);
  EXPECT_EQ(drawn.numbers.rows[1], (std::vector<std::string>{"b", "1", ""}));
}

TEST(HeatMap, DivergesFromItsCentreInTwoHues) {
  HeatMap chart;
  chart.values = Matrix(1, 3, {-2, 0, 1});
  chart.diverging = true;
  const std::string svg = draw(chart).svg;
  EXPECT_NE(svg.find("class=\"dn\" fill-opacity=\"1.00\""), std::string::npos);
  EXPECT_NE(svg.find("class=\"up\" fill-opacity=\"0.52\""), std::string::npos);  // half way
  EXPECT_NE(svg.find(">−2"), std::string::npos);
}

TEST(HeatMap, LargeMatricesBecomeMeansOfBlocks) {
  HeatMap chart;
  chart.values = Matrix(1000, 1000, 1.5);
  const Chart drawn = draw(chart);
  EXPECT_LE(drawn.svg.size(), kMaxSvgBytes);
  EXPECT_NE(drawn.svg.find("Each cell is the mean of "), std::string::npos);
  for (const auto& [rows, columns] : {std::pair<std::size_t, std::size_t>{1, 100'000}, {100'000, 1}, {5000, 3}}) {
    chart.values = Matrix(rows, columns);
    for (std::size_t i = 0; i < rows * columns; ++i) chart.values.values()[i] = std::sin(static_cast<double>(i));
    const Chart odd = draw(chart);
    EXPECT_LE(odd.svg.size(), kMaxSvgBytes) << rows;
    EXPECT_EQ(read_markup(odd.svg).error, "");
  }
}

TEST(HeatMap, DegenerateInputStillGivesAChart) {
  HeatMap chart;
  EXPECT_EQ(layout_fault(draw(chart)), "");
  chart.values = Matrix(2, 2, kNoValue);
  EXPECT_EQ(layout_fault(draw(chart)), "");
  chart.values = Matrix(2, 2, 3.0);
  EXPECT_EQ(layout_fault(draw(chart)), "");
  chart.diverging = true;
  chart.centre = 3;
  EXPECT_EQ(layout_fault(draw(chart)), "");
  chart.rows = {"only one"};
  EXPECT_THROW(draw(chart), CheckFailure);
}

TEST(TreeChart, BoxesKeepApartInTreesOfAnyShape) {
  std::mt19937 random(8);
  for (int round = 0; round < 60; ++round) {
    TreeChart chart;
    const std::size_t n = 1 + random() % 40;
    chart.nodes.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      chart.nodes[i].text = std::string(1 + random() % 30, 'x');
      chart.nodes[i].lines.resize(random() % 4, "line");
      if (i == 0) continue;
      TreeNode& parent = chart.nodes[random() % i];
      parent.children.push_back(i);
      parent.edges.push_back(std::string(random() % 12, 'e'));
    }
    const Chart drawn = draw(chart);
    ASSERT_EQ(layout_fault(drawn), "");
    std::vector<TextBox> boxes;
    for (const MarkupElement& e : read_markup(drawn.svg).named("rect")) {
      if (e.attributes.count("rx") == 0 || e.attributes.at("class") != "bg") continue;
      const auto number = [&](const char* name) { return std::stod(e.attributes.at(name)); };
      boxes.push_back({"", number("x"), number("y"), number("width"), number("height")});
    }
    ASSERT_EQ(boxes.size(), n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const bool apart = boxes[i].x >= boxes[j].x + boxes[j].width + 8 || boxes[j].x >= boxes[i].x + boxes[i].width + 8 ||
                           boxes[i].y >= boxes[j].y + boxes[j].height + 8 || boxes[j].y >= boxes[i].y + boxes[i].height + 8;
        ASSERT_TRUE(apart) << "round " << round;
      }
    }
  }
}

TEST(TreeChart, ListsItsNodesWithParentAndEdge) {
  TreeChart chart;
  chart.nodes = {{"age <= 40", {"n = 10"}, {1, 2}, {"yes", "no"}}, {"treat", {}, {}, {}}, {"wait", {}, {}, {}}};
  const Chart drawn = draw(chart);
  EXPECT_EQ(drawn.numbers.rows[0], (std::vector<std::string>{"0", "", "", "age <= 40; n = 10"}));
  EXPECT_EQ(drawn.numbers.rows[2], (std::vector<std::string>{"2", "0", "no", "wait"}));
  EXPECT_NE(drawn.svg.find("Tree of 3 nodes with 2 leaves."), std::string::npos);
}

TEST(TreeChart, RefusesWhatIsNotATree) {
  TreeChart two_parents;
  two_parents.nodes = {{"a", {}, {1, 1}, {}}, {"b", {}, {}, {}}};
  EXPECT_THROW(draw(two_parents), CheckFailure);
  TreeChart cycle;
  cycle.nodes = {{"a", {}, {0}, {}}};
  EXPECT_THROW(draw(cycle), CheckFailure);
  TreeChart lost;
  lost.nodes.resize(2);
  EXPECT_THROW(draw(lost), CheckFailure);
}

TEST(TreeChart, HugeTreesStaySmall) {
  TreeChart chart;
  for (std::size_t i = 0; i < 20'000; ++i) {
    TreeNode node{.text = kHostile, .lines = {kHostile, kHostile}, .children = {}, .edges = {}};
    if (2 * i + 2 < 20'000) node.children = {2 * i + 1, 2 * i + 2};
    if (2 * i + 2 == 19'999 + 1) node.children = {2 * i + 1};
    chart.nodes.push_back(node);
  }
  const Chart drawn = draw(chart);
  EXPECT_LE(drawn.svg.size(), kMaxSvgBytes);
  TreeChart chain;
  for (std::size_t i = 0; i < 5000; ++i)
    chain.nodes.push_back({"n", {}, i + 1 < 5000 ? std::vector<std::size_t>{i + 1} : std::vector<std::size_t>{}, {}});
  EXPECT_LE(draw(chain).svg.size(), kMaxSvgBytes);
  EXPECT_EQ(layout_fault(draw(TreeChart{})), "");
}

}  // namespace
}  // namespace gimbal::run
