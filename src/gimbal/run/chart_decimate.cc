#include "gimbal/run/chart_decimate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <unordered_set>

namespace gimbal::run {
namespace {

bool missing(const PixelPoint& p) { return std::isnan(p.x) || std::isnan(p.y); }
bool missing(const PixelSpan& s) { return std::isnan(s.x) || std::isnan(s.lo) || std::isnan(s.hi); }

// One column's points, [first, last] of `points`.
void keep_column(std::span<const PixelPoint> points, std::size_t first, std::size_t last, std::vector<PixelPoint>& out) {
  if (last - first < 4) {
    out.insert(out.end(), points.begin() + static_cast<std::ptrdiff_t>(first),
               points.begin() + static_cast<std::ptrdiff_t>(last) + 1);
    return;
  }
  std::size_t low = first, high = first;
  for (std::size_t i = first; i <= last; ++i) {
    if (points[i].y < points[low].y) low = i;
    if (points[i].y > points[high].y) high = i;
  }
  std::size_t keep[4] = {first, std::min(low, high), std::max(low, high), last};
  for (std::size_t k = 0; k < 4; ++k) {
    if (k == 0 || keep[k] != keep[k - 1]) out.push_back(points[keep[k]]);
  }
}

}  // namespace

std::vector<std::vector<PixelPoint>> thin_line(std::span<const PixelPoint> points, double column) {
  std::vector<std::vector<PixelPoint>> runs;
  for (std::size_t i = 0; i < points.size();) {
    if (missing(points[i])) {
      ++i;
      continue;
    }
    runs.emplace_back();
    while (i < points.size() && !missing(points[i])) {
      const double here = std::floor(points[i].x / column);
      std::size_t last = i;
      while (last + 1 < points.size() && !missing(points[last + 1]) && std::floor(points[last + 1].x / column) == here) ++last;
      keep_column(points, i, last, runs.back());
      i = last + 1;
    }
  }
  return runs;
}

std::vector<std::vector<PixelSpan>> thin_band(std::span<const PixelSpan> spans, double column) {
  std::vector<std::vector<PixelSpan>> runs;
  for (std::size_t i = 0; i < spans.size();) {
    if (missing(spans[i])) {
      ++i;
      continue;
    }
    runs.emplace_back();
    while (i < spans.size() && !missing(spans[i])) {
      const double here = std::floor(spans[i].x / column);
      const std::size_t first = i;
      PixelSpan widest = spans[i];
      // Pixels grow downwards: the lower value has the larger pixel.
      for (; i < spans.size() && !missing(spans[i]) && std::floor(spans[i].x / column) == here; ++i) {
        widest.lo = std::max(widest.lo, spans[i].lo);
        widest.hi = std::min(widest.hi, spans[i].hi);
      }
      // A column of two or three points keeps them all: a straight edge stays straight.
      if (i - first <= 3) {
        runs.back().insert(runs.back().end(), spans.begin() + static_cast<std::ptrdiff_t>(first),
                           spans.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        runs.back().push_back(widest);
        widest.x = spans[i - 1].x;
        runs.back().push_back(widest);
      }
    }
  }
  return runs;
}

std::vector<PixelPoint> thin_cloud(std::span<const PixelPoint> points, double cell) {
  std::size_t left = points.size(), right = left, top = left, bottom = left;
  std::vector<std::size_t> kept;
  std::unordered_set<std::uint64_t> seen;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (missing(points[i])) continue;
    if (left == points.size()) left = right = top = bottom = i;
    if (points[i].x < points[left].x) left = i;
    if (points[i].x > points[right].x) right = i;
    if (points[i].y < points[top].y) top = i;
    if (points[i].y > points[bottom].y) bottom = i;
    const auto index = [&](double v) {
      return static_cast<std::uint32_t>(std::lround(std::clamp(v / cell, -1e8, 1e8)) + 200'000'000);
    };
    if (seen.insert(std::uint64_t{index(points[i].x)} << 32 | index(points[i].y)).second) kept.push_back(i);
  }
  if (left != points.size()) kept.insert(kept.end(), {left, right, top, bottom});
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  std::vector<PixelPoint> out;
  out.reserve(kept.size());
  for (const std::size_t i : kept) out.push_back(points[i]);
  return out;
}

}  // namespace gimbal::run
