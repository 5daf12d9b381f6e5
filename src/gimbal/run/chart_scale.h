// Axes: the range that data need, the way from values to pixels, and ticks at round places with their labels.
//
// Linear ticks step by 1, 2 or 5 times a power of ten. Log axes tick whole decades, with 2 and 5 between while there is room,
// and fall back to linear ticks below half a decade. Time ticks follow the calendar (UTC).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gimbal/run/chart.h"

namespace gimbal::run {

// The range of the drawable values seen so far.
struct Extent {
  double lo = std::numeric_limits<double>::infinity();
  double hi = -std::numeric_limits<double>::infinity();
  bool empty() const { return !(lo <= hi); }
  void add(double value);
};

struct Tick {
  double value = 0;
  std::string label;     // empty: a minor tick without text
  std::string exponent;  // raised after the label: 10 and 6
};

// About `wanted` labelled ticks inside [lo, hi], lo < hi, both finite (and positive on a log axis).
std::vector<Tick> linear_ticks(double lo, double hi, int wanted, bool percent = false);
std::vector<Tick> log_ticks(double lo, double hi, int wanted, bool percent = false);
std::vector<Tick> time_ticks(double lo, double hi, int wanted);

// One value for people, in the axis' own way: "12.3", "25 %", "2026-03-01 12:00:00"; "" when it is not finite.
std::string axis_value(double value, const Axis& axis, int digits = 4);

// Whether the axis has a place for the value: finite, and positive on a log axis.
bool drawable(double value, Scale scale);

class AxisScale {
 public:
  // The range of `data` with `padding` (a share of it) at the ends that the axis does not fix. Padding does not cross
  // zero. Shares that end at one keep room beyond it, so that a line there does not stick to the frame; ticks stop at one. A
  // range of a single value is opened around it; without data it is [0, 1], on a log axis [1, 10].
  AxisScale(const Axis& axis, Extent data, double padding = 0.04);
  AxisScale() : AxisScale(Axis{}, Extent{}) {}

  double lo() const { return lo_; }
  double hi() const { return hi_; }
  // The pixels of lo() and hi(); they may run backwards (y axes).
  void place(double pixel_lo, double pixel_hi);
  bool drawable(double value) const { return run::drawable(value, axis_.scale); }
  // Linear beyond the ends as well; NaN where the value is not drawable.
  double pixel(double value) const;
  // The value at a pixel: the inverse of `pixel`.
  double value(double pixel) const;
  std::vector<Tick> ticks(int wanted) const;
  // "title (unit)", with the day for times within one.
  std::string title() const;

 private:
  double transformed(double value) const;
  Axis axis_;
  double lo_ = 0, hi_ = 1;
  bool whole_ = false;  // shares that end at one: nothing beyond is labelled
  double pixel_lo_ = 0, pixel_hi_ = 1;
};

}  // namespace gimbal::run
