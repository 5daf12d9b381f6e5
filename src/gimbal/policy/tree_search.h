// The exact search of tree.h for one or two levels of splits, over binned features and integer sums (internal to the folder).
//
// A unit carries a row of 64-bit integers that add up exactly: its scores times a power of two, and a 1 that counts it. The
// value of a leaf depends on the sum of its rows alone: the largest score (reward), or the best of a concave quadratic
// (frontier).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gimbal/base/matrix.h"

namespace gimbal::policy::trees {

// One feature cut into bins: a value is in bin 0..k iff it is <= threshold[k]. Missing values (NaN) are in a last bin of their
// own.
struct BinnedFeature {
  std::vector<std::uint16_t> bin;  // a unit
  std::vector<double> threshold;   // bins - 1, ascending
  std::size_t bins() const { return threshold.size() + 1; }
};

// A threshold between neighbouring values low < high, both finite: their middle, in the fewest digits (three at least) that
// keep it strictly between them, so that people read 2.41 and not 2.4112958500000001. `low` where no double lies between.
double separating_threshold(double low, double high);

// At most `most` bins of near-equal counts for the values that are there. Equal values share a bin; where there are at most
// `most` distinct values, each has its own. Thresholds are separating_threshold of
// neighbouring values. O(n log n).
BinnedFeature bin_feature(const Matrix& x, std::size_t feature, std::size_t most);

// The value of a leaf with lambda C D - 1/2 Kk D^2, D in [-b, 1 - b]. Sums are (effect, cost, baseline, weight, count) in
// integers; `effect_unit` etc. say how much one integer of each is. lambda = infinity: C D.
struct QuadraticLeaf {
  double lambda = 0;
  double effect_unit = 1, cost_unit = 1;  // baseline and weight have one unit between them
  double tie = 0;                         // values closer than this are equal: the rounding of a sum of leaves

  double shift(const std::int64_t* sums) const;  // D
  double value(const std::int64_t* sums) const;
};

struct SearchData {
  std::vector<BinnedFeature> features;
  std::vector<std::int64_t> sums;  // n x width; the last column is 1
  std::size_t width = 0;
  std::size_t min_leaf = 1;
  std::optional<QuadraticLeaf> quadratic;  // absent: the value of a leaf is its largest sum (the count left out)
};

// Rows with bin <= `bin` go left.
struct Split {
  std::size_t feature = 0;
  std::size_t bin = 0;
};
struct Splits {
  std::optional<Split> root, left, right;  // left and right only below a root split and at depth 2
};

// The best tree of at most `depth` (1 or 2) levels over `rows`. Ties: fewest leaves, then the lowest root feature, the lowest
// root threshold, and likewise below. Depth 1: O(p n). Depth 2: O(p^2 (n + B^2) width), parallel over root features.
Splits best_splits(const SearchData& data, std::span<const std::uint32_t> rows, int depth);

}  // namespace gimbal::policy::trees
