#include "gimbal/sandbox/descendants.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <vector>

namespace gimbal::sandbox {
namespace {

// A child with a grandchild; the child burns `cpu_ms` first. Returns when both stand.
pid_t start_family(int cpu_ms) {
  int ready[2];
  EXPECT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (fork() == 0) {
      pause();
      _exit(0);
    }
    const std::clock_t end = std::clock() + cpu_ms * (CLOCKS_PER_SEC / 1000);
    while (std::clock() < end) {
    }
    (void)!write(ready[1], "x", 1);
    pause();
    _exit(0);
  }
  close(ready[1]);
  char byte = 0;
  EXPECT_EQ(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  return child;
}

TEST(Descendants, CountsChildrenOfChildrenAndTheirTime) {
  const pid_t child = start_family(60);
  const DescendantUsage below = scan_descendants(child);
  EXPECT_EQ(below.processes, 1);
  EXPECT_GT(below.resident_bytes, 0);
  EXPECT_LT(below.cpu_ms, 60);
  const DescendantUsage all = scan_descendants(getpid());
  EXPECT_EQ(all.processes, 2);
  EXPECT_GE(all.cpu_ms, 40);  // ticks of 10 ms
  EXPECT_EQ(scan_descendants(getpid(), 0, child).processes, 1);
  EXPECT_EQ(living_children(getpid()), std::vector<pid_t>{child});
  EXPECT_EQ(scan_descendants(getpid(), std::int64_t{1} << 40).resident_bytes, 0);
  EXPECT_TRUE(kill_descendants(child));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST(Descendants, PagesThatForksShareCountOnceWhenTheSumIsTooLarge) {
  constexpr std::int64_t kBytes = 48 << 20;
  const std::vector<char> shared(kBytes, 'x');
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) children.push_back(start_family(0));
  EXPECT_GE(scan_descendants(getpid()).resident_bytes, 8 * kBytes);  // eight processes, all with our pages
  const std::int64_t shares = scan_descendants(getpid(), 0, 0, kBytes).resident_bytes;
  EXPECT_GE(shares, kBytes / 2);  // eight of nine shares of it
  EXPECT_LT(shares, 3 * kBytes);  // and what else this program has
  EXPECT_TRUE(kill_descendants(getpid()));
  for (const pid_t child : children) waitpid(child, nullptr, 0);
}

TEST(Descendants, EndsAllButTheOneKept) {
  const pid_t kept = start_family(0);
  const pid_t other = start_family(0);
  EXPECT_TRUE(kill_descendants(kept));
  EXPECT_TRUE(kill_descendants(getpid(), kept));
  EXPECT_EQ(waitpid(other, nullptr, WNOHANG), other);
  EXPECT_EQ(waitpid(kept, nullptr, WNOHANG), 0);
  kill(kept, SIGKILL);
  EXPECT_EQ(waitpid(kept, nullptr, 0), kept);
}

TEST(Descendants, AProcessThatIsGoneHasNoMemory) {
  EXPECT_GT(resident_bytes(getpid()), 1 << 20);
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(resident_bytes(child), 0);
}

}  // namespace
}  // namespace gimbal::sandbox
