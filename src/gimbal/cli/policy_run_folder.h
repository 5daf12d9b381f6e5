// What a refused `policy run` takes away again: its own files and the folders that it made, never those of others.
#pragma once

#include <filesystem>
#include <string>

#include "gimbal/run/run_directory.h"

namespace gimbal::cli {

class RunFolderCleanup {
 public:
  // Looks at what is there before the run directory is made.
  static RunFolderCleanup before(const run::RunSetup& setup);

  // Removes from the run directory `folder` every file that a run writes; then, as far as they are empty, artifacts/ and those
  // of the folders on the way to it that were not there before. The run must have let go of the folder.
  void remove(const std::string& folder) const;

 private:
  std::filesystem::path kept_;  // absolute: the deepest folder that was there
};

}  // namespace gimbal::cli
