// Splitting logged data into a training and a test part.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::policy {

struct Split {
  std::vector<std::size_t> train, test;  // rows, ascending
};

// A share `train_share` in (0, 1) of the rows goes to training: rows of each arm in the order of a keyed permutation, dealt out
// so that every arm is divided to within one row; with clusters whole clusters are dealt out. Depends on the seed and the rows'
// places only. Errors: insufficient_data when a part would be empty.
Result<Split> split_rows(std::span<const int> action, std::span<const std::int64_t> cluster, double train_share,
                         std::uint64_t seed);

}  // namespace gimbal::policy
