#include "gimbal/sandbox/python_interpreter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gimbal/base/file.h"

namespace gimbal::sandbox {
namespace {

using ::testing::HasSubstr;

TEST(PythonInterpreter, BindsPrefixesThatAreNotVisibleAnyway) {
  using namespace std::string_literals;
  const std::string prefixes = "/home/a/venv\0/home/a/venv\0/opt/py\0/opt/py\0/opt/py/bin"s;
  const auto python = parse_python_answer("cpython 3.12.1\n/home/a/venv/bin/python3\n" + prefixes + "\n");
  ASSERT_TRUE(python.has_value()) << python.error().text();
  EXPECT_EQ(python->path, "/home/a/venv/bin/python3");
  EXPECT_EQ(python->version, "3.12.1");
  ASSERT_EQ(python->binds.size(), 2u);
  EXPECT_EQ(python->binds[0].source, "/home/a/venv");
  EXPECT_EQ(python->binds[1].source, "/opt/py");
  EXPECT_FALSE(python->binds[0].writable);
}

TEST(PythonInterpreter, BindsNothingForTheSystemsPython) {
  using namespace std::string_literals;
  const auto python = parse_python_answer("cpython 3.11.2\n/usr/bin/python3\n/usr\0/usr/bin\n"s);
  ASSERT_TRUE(python.has_value());
  EXPECT_TRUE(python->binds.empty());
}

TEST(PythonInterpreter, RefusesOtherImplementationsAndOldVersions) {
  EXPECT_THAT(parse_python_answer("pypy 3.10.2\n/x\n/y\n").error().message, HasSubstr("it is pypy 3.10.2"));
  EXPECT_THAT(parse_python_answer("cpython 3.7.9\n/x\n/y\n").error().message, HasSubstr("it is cpython 3.7.9"));
  EXPECT_THAT(parse_python_answer("").error().message, HasSubstr("no Python"));
  EXPECT_TRUE(parse_python_answer("cpython 3.8.0\n/x\n/y\n").has_value());
}

TEST(PythonInterpreter, SkipsCandidatesThatAreNone) {
  const auto folder = TemporaryFolder::create();
  ASSERT_TRUE(folder.has_value());
  const std::string fake = (folder->path() / "python3").string();
  std::ofstream(fake) << "#!/bin/sh\nexit 3\n";
  chmod(fake.c_str(), 0755);
  const auto only = find_python("", folder->path().string());
  ASSERT_FALSE(only.has_value());
  EXPECT_EQ(only.error().code, ErrorCode::kUnavailable);
  ASSERT_EQ(only.error().notes.size(), 1u);
  EXPECT_THAT(only.error().notes[0], HasSubstr(fake + ": it is no Python"));
  const auto next = find_python("", folder->path().string() + ":/usr/bin:/usr/local/bin");
  if (next) {
    EXPECT_EQ(next->path.front(), '/');
  }
}

TEST(PythonInterpreter, NamesThePathWhereNothingIs) {
  EXPECT_THAT(find_python("", "/nonexistent").error().message, HasSubstr("no python3 in PATH (/nonexistent)"));
}

}  // namespace
}  // namespace gimbal::sandbox
