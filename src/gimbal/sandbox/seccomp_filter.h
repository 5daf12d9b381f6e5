// The system-call filters as BPF programs, compiled before the fork so that the child only installs them.
//
// Default answer EPERM; an allow-list lets CPython, numpy, threads, memory mapping, timers, pipes and fork work; calls that
// only an attack makes end the process with SIGSYS (status `forbidden`); clone3 answers ENOSYS so that libc falls back to
// clone, whose flags a filter can read. Arguments are compared in all 64 bits. Other architectures and x32 kill.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::sandbox {

struct FilterOptions {
  bool allow_exec = true;     // execve and execveat; false: EPERM (test processes of the fork server)
  bool allow_signals = true;  // kill, tkill, tgkill and the like; false where nothing else confines signals
};

// Errors: unavailable when libseccomp refuses (named rule). 1 to 2 ms; keep the program.
Result<std::vector<sock_filter>> compile_filter(const FilterOptions& options);

}  // namespace gimbal::sandbox
