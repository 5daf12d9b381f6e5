#include "gimbal/base/log.h"

#include <gtest/gtest.h>

namespace gimbal {
namespace {

std::string printed(LogLevel level, const std::string& secret = "") {
  testing::internal::CaptureStderr();
  Log log = Log::to_stderr(level);
  log.redactor().add(secret);
  log.debug("reading 3 files");
  log.info("fitted in 2 s");
  log.warning("arm 2 has 7 rows");
  log.error("token hunter2-hunter2 was refused");
  return testing::internal::GetCapturedStderr();
}

TEST(Log, PrintsWhatItsLevelLetsThrough) {
  EXPECT_EQ(printed(LogLevel::kDebug),
            "debug: reading 3 files\nfitted in 2 s\nwarning: arm 2 has 7 rows\nerror: token hunter2-hunter2 was refused\n");
  EXPECT_EQ(printed(LogLevel::kInfo), "fitted in 2 s\nwarning: arm 2 has 7 rows\nerror: token hunter2-hunter2 was refused\n");
  EXPECT_EQ(printed(LogLevel::kError), "error: token hunter2-hunter2 was refused\n");
  EXPECT_EQ(printed(LogLevel::kOff), "");
}

TEST(Log, RemovesSecretsThatWereRegistered) {
  EXPECT_EQ(printed(LogLevel::kError, "hunter2-hunter2"), "error: token [redacted] was refused\n");
}

TEST(Log, CopiesShareTheirRedactor) {
  testing::internal::CaptureStderr();
  Log log = Log::to_stderr(LogLevel::kInfo);
  const Log copy = log;
  log.redactor().add("secret-key");
  copy.info("key secret-key");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "key [redacted]\n");
}

TEST(Log, BracesInAMessageAreText) {
  testing::internal::CaptureStderr();
  Log::to_stderr(LogLevel::kInfo).info("found {\"a\": {}}, 100 %v %d");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "found {\"a\": {}}, 100 %v %d\n");
}

TEST(Log, SilentSaysNothing) {
  testing::internal::CaptureStderr();
  Log::silent().error("nobody hears this");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Redactor, PrefersTheLongestSecretAndLeavesShortTextsAlone) {
  Redactor redactor;
  redactor.add("abcd");
  redactor.add("abcdefgh");
  redactor.add("xyz");
  EXPECT_EQ(redactor.apply("abcdefgh abcde xyz"), "[redacted] [redacted]e xyz");
  EXPECT_EQ(redactor.apply(""), "");
  EXPECT_EQ(Redactor().apply("abcd"), "abcd");
}

}  // namespace
}  // namespace gimbal
