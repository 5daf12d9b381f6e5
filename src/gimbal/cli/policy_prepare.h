// Policies on the rows of a test file: probabilities, propensities, predictions and baseline of every unit, from policy files
// that carry models or trees, from policy files and a nuisance table, or from probabilities that stand in the test file itself.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/cli/command_context.h"
#include "gimbal/policy/evaluate.h"
#include "gimbal/policy/logged_data.h"
#include "gimbal/policy/policy_file.h"

namespace gimbal::cli {

struct EvaluateOptions;  // policy_evaluate.h

// Whether a column flag was given on this command line: only then it overrides what the policy carries.
using WasGiven = std::function<bool(std::string_view)>;

struct NamedPolicy {
  std::string path, sha256;
  policy::PolicyFile file;
};
// Errors: invalid_argument when the policies cannot have one test in common.
Result<std::vector<NamedPolicy>> read_policies(const std::vector<std::string>& paths);

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
  std::string outcome = "outcome";  // its column
  std::size_t unknown_cells = 0, clipped = 0, trimmed = 0;
};

// Reads the test file and checks that it is none of the training data. `test_sha`: its hash, unused without policy files.
Result<PreparedTest> prepare_test(CommandContext& context, const EvaluateOptions& options, const WasGiven& given,
                                  const std::vector<NamedPolicy>& policies, const std::string& test_sha,
                                  data::UnknownCategory unknown);

// pi, e, mu and the baseline of a policy file on the rows of `data`. `baseline`: empty for the policy's own.
Result<PreparedPolicy> prepare_policy(const policy::PolicyFile& file, const std::string& name, const data::DataTable& table,
                                      const std::string& baseline, data::UnknownCategory unknown, PreparedTest& counts);

}  // namespace gimbal::cli
