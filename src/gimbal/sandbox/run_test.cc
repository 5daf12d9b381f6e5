// Real programs in a real sandbox, under the full policy and under no-userns.
#include "gimbal/sandbox/run.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include "gimbal/base/file.h"
#include "gimbal/sandbox/capabilities.h"
#include "gimbal/sandbox/descendants.h"

namespace gimbal::sandbox {
namespace {

const Capabilities& machine(bool without_userns) {
  static const Capabilities kWhole = probe("").value();
  static const Capabilities kWithout = probe("userns").value();
  return without_userns ? kWithout : kWhole;
}

class RunUnder : public testing::TestWithParam<PolicyKind> {
 protected:
  void SetUp() override {
    const Result<Confinement> confinement = resolve_policy(GetParam(), machine(GetParam() == PolicyKind::kNoUserns));
    if (!confinement) GTEST_SKIP() << "skipped: needs the policy " << policy_name(GetParam());
    spec_.confinement = *confinement;
    spec_.env = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
    spec_.limits.cpu_ms = 2000;
    spec_.limits.wall_ms = 20'000;  // generous: the machine may be busy with other work
    spec_.limits.memory_bytes = std::int64_t{256} << 20;
    spec_.limits.stack_bytes = std::int64_t{16} << 20;
  }
  RunResult must_run(std::vector<std::string> argv, std::string_view input = "") {
    spec_.argv = std::move(argv);
    const Result<RunResult> result = run(spec_, std::as_bytes(std::span(input)), {});
    EXPECT_TRUE(result) << result.error().text();
    return result ? *result : RunResult{};
  }
  RunResult shell(const std::string& script, std::string_view input = "") { return must_run({"sh", "-c", script}, input); }
  RunResult python(const std::string& program) { return must_run({"/usr/bin/python3", "-S", "-c", program}); }

  Spec spec_;
};

std::string_view status(const RunResult& result) { return status_name(result.status); }

TEST_P(RunUnder, ReturnsOutputExitCodeAndLayers) {
  const RunResult result = shell("cat; echo err >&2; exit 0", "in\n");
  EXPECT_EQ(status(result), "ok");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out.bytes, "in\n");
  EXPECT_EQ(result.err.bytes, "err\n");
  EXPECT_EQ(result.layers, spec_.confinement.layers);
  EXPECT_GT(result.wall_ms, 0);
  EXPECT_EQ(shell("exit 7").exit_code, 7);
}

TEST_P(RunUnder, HasAnEmptyWorkDirectoryAndNoVariableOfTheCaller) {
  setenv("PLANTED_SECRET", "s3cr3t", 1);
  const RunResult result = shell("env; ls -A; cd \"$HOME\" && echo x > y && cat y; test \"$TMPDIR\" = \"$PWD\" && echo same");
  unsetenv("PLANTED_SECRET");
  EXPECT_EQ(status(result), "ok") << result.err.bytes;
  EXPECT_EQ(result.out.bytes.find("s3cr3t"), std::string::npos);
  EXPECT_TRUE(result.out.bytes.ends_with("x\nsame\n")) << result.out.bytes;
}

TEST_P(RunUnder, CannotReadOrWriteFilesOfTheHost) {
  const std::string mine = std::filesystem::absolute("README.md");
  for (const std::string& path : {mine, std::string("/etc/shadow"), std::string("/root"), std::string("/proc/1/environ"),
                                  std::string("/proc/self/root/etc/shadow")}) {
    const RunResult result = shell("cat " + path + " || ls " + path + "/");
    EXPECT_EQ(status(result), "runtime_error") << path;
    EXPECT_EQ(result.out.bytes, "") << path;
  }
  EXPECT_EQ(status(shell("ln -s /etc/shadow s && cat s")), "runtime_error");
  EXPECT_EQ(status(shell("echo x > /usr/lib/x")), "runtime_error");
  EXPECT_EQ(status(shell("echo x > /dev/shm/../../var/x")), "runtime_error");
}

TEST_P(RunUnder, HasNoNetworkAndNoSockets) {
  const RunResult result = python(
      "import _socket\n"
      "for family in (1, 2, 10, 16, 17, 40):\n"
      "  for kind in (1, 2, 3):\n"
      "    try: _socket.socket(family, kind); print('open', family, kind)\n"
      "    except PermissionError: pass\n");
  EXPECT_EQ(status(result), "ok") << result.err.bytes;
  EXPECT_EQ(result.out.bytes, "");
}

TEST_P(RunUnder, EndsWithForbiddenAtACallThatOnlyAnAttackMakes) {
  const RunResult result = shell("exec unshare -U true");
  EXPECT_EQ(status(result), "forbidden");
  EXPECT_EQ(result.signal, "SIGSYS");
}

TEST_P(RunUnder, ABusyLoopEndsByCpuTimeEvenIfItIgnoresTheSignal) {
  spec_.limits.cpu_ms = 300;
  EXPECT_EQ(status(shell("trap '' XCPU TERM INT; while :; do :; done")), "timeout_cpu");
}

TEST_P(RunUnder, ASleeperEndsByWallTime) {
  spec_.limits.wall_ms = 200;
  const RunResult result = shell("sleep 1000");
  EXPECT_EQ(status(result), "timeout_wall");
  EXPECT_LT(result.wall_ms, 10'000);
}

// Processes of this machine whose command line holds `marker`.
int processes_with(const std::string& marker) {
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name[0] < '1' || name[0] > '9') continue;
    found += read_file((entry.path() / "cmdline").string()).value_or("").find(marker) != std::string::npos ? 1 : 0;
  }
  return found;
}

TEST_P(RunUnder, AForkBombEnds) {
  spec_.limits.cpu_ms = 200;
  const std::string marker = "bomb-of-" + std::to_string(getpid());
  const RunResult result = python("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass\n# " + marker);
  EXPECT_EQ(result.status, Status::kTimeoutCpu) << status(result);
  EXPECT_LE(result.processes, spec_.limits.processes);
  EXPECT_EQ(processes_with(marker), 0);
}

TEST_P(RunUnder, MemoryIsBoundedForOneProcessAndForTheTree) {
  const RunResult one = python("x = bytearray(1 << 40)");
  EXPECT_EQ(status(one), "memory") << one.err.bytes;
  const RunResult many = python(
      "import os, time\n"
      "for i in range(8):\n"
      "  if os.fork() == 0:\n"
      "    x = bytearray(b'x') * (100 << 20)\n"
      "    time.sleep(60)\n"
      "time.sleep(60)\n");
  EXPECT_EQ(status(many), "memory") << many.err.bytes;
}

TEST_P(RunUnder, OutputIsCutAndTheProgramKilled) {
  spec_.limits.output_bytes = 100'000;
  const RunResult flood = shell("yes");
  EXPECT_EQ(status(flood), "output_limit");
  EXPECT_EQ(flood.out.bytes.size(), 100'000u);
  EXPECT_TRUE(flood.out.truncated);
  EXPECT_EQ(status(shell("yes >&2")), "output_limit");
  // Over the cap and gone before anybody looked.
  EXPECT_EQ(status(shell("head -c 150000 /dev/zero")), "output_limit");
}

TEST_P(RunUnder, TheWorkDirectoryIsBounded) {
  spec_.limits.disk_bytes = 1 << 20;
  EXPECT_EQ(status(shell("head -c 3000000 /dev/zero > big")), "runtime_error");
}

TEST_P(RunUnder, ADetachedChildThatHoldsStdoutDiesWithTheMainProcess) {
  const auto before = std::chrono::steady_clock::now();
  const RunResult result = shell("echo first; setsid sh -c 'sleep 1000; echo late' & setsid sleep 1000 & exit 0");
  EXPECT_EQ(status(result), "ok");
  EXPECT_EQ(result.out.bytes, "first\n");
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
}

TEST_P(RunUnder, NoDescriptorOfTheCallerIsOpenInside) {
  std::vector<int> planted;
  for (int i = 0; i < 200; ++i) planted.push_back(open("README.md", O_RDONLY));  // without CLOEXEC
  const RunResult result = python(
      "import os\n"
      "for fd in range(3, 1024):\n"
      "  try: os.fstat(fd); print('open', fd)\n"
      "  except OSError: pass\n");
  for (const int file : planted) close(file);
  EXPECT_EQ(status(result), "ok") << result.err.bytes;
  EXPECT_EQ(result.out.bytes, "");
}

TEST_P(RunUnder, CannotSignalOtherProcesses) {
  EXPECT_EQ(status(shell("kill -9 " + std::to_string(getpid()))), "runtime_error");
  // Inside this is our init. Landlock's scope refuses; without it pid 1 of a namespace ignores signals from within.
  const RunResult result = shell("kill -9 1; echo alive");
  EXPECT_EQ(status(result), "ok");
  EXPECT_EQ(result.out.bytes, "alive\n");
}

TEST_P(RunUnder, AStopRequestKillsAtOnce) {
  std::stop_source stop;
  spec_.argv = {"sleep", "1000"};
  std::jthread stopper([&stop] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop.request_stop();
  });
  const auto before = std::chrono::steady_clock::now();
  const Result<RunResult> result = run(spec_, {}, stop.get_token());
  ASSERT_TRUE(result);
  EXPECT_EQ(status(*result), "cancelled");
  // 100 ms until the request, 100 ms to obey, the rest for a slow machine.
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(1000));
}

TEST_P(RunUnder, ACommandThatIsNotThereIsAnErrorAndNotAStatus) {
  spec_.argv = {"no-such-program"};
  const Result<RunResult> result = run(spec_, {}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(result.error().message,
            "no-such-program: not found inside the sandbox (looked at /usr/bin/no-such-program, /bin/no-such-program)");
}

TEST_P(RunUnder, LeavesNoDescriptorZombieOrFolder) {
  const auto count = [](const char* folder) {
    return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
  };
  // A place of our own for work directories: other tests run beside this one.
  const Result<TemporaryFolder> place = TemporaryFolder::create();
  ASSERT_TRUE(place);
  std::filesystem::permissions(place->path(), std::filesystem::perms(0755));
  const char* before = getenv("TMPDIR");
  const std::string saved = before == nullptr ? "/tmp" : before;
  setenv("TMPDIR", place->path().c_str(), 1);
  shell("true");
  const auto descriptors = count("/proc/self/fd");
  for (int i = 0; i < 20; ++i) shell("mkdir -p a/b/c/d; chmod 0 a/b; echo x > f; sleep 100 & exit 3");
  EXPECT_EQ(count("/proc/self/fd"), descriptors);
  EXPECT_TRUE(std::filesystem::is_empty(place->path()));
  setenv("TMPDIR", saved.c_str(), 1);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // ECHILD: no child is left
}

TEST_P(RunUnder, NothingIsLeftWhenTheCallerIsKilled) {
  spec_.argv = {"sh", "-c", "setsid sleep 1234 & exec sleep 1234"};
  spec_.limits.wall_ms = 60'000;
  const pid_t caller = fork();
  if (caller == 0) {
    (void)run(spec_, {}, {});
    _exit(0);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  // The caller, its init, and both sleepers.
  EXPECT_GE(scan_descendants(caller).processes, 3);
  const std::vector<pid_t> children = living_children(caller);
  ASSERT_EQ(children.size(), 1u);
  const pid_t init = children[0];
  ASSERT_GT(init, 1);
  kill(caller, SIGKILL);
  waitpid(caller, nullptr, 0);
  for (int i = 0; i < 100 && kill(init, 0) == 0; ++i) {
    // A zombie whose new parent has not reaped it yet is as good as gone.
    if (read_file("/proc/" + std::to_string(init) + "/stat").value_or(") Z").find(") Z") != std::string::npos) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(scan_descendants(init).processes, 0);
}

TEST_P(RunUnder, FilesGoInAndTheWorkDirectoryIsReadAfterTheEnd) {
  const int file = open("LICENSE", O_RDONLY | O_CLOEXEC);
  spec_.files = {{"in.txt", file, false}};
  off_t size = 0;
  spec_.at_end = [&size](int folder) {
    const int out = openat(folder, "out.txt", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    size = lseek(out, 0, SEEK_END);
    close(out);
  };
  EXPECT_EQ(status(shell("cat in.txt in.txt > out.txt")), "ok");
  close(file);
  EXPECT_EQ(static_cast<std::uintmax_t>(size), 2 * std::filesystem::file_size("LICENSE"));
}

TEST_P(RunUnder, PagesThatForksShareAreNotCountedManyTimes) {
  // Some 900 MB in resident sets, 120 MB in memory.
  const RunResult result = python(
      "import os, time\n"
      "x = bytearray(b'x') * (100 << 20)\n"
      "for i in range(8):\n"
      "  if os.fork() == 0:\n"
      "    time.sleep(.3)\n"
      "    os._exit(0)\n"
      "for i in range(8): os.wait()\n");
  EXPECT_EQ(status(result), "ok") << result.err.bytes;
}

INSTANTIATE_TEST_SUITE_P(Policies, RunUnder, testing::Values(PolicyKind::kFull, PolicyKind::kNoUserns),
                         [](const auto& policy) { return policy.param == PolicyKind::kFull ? "full" : "no_userns"; });

}  // namespace
}  // namespace gimbal::sandbox
