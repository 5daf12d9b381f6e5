#include "gimbal/cli/written_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <optional>

#include "gimbal/base/file.h"
#include "gimbal/cli/test_host.h"

namespace gimbal::cli {
namespace {

using ::testing::HasSubstr;

class WrittenFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryFolder::create();
    ASSERT_TRUE(made);
    folder_.emplace(std::move(*made));
    ASSERT_TRUE(write_atomic(at("in.csv"), "x\n1\n"));
  }
  std::string at(const std::string& name) const { return (folder_->path() / name).string(); }
  static std::string error_of(const Result<void>& result) { return result ? "" : result.error().text(); }

  std::optional<TemporaryFolder> folder_;
};

TEST_F(WrittenFiles, AreNotWhatIsReadHoweverThePathIsSpelled) {
  const NamedFile in{"DATA", at("in.csv")};
  std::filesystem::create_directory(at("sub"));
  std::filesystem::create_symlink(at("in.csv"), at("link.csv"));
  std::filesystem::create_directory_symlink(folder_->path(), at("around"));
  for (const char* same : {"in.csv", "./in.csv", "sub/../in.csv", "link.csv", "around/in.csv"}) {
    const std::string error = error_of(check_written(std::array{NamedFile{"--out", at(same)}}, std::array{in}));
    EXPECT_THAT(error, HasSubstr("would overwrite what the command reads (DATA)")) << same;
    EXPECT_THAT(error, ::testing::StartsWith("--out: ")) << same;
  }
  EXPECT_TRUE(check_written(std::array{NamedFile{"--out", at("new.csv")}}, std::array{in}));
  // Neither is there: the names alone tell.
  EXPECT_FALSE(check_written(std::array{NamedFile{"--out", at("sub/../new")}}, std::array{NamedFile{"DATA", at("new")}}));
}

TEST_F(WrittenFiles, AreDifferentFilesThatCanBeWritten) {
  const auto check = [&](const std::string& a, const std::string& b) {
    return error_of(check_written(std::array{NamedFile{"--csv", a}, NamedFile{"--svg", b}}, {}));
  };
  EXPECT_EQ(check(at("a"), at("b")), "");
  EXPECT_EQ(check("/dev/null", "/dev/null"), "");
  EXPECT_THAT(check(at("a"), at("./a")), HasSubstr("is written by --csv too"));
  EXPECT_THAT(check(at("a"), at("none/b")), HasSubstr("no folder"));
  EXPECT_THAT(check(at("a"), folder_->path().string()), HasSubstr("it is a folder"));
  EXPECT_THAT(check(at("a"), ""), HasSubstr("expected the name of a file"));
}

TEST_F(WrittenFiles, ComeTogetherOrNotAtAll) {
  ASSERT_TRUE(write_atomic(at("old"), "before"));
  const OutputFile files[] = {{at("new"), "1"}, {at("old"), "2"}, {at("none/third"), "3"}};
  EXPECT_FALSE(write_outputs(files));
  EXPECT_FALSE(exists(at("new")));
  EXPECT_TRUE(exists(at("old")));
  EXPECT_TRUE(write_outputs(std::span(files).first(2)));
  EXPECT_EQ(read_file(at("new")).value_or(""), "1");
}

TEST_F(WrittenFiles, OfEveryCommandAreDeclaredAsSuch) {
  // A file option whose help speaks of what is read is an input; one that is called out, csv, svg or report is written.
  for (const CommandEntry& entry : command_entries()) {
    for (const CommandGroup group = entry.build(); const Command& command : group.commands()) {
      for (const auto& option : command.options()) {
        const std::string key = option->key();
        if (option->kind != ValueKind::kFile) continue;
        if (entry.name == "diversity" && command.name() == "compare" && key == "csv") continue;  // a table that is read
        const bool named_so =
            key == "out" || key == "csv" || key == "svg" || key == "report" || key == "record" || key == "unit-probabilities";
        EXPECT_EQ(option->written, named_so) << entry.name << " " << command.name() << " --" << key;
      }
    }
  }
}

TEST_F(WrittenFiles, AreCheckedBeforeTheCommandRuns) {
  TestHost host;
  EXPECT_EQ(host.run({"policy", "frontier", at("in.csv"), "-o", at("./in.csv")}), 2);
  EXPECT_THAT(host.err, HasSubstr("--out: "));
  EXPECT_THAT(host.err, HasSubstr("(MODEL)"));
  EXPECT_EQ(host.run({"policy", "tree", at("in"), "-o", at("in.oof.csv.gz")}), 2);
  EXPECT_THAT(host.err, HasSubstr("would overwrite what the command reads (MODEL)"));
  EXPECT_EQ(read_file(at("in.csv")).value_or(""), "x\n1\n");
}

}  // namespace
}  // namespace gimbal::cli
