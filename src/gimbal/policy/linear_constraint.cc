#include "gimbal/policy/linear_constraint.h"

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"

namespace gimbal::policy {

LinearConstraint capacity(std::string name, std::size_t arm, std::size_t arm_count, double most) {
  GIMBAL_CHECK(arm < arm_count, "an arm of the table");
  LinearConstraint constraint{std::move(name), Matrix(1, arm_count), most, LinearConstraint::Sense::kAtMost};
  constraint.g(0, arm) = 1;
  return constraint;
}

LinearConstraint minimal_share(std::string name, std::size_t arm, std::size_t arm_count, double least) {
  GIMBAL_CHECK(arm < arm_count, "an arm of the table");
  LinearConstraint constraint{std::move(name), Matrix(1, arm_count), -least, LinearConstraint::Sense::kAtLeast};
  constraint.g(0, arm) = -1;
  return constraint;
}

Error unattainable(const LinearConstraint& constraint, double least) {
  const bool negated = constraint.sense == LinearConstraint::Sense::kAtLeast;
  const double value = negated ? -least : least;
  return {ErrorCode::kInfeasible,
          fmt::format("{}: no policy meets this constraint: the {} attainable value is {}", constraint.name,
                      negated ? "largest" : "smallest", format_significant(value == 0 ? 0.0 : value, 6)),
          {},
          {}};
}

}  // namespace gimbal::policy
