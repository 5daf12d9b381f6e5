// GIMBAL_CHECK: a broken precondition is a bug in the program, not an input error. It throws; only main() catches (exit 70).
#pragma once

#include <stdexcept>
#include <string_view>

namespace gimbal {

struct CheckFailure : std::logic_error {
  using std::logic_error::logic_error;
};
[[noreturn]] void check_failed(const char* condition, const char* file, int line, std::string_view message);

}  // namespace gimbal

// GIMBAL_CHECK(condition) or GIMBAL_CHECK(condition, "what the caller broke").
#define GIMBAL_CHECK(condition, ...)                                                           \
  do {                                                                                         \
    if (!(condition)) [[unlikely]]                                                             \
      ::gimbal::check_failed(#condition, __FILE__, __LINE__, ::std::string_view{__VA_ARGS__}); \
  } while (false)
