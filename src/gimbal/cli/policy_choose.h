// Picking a point, as `choose` and `run` do it: solve the rule, fall back where that is asked for, make the policy.
#pragma once

#include <optional>
#include <string>

#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/policy/frontier_request.h"

namespace gimbal::cli {

struct ChosenPoint {
  std::string select;
  policy::CurveKind curve = policy::CurveKind::kHonest;
  policy::Choice choice;        // of the rule
  bool fallback = false;        // the point is that of the fallback rule
  policy::FrontierPoint point;  // the point that stands: the rule's, the fallback's, or the closest when neither is reached
  bool stands() const { return choice.reached || fallback; }
};

// Errors: usage for rules, interrupted. A rule that cannot be met is no error, nor is a frontier on which nobody moves.
Result<ChosenPoint> choose_point(const policy::LoadedFrontier& loaded, const std::string& select,
                                 std::optional<policy::CurveKind> curve, const std::string& fallback,
                                 const policy::SolveHooks& hooks = {});
// "select" ... "policy_file" of gimbal.policy.choose/1, into the object that is open.
void write_choice_fields(JsonWriter& json, const ChosenPoint& chosen, const policy::Frontier& frontier,
                         const std::optional<std::string>& policy_file);
// The error of a rule that is out of reach, with what would reach it. `fallback`: the rule that was to stand in, or "".
Error unreachable(const ChosenPoint& chosen, const policy::Frontier& frontier, const std::string& fallback = "");
void warn_plugin_choice(CommandContext& context, const ChosenPoint& chosen, const policy::LoadedFrontier& loaded);

}  // namespace gimbal::cli
