#include "gimbal/run/chart_axis.h"

#include <algorithm>

namespace gimbal::run {
namespace {

constexpr double kEdge = 4;
constexpr double kLabelGap = 12;
constexpr double kTickRoom = 60;  // pixels a tick: dense enough to read values, sparse enough to stay quiet

// The centre of something `wide` that should stand at `x`, inside the picture.
double inside(double x, double wide, double width) {
  const double first = kEdge + wide / 2;
  return std::clamp(x, first, std::max(first, width - 2 - wide / 2));
}

double label_width(const Tick& tick) { return text_width(tick.label, {.exponent = tick.exponent}); }

}  // namespace

std::vector<Tick> fitting_ticks(const AxisScale& scale, double left, double right, double width) {
  std::vector<Tick> ticks;
  for (int wanted = std::max(2, static_cast<int>((right - left) / kTickRoom)); wanted >= 1; --wanted) {
    ticks = scale.ticks(wanted);
    double free_from = -1e9;
    bool fits = true;
    for (const Tick& tick : ticks) {
      if (tick.label.empty()) continue;
      const double w = label_width(tick);
      const double from = inside(scale.pixel(tick.value), w, width) - w / 2;
      fits = fits && from >= free_from;
      free_from = from + w + kLabelGap;
    }
    if (fits) break;
  }
  return ticks;
}

double draw_horizontal_axis(SvgWriter& svg, const AxisScale& scale, const std::vector<Tick>& ticks, double left, double right,
                            double width, double y) {
  for (const Tick& tick : ticks) {
    svg.text(inside(scale.pixel(tick.value), label_width(tick), width), y + 18, tick.label,
             {.anchor = Anchor::kMiddle, .css = "mu", .exponent = tick.exponent});
  }
  y += 24;
  for (const std::string& line : wrap_text(scale.title(), 12, width - 2 * kEdge, 2)) {
    y += 16;
    svg.text(inside((left + right) / 2, text_width(line, 12), width), y - 3, line, {.anchor = Anchor::kMiddle});
  }
  return y + 6;
}

}  // namespace gimbal::run
