// The kernel's files as a folder of ordinary ones: what is looked for, chosen and written. Whether the kernel then obeys is for
// the probe to prove (capabilities.cc), on machines that have such groups.
#include "gimbal/sandbox/cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gimbal/base/file.h"

namespace gimbal::sandbox {
namespace {

using ::testing::HasSubstr;

class FakeCgroups : public testing::Test {
 protected:
  FakeCgroups() : folder_(TemporaryFolder::create().value()) { group("", "cpu memory pids", "memory pids", "1\n"); }

  void group(const std::string& path, const std::string& controllers, const std::string& handed_down,
             const std::string& procs) {
    std::filesystem::create_directories(mount() + path);
    put(path + "/cgroup.controllers", controllers + "\n");
    put(path + "/cgroup.subtree_control", handed_down + "\n");
    put(path + "/cgroup.procs", procs);
  }
  void put(const std::string& path, const std::string& text) { std::ofstream(mount() + path) << text; }
  std::string get(const std::string& path) { return read_file(mount() + path).value_or("absent"); }
  std::string mount() const { return (folder_.path() / "cgroup").string(); }
  Result<std::string> find(const std::string& own) {
    const std::string self = (folder_.path() / "self").string();
    std::ofstream(self) << "1:name=systemd:/x\n0::" << own << "\n";
    return find_cgroup_parent(mount(), self);
  }

  TemporaryFolder folder_;
};

TEST_F(FakeCgroups, TheRootOfAContainerThatHandsControllersDownIsTheParent) { EXPECT_EQ(find("/").value(), mount()); }

TEST_F(FakeCgroups, ADelegatedFolderAboveTheOwnGroupIsTheParentAndIsToldToHandDown) {
  group("/user/delegated", "memory pids", "", "");
  group("/user/delegated/own", "", "", "77\n");
  EXPECT_EQ(find("/user/delegated/own").value(), mount() + "/user/delegated");
  EXPECT_EQ(get("/user/delegated/cgroup.subtree_control"), "+memory +pids");
}

TEST_F(FakeCgroups, AFolderWithProcessesOrWithoutControllersIsNone) {
  group("", "cpu memory pids", "cpu", "1\n");
  group("/own", "memory pids", "", "77\n");
  EXPECT_EQ(find("/own").error().message, mount() + ": has processes of its own");
  group("", "cpu", "cpu", "");
  EXPECT_EQ(find("/own").error().message, mount() + ": the memory and pids controllers are not delegated to it");
  group("", "memory_x pids", "", "");  // a word is a word
  EXPECT_THAT(find("/own").error().message, HasSubstr("not delegated"));
}

TEST_F(FakeCgroups, OldHierarchiesAreNamedAsMissing) {
  EXPECT_EQ(find_cgroup_parent("/nonexistent", "/proc/self/cgroup").error().message, "no cgroup v2 at /nonexistent");
  const std::string self = (folder_.path() / "old").string();
  std::ofstream(self) << "4:memory:/x\n";
  EXPECT_EQ(find_cgroup_parent(mount(), self).error().message, self + " names no cgroup v2");
}

TEST_F(FakeCgroups, AGroupHasItsLimitsBeforeAnyProcess) {
  const auto made = Cgroup::create(mount(), {.memory_bytes = 1 << 20, .processes = 7});
  ASSERT_TRUE(made.has_value()) << made.error().text();
  const std::string path = made->folder().substr(mount().size());
  EXPECT_TRUE(path.starts_with("/gimbal-" + std::to_string(getpid()) + "-")) << path;
  EXPECT_EQ(get(path + "/memory.max"), "1048576");
  EXPECT_EQ(get(path + "/memory.swap.max"), "0");
  EXPECT_EQ(get(path + "/memory.oom.group"), "1");
  EXPECT_EQ(get(path + "/pids.max"), "7");
  EXPECT_EQ(get(path + "/cgroup.procs"), "absent");
}

TEST_F(FakeCgroups, ProcessesAreAddedKilledAndTheEndForMemoryIsSeen) {
  auto made = Cgroup::create(mount(), {.memory_bytes = 1 << 20, .processes = 7});
  ASSERT_TRUE(made.has_value());
  const std::string path = made->folder().substr(mount().size());
  ASSERT_TRUE(made->add(4242).has_value());
  EXPECT_EQ(get(path + "/cgroup.procs"), "4242");
  made->kill();
  EXPECT_EQ(get(path + "/cgroup.kill"), "1");
  EXPECT_FALSE(made->out_of_memory());
  put(path + "/memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\noom_group_kill 0\n");
  EXPECT_FALSE(made->out_of_memory());
  put(path + "/memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\n");
  EXPECT_TRUE(made->out_of_memory());
}

TEST_F(FakeCgroups, AnEmptyGroupIsRemovedAndSoIsThatOfAKilledGimbal) {
  const std::string abandoned = mount() + "/gimbal-999999999-0";  // above every pid
  const std::string running = mount() + "/gimbal-" + std::to_string(getpid()) + "-x";
  const std::string foreign = mount() + "/gimbal-notes";
  for (const std::string& folder : {abandoned, running, foreign}) std::filesystem::create_directory(folder);
  ASSERT_TRUE(find("/").has_value());
  EXPECT_FALSE(std::filesystem::exists(abandoned));
  EXPECT_TRUE(std::filesystem::exists(running));
  EXPECT_TRUE(std::filesystem::exists(foreign));
}

TEST_F(FakeCgroups, AParentThatIsGoneIsNamed) {
  EXPECT_THAT(Cgroup::create("/nonexistent", {}).error().message,
              HasSubstr("cannot make the control group /nonexistent/gimbal-"));
}

}  // namespace
}  // namespace gimbal::sandbox
