#include "gimbal/cli/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/base/file.h"
#include "gimbal/cli/test_host.h"

namespace gimbal::cli {
namespace {

using ::testing::HasSubstr;

TEST(Doctor, NamesEveryCheckWithItsState) {
  TestHost host;
  host.environment["HOME"] = "/tmp";
  host.run({"doctor"});
  for (const char* name : {"processor", "memory", "build", "xgboost", "cache folder", "runs folder"}) {
    EXPECT_THAT(host.out, HasSubstr(std::string("\n") + name + " ")) << name;
  }
  EXPECT_EQ(host.err, "");
}

TEST(Doctor, FailsWithExitCodeOneWhereTheCacheCannotBeWritten) {
  TestHost host;
  const TemporaryFolder folder = *TemporaryFolder::create();
  const std::string file = (folder.path() / "file").string();
  ASSERT_TRUE(write_atomic(file, ""));
  host.environment["XDG_CACHE_HOME"] = file;
  EXPECT_EQ(host.run({"doctor", "--json"}), 1);
  EXPECT_THAT(host.out, HasSubstr(R"({"name":"cache folder","state":"fail","detail":"caches: )" + file +
                                  R"( is no folder that can be written","fix":"set XDG_CACHE_HOME to a folder of yours"})"));
  EXPECT_THAT(host.out, HasSubstr(R"("ok":false)"));
}

}  // namespace
}  // namespace gimbal::cli
