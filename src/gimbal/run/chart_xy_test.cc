#include "gimbal/run/chart.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "gimbal/base/check.h"
#include "gimbal/run/chart_test_data.h"

namespace gimbal::run {
namespace {

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

}  // namespace
}  // namespace gimbal::run
