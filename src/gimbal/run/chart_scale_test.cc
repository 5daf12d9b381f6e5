#include "gimbal/run/chart_scale.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace gimbal::run {
namespace {

std::vector<std::string> labels(const std::vector<Tick>& ticks) {
  std::vector<std::string> out;
  for (const Tick& tick : ticks) {
    if (!tick.label.empty()) out.push_back(tick.label + (tick.exponent.empty() ? "" : "^" + tick.exponent));
  }
  return out;
}
using Labels = std::vector<std::string>;

TEST(LinearTicks, StepByOneTwoOrFive) {
  EXPECT_EQ(labels(linear_ticks(0, 1, 5)), (Labels{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(labels(linear_ticks(0, 10, 5)), (Labels{"0", "2", "4", "6", "8", "10"}));
  EXPECT_EQ(labels(linear_ticks(-1, 1, 4)), (Labels{"−1.0", "−0.5", "0.0", "0.5", "1.0"}));
  EXPECT_EQ(labels(linear_ticks(1999, 2026, 4)), (Labels{"2000", "2010", "2020"}));
  EXPECT_EQ(labels(linear_ticks(0, 50000, 2)), (Labels{"0", "50,000"}));
  EXPECT_EQ(labels(linear_ticks(0.00211, 0.00249, 4)), (Labels{"0.0022", "0.0023", "0.0024"}));
}

TEST(LinearTicks, ShareAPowerOfTenWhereNumbersGetLong) {
  EXPECT_EQ(labels(linear_ticks(0, 4e6, 4)), (Labels{"0", "1×10^6", "2×10^6", "3×10^6", "4×10^6"}));
  EXPECT_EQ(labels(linear_ticks(0, 5e-9, 5)), (Labels{"0", "1×10^−9", "2×10^−9", "3×10^−9", "4×10^−9", "5×10^−9"}));
  EXPECT_EQ(labels(linear_ticks(0, 2.5e8, 5)), (Labels{"0", "0.5×10^8", "1.0×10^8", "1.5×10^8", "2.0×10^8", "2.5×10^8"}));
}

TEST(LinearTicks, ReadSharesAsPercent) {
  EXPECT_EQ(labels(linear_ticks(0, 1, 5, true)), (Labels{"0 %", "20 %", "40 %", "60 %", "80 %", "100 %"}));
  EXPECT_EQ(labels(linear_ticks(0.01, 0.02, 2, true)), (Labels{"1.0 %", "1.5 %", "2.0 %"}));
}

TEST(LinearTicks, AreEvenInsideTheRangeAndAtLeastTwo) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> unit(0, 1);
  for (int round = 0; round < 5000; ++round) {
    const double size = std::pow(10.0, 24 * unit(random) - 12);
    const double lo = size * (2 * unit(random) - 1), hi = lo + size * std::pow(10.0, -4 * unit(random));
    const int wanted = 2 + static_cast<int>(random() % 10);
    const std::vector<Tick> ticks = linear_ticks(lo, hi, wanted);
    ASSERT_GE(ticks.size(), 2u) << lo << " " << hi << " " << wanted;
    ASSERT_LE(ticks.size(), static_cast<std::size_t>(wanted) + 6);
    const double step = ticks[1].value - ticks[0].value;
    for (std::size_t i = 0; i < ticks.size(); ++i) {
      ASSERT_GE(ticks[i].value, lo - 1e-6 * step);
      ASSERT_LE(ticks[i].value, hi + 1e-6 * step);
      if (i > 0) {
        ASSERT_NE(labels(ticks)[i], labels(ticks)[i - 1]) << lo << " " << hi;
      }
    }
  }
}

TEST(LogTicks, TakeDecadesWithTwoAndFiveBetweenWhereThereIsRoom) {
  EXPECT_EQ(labels(log_ticks(1, 1000, 4)), (Labels{"1", "10", "100", "1000"}));
  EXPECT_EQ(labels(log_ticks(10, 1000, 8)), (Labels{"10", "20", "50", "100", "200", "500", "1000"}));
  EXPECT_EQ(labels(log_ticks(0.001, 10, 5)), (Labels{"0.001", "0.01", "0.1", "1", "10"}));
  EXPECT_EQ(labels(log_ticks(1, 1e5, 6)), (Labels{"1", "10", "100", "1,000", "10,000", "100,000"}));
  EXPECT_EQ(labels(log_ticks(1e-8, 1e8, 5)), (Labels{"10^−8", "10^−4", "10^0", "10^4", "10^8"}));
  EXPECT_EQ(labels(log_ticks(1, 2, 5)), (Labels{"1.0", "1.2", "1.4", "1.6", "1.8", "2.0"}));
  EXPECT_EQ(log_ticks(1, 10, 2).size(), 10u);  // minor ticks at 2 to 9
}

// 2026-03-01 12:00:00 UTC.
constexpr double kNoon = 1772366400;

TEST(TimeTicks, FollowTheCalendar) {
  EXPECT_EQ(labels(time_ticks(kNoon, kNoon + 3600, 4)), (Labels{"12:00", "12:15", "12:30", "12:45", "13:00"}));
  EXPECT_EQ(labels(time_ticks(kNoon, kNoon + 20, 2)), (Labels{"12:00:00", "12:00:10", "12:00:20"}));
  EXPECT_EQ(labels(time_ticks(kNoon, kNoon + 86400, 4)), (Labels{"12:00", "18:00", "2 Mar", "06:00", "12:00"}));
  EXPECT_EQ(labels(time_ticks(kNoon, kNoon + 4 * 86400, 4)), (Labels{"2 Mar 2026", "3 Mar", "4 Mar", "5 Mar"}));
  EXPECT_EQ(labels(time_ticks(kNoon, kNoon + 100 * 86400.0, 4)), (Labels{"Apr 2026", "May", "Jun"}));
  EXPECT_EQ(labels(time_ticks(kNoon, kNoon + 4 * 365.25 * 86400, 4)), (Labels{"2027", "2028", "2029", "2030"}));
  EXPECT_EQ(labels(time_ticks(kNoon, kNoon + 0.5, 6)),
            (Labels{"12:00:00.0", "12:00:00.1", "12:00:00.2", "12:00:00.3", "12:00:00.4", "12:00:00.5"}));
  EXPECT_EQ(labels(time_ticks(-86400, 86400, 2)), (Labels{"31 Dec 1969", "1 Jan 1970", "2 Jan"}));
}

TEST(TimeTicks, CrossNewYear) {
  const double december = kNoon - 86400 * 90.0;  // 2025-12-01
  EXPECT_EQ(labels(time_ticks(december, kNoon, 3)), (Labels{"Jan 2026", "Feb", "Mar"}));
}

TEST(AxisScale, PadsButNeverAcrossZero) {
  const AxisScale plain(Axis{.title = "x"}, {2, 12}, 0.1);
  EXPECT_DOUBLE_EQ(plain.lo(), 1);
  EXPECT_DOUBLE_EQ(plain.hi(), 13);
  const AxisScale near_zero(Axis{.title = "x"}, {0.5, 10.5}, 0.1);
  EXPECT_DOUBLE_EQ(near_zero.lo(), 0);
  const AxisScale share(Axis{.title = "power", .percent = true}, {0.02, 0.99}, 0.1);
  EXPECT_DOUBLE_EQ(share.lo(), 0);
  const AxisScale crossing(Axis{.title = "x"}, {-10, 10}, 0.1);
  EXPECT_DOUBLE_EQ(crossing.lo(), -12);
  const AxisScale with_zero(Axis{.title = "x", .include_zero = true}, {5, 10}, 0.1);
  EXPECT_DOUBLE_EQ(with_zero.lo(), 0);
  const AxisScale fixed(Axis{.title = "x", .min = 3, .max = 4}, {0, 10}, 0.1);
  EXPECT_DOUBLE_EQ(fixed.lo(), 3);
  EXPECT_DOUBLE_EQ(fixed.hi(), 4);
}

TEST(AxisScale, SharesOfOneDoNotStickToTheFrameAndNothingBeyondIsLabelled) {
  for (const double low : {0.0, 0.7, 0.99, 0.99999, 1.0}) {
    const AxisScale share(Axis{.title = "power", .percent = true}, {low, 1}, 0.04);
    EXPECT_GT(share.hi(), 1) << low;
    for (const Tick& tick : share.ticks(6)) EXPECT_LE(tick.value, 1 + 1e-9) << low;
  }
  const AxisScale more(Axis{.title = "growth", .percent = true}, {0, 3}, 0.04);  // shares need not be parts of a whole
  EXPECT_GT(more.ticks(4).back().value, 1);
}

TEST(AxisValue, AllButCertainIsNotCertain) {
  const Axis share{.title = "power", .percent = true};
  EXPECT_EQ(axis_value(0.25, share), "25 %");
  EXPECT_EQ(axis_value(0.99999, share), "> 99.99 %");
  EXPECT_EQ(axis_value(0.9996, share), "99.96 %");
  EXPECT_EQ(axis_value(1, share), "100 %");
}

TEST(AxisScale, OpensARangeAroundASingleValue) {
  for (const double v : {0.0, 42.0, -1e-9, 1e9, 1e299, -1e299}) {
    const AxisScale scale(Axis{.title = "x"}, {v, v});
    EXPECT_LT(scale.lo(), v);
    EXPECT_GT(scale.hi(), v);
    EXPECT_GE(scale.ticks(4).size(), 2u) << v;
  }
  const AxisScale log(Axis{.title = "x", .scale = Scale::kLog}, {5, 5});
  EXPECT_LT(log.lo(), 5);
  EXPECT_GT(log.hi(), 5);
  const AxisScale time(Axis{.title = "t", .scale = Scale::kTime}, {kNoon, kNoon});
  EXPECT_EQ(time.hi() - time.lo(), 120);
  const AxisScale close(Axis{.title = "x"}, {1.0, 1.0 + 1e-15});
  EXPECT_GE(close.ticks(4).size(), 2u);
}

TEST(AxisScale, WithoutDataHasAUnitRange) {
  EXPECT_EQ(AxisScale(Axis{}, Extent{}).hi(), 1);
  EXPECT_EQ(AxisScale(Axis{.title = "", .scale = Scale::kLog}, Extent{}).hi(), 10);
}

TEST(AxisScale, PixelAndValueAreInverse) {
  for (const Scale kind : {Scale::kLinear, Scale::kLog}) {
    AxisScale scale(Axis{.title = "x", .scale = kind}, {2, 2000});
    scale.place(500, 20);
    EXPECT_NEAR(scale.pixel(scale.lo()), 500, 1e-9);
    EXPECT_NEAR(scale.pixel(scale.hi()), 20, 1e-9);
    for (const double v : {2.0, 17.0, 400.0, 2000.0}) EXPECT_NEAR(scale.value(scale.pixel(v)), v, 1e-9 * v);
  }
}

TEST(AxisScale, HasNoPlaceForWhatIsNotFinite) {
  AxisScale scale(Axis{.title = "x", .scale = Scale::kLog}, {1, 10});
  scale.place(0, 100);
  for (const double v : {0.0, -1.0, std::nan(""), HUGE_VAL, -HUGE_VAL}) EXPECT_TRUE(std::isnan(scale.pixel(v)));
}

TEST(AxisScale, NamesTheUnitAndTheDay) {
  EXPECT_EQ(AxisScale(Axis{.title = "loss", .unit = "nats"}, {0, 1}).title(), "loss (nats)");
  EXPECT_EQ(AxisScale(Axis{.title = "loss"}, {0, 1}).title(), "loss");
  EXPECT_EQ(AxisScale(Axis{.title = "time", .scale = Scale::kTime}, {kNoon, kNoon + 60}).title(), "time (UTC, 1 Mar 2026)");
  EXPECT_EQ(AxisScale(Axis{.title = "time", .scale = Scale::kTime}, {kNoon, kNoon + 1e6}).title(), "time (UTC)");
}

TEST(AxisValue, ReadsInTheAxisOwnWay) {
  EXPECT_EQ(axis_value(0.25, Axis{.title = "", .percent = true}), "25 %");
  EXPECT_EQ(axis_value(kNoon, Axis{.title = "", .scale = Scale::kTime}), "2026-03-01 12:00:00");
  EXPECT_EQ(axis_value(std::nan(""), Axis{}), "");
}

}  // namespace
}  // namespace gimbal::run
