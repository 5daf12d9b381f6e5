#include "gimbal/run/chart_decimate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "gimbal/run/chart_test_data.h"

namespace gimbal::run {
namespace {

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

}  // namespace
}  // namespace gimbal::run
