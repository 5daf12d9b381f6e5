#include "gimbal/cli/policy_training_rows.h"

#include <algorithm>
#include <filesystem>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/policy_test_use.h"
#include "gimbal/run/run_index.h"

namespace gimbal::cli {

Result<policy::TrainingData> training_data_of(const std::string& path, const Clock& clock) {
  policy::TrainingData out;
  out.path = path;
  GIMBAL_TRY(out.sha256, sha256_file(path));
  const std::string run = run_folder_of(path);
  if (run.empty() || std::filesystem::path(path).filename() != "train.csv.gz") return out;
  GIMBAL_TRY(const run::RunSummary summary, run::read_run(run, clock));
  for (const run::RunInput& input : summary.record.inputs) {
    if (input.role != "data") continue;
    out.source_path = input.path;
    out.source_sha256 = input.sha256;
  }
  return out;
}

std::string ids_path_of(const std::string& file) { return file + ".ids"; }

Result<void> write_id_hashes(const std::string& path, const std::vector<std::string>& ids) {
  std::vector<std::uint64_t> hashes;
  for (const std::string& id : ids) hashes.push_back(hash64(id));
  std::ranges::sort(hashes);
  std::string bytes;
  bytes.reserve(hashes.size() * 8);
  for (const std::uint64_t hash : hashes) {
    for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(hash >> shift & 0xff));
  }
  return write_atomic(path, bytes);
}

Result<std::vector<std::uint64_t>> read_id_hashes(const std::string& path) {
  GIMBAL_TRY(const std::string bytes, read_file(path));
  if (bytes.size() % 8 != 0)
    return fail_at(path, ErrorCode::kCorrupted, "expected a multiple of 8 bytes, found {}", bytes.size());
  std::vector<std::uint64_t> hashes(bytes.size() / 8, 0);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    hashes[i / 8] |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * (i % 8));
  return hashes;
}

namespace {

Result<void> check_file(CommandContext& context, const std::string& policy_path, const policy::TrainingData& training,
                        const TestRows& test, bool allowed) {
  const bool same = training.sha256 == test.sha256;
  const char* what = same ? "was trained on" : "was trained on a part of";
  if (!allowed) {
    return fail_at(test.path, ErrorCode::kConflict,
                   "this is the file that {} {}, so the result would be far too good; use --allow-train-data if that is what "
                   "you want",
                   policy_path, same ? what : "took its training rows from");
  }
  context.warn("train_data",
               fmt::format("{} {} this file: its improvement is {}too good", policy_path, what, same ? "far " : ""),
               same ? std::optional(static_cast<std::int64_t>(test.table->rows())) : std::nullopt);
  return {};
}

Result<void> check_ids(CommandContext& context, const std::string& policy_path, const std::string& id_column,
                       const TestRows& test, bool allowed) {
  const std::string ids_path = ids_path_of(policy_path);
  const auto unchecked = [&](const std::string& why) {
    context.warn("ids_unchecked",
                 fmt::format("whether test rows are among the training data of {} could not be checked: {}", policy_path, why));
  };
  if (!exists(ids_path)) {
    unchecked(fmt::format("{} is missing", ids_path));
    return {};
  }
  const data::Column* ids = test.table->find(id_column);
  if (!ids) {
    unchecked(fmt::format("{} has no column \"{}\"", test.path, id_column));
    return {};
  }
  GIMBAL_TRY(const std::vector<std::uint64_t> trained, read_id_hashes(ids_path));
  Diagnostics shared;
  for (std::size_t i = 0; i < test.table->rows(); ++i) {
    const std::string id = ids->text(i);
    if (std::ranges::binary_search(trained, hash64(id))) {
      shared.add(test.table->where(i, *ids),
                 fmt::format("id {} is among the training data of {}", gimbal::quoted(id), policy_path));
    }
  }
  if (shared.empty()) return {};
  if (!allowed) return fail(shared.to_error(ErrorCode::kConflict).with_note("--allow-train-data evaluates all the same"));
  const auto count = static_cast<std::int64_t>(shared.total());
  context.warn("train_data",
               fmt::format("{} of {} test rows are among the training data of {}: its improvement is too good",
                           format_count(count), format_count(static_cast<std::int64_t>(test.table->rows())), policy_path),
               count);
  return {};
}

}  // namespace

Result<void> check_separate(CommandContext& context, const std::string& policy_path, const policy::PolicyFile& policy,
                            const TestRows& test, bool allowed) {
  const policy::TrainingData& training = policy.training;
  if (training.sha256 == test.sha256 || training.source_sha256 == test.sha256) {
    return check_file(context, policy_path, training, test, allowed);
  }
  return policy.data.id.empty() ? Result<void>() : check_ids(context, policy_path, policy.data.id, test, allowed);
}

}  // namespace gimbal::cli
