// The descendants of a process, found by one pass over /proc: what they use together, and how to end them all.
//
// Not every kernel lists a process's children (/proc/PID/task/TID/children needs CONFIG_PROC_CHILDREN), so the pass reads one
// short file of every process of the machine, about 10 us each, and follows the parents.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace gimbal::sandbox {

struct DescendantUsage {
  int processes = 0;                // alive; zombies have no memory but keep their time
  std::int64_t resident_bytes = 0;  // together: sum over the processes, each less `shared_bytes`, or by shares
  double cpu_ms = 0;                // user and system, children that were waited for included; in ticks of 10 ms
};

// The descendants of `root` without `root` itself and without `left_out` (whose own descendants count). `shared_bytes`: what
// each of them has from its parent at birth and does not own (the pages of the fork server); taken off once a process.
//
// A page that N forks share is in N resident sets. So a sum above `shares_above` is found again from proportional shares (Pss
// in /proc/PID/smaps_rollup: each page divided by how many processes map it) and the smaller of the two holds. That walks all
// page tables, about 1 ms for 100 MiB, which is why it is not done always. Where it cannot be read the sum stands.
DescendantUsage scan_descendants(pid_t root, std::int64_t shared_bytes = 0, pid_t left_out = 0,
                                 std::int64_t shares_above = std::numeric_limits<std::int64_t>::max());

// The children of `root` that are alive, in the order of their numbers.
std::vector<pid_t> living_children(pid_t root);

// Resident memory of one process; 0 when it is gone.
std::int64_t resident_bytes(pid_t pid);

// SIGKILL to every descendant of `root` but `keep` (0: none is kept). They are stopped first: a stopped process keeps its place
// under the limit of processes, so a fork bomb comes to rest instead of forking into the places of those killed. Repeats until
// a scan finds none alive; at most `rounds` times. Returns whether none is left.
bool kill_descendants(pid_t root, pid_t keep = 0, int rounds = 200);

}  // namespace gimbal::sandbox
