// Any bytes: comparing ends, is symmetric, and a text equals itself unless there is nothing in it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gimbal/reward/math.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

// The two answers are separated by the first line break.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gimbal::reward;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const std::string_view a = text.substr(0, line), b = line == std::string_view::npos ? a : text.substr(line + 1);
  require(math_equal(a, b).equal == math_equal(b, a).equal);
  for (const std::string_view one : {a, b}) {
    const MathVerdict self = math_equal(one, one);
    require(self.equal || self.reason == Reason::kNoAnswer);
    extract_math(one);
  }
  return 0;
}
