// The horizontal axis below a plot: as many ticks as their labels leave room for, the labels, and the title.
#pragma once

#include <vector>

#include "gimbal/run/chart_scale.h"
#include "gimbal/run/svg.h"

namespace gimbal::run {

// Ticks whose labels keep apart; `scale` is placed on [left, right] of a picture `width` wide.
std::vector<Tick> fitting_ticks(const AxisScale& scale, double left, double right, double width);

// Labels and title below the line at `y`; returns where the picture may end. Labels at the rim are moved inside it.
double draw_horizontal_axis(SvgWriter& svg, const AxisScale& scale, const std::vector<Tick>& ticks, double left, double right,
                            double width, double y);

}  // namespace gimbal::run
