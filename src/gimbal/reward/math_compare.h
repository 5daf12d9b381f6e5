// Equality of parsed answers.
#pragma once

#include "gimbal/reward/math.h"
#include "gimbal/reward/math_structure.h"

namespace gimbal::reward {

MathVerdict compare_values(const MathValue& a, const MathValue& b, const MathOptions& options);

}  // namespace gimbal::reward
