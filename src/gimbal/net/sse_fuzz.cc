// Any bytes in any pieces: the events are those of the whole stream. The first byte is the size of the pieces.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/net/sse.h"

namespace {

std::vector<std::string> events(std::string_view stream, std::size_t piece) {
  std::vector<std::string> out;
  gimbal::net::SseReader reader(
      [&](const gimbal::net::SseEvent& event) { out.push_back(event.type + "\n" + event.data + "\n" + event.id); });
  for (std::size_t at = 0; at < stream.size(); at += piece) reader.push(stream.substr(at, piece));
  reader.finish();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (events(stream, std::size_t{data[0]} + 1) != events(stream, stream.size() + 1)) std::abort();
  return 0;
}
