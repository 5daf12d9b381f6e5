#include "gimbal/run/chart.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/run/chart_test_data.h"

namespace gimbal::run {
namespace {

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

}  // namespace
}  // namespace gimbal::run
