// Evaluating policies on a test file, as `evaluate` and `run` do it, and the record of how often a test set was used.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/cli/command_context.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/policy/evaluate.h"
#include "gimbal/policy/logged_data.h"
#include "gimbal/policy/policy_file.h"

namespace gimbal::cli {

// A policy on the rows of a test: what TestedPolicy points to.
struct PreparedPolicy {
  std::string name;
  Matrix pi, e, b, mu;                      // mu may be empty; b empty: logging
  std::vector<double> pi_logged, e_logged;  // instead, with --pscore
  double c0 = 0;
  std::optional<policy::Predicted> predicted;

  policy::TestedPolicy tested() const;
};

struct PreparedTest {
  policy::LoggedData data;
  std::vector<PreparedPolicy> policies;
  std::string baseline = "logging";
  std::size_t unknown_cells = 0, clipped = 0, trimmed = 0;
};

// pi, e, mu and the baseline of a policy file on the rows of `data`. `baseline`: empty for the policy's own.
Result<PreparedPolicy> prepare_policy(const policy::PolicyFile& file, const std::string& name, const data::DataTable& table,
                                      const std::string& baseline, data::UnknownCategory unknown, PreparedTest& counts);

// The run directory that a policy file lies in (its artifacts/ folder), or "".
std::string run_folder_of(const std::string& policy_path);
// Records that a policy was evaluated on a test set; returns how many other policies were evaluated on it before in this run.
Result<int> record_test_use(const std::string& run_folder, const std::string& test_sha256, const std::string& policy_sha256,
                            const Clock& clock);

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
// Reads policies and test, evaluates, forwards warnings, records the use of the test set. `given`: whether a column flag was
// given on this command line (only then it overrides what the policy carries).
Result<EvaluatedTest> evaluate_test(CommandContext& context, const EvaluateOptions& options,
                                    const std::function<bool(std::string_view)>& given);

std::string evaluation_text(const policy::Evaluation& evaluation);

}  // namespace gimbal::cli
