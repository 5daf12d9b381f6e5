#include "gimbal/run/chart.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "gimbal/run/chart_test_data.h"

namespace gimbal::run {
namespace {

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

}  // namespace
}  // namespace gimbal::run
