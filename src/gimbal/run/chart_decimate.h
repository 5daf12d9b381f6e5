// Fewer points, the same picture: of all the points that fall into one pixel column a line shows the first, the lowest, the
// highest and the last, a band its outermost edges, and a cloud one point a cell. Extremes are never lost.
#pragma once

#include <span>
#include <vector>

namespace gimbal::run {

struct PixelPoint {
  double x = 0, y = 0;
};
struct PixelSpan {
  double x = 0, lo = 0, hi = 0;  // pixels; lo and hi in the order that they came
};

// Runs of points between gaps (NaN in x or y), each thinned to at most four points a column of `column` pixels when x does not
// run backwards; the points kept stay in their order. O(n).
std::vector<std::vector<PixelPoint>> thin_line(std::span<const PixelPoint> points, double column);

// The same for bands: the envelope of each column, one span a column.
std::vector<std::vector<PixelSpan>> thin_band(std::span<const PixelSpan> spans, double column);

// The first point of each square cell of side `cell`, and the outermost points in x and y. NaN points are left out.
std::vector<PixelPoint> thin_cloud(std::span<const PixelPoint> points, double cell);

}  // namespace gimbal::run
