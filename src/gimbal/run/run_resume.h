// Resuming a run: which options it goes on with, whether its inputs are what they were, and where its logs are cut.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/run/run_record.h"

namespace gimbal::run {

// What a resumed job starts from.
enum class ResumeFrom {
  kArtifacts,    // finished artifacts and items: logs lose their torn last line only
  kCheckpoints,  // the last good checkpoint: logs are cut behind it, to nothing when there is none
};

struct ResumeRules {
  ResumeFrom from = ResumeFrom::kArtifacts;
  // Options that may be given anew. Those that say how and where to run (json, quiet, verbose, config, threads, run-dir,
  // resume, force, dry-run) always may.
  std::vector<std::string> may_change = {};
  bool force = false;  // go on with changed inputs
};

// The options of a resumed run: the recorded ones, with those of `now` that were given (source other than default) and may
// change. Options that are new since are taken as now. Error: conflict, naming each option that was given with another value.
Result<std::vector<RunOption>> resumed_options(const std::vector<RunOption>& recorded, const std::vector<RunOption>& now,
                                               std::span<const std::string> may_change);

// What has changed among the inputs since the run was started, as text; empty when nothing. `now` is compared by role and hash;
// when it is empty, the recorded files are hashed again. Errors: conflict unless `force`; as read_file.
Result<std::string> changed_inputs(const std::vector<RunInput>& recorded, const std::vector<RunInput>& now, bool force);

// Where the job goes on.
struct ResumePoint {
  std::optional<std::int64_t> step;  // of the checkpoint
  double elapsed_s = 0;              // worked until then
  std::vector<std::string> damaged;  // checkpoints that were passed over and removed, with the reason
};
// Cuts events.jsonl and metrics.jsonl of the run behind the newest checkpoint whose files are whole, and removes newer ones;
// without one both logs become empty.
Result<ResumePoint> rewind_to_checkpoint(const std::string& run_path);
// Cuts torn last lines only.
Result<ResumePoint> repair_logs(const std::string& run_path);

}  // namespace gimbal::run
