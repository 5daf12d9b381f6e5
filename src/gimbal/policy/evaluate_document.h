// The evaluation as JSON: the fields of gimbal.policy.evaluation/1 in their printed order.
#pragma once

#include "gimbal/base/json.h"
#include "gimbal/policy/evaluate.h"

namespace gimbal::policy {

// Writes "n" ... "contrasts" into the object that is open; the caller has written "schema" and "gimbal" and goes on with
// "warnings" (evaluation.warnings) and "timing_ms".
void write_evaluation_fields(JsonWriter& out, const Evaluation& evaluation);

// `{"ipw":{...}|null,"cipw":...,"snips":...,"dr":...}`
void write_estimates(JsonWriter& out, const Estimates& estimates);

}  // namespace gimbal::policy
