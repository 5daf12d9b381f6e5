#include "gimbal/run/chart.h"

#include <gtest/gtest.h>

#include <random>

#include "gimbal/run/chart_test_data.h"

namespace gimbal::run {
namespace {

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

}  // namespace
}  // namespace gimbal::run
