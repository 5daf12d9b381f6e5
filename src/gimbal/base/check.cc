#include "gimbal/base/check.h"

#include <fmt/format.h>

namespace gimbal {

void check_failed(const char* condition, const char* file, int line, std::string_view message) {
  throw CheckFailure(fmt::format("{}:{}: check failed: {}{}{}", file, line, condition, message.empty() ? "" : ": ", message));
}

}  // namespace gimbal
