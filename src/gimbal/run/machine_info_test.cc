#include "gimbal/run/machine_info.h"

#include <unistd.h>

#include "gimbal/base/file.h"

namespace gimbal::run {
namespace {

TEST(MachineInfo, SaysWhatTheMachineIs) {
  const MachineInfo info = machine_info();
  EXPECT_FALSE(info.cpu.empty());
  EXPECT_GE(info.cores, 1);
  // MemTotal is what the kernel manages: all pages of the system.
  const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  EXPECT_EQ(info.memory_bytes, pages);
  EXPECT_TRUE(info.kernel.starts_with("Linux ")) << info.kernel;
}

TEST(MachineInfo, ReadsTheFirstLineWithTheName) {
  const TemporaryFolder folder = std::move(TemporaryFolder::create().value());
  const std::string file = (folder.path() / "cpuinfo").string();
  ASSERT_TRUE(write_atomic(file, "model\t: 17\nmodel name\t:  A: fast CPU \nmodel name\t: B\n").has_value());
  EXPECT_EQ(proc_value(file, "model name"), "A: fast CPU");
  EXPECT_EQ(proc_value(file, "model"), "17");
  EXPECT_EQ(proc_value(file, "stepping"), "");
  EXPECT_EQ(proc_value(file + "2", "model"), "");
}

}  // namespace
}  // namespace gimbal::run
