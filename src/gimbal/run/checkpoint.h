// Checkpoints: folders artifacts/checkpoint-<step> that exist whole or not at all, and can be checked.
//
// A checkpoint is written under a temporary name (`checkpoint-<step>.part`); its manifest comes last, everything is synced, and
// the folder is renamed. The manifest holds the size and hash of every file, and how long the run's logs were at that moment,
// so that resuming can cut them back to it:
//
//   checkpoint.json  {"schema":"gimbal.checkpoint/1","step":100,"elapsed_s":61.5,"events_bytes":4120,"metrics_bytes":9310,
//                     "files":[{"path":"model.safetensors","bytes":8192,"sha256":"..."}]}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::run {

struct CheckpointFile {
  std::string path;  // relative to the folder
  std::uint64_t bytes = 0;
  std::string sha256;
};

struct Checkpoint {
  std::int64_t step = 0;
  double elapsed_s = 0;
  std::uint64_t events_bytes = 0;     // of events.jsonl, before the event of this checkpoint
  std::uint64_t metrics_bytes = 0;    // of metrics.jsonl
  std::vector<CheckpointFile> files;  // sorted by path
};

std::string checkpoint_folder(const std::string& artifacts, std::int64_t step);  // <artifacts>/checkpoint-<step>

// An empty folder for the files of a checkpoint, under its temporary name. Errors: already_exists when the step has one.
Result<std::string> begin_checkpoint(const std::string& artifacts, std::int64_t step);
// Syncs and hashes the files in the temporary folder.
Result<std::vector<CheckpointFile>> hash_checkpoint(const std::string& temporary_folder);
// Writes the manifest and renames: the checkpoint exists.
Result<void> seal_checkpoint(const std::string& artifacts, const Checkpoint& checkpoint);

// Reads the manifest and compares every file. Errors: corrupted, naming the first file that differs.
Result<Checkpoint> check_checkpoint(const std::string& artifacts, std::int64_t step);

// Steps of the checkpoint folders, ascending.
std::vector<std::int64_t> checkpoint_steps(const std::string& artifacts);
// Removes unfinished (.part) checkpoint folders and those of the given steps.
Result<void> remove_checkpoints(const std::string& artifacts, const std::vector<std::int64_t>& steps);

}  // namespace gimbal::run
