// How often a test set was used inside a run directory: every further policy that is evaluated on the same rows weakens what
// its verdict means, so the second and later ones warn.
//
// artifacts/test_use.jsonl has a line for each policy and test file, both known by the SHA-256 of their bytes alone: the same
// rows in another file (compressed, sorted, with a column more) count as another test set.
#pragma once

#include <string>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"

namespace gimbal::cli {

// The run directory that a file lies in (its artifacts/ folder), or "".
std::string run_folder_of(const std::string& file);
// Records that a policy was evaluated on a test set; returns how many other policies were evaluated on it before in this run.
Result<int> record_test_use(const std::string& run_folder, const std::string& test_sha256, const std::string& policy_sha256,
                            const Clock& clock);

}  // namespace gimbal::cli
