#include "gimbal/sandbox/copy_out.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gimbal/base/file.h"
#include "gimbal/sandbox/descriptor.h"

namespace gimbal::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CopyOutRule, SplitsAtTheLastColonAndStaysBelowTheWorkDirectory) {
  EXPECT_EQ(parse_copy_out("*.csv:out")->pattern, "*.csv");
  EXPECT_EQ(parse_copy_out("*.csv:out")->folder, "out");
  EXPECT_EQ(parse_copy_out("a:b:c/d")->pattern, "a:b");
  EXPECT_EQ(parse_copy_out("/box/x/*:d")->pattern, "x/*");
  EXPECT_EQ(parse_copy_out("./x:d")->pattern, "x");
  EXPECT_EQ(parse_copy_out("*.csv").error().message, "expected GLOB:DIR such as \"*.csv:results\", found \"*.csv\"");
  EXPECT_FALSE(parse_copy_out("x:").has_value());
  EXPECT_FALSE(parse_copy_out(":d").has_value());
  EXPECT_EQ(parse_copy_out("../x:d").error().message, "expected a pattern below the work directory, found \"../x\"");
  EXPECT_FALSE(parse_copy_out("/etc/passwd:d").has_value());
}

TEST(CopyOutMatches, ComparesPartByPart) {
  EXPECT_TRUE(copy_out_matches("*.csv", "a.csv"));
  EXPECT_FALSE(copy_out_matches("*.csv", "d/a.csv"));
  EXPECT_TRUE(copy_out_matches("d/?.csv", "d/a.csv"));
  EXPECT_TRUE(copy_out_matches("**/*.csv", "a.csv"));
  EXPECT_TRUE(copy_out_matches("**/*.csv", "d/e/a.csv"));
  EXPECT_TRUE(copy_out_matches("d/**", "d/e/f"));
  EXPECT_FALSE(copy_out_matches("d/**", "e/f"));
}

class CopyOut : public testing::Test {
 protected:
  CopyOut() : folder_(TemporaryFolder::create().value()) {
    std::filesystem::create_directories(work() + "/d/e");
    put("a.txt", "a");
    put("d/b.txt", "b");
    put("d/e/c.txt", "c");
  }
  void put(const std::string& name, const std::string& text) { std::ofstream(work() + "/" + name) << text; }
  std::string work() const { return (folder_.path() / "work").string(); }
  std::string out() const { return (folder_.path() / "out/deep").string(); }
  CopiedOut copy(const std::string& pattern) {
    const Descriptor from(open(work().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto copied = copy_out(from.get(), {pattern, out()});
    EXPECT_TRUE(copied.has_value()) << copied.error().text();
    return copied ? *copied : CopiedOut{};
  }
  TemporaryFolder folder_;
};

TEST_F(CopyOut, KeepsFoldersAndReplacesWhatIsThere) {
  EXPECT_THAT(copy("**/*.txt").files, ElementsAre("a.txt", "d/b.txt", "d/e/c.txt"));
  EXPECT_EQ(read_file(out() + "/d/e/c.txt").value(), "c");
  put("a.txt", "x");
  EXPECT_THAT(copy("*").files, ElementsAre("a.txt"));
  EXPECT_EQ(read_file(out() + "/a.txt").value(), "x");
}

TEST_F(CopyOut, NeitherLinksNorPipesNorPermissionsComeAlong) {
  symlink("/etc/passwd", (work() + "/link").c_str());
  symlink("/etc", (work() + "/folder").c_str());
  mkfifo((work() + "/pipe").c_str(), 0600);
  chmod((work() + "/a.txt").c_str(), 06755);
  const CopiedOut copied = copy("**");
  EXPECT_THAT(copied.files, ElementsAre("a.txt", "d/b.txt", "d/e/c.txt"));
  EXPECT_THAT(copied.skipped, ElementsAre("folder", "link", "pipe"));
  struct stat info{};
  ASSERT_EQ(stat((out() + "/a.txt").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07111, 0u);
}

TEST_F(CopyOut, DoesNotDescendForEver) {
  std::string path = work();
  for (int i = 0; i < 40; ++i) path += "/x";
  std::filesystem::create_directories(path);
  const CopiedOut copied = copy("x/**");
  EXPECT_THAT(copied.files, IsEmpty());
  ASSERT_EQ(copied.skipped.size(), 1u);
  EXPECT_EQ(copied.skipped[0].size(), 2 * 33 - 1u);  // the 33rd folder
}

TEST_F(CopyOut, ADestinationThatIsNoFolderIsAnError) {
  const Descriptor from(open(work().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_FALSE(copy_out(from.get(), {"*", work() + "/a.txt/x"}).has_value());
}

}  // namespace
}  // namespace gimbal::sandbox
