// A measured number with the name that documents print: "distinct_at_8", "ead_4_pair". No value: not defined for this prompt.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace gimbal::diversity {

struct Measure {
  std::string name;
  std::optional<double> value;
};
using Measures = std::vector<Measure>;  // in the order in which they are printed

}  // namespace gimbal::diversity
