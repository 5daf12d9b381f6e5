// Sorting the breakpoints of a frontier: positive doubles with a 32-bit number each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace gimbal::policy {

// n keys >= +0 (finite or infinite, no NaN, no -0) in ascending order; `value` moves along. Stable. Radix sort of the 33
// highest bits (the bits of a positive double, read as an integer, have its order: eleven of exponent and 22 of mantissa), then
// the few keys that agree in those are put in order by comparison. O(n) unless many keys differ by less than 2^-22 relative,
// where it is O(n log n); 12 n bytes of work space.
void sort_by_key(std::unique_ptr<double[]>& key, std::unique_ptr<std::uint32_t[]>& value, std::size_t n);

}  // namespace gimbal::policy
