// Any bytes: an array that is accepted has as many values as its shape says, and its file reads back to the same values.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gimbal/data/npy.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gimbal::data;
  const auto array = parse_npy({reinterpret_cast<const char*>(data), size}, "fuzz.npy");
  if (!array) {
    require(!array.error().message.empty());
    return 0;
  }
  require(array->to_doubles().size() == array->size());
  const std::string bytes = npy_bytes(*array);
  const auto back = parse_npy(bytes, "fuzz.npy");
  require(back.has_value() && back->shape == array->shape && back->dtype() == array->dtype());
  require(npy_bytes(*back) == bytes);
  return 0;
}
