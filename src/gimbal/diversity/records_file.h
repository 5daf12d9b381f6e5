// Writes the records of a run and what its tests printed, prompt by prompt, so that a run that was killed at any moment goes on
// behind the last whole prompt.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "gimbal/base/file.h"
#include "gimbal/base/result.h"
#include "gimbal/diversity/records.h"
#include "gimbal/diversity/runner.h"

namespace gimbal::diversity {

class RecordsFile {
 public:
  // A new file at `path` with its header (replacing one that is there), and with `outputs` the file of outputs beside it.
  static Result<RecordsFile> create(const std::string& path, const RecordsHeader& header, bool outputs);

  // Goes on with the file at `path`, or creates it where there is none: keeps the prompts that are whole, cuts off the rest,
  // and adds the kept ones to `totals`. `jobs` are those of the whole run. Errors: conflict when the file was made under
  // another header or of other programs (naming what differs); corrupted when what is kept cannot be read.
  static Result<RecordsFile> resume(const std::string& path, const RecordsHeader& header, bool outputs,
                                    std::span<const PromptJob> jobs, RunTotals& totals);

  std::size_t kept() const { return kept_; }  // prompts that need not be run again
  Result<void> add(const PromptResult& result);
  Result<void> sync();

 private:
  RecordsFile() = default;
  std::optional<AppendFile> records_, outputs_;
  std::size_t kept_ = 0;
};

}  // namespace gimbal::diversity
