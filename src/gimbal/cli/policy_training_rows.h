// Which rows a policy was trained on, so that a test on the same rows is refused.
//
// Two signs tell: the SHA-256 of the training file, and of the file that it was split from; and, with --id, the hashes of the
// training ids, which lie beside a model or policy in a file of their own (FILE.ids). Hashes of ids are not put into the policy
// itself, which goes to where it is applied: who knows the form of the ids could read from them who was in the trial.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/data/table.h"
#include "gimbal/policy/policy_file.h"

namespace gimbal::cli {

// Name and hash of a training file; when it is the training part of a run directory, of the run's data too.
Result<policy::TrainingData> training_data_of(const std::string& path, const Clock& clock);

// FILE.ids: sorted little-endian 64-bit hashes (hash64) of ids, enough to notice a unit that stands in two files.
std::string ids_path_of(const std::string& file);
Result<void> write_id_hashes(const std::string& path, const std::vector<std::string>& ids);
Result<std::vector<std::uint64_t>> read_id_hashes(const std::string& path);

// The test must not be the training data, nor hold them, nor share units with them. Errors: conflict that names
// --allow-train-data. With `allowed` the result says it instead (warning train_data). Where the ids cannot be compared although
// the policy was trained with ids, a warning says so (ids_unchecked).
struct TestRows {
  std::string path, sha256;
  const data::DataTable* table = nullptr;
};
Result<void> check_separate(CommandContext& context, const std::string& policy_path, const policy::PolicyFile& policy,
                            const TestRows& test, bool allowed);

}  // namespace gimbal::cli
