#include "gimbal/net/sse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace gimbal::net {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> data_of(std::string_view stream, std::size_t piece) {
  std::vector<std::string> out;
  SseReader reader([&](const SseEvent& event) { out.push_back(event.type + "|" + event.data); });
  for (std::size_t at = 0; at < stream.size(); at += piece) reader.push(stream.substr(at, piece));
  reader.finish();
  return out;
}

constexpr std::string_view kStream =
    "\xEF\xBB\xBF: hello\ndata: one\n\ndata:two\r\ndata: more\r\n\r\nevent: end\rdata:  x\r\rid: 7\n\n"
    "data: caf\xC3\xA9\n\ndata\n\nretry: 5\nother\ndata: last";

TEST(SseReader, ReadsEveryEndOfLineAndEveryFormOfField) {
  EXPECT_THAT(data_of(kStream, kStream.size()), ElementsAre("|one", "|two\nmore", "end| x", "|caf\xC3\xA9", "|", "|last"));
}

TEST(SseReader, DoesNotDependOnHowTheStreamIsCut) {
  const auto whole = data_of(kStream, kStream.size());
  for (std::size_t piece = 1; piece < 20; ++piece) EXPECT_EQ(data_of(kStream, piece), whole) << piece;
}

TEST(SseReader, StopsAtALineWithoutEnd) {
  SseReader reader([](const SseEvent&) { FAIL(); });
  const std::string piece(1 << 20, 'x');
  bool open = true;
  for (int i = 0; i < 18; ++i) open = reader.push(piece);
  EXPECT_FALSE(open);
  EXPECT_FALSE(reader.push("\n\n"));
}

}  // namespace
}  // namespace gimbal::net
