// A remark about a result, for "warnings" in documents: a stable code for programs, a sentence for people, and how many units
// or rows it concerns where that can be said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace gimbal {

struct Warning {
  std::string code;     // "overlap", "few_units_in_arm": lower case, joined by _
  std::string message;  // one sentence without a trailing newline
  std::optional<std::int64_t> count;
};

}  // namespace gimbal
