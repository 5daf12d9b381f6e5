// Evaluating policies on a test file, as `evaluate` and `run` do it, and the record of how often a test set was used.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/cli/command_context.h"
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
Result<int> record_test_use(const std::string& run_folder, const std::string& test_sha256, const std::string& policy_sha256, const Clock& clock);

std::string evaluation_text(const policy::Evaluation& evaluation);

}  // namespace gimbal::cli
