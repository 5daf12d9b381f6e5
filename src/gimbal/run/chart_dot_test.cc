#include "gimbal/run/chart.h"

#include <gtest/gtest.h>

#include "gimbal/run/chart_test_data.h"

namespace gimbal::run {
namespace {

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

}  // namespace
}  // namespace gimbal::run
