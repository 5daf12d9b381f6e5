// The slow and sure half of comparing expressions: fractions of any size and 50 decimal digits (Boost.Multiprecision).
#pragma once

#include <complex>
#include <span>

#include "gimbal/reward/math_expression.h"

namespace gimbal::reward {

enum class Answer { kYes, kNo, kUnknown };

// Whether both are rational and equal. kUnknown: one is not a fraction, or has more than about 4096 bits.
Answer exact_equal(const Expression& a, const Expression& b);

// Whether |a - b| <= max(relative max(|a|, |b|), absolute, 1e-40 times the largest magnitude on the way) at the given values of
// their variables, in 50 digits. kUnknown: no finite value, or an operation that is not offered here (factorials of fractions).
// Microseconds a node; transcendental functions up to 0.2 ms.
Answer precise_equal(const Expression& a, std::span<const std::complex<double>> at_a, const Expression& b,
                     std::span<const std::complex<double>> at_b, double relative, double absolute);

// What precise_equal costs, in units of about 0.1 us.
long precise_cost(const Expression& expression);

}  // namespace gimbal::reward
