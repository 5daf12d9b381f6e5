#include "gimbal/base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "gimbal/base/parallel.h"
#include "support/property.h"

namespace gimbal {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Permissions do not bind the superuser: tests about them run as somebody else.
class Unprivileged {
 public:
  Unprivileged() : root_(::geteuid() == 0) {
    if (root_) {
      EXPECT_EQ(::seteuid(65534), 0);
    }
  }
  ~Unprivileged() {
    if (root_) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }

 private:
  bool root_;
};

class FileTest : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::size_t entries() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_.path()), {})); }
  TemporaryFolder folder_ = TemporaryFolder::create().value();
};

std::string raw(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(FileTest, ReadsBackWhatWasWritten) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{3} << 20}) {
    const std::string content(size, 'x');
    ASSERT_TRUE(write_atomic(at("a"), content));
    EXPECT_EQ(read_file(at("a")).value(), content);
  }
  EXPECT_EQ(entries(), 1u) << "no temporary file is left";
}

TEST_F(FileTest, ReadsFilesWhoseSizeIsNotKnown) { EXPECT_THAT(read_file("/proc/self/status").value(), HasSubstr("Pid:")); }

TEST_F(FileTest, CompressesBySuffixAndAlwaysToTheSameBytes) {
  const std::string content = "hello hello hello hello";
  ASSERT_TRUE(write_atomic(at("a.gz"), content));
  ASSERT_TRUE(write_atomic(at("b.gz"), content));
  EXPECT_TRUE(raw(at("a.gz")).starts_with("\x1f\x8b"));
  EXPECT_EQ(raw(at("a.gz")), raw(at("b.gz")));
  EXPECT_EQ(read_file(at("a.gz")).value(), content);
}

TEST_F(FileTest, CompressesLargeContentInMembersToTheSameBytesForAnyThreads) {
  std::string content;
  while (content.size() < (std::size_t{9} << 20))
    content += fmt::format("{},{}\n", content.size(), content.size() * 7919 % 65537);
  for (const int threads : {1, 2, 8}) {
    const ThreadLimit limit(threads);
    ASSERT_TRUE(write_atomic(at(fmt::format("{}.gz", threads)), content));
  }
  EXPECT_EQ(raw(at("1.gz")), raw(at("2.gz")));
  EXPECT_EQ(raw(at("1.gz")), raw(at("8.gz")));
  EXPECT_LT(raw(at("1.gz")).size(), content.size() / 2);
  EXPECT_TRUE(read_file(at("1.gz")).value() == content);
}

TEST_F(FileTest, ErrorsNameTheFileAndWhatToDo) {
  ASSERT_TRUE(write_atomic(at("votes.csv"), "x"));
  const Error missing = read_file(at("vote.csv")).error();
  EXPECT_EQ(missing.code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.text(), fmt::format("cannot read \"{}\": no such file; did you mean \"votes.csv\"?", at("vote.csv")));
  EXPECT_EQ(read_file(at("no/such")).error().text(),
            fmt::format("cannot read \"{}\": no folder \"{}\"", at("no/such"), at("no")));
  const Error folder = read_file(folder_.path()).error();
  EXPECT_EQ(folder.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(folder.text(), HasSubstr("it is a folder"));
  EXPECT_EQ(read_file(at("votes.csv") + "/x").error().code, ErrorCode::kNotFound);
}

TEST_F(FileTest, RefusesMoreThanTheLimit) {
  ASSERT_TRUE(write_atomic(at("a"), std::string(1000, 'x')));
  ASSERT_TRUE(write_atomic(at("a.gz"), std::string(1000, 'x')));
  EXPECT_TRUE(read_file(at("a"), 1000));
  EXPECT_TRUE(read_file(at("a.gz"), 1000));
  EXPECT_EQ(read_file(at("a"), 999).error().code, ErrorCode::kLimit);
  EXPECT_EQ(read_file(at("a.gz"), 999).error().code, ErrorCode::kLimit);
  EXPECT_THAT(read_file(at("a"), 999).error().text(), HasSubstr("larger than the limit of 999 B"));
}

TEST_F(FileTest, DamagedGzipIsCorruptedWithItsPath) {
  std::string bytes = compress_gzip("some text that is long enough to be compressed");
  bytes.resize(bytes.size() - 5);
  std::ofstream(at("a.gz"), std::ios::binary) << bytes;
  const Error error = read_file(at("a.gz")).error();
  EXPECT_EQ(error.code, ErrorCode::kCorrupted);
  EXPECT_THAT(error.text(), HasSubstr(at("a.gz") + ": gzip data ends too early"));
}

TEST_F(FileTest, WritingNeedsTheFolder) {
  const Error error = write_atomic(at("none/a"), "x").error();
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_EQ(error.text(), fmt::format("cannot write \"{}\": no folder \"{}\"", at("none/a"), at("none")));
  EXPECT_EQ(write_atomic(folder_.path(), "x").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(FileTest, AFailedWriteLeavesTheOldContent) {
  ASSERT_TRUE(write_atomic(at("a"), "old"));
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0555), 0);
  Error error;
  std::string content;
  {
    const Unprivileged someone;
    error = write_atomic(at("a"), "new").error();
    content = raw(at("a"));
  }
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  EXPECT_EQ(error.code, ErrorCode::kPermission);
  EXPECT_THAT(error.text(), HasSubstr("permission denied"));
  EXPECT_EQ(content, "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FileTest, AFullDiskIsSaidSo) {
  const Error error = write_atomic("/dev/full", "x").error();
  EXPECT_EQ(error.code, ErrorCode::kDiskFull);
  EXPECT_THAT(error.text(), HasSubstr("no space left"));
  EXPECT_TRUE(fs::is_character_file("/dev/full")) << "a device is not replaced by a file";
  EXPECT_TRUE(write_atomic("/dev/null", "x"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(FileTest, NewFilesHaveTheModeOfTheUmask) {
  const mode_t before = ::umask(027);
  ASSERT_TRUE(write_atomic(at("a"), "x"));
  ::umask(before);
  struct stat status;
  ASSERT_EQ(::stat(at("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST_F(FileTest, WritingThroughALinkKeepsTheLink) {
  ASSERT_TRUE(write_atomic(at("target"), "old"));
  fs::create_symlink("target", at("link"));
  ASSERT_TRUE(write_atomic(at("link"), "new"));
  EXPECT_TRUE(fs::is_symlink(at("link")));
  EXPECT_EQ(raw(at("target")), "new");
}

TEST_F(FileTest, AReaderSeesOldOrNewContentNeverAPart) {
  const std::string a(100000, 'a'), b(50000, 'b');
  ASSERT_TRUE(write_atomic(at("f"), a));
  const pid_t writer = ::fork();
  if (writer == 0) {
    for (int i = 0; i < 60; ++i) {
      if (!write_atomic(at("f"), i % 2 ? a : b)) ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0, reads = 0;
  while (::waitpid(writer, &status, WNOHANG) == 0 || reads == 0) {
    const std::string seen = read_file(at("f")).value();
    ASSERT_TRUE(seen == a || seen == b) << seen.size();
    ++reads;
  }
  EXPECT_EQ(status, 0);
}

TEST_F(FileTest, AppendsToTheEnd) {
  {
    AppendFile log = AppendFile::open(at("log")).value();
    ASSERT_TRUE(log.append("one\n"));
    AppendFile moved = std::move(log);
    ASSERT_TRUE(moved.append("two\n"));
    ASSERT_TRUE(moved.sync());
  }
  ASSERT_TRUE(append_durable(at("log"), "three\n"));
  EXPECT_EQ(raw(at("log")), "one\ntwo\nthree\n");
  EXPECT_EQ(append_durable(at("none/log"), "x").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(append_durable("/dev/full", "x").error().code, ErrorCode::kDiskFull);
}

TEST_F(FileTest, ALockNamesItsHolder) {
  EXPECT_EQ(FileLock::holder(at("lock")), 0) << "no such file";
  {
    FileLock lock = FileLock::acquire(at("lock")).value();
    EXPECT_EQ(FileLock::holder(at("lock")), ::getpid());
    const Error error = FileLock::acquire(at("lock")).error();
    EXPECT_EQ(error.code, ErrorCode::kConflict);
    EXPECT_EQ(error.text(), fmt::format("\"{}\" is held by process {}", at("lock"), ::getpid()));
    const FileLock moved = std::move(lock);
    EXPECT_EQ(FileLock::holder(at("lock")), ::getpid());
  }
  EXPECT_EQ(FileLock::holder(at("lock")), 0) << "released, and left in place";
  EXPECT_TRUE(exists(at("lock")));
  EXPECT_TRUE(FileLock::acquire(at("lock")));
}

TEST_F(FileTest, ALockEndsWithItsProcess) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto lock = FileLock::acquire(at("lock"));
    ::_exit(lock ? 0 : 1);  // without running destructors, as a killed process
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(FileLock::acquire(at("lock")));
}

TEST_F(FileTest, TouchingALockMovesItsTime) {
  FileLock lock = FileLock::acquire(at("lock")).value();
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
  fs::last_write_time(at("lock"), old);
  ASSERT_TRUE(lock.touch());
  EXPECT_GT(fs::last_write_time(at("lock")), old + std::chrono::minutes(59));
}

TEST_F(FileTest, ATemporaryFolderGoesWithItsContent) {
  fs::path path;
  {
    auto folder = TemporaryFolder::create("stem").value();
    path = folder.path();
    EXPECT_THAT(path.filename().string(), ::testing::StartsWith("stem-"));
    ASSERT_TRUE(make_folders(path / "a/b"));
    ASSERT_TRUE(write_atomic(path / "a/b/c", "x"));
    const TemporaryFolder moved = std::move(folder);
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(FileTest, MakesFoldersThatMayExist) {
  EXPECT_TRUE(make_folders(at("x/y/z")));
  EXPECT_TRUE(make_folders(at("x/y/z")));
  EXPECT_TRUE(make_folders(at("x/new/")));
  ASSERT_TRUE(write_atomic(at("file"), ""));
  EXPECT_EQ(make_folders(at("file")).error().code, ErrorCode::kAlreadyExists);
  EXPECT_THAT(make_folders(at("file/below")).error().text(), HasSubstr("a file stands in its place"));
}

TEST_F(FileTest, PathsStayInsideTheirRoot) {
  ASSERT_TRUE(make_folders(at("root/sub")));
  ASSERT_TRUE(write_atomic(at("secret"), "x"));
  fs::create_symlink(at("secret"), at("root/link"));
  fs::create_symlink(folder_.path(), at("root/sub/up"));
  const fs::path root = at("root");
  EXPECT_EQ(path_inside(root, "sub/a.txt").value(), root / "sub/a.txt");
  EXPECT_EQ(path_inside(root, "./sub//b").value(), root / "sub/b");
  EXPECT_EQ(path_inside(root, "not/yet/there").value(), root / "not/yet/there");
  for (const char* bad : {"../secret", "sub/../../secret", "sub/..", "/etc/passwd", "link", "link/x", "sub/up/secret"}) {
    const auto result = path_inside(root, bad);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().code, ErrorCode::kPermission) << bad;
  }
  EXPECT_THAT(path_inside(root, "sub/up/secret").error().text(), HasSubstr("\"sub/up\" is a symbolic link"));
  EXPECT_FALSE(path_inside(root, std::string_view("a\0b", 3)));
}

TEST(Gzip, RoundTripsRandomBytesAtEveryLevel) {
  testing::for_each_case(1, 300, [](Stream& s) {
    std::string bytes(s.below(5000), '\0');
    const std::size_t kinds = 1 + s.below(256);
    for (char& c : bytes) c = static_cast<char>(s.below(kinds));
    const std::string packed = compress_gzip(bytes, static_cast<int>(s.below(10)));
    const auto back = decompress_gzip(packed, bytes.size());
    ASSERT_TRUE(back) << back.error().text();
    ASSERT_EQ(*back, bytes);
    if (!bytes.empty()) {
      ASSERT_EQ(decompress_gzip(packed, bytes.size() - 1).error().code, ErrorCode::kLimit);
    }
  });
}

TEST(Gzip, ReadsSeveralMembersAndPadding) {
  const std::string two = compress_gzip("one ") + compress_gzip("") + compress_gzip("two");
  EXPECT_EQ(decompress_gzip(two, 100).value(), "one two");
  EXPECT_EQ(decompress_gzip(two + std::string(512, '\0'), 100).value(), "one two");
  EXPECT_EQ(decompress_gzip(two + "junk", 100).error().code, ErrorCode::kCorrupted);
}

TEST(Gzip, EveryPrefixIsCorruptedAndNoFlippedBitChangesTheContent) {
  const std::string content = "the quick brown fox jumps over the lazy dog";
  const std::string bytes = compress_gzip(content);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_EQ(decompress_gzip(bytes.substr(0, n), 1000).error().code, ErrorCode::kCorrupted) << n;
  }
  for (std::size_t i = 10; i < bytes.size(); ++i) {  // past the header, whose time and flags may be anything
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      // Bits that only fill the last byte of the compressed data may be anything.
      const auto result = decompress_gzip(damaged, 1000);
      EXPECT_TRUE(!result || *result == content) << i << " bit " << bit;
    }
  }
}

TEST(Gzip, ABombEndsAtTheLimit) {
  const std::string bomb = compress_gzip(std::string(std::size_t{20} << 20, '\0'), 9);
  EXPECT_EQ(decompress_gzip(bomb, 1 << 20).error().code, ErrorCode::kLimit);
}

}  // namespace
}  // namespace gimbal
