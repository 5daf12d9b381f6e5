// Result and Error: how everything that may fail for reasons outside the program reports it.
//
// Input, files, the network, child processes, time and limits return `Result<T>`. A broken precondition is a bug and throws
// (base/check.h). An error's message says what was expected, what was found and what to do; `where` is "file:line:column" or
// the name of a flag.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace gimbal {

// The words that documents print and the exit codes of the command line that belong to them.
enum class ErrorCode {
  kUsage,
  kInvalidArgument,
  kParseError,
  kNotFound,
  kAlreadyExists,
  kUnsupported,
  kConflict,
  kCorrupted,
  kVersion,  // exit 2
  kInsufficientData,
  kInfeasible,
  kNotIdentified,
  kExhausted,
  kDoesNotFit,  // exit 3
  kUnavailable,
  kDiskFull,
  kPermission,  // exit 4
  kBudget,
  kTimeLimit,
  kLimit,  // exit 5
  kInternal,
  kSandboxError,  // exit 70
  kInterrupted,   // exit 130
};

std::string_view error_code_name(ErrorCode code);  // "invalid_argument"
int exit_code(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;             // one sentence or a short paragraph, no trailing newline
  std::vector<std::string> notes;  // further lines: other bad records, what to do next
  std::string where;               // "votes.csv:3:7", "--folds", or empty

  Error&& with_note(std::string note) &&;
  Error&& at(std::string place) &&;  // sets `where` if it is still empty

  // "where: message" and one indented line a note.
  std::string text() const;
};

template <typename T>
using Result = tl::expected<T, Error>;

// `return fail(ErrorCode::kNotFound, "no column \"{}\"", name);`
template <typename... Args>
tl::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...), {}, {}});
}
template <typename... Args>
tl::unexpected<Error> fail_at(std::string where, ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...), {}, std::move(where)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

// Collects the errors of many records: keeps the first `kKept`, counts the rest.
class Diagnostics {
 public:
  static constexpr std::size_t kKept = 20;
  void add(std::string where, std::string message);
  bool empty() const { return total_ == 0; }
  std::size_t total() const { return total_; }
  // The first error with the others as notes and "... and N more" at the end. Requires !empty().
  Error to_error(ErrorCode code) const;

 private:
  std::vector<Error> kept_;
  std::size_t total_ = 0;
};

}  // namespace gimbal

// GIMBAL_TRY(expr): returns the error of a Result to the caller. GIMBAL_TRY(auto x, expr): else binds its value.
#define GIMBAL_TRY(...) GIMBAL_TRY_PICK(__VA_ARGS__, GIMBAL_TRY_ASSIGN, GIMBAL_TRY_VOID)(__VA_ARGS__)
#define GIMBAL_TRY_PICK(a, b, name, ...) name
#define GIMBAL_TRY_VOID(expr)                                                                                 \
  do {                                                                                                        \
    if (auto gimbal_result = (expr); !gimbal_result) return ::gimbal::fail(std::move(gimbal_result).error()); \
  } while (false)
#define GIMBAL_TRY_ASSIGN(decl, expr) GIMBAL_TRY_NAMED(GIMBAL_TRY_JOIN(gimbal_result_, __LINE__), decl, expr)
#define GIMBAL_TRY_NAMED(name, decl, expr)                   \
  auto name = (expr);                                        \
  if (!name) return ::gimbal::fail(std::move(name).error()); \
  decl = std::move(*name)
#define GIMBAL_TRY_JOIN(a, b) GIMBAL_TRY_JOIN2(a, b)
#define GIMBAL_TRY_JOIN2(a, b) a##b
