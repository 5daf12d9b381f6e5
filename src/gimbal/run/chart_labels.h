// Places texts in a plot so that they cover neither each other nor, where that can be helped, what is drawn.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace gimbal::run {

struct Box {
  double x = 0, y = 0, width = 0, height = 0;  // the corner with the smallest coordinates
};

class LabelPlacer {
 public:
  // Texts stay inside `area` as long as any candidate does.
  explicit LabelPlacer(Box area) : area_(area) {}

  void block(Box box) { blocked_.push_back(box); }            // never to be covered: other texts, marks
  void add_line(double x1, double y1, double x2, double y2);  // better not covered: curves, error bars
  // The index of the best candidate, earlier ones preferred; its box is blocked from then on. Requires a candidate.
  std::size_t place(std::span<const Box> candidates);

 private:
  double cost(const Box& box) const;
  Box area_;
  std::vector<Box> blocked_;
  struct Point {
    double x, y;
  };
  std::vector<Point> traces_;  // samples of the lines
};

}  // namespace gimbal::run
