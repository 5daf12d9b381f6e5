// Evaluating policies on a test file, as `evaluate` and `run` do it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gimbal/cli/command_context.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/cli/policy_prepare.h"
#include "gimbal/policy/evaluate.h"

namespace gimbal::cli {

// The choices of `evaluate`.
struct EvaluateOptions {
  std::vector<std::string> policies;
  std::string test;
  DataOptions columns;
  std::vector<std::string> policy_columns;
  std::string pscore, prediction_columns, score, adjust = "holm", require, unknown_category = "error";
  std::optional<double> c0;
  TestOptions level;
  std::vector<std::string> by;
  bool contrast = false, strict = false, allow_train_data = false;
  std::int64_t bootstrap = 0;
  std::optional<std::string> out;
};

struct EvaluatedTest {
  PreparedTest test;
  policy::Evaluation evaluation;
};
// Reads policies and test, evaluates, forwards warnings, records the use of the test set.
Result<EvaluatedTest> evaluate_test(CommandContext& context, const EvaluateOptions& options, const WasGiven& given);

// `outcome`: its name.
std::string evaluation_text(const policy::Evaluation& evaluation, std::string_view outcome);

}  // namespace gimbal::cli
