// Values of expressions: exact small fractions where there are any, complex doubles at test points otherwise.
#pragma once

#include <complex>
#include <span>
#include <string_view>
#include <vector>

#include "gimbal/reward/math_expression.h"
#include "gimbal/reward/rational.h"

namespace gimbal::reward {

// What each node is worth as an exact fraction. `known[i]` is 0 where a node has no fraction (a variable, pi, sqrt(2), 1/0).
struct ExactValues {
  std::vector<SmallRational> value;
  std::vector<char> known;
  bool overflow = false;  // some node needs big integers: ask math_precise.h
  bool root_known() const { return !known.empty() && known.back() != 0; }
  const SmallRational& root() const { return value.back(); }
};
ExactValues exact_values(const Expression& expression);

// The value at a point: `at[v]` is the value of variable v. Roots with an odd index, and powers whose exponent is a fraction
// with an odd denominator, are real for negative real bases, as in school; |x| of a complex number that is not real is not
// defined. Not finite where the expression has no value. `size`: the largest magnitude that occurred on the way, the scale of
// rounding. O(nodes).
std::complex<double> evaluate(const Expression& expression, const ExactValues& exact, std::span<const std::complex<double>> at,
                              double& size);

// Test point k of variable `rank` (its place among the sorted names): points 0-4 are reals in [0.5, 2.5], 5-8 reals in [-2, 2],
// 9-11 complex with both parts in [-2, 2]. Fixed for ever.
inline constexpr int kTestPoints = 12;
std::complex<double> test_point(std::size_t rank, int k);

}  // namespace gimbal::reward
