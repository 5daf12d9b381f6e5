// The texts inside a plotting area: names of marks, reference lines and guides, each beside what it names and clear of the
// others.
#pragma once

#include <string>
#include <vector>

#include "gimbal/run/chart.h"
#include "gimbal/run/chart_decimate.h"
#include "gimbal/run/chart_labels.h"
#include "gimbal/run/chart_scale.h"
#include "gimbal/run/svg.h"

namespace gimbal::run {

// A plotting area in pixels.
struct Plot {
  double left = 0, right = 0, top = 0, bottom = 0;
  // With a pixel of room for points on the frame.
  bool holds(double x, double y) const { return x >= left - 1 && x <= right + 1 && y >= top - 1 && y <= bottom + 1; }
};

// Writes through `svg`; what it writes is blocked in `placer` for the next. All references must outlive it.
class PlotTexts {
 public:
  PlotTexts(SvgWriter& svg, const AxisScale& x, const AxisScale& y, const Plot& plot, LabelPlacer& placer)
      : svg_(svg), x_(x), y_(y), plot_(plot), placer_(placer) {}

  // Beside the mark at `p`; where it is crowded further off, with a line back to it.
  void mark(const Mark& mark, const PixelPoint& p);
  void reference(const ReferenceLine& line);
  // At an end of the guide if there is room, else along it.
  void guide(const std::string& label, const std::vector<PixelPoint>& points);

 private:
  std::vector<Box> beside_vertical(double x, double width) const;
  std::vector<Box> along(const ReferenceLine& line, double width) const;

  SvgWriter& svg_;
  const AxisScale& x_;
  const AxisScale& y_;
  const Plot& plot_;
  LabelPlacer& placer_;
};

}  // namespace gimbal::run
