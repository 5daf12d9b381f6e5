// The files that a command writes: none of them is one that it reads, no two are the same, all can be written; and they come
// together or not at all.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::cli {

// A file as the command line names it.
struct NamedFile {
  std::string where;  // "--csv", "MODEL"
  std::string path;
};

// Before any work. Files are the same when they are one file on disk, however the path is spelled and through whatever links.
// Devices and pipes (/dev/null) may stand anywhere. Errors, with the flag: usage (a file that is read, or written twice);
// not_found, permission (as write_atomic would say later).
Result<void> check_written(std::span<const NamedFile> written, std::span<const NamedFile> read);

struct OutputFile {
  std::string path, content;
};
// Each atomically, in this order. When one fails, those before it that are new are removed again.
Result<void> write_outputs(std::span<const OutputFile> files);

}  // namespace gimbal::cli
