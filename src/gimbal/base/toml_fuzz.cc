// Whatever the bytes: no crash, and every error and every key names its place.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gimbal/base/text.h"
#include "gimbal/base/toml.h"

namespace {

void check(const gimbal::TomlTable& table) {
  for (const auto& [key, entry] : table.entries) {
    if (!entry.where.starts_with("input:") || (!entry.is_array && entry.values.size() != 1)) std::abort();
    for (const std::string& value : entry.values) {
      if (!gimbal::is_utf8(value)) std::abort();
    }
  }
  for (const auto& [key, child] : table.tables) check(child);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = gimbal::parse_toml({reinterpret_cast<const char*>(data), size}, "input");
  if (parsed)
    check(*parsed);
  else if (parsed.error().message.empty() || !parsed.error().where.starts_with("input"))
    std::abort();
  return 0;
}
