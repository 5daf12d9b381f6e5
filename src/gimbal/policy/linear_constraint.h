// One constraint that units share: a mean over all units of what their arms use has a limit.
//
// Every one is kept as E[sum_a g_a pi_a] <= limit. A lower limit (a minimal share) is kept with both sides negated, which
// `sense` remembers: messages speak of it as the user wrote it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"

namespace gimbal::policy {

struct LinearConstraint {
  enum class Sense { kAtMost, kAtLeast };

  std::string name;  // as the user wrote it: "capacity 1=0.8"
  Matrix g;          // 1 x K (the same for every unit) or n x K
  double limit = 0;
  Sense sense = Sense::kAtMost;  // kAtLeast: g and limit are the negatives of what was asked for

  double resource(std::size_t i, std::size_t a) const { return g(g.rows() == 1 ? 0 : i, a); }
};

LinearConstraint capacity(std::string name, std::size_t arm, std::size_t arm_count, double most);
LinearConstraint minimal_share(std::string name, std::size_t arm, std::size_t arm_count, double least);

// Infeasible: no policy meets `constraint`, the smallest attainable E[sum_a g_a pi_a] is `least`.
Error unattainable(const LinearConstraint& constraint, double least);

}  // namespace gimbal::policy
