// Sorting the breakpoints of a frontier: positive doubles with a 32-bit number each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace gimbal::policy {

// n keys >= +0 (finite or infinite, no NaN, no -0) in ascending order; `value` moves along. Stable. Least significant digit
// first over the bits of the double, whose order as an unsigned integer is that of the number: six passes of 11 bits, without
// those in which all keys agree. O(n); 12 n bytes of work space.
void sort_by_key(std::unique_ptr<double[]>& key, std::unique_ptr<std::uint32_t[]>& value, std::size_t n);

}  // namespace gimbal::policy
