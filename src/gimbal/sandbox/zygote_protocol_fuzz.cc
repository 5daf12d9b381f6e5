// Any bytes as the stream from a fork server: messages or an error, the same however the bytes are cut, and text that is UTF-8.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/text.h"
#include "gimbal/sandbox/zygote_protocol.h"

namespace {

using gimbal::sandbox::MessageReader;
using gimbal::sandbox::ProgramHint;
using gimbal::sandbox::ServerMessage;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_hint(const ProgramHint& hint) {
  require(gimbal::is_utf8(hint.name) && gimbal::is_utf8(hint.message) && gimbal::is_utf8(hint.module));
}

// One line a message, "!" for an error.
std::string read_all(std::string_view bytes, std::size_t piece) {
  MessageReader reader;
  std::string found;
  while (true) {
    const auto message = reader.next();
    if (!message) return found + "!";
    if (*message) {
      const ServerMessage& one = **message;
      check_hint(one.hint);
      require(one.cpu_ms >= 0 && one.peak_bytes >= 0 && gimbal::is_utf8(one.text));
      found += one.kind + std::to_string(one.id) + " " + std::to_string(one.wait_status) + one.hint.name + one.text + "\n";
      continue;
    }
    if (bytes.empty()) return found;
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  require(read_all(bytes, 1) == read_all(bytes, bytes.size() + 1));
  check_hint(gimbal::sandbox::parse_hint(bytes));
  return 0;
}
