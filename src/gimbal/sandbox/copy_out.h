// Takes files out of the work directory of a program that has ended.
//
// The folder was filled by an adversary: links are never followed, only plain files are read, names stay below the destination,
// and nothing is executable there. Nobody writes any more, so there is nothing to race with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::sandbox {

// What is wanted: paths below the work directory, compared part by part with * and ? (a part "**" is any number of folders),
// and the folder of ours that they go to.
struct CopyOutRule {
  std::string pattern;  // "*.csv", "out/**"
  std::string folder;
};

// "GLOB:DIR", split at the last colon. A pattern may begin with "./" or "/box/". Errors: usage.
Result<CopyOutRule> parse_copy_out(const std::string& text);

// Whether `path` ("a/b.txt") is wanted by `pattern`.
bool copy_out_matches(const std::string& pattern, const std::string& path);

struct CopiedOut {
  std::vector<std::string> files;  // paths below the work directory, sorted
  std::vector<std::string>
      skipped;  // wanted, but a link, a device or unreadable; or a folder below the deepest that is entered
};

// Copies what matches from the folder `work` into `rule.folder` (made if need be), keeping sub-folders; files that are there
// already are replaced. Errors: permission, disk_full, unavailable for the destination.
Result<CopiedOut> copy_out(int work, const CopyOutRule& rule);

}  // namespace gimbal::sandbox
