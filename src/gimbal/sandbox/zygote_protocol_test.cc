#include "gimbal/sandbox/zygote_protocol.h"

#include <gtest/gtest.h>

#include <cstring>

namespace gimbal::sandbox {
namespace {

std::string message(char kind, const std::string& body) {
  const auto size = static_cast<std::uint32_t>(body.size() + 1);
  return std::string(reinterpret_cast<const char*>(&size), 4) + kind + body;
}

template <typename T>
std::string bytes_of(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string end_body(std::uint64_t id, std::int32_t status, std::int64_t cpu_us, std::int64_t peak_kib,
                     const std::string& hint) {
  return bytes_of(id) + bytes_of(status) + bytes_of(cpu_us) + bytes_of(peak_kib) + hint;
}

TEST(ZygoteProtocol, ReadsTheEndOfATest) {
  MessageReader reader;
  reader.feed(message('D', end_body(7, 256, 1500, 12, std::string("EKeyError\0'k'\0", 14))));
  const auto found = reader.next();
  ASSERT_TRUE(found.has_value() && found->has_value());
  const ServerMessage& done = **found;
  EXPECT_EQ(done.kind, 'D');
  EXPECT_EQ(done.id, 7u);
  EXPECT_EQ(done.wait_status, 256);
  EXPECT_DOUBLE_EQ(done.cpu_ms, 1.5);
  EXPECT_EQ(done.peak_bytes, 12 * 1024);
  EXPECT_FALSE(done.hint.syntax);
  EXPECT_EQ(done.hint.name, "KeyError");
  EXPECT_EQ(done.hint.message, "'k'");
  EXPECT_FALSE(reader.next()->has_value());
}

TEST(ZygoteProtocol, WaitsForTheRestOfAMessage) {
  const std::string whole = message('R', "3.11.2") + message('W', "");
  MessageReader reader;
  std::string kinds;
  for (const char byte : whole) {
    reader.feed({&byte, 1});
    const auto found = reader.next();
    ASSERT_TRUE(found.has_value());
    if (*found) kinds += (*found)->kind;
  }
  EXPECT_EQ(kinds, "RW");
}

TEST(ZygoteProtocol, RefusesWhatIsNoMessage) {
  const auto error_of = [](const std::string& bytes) {
    MessageReader reader;
    reader.feed(bytes);
    const auto found = reader.next();
    return found ? std::string() : found.error().message;
  };
  EXPECT_EQ(error_of(std::string(4, '\0')), "the fork server sent a message of 0 bytes");
  EXPECT_EQ(error_of("\xff\xff\xff\xff"), "the fork server sent a message of 4294967295 bytes");
  EXPECT_EQ(error_of(message('D', "1234")), "the fork server sent a short message D");
  EXPECT_EQ(error_of(message('?', "")), "the fork server sent a message of unknown kind 63");
}

TEST(ZygoteProtocol, HintsAreTextOrNothing) {
  EXPECT_EQ(parse_hint("").name, "");
  EXPECT_EQ(parse_hint("ok").name, "");
  EXPECT_EQ(parse_hint("E\xff").name, "\xEF\xBF\xBD");
  EXPECT_TRUE(parse_hint("SSyntaxError").syntax);
  const ProgramHint three = parse_hint(std::string("Ea\0b\0c\0d", 8));
  EXPECT_EQ(three.name + three.message + three.module, "abc");
}

TEST(ZygoteProtocol, LimitsGoInTheKernelsUnits) {
  RunParameters run;
  run.limits.cpu_ms = 2001;
  run.limits.processes = 16;
  std::int64_t values[7];
  std::memcpy(values, encode_run(run).data(), sizeof values);
  EXPECT_EQ(values[0], 3);  // rounded up
  EXPECT_EQ(values[1], 4);  // SIGKILL a second after SIGXCPU
  EXPECT_EQ(values[2], run.limits.memory_bytes + run.limits.stack_bytes);
  EXPECT_EQ(values[5], 17);  // the server counts
  run.limited = false;
  std::memcpy(values, encode_run(run).data(), sizeof values);
  EXPECT_EQ(values[0], 0);
}

}  // namespace
}  // namespace gimbal::sandbox
