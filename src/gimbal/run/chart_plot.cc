#include "gimbal/run/chart_plot.h"

#include <algorithm>
#include <cmath>

#include "gimbal/run/chart_theme.h"

namespace gimbal::run {
namespace {

constexpr double kSize = 11.5;
constexpr double kGuideSize = 11;
constexpr double kHeight = 14;  // of a line of text
constexpr double kBase = 11;    // from its top to the base line

}  // namespace

void PlotTexts::mark(const Mark& mark, const PixelPoint& p) {
  if (mark.label.empty()) return;
  const std::string label = elide(mark.label, kSize, std::min(240.0, plot_.right - plot_.left), true);
  const double w = text_width(label, kSize, true), h = kHeight;
  constexpr std::size_t kDirections = 8;
  std::vector<Box> boxes;
  for (const double d : {9.0, 22.0, 38.0, 58.0}) {
    const double diagonal = 0.75 * d;
    boxes.push_back({p.x + d, p.y - h / 2, w, h});
    boxes.push_back({p.x - d - w, p.y - h / 2, w, h});
    boxes.push_back({p.x - w / 2, p.y - d - h, w, h});
    boxes.push_back({p.x - w / 2, p.y + d, w, h});
    boxes.push_back({p.x + diagonal, p.y - diagonal - h, w, h});
    boxes.push_back({p.x - diagonal - w, p.y - diagonal - h, w, h});
    boxes.push_back({p.x + diagonal, p.y + diagonal, w, h});
    boxes.push_back({p.x - diagonal - w, p.y + diagonal, w, h});
  }
  const std::size_t best = placer_.place(boxes);
  const Box& box = boxes[best];
  if (best >= kDirections) {
    svg_.line(p.x, p.y, std::clamp(p.x, box.x, box.x + w), std::clamp(p.y, box.y + 2, box.y + h - 2),
              "ls " + colour_class(mark.colour), "stroke-width=\"0.8\" stroke-opacity=\"0.7\"");
  }
  svg_.text(box.x, box.y + kBase, label, {.size = kSize, .bold = true, .css = "tx ha", .full = mark.label});
}

std::vector<Box> PlotTexts::beside_vertical(double x, double width) const {
  std::vector<Box> boxes;
  for (double y = plot_.top + 2; boxes.size() < 12 && y + kHeight < plot_.bottom; y += kHeight + 1) {
    boxes.push_back({x + 5, y, width, kHeight});
    boxes.push_back({x - 5 - width, y, width, kHeight});
  }
  return boxes;
}

std::vector<Box> PlotTexts::along(const ReferenceLine& line, double width) const {
  const bool diagonal = line.kind == ReferenceLine::Kind::kDiagonal;
  std::vector<Box> boxes;
  for (const double t : {1.0, 0.0, 0.5, 0.75, 0.25}) {
    if (diagonal && (t == 1.0 || t == 0.0)) continue;
    const double x = plot_.left + 4 + t * (plot_.right - plot_.left - 8 - width);
    const double y = y_.pixel(diagonal ? x_.value(x + width / 2) : line.at);
    if (std::isnan(y) || !plot_.holds(plot_.left, y)) continue;
    const double aside = diagonal ? width / 2 + 4 : 0;  // off a rising line
    boxes.push_back({x - aside, y - kHeight - 3, width, kHeight});
    boxes.push_back({x + aside, y + 3, width, kHeight});
  }
  return boxes;
}

void PlotTexts::reference(const ReferenceLine& line) {
  if (line.label.empty()) return;
  const std::string label = elide(line.label, kSize, std::min(260.0, plot_.right - plot_.left));
  const double w = text_width(label, kSize);
  const bool vertical = line.kind == ReferenceLine::Kind::kVertical;
  if (vertical && !plot_.holds(x_.pixel(line.at), plot_.top)) return;
  const std::vector<Box> boxes = vertical ? beside_vertical(x_.pixel(line.at), w) : along(line, w);
  if (boxes.empty()) return;
  const Box& box = boxes[placer_.place(boxes)];
  svg_.text(box.x, box.y + kBase, label, {.size = kSize, .css = "mu ha", .full = line.label});
}

void PlotTexts::guide(const std::string& text, const std::vector<PixelPoint>& points) {
  if (text.empty()) return;
  const std::string label = elide(text, kGuideSize, 160);
  const double w = text_width(label, kGuideSize);
  std::vector<PixelPoint> visible;
  for (const PixelPoint& p : points) {
    if (plot_.holds(p.x, p.y)) visible.push_back(p);
  }
  if (visible.empty()) return;
  std::vector<Box> boxes;
  for (const double t : {1.0, 0.0, 0.8, 0.6, 0.4, 0.2}) {
    const PixelPoint& p = visible[static_cast<std::size_t>(t * static_cast<double>(visible.size() - 1))];
    boxes.push_back({p.x + 4, p.y - kHeight, w, kHeight});
    boxes.push_back({p.x - 4 - w, p.y - kHeight, w, kHeight});
    boxes.push_back({p.x + 4, p.y + 1, w, kHeight});
    boxes.push_back({p.x - 4 - w, p.y + 1, w, kHeight});
  }
  const Box& box = boxes[placer_.place(boxes)];
  svg_.text(box.x, box.y + kBase, label, {.size = kGuideSize, .css = "mu ha", .full = text});
}

}  // namespace gimbal::run
