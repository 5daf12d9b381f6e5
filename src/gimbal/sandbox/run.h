// Runs one command in the sandbox and returns how it ended: launch, watch, collect, classify.
//
// The calling thread waits in one poll loop over the end of the tree, both pipes, the stop token and a 20 ms tick that looks at
// CPU time, memory and processes of the tree. The end of the main process is the end of the run: all others are killed first,
// then what is left in the pipes is read.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"
#include "gimbal/sandbox/launch.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::sandbox {

struct Spec {
  std::vector<std::string> argv;
  std::vector<std::string> env;  // the whole environment; HOME, TMPDIR and PWD are added
  std::vector<Bind> binds;
  std::vector<CopiedFile> files;
  Limits limits;
  Confinement confinement;
  int worker = 0;
  int uid_base = kDefaultUidBase;
  // Called after the end with a descriptor of the work directory, while its files still exist.
  std::function<void(int work_fd)> at_end;
};

// Standard input is `input`, then end-of-file. A stop request kills everything within 100 ms; the status is kCancelled. Any
// thread. Errors: those of `launch`; how a program ends is never an error.
Result<RunResult> run(const Spec& spec, std::span<const std::byte> input, StopToken stop);

}  // namespace gimbal::sandbox
