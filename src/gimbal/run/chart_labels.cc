#include "gimbal/run/chart_labels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gimbal/base/check.h"

namespace gimbal::run {
namespace {

// Samples of a curve stand this far apart; texts are 12 or more pixels high, so no curve slips through a text unseen.
constexpr double kSampleStep = 4;
constexpr std::size_t kMaxSamples = 20'000;

double overlap(const Box& a, const Box& b) {
  const double w = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const double h = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  return w > 0 && h > 0 ? w * h : 0;
}

}  // namespace

void LabelPlacer::add_line(double x1, double y1, double x2, double y2) {
  const double length = std::hypot(x2 - x1, y2 - y1);
  if (!(length < 1e5)) return;
  const int steps = std::max(1, static_cast<int>(length / kSampleStep));
  for (int k = 0; k <= steps && traces_.size() < kMaxSamples; ++k) {
    const double t = static_cast<double>(k) / steps;
    traces_.push_back({x1 + t * (x2 - x1), y1 + t * (y2 - y1)});
  }
}

// Outside the area weighs most, then covered texts (by area), then curves (by length), then the place in the list.
double LabelPlacer::cost(const Box& box) const {
  double total = 50 * (box.width * box.height - overlap(box, area_));
  for (const Box& other : blocked_) total += 20 * overlap(box, other);
  for (const Point& p : traces_) {
    if (p.x > box.x && p.x < box.x + box.width && p.y > box.y && p.y < box.y + box.height) total += 12;
  }
  return total;
}

std::size_t LabelPlacer::place(std::span<const Box> candidates) {
  GIMBAL_CHECK(!candidates.empty());
  std::size_t best = 0;
  double best_cost = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const double total = cost(candidates[i]) + 2.0 * static_cast<double>(i);
    if (total < best_cost) {
      best = i;
      best_cost = total;
    }
  }
  block(candidates[best]);
  return best;
}

}  // namespace gimbal::run
