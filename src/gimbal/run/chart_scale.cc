#include "gimbal/run/chart_scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "gimbal/base/number.h"

namespace gimbal::run {
namespace {

constexpr std::string_view kMinus = "\u2212";
constexpr double kDay = 86400;
// Beyond these, differences overflow or the calendar ends; such values count as not drawable.
constexpr double kLargest = 1e300;
constexpr double kLatestTime = 2.5e11;  // the year 9892

// 1, 2 or 5 times a power of ten, at least `rough`.
double nice_step(double rough) {
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double m : {1.0, 2.0, 5.0}) {
    if (m * power >= rough * (1 - 1e-9)) return m * power;
  }
  return 10 * power;
}

int decimals_of(double step) { return std::clamp(static_cast<int>(-std::floor(std::log10(step) + 1e-9)), 0, 15); }

// "12,500", "−0.25": fixed decimals, a typographic minus, commas where the axis has five digits or more (2026 stays a year).
std::string fixed_label(double value, int decimals, bool commas) {
  std::string digits = fmt::format("{:.{}f}", std::abs(value), decimals);
  const bool zero = digits.find_first_not_of("0.") == std::string::npos;
  const std::size_t whole = std::min(digits.find('.'), digits.size());
  if (commas) {
    for (std::size_t i = whole; i > 3; i -= 3) digits.insert(i - 3, ",");
  }
  return (value < 0 && !zero ? std::string(kMinus) : std::string()) + digits;
}

std::string exponent_text(int exponent) {
  return exponent < 0 ? std::string(kMinus) + std::to_string(-exponent) : std::to_string(exponent);
}

Tick number_tick(double value, double step, double largest, bool percent) {
  const double scale = percent ? 100.0 : 1.0;
  Tick tick{value, {}, {}};
  const double shown = value * scale;
  // From a million on, and below a thousandth, one power of ten for the whole axis.
  if (largest * scale >= 1e6 || largest * scale < 1e-3) {
    const int exponent = static_cast<int>(std::floor(std::log10(largest * scale) + 1e-9));
    const double unit = std::pow(10.0, exponent);
    const double mantissa = shown / unit;
    if (std::abs(mantissa) < 1e-9) {
      tick.label = "0";
    } else {
      tick.label = fixed_label(mantissa, decimals_of(step * scale / unit), false) + "×10";
      tick.exponent = exponent_text(exponent);
    }
  } else {
    tick.label = fixed_label(shown, decimals_of(step * scale), largest * scale >= 1e4);
  }
  if (percent && tick.exponent.empty()) tick.label += " %";
  return tick;
}

Tick power_tick(int exponent, double mantissa, bool plain, bool commas, bool percent) {
  const double value = mantissa * std::pow(10.0, exponent);
  if (plain) {
    const int shown = exponent + (percent ? 2 : 0);
    return {value, fixed_label(value * (percent ? 100 : 1), std::max(0, -shown), commas) + (percent ? " %" : ""), {}};
  }
  const std::string head = mantissa == 1 ? "10" : fmt::format("{}×10", mantissa);
  return {value, head, exponent_text(exponent)};
}

using std::chrono::day;
using std::chrono::month;
using std::chrono::months;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

year_month_day date_of(double seconds) {
  return year_month_day(sys_days(std::chrono::days(static_cast<std::int64_t>(std::floor(seconds / kDay)))));
}
double seconds_of(year_month_day date) { return static_cast<double>(sys_days(date).time_since_epoch().count()) * kDay; }

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
std::string month_name(year_month_day date) { return std::string(kMonths[static_cast<unsigned>(date.month()) - 1]); }
std::string day_name(year_month_day date) { return fmt::format("{} {}", static_cast<unsigned>(date.day()), month_name(date)); }

std::string clock_label(double seconds, double step) {
  const double in_day = seconds - std::floor(seconds / kDay) * kDay;
  const int decimals = step >= 1 ? 0 : std::min(6, decimals_of(step));
  const auto whole = static_cast<int>(std::floor(in_day + 1e-6));
  std::string text = fmt::format("{:02}:{:02}", whole / 3600, whole / 60 % 60);
  if (step < 60) text += fmt::format(":{:02}", whole % 60);
  if (decimals > 0) text += fmt::format("{:.{}f}", std::max(0.0, in_day - whole), decimals).substr(1);
  return text;
}

std::vector<Tick> clock_ticks(double lo, double hi, double step) {
  std::vector<Tick> ticks;
  for (double k = std::ceil(lo / step - 1e-9); k * step <= hi + step * 1e-9; ++k) {
    const double value = k * step;
    const bool midnight = std::abs(value - std::round(value / kDay) * kDay) < step * 1e-6;
    ticks.push_back({value, midnight ? day_name(date_of(value + 1e-3)) : clock_label(value, step), {}});
  }
  return ticks;
}

std::vector<Tick> day_ticks(double lo, double hi, int days) {
  std::vector<Tick> ticks;
  const double step = days * kDay;
  const double origin = days == 7 ? 4 * kDay : 0;  // weeks start on a Monday; the epoch was a Thursday
  for (double k = std::ceil((lo - origin) / step - 1e-9); origin + k * step <= hi + 1; ++k) {
    const year_month_day date = date_of(origin + k * step + 1);
    std::string label = day_name(date);
    if (ticks.empty() || date.year() != date_of(ticks.back().value + 1).year()) label += fmt::format(" {}", int(date.year()));
    ticks.push_back({origin + k * step, label, {}});
  }
  return ticks;
}

std::vector<Tick> month_ticks(double lo, double hi, int step_months) {
  std::vector<Tick> ticks;
  const year_month_day first = date_of(lo);
  int index = int(first.year()) * 12 + static_cast<int>(static_cast<unsigned>(first.month())) - 1;
  for (index -= index % step_months;; index += step_months) {
    const year_month_day date = year(index / 12) / month(static_cast<unsigned>(index % 12 + 1)) / day(1);
    const double value = seconds_of(date);
    if (value > hi + 1) break;
    if (value < lo - 1) continue;
    std::string label = step_months % 12 == 0 ? std::string() : month_name(date);
    if (label.empty() || ticks.empty() || date.month() == std::chrono::January) {
      label += fmt::format("{}{}", label.empty() ? "" : " ", int(date.year()));
    }
    ticks.push_back({value, label, {}});
  }
  return ticks;
}

}  // namespace

void Extent::add(double value) {
  lo = std::min(lo, value);
  hi = std::max(hi, value);
}

bool drawable(double value, Scale scale) {
  if (!(std::abs(value) <= (scale == Scale::kTime ? kLatestTime : kLargest))) return false;
  return scale != Scale::kLog || value >= 1 / kLargest;
}

std::vector<Tick> linear_ticks(double lo, double hi, int wanted, bool percent) {
  const double largest = std::max(std::abs(lo), std::abs(hi));
  std::vector<Tick> ticks;
  // A step can be up to two and a half times what was wished for; it is made finer until two ticks fall inside.
  for (int count = std::max(1, wanted); ticks.size() < (wanted > 1 ? 2u : 1u) && count <= wanted + 4; ++count) {
    ticks.clear();
    const double step = nice_step((hi - lo) / count);
    for (double k = std::ceil(lo / step - 1e-9); k * step <= hi + step * 1e-9; ++k) {
      ticks.push_back(number_tick(k == 0 ? 0.0 : k * step, step, largest, percent));
    }
  }
  return ticks;
}

std::vector<Tick> log_ticks(double lo, double hi, int wanted, bool percent) {
  const double decades = std::log10(hi) - std::log10(lo);
  if (decades < 0.5) return linear_ticks(lo, hi, wanted, percent);
  const int first = static_cast<int>(std::floor(std::log10(lo) + 1e-9)),
            last = static_cast<int>(std::ceil(std::log10(hi) - 1e-9));
  const bool plain = first >= (percent ? -5 : -3) && last <= 5;
  const int every = std::max(1, static_cast<int>(std::ceil(decades / std::max(1, wanted))));
  // 1-2-5 between the decades where their labels find room.
  const bool fine = every == 1 && 3 * decades <= wanted + 1;
  std::vector<Tick> ticks;
  for (int e = first; e <= last; ++e) {
    for (int m = 1; m <= 9; ++m) {
      const double value = m * std::pow(10.0, e);
      if (value < lo * (1 - 1e-9) || value > hi * (1 + 1e-9)) continue;
      const bool labelled = m == 1 ? e % every == 0 : fine && (m == 2 || m == 5);
      if (labelled) {
        ticks.push_back(power_tick(e, m, plain, hi >= 1e4, percent));
      } else if (every == 1 || m == 1) {
        ticks.push_back({value, {}, {}});
      }
    }
  }
  return ticks;
}

std::vector<Tick> time_ticks(double lo, double hi, int wanted) {
  const double rough = (hi - lo) / std::max(1, wanted);
  if (rough <= 0.5) return clock_ticks(lo, hi, std::max(1e-6, nice_step(rough)));
  for (const double step :
       {1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0}) {
    if (rough <= step) return clock_ticks(lo, hi, step);
  }
  for (const int days : {1, 2, 7, 14}) {
    if (rough <= days * kDay) return day_ticks(lo, hi, days);
  }
  for (const int step_months : {1, 3, 6}) {
    if (rough <= step_months * 30.5 * kDay) return month_ticks(lo, hi, step_months);
  }
  return month_ticks(lo, hi, 12 * static_cast<int>(nice_step(std::max(1.0, rough / (365.25 * kDay)))));
}

std::string axis_value(double value, const Axis& axis, int digits) {
  if (!std::isfinite(value)) return "";
  if (axis.scale == Scale::kTime && drawable(value, Scale::kTime)) {
    const year_month_day date = date_of(value);
    return fmt::format("{:04}-{:02}-{:02} {}", int(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()), clock_label(value, 1));
  }
  if (!axis.percent) return format_significant(value, digits);
  // All but certain is not certain.
  if (value < 1 && value > 1 - 0.5 * std::pow(10.0, -digits)) return "> 99." + std::string(std::max(1, digits - 2), '9') + " %";
  return format_significant(100 * value, digits) + " %";
}

AxisScale::AxisScale(const Axis& axis, Extent data, double padding) : axis_(axis) {
  const bool log = axis.scale == Scale::kLog;
  const auto usable = [&](const std::optional<double>& end) { return end && run::drawable(*end, axis.scale); };
  if (axis.include_zero && !log) data.add(0);
  whole_ = axis.percent && !log && data.hi <= 1;
  if (usable(axis.min)) data.lo = *axis.min;
  if (usable(axis.max)) data.hi = *axis.max;
  if (data.empty() && (usable(axis.min) || usable(axis.max))) data.lo = data.hi = usable(axis.min) ? *axis.min : *axis.max;
  if (data.empty()) {
    lo_ = log ? 1 : 0;
    hi_ = log ? 10 : 1;
    return;
  }
  const bool fixed_lo = usable(axis.min), fixed_hi = usable(axis.max);
  lo_ = data.lo;
  hi_ = data.hi;
  if (log) {
    // On logarithms, where no ratio overflows.
    const double decades = std::log10(hi_) - std::log10(lo_);
    const bool one_value = !(decades > 1e-9);
    const double room = one_value ? 0.5 : padding * decades;
    if (!fixed_lo || one_value) lo_ = std::max(1 / kLargest, std::pow(10.0, std::log10(lo_) - room));
    if (!fixed_hi || one_value) hi_ = std::min(kLargest, std::pow(10.0, std::log10(hi_) + room));
    return;
  }
  // Closer than doubles can tell ticks apart: one value.
  const double size = std::max(std::abs(lo_), std::abs(hi_));
  if (hi_ - lo_ <= 1e-12 * size || hi_ == lo_) {
    const double around = axis.scale == Scale::kTime ? 60 : size == 0 ? 1 : 0.1 * size;
    lo_ = std::max(-kLargest, lo_ - around);
    hi_ = std::min(kLargest, hi_ + around);
    return;
  }
  const double room = std::min(padding * (hi_ - lo_), kLargest - size);
  const auto pad = [&](double end, double towards) { return end == 0 || (end < 0) != (towards < 0) ? 0.0 : towards; };
  if (!fixed_lo) lo_ = data.lo >= 0 || axis.percent ? pad(lo_, lo_ - room) : lo_ - room;
  if (!fixed_hi) hi_ = data.hi <= 0 || axis.percent ? pad(hi_, hi_ + room) : hi_ + room;
}

void AxisScale::place(double pixel_lo, double pixel_hi) {
  pixel_lo_ = pixel_lo;
  pixel_hi_ = pixel_hi;
}

double AxisScale::transformed(double value) const { return axis_.scale == Scale::kLog ? std::log10(value) : value; }

double AxisScale::pixel(double value) const {
  if (!drawable(value)) return kNoValue;
  const double lo = transformed(lo_), hi = transformed(hi_);
  return pixel_lo_ + (transformed(value) - lo) / (hi - lo) * (pixel_hi_ - pixel_lo_);
}

double AxisScale::value(double pixel) const {
  const double lo = transformed(lo_), hi = transformed(hi_);
  const double t = lo + (pixel - pixel_lo_) / (pixel_hi_ - pixel_lo_) * (hi - lo);
  return axis_.scale == Scale::kLog ? std::pow(10.0, t) : t;
}

std::vector<Tick> AxisScale::ticks(int wanted) const {
  switch (axis_.scale) {
    case Scale::kLog:
      return log_ticks(lo_, hi_, wanted, axis_.percent);
    case Scale::kTime:
      return time_ticks(lo_, hi_, wanted);
    case Scale::kLinear:
      break;
  }
  std::vector<Tick> ticks = linear_ticks(lo_, hi_, wanted, axis_.percent);
  if (whole_) std::erase_if(ticks, [](const Tick& tick) { return tick.value > 1 + 1e-12; });
  return ticks;
}

std::string AxisScale::title() const {
  std::string unit = axis_.unit;
  if (axis_.scale == Scale::kTime) {
    unit += unit.empty() ? "UTC" : ", UTC";
    if (date_of(lo_) == date_of(hi_)) {
      const year_month_day date = date_of(lo_);
      unit += fmt::format(", {} {}", day_name(date), int(date.year()));
    }
  }
  if (unit.empty()) return axis_.title;
  return axis_.title.empty() ? unit : axis_.title + " (" + unit + ")";
}

}  // namespace gimbal::run
