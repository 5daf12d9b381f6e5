// Whatever the bytes: no crash, and a document that parses keeps its value through both serializers.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "gimbal/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = gimbal::parse_json({reinterpret_cast<const char*>(data), size}, "input");
  if (!parsed) {
    if (parsed.error().message.empty() || !parsed.error().where.starts_with("input")) std::abort();
    return 0;
  }
  const std::string text = gimbal::to_text(*parsed), form = gimbal::canonical(*parsed);
  const auto again = gimbal::parse_json(text, "text"), sorted = gimbal::parse_json(form, "form");
  if (!again || gimbal::to_text(*again) != text) std::abort();
  if (!sorted || gimbal::to_text(*sorted) != form || gimbal::canonical(*again) != form) std::abort();
  return 0;
}
