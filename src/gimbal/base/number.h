// Numbers as text: strict parsing, shortest round-trip printing, durations and byte sizes. Locale-free.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gimbal/base/result.h"

namespace gimbal {

// The shortest text that reads back to the same double: 4 (not 4.0), 0.1, 1e-05 is printed as std::to_chars does.
// Non-finite values print as "nan", "inf", "-inf" (JSON writes null instead).
std::string shortest(double value);
void append_shortest(std::string& out, double value);

// The whole text must be one number (optional sign, decimal point '.', exponent); no blanks, hex, nan, inf or overflow to
// infinity.
std::optional<double> parse_finite(std::string_view text);
// As parse_finite, and also inf, -inf, infinity and nan in any case.
std::optional<double> parse_double(std::string_view text);
std::optional<std::int64_t> parse_int(std::string_view text);
std::optional<std::uint64_t> parse_uint(std::string_view text);

using Duration = std::chrono::duration<double>;  // seconds
// "500ms", "30s", "5m", "2h", "1d"; a bare number is in seconds unless `bare_unit` ("ms", "s") says otherwise. Not negative.
Result<Duration> parse_duration(std::string_view text, std::string_view bare_unit = "s");
// "64K", "8M", "1G", "512KiB": powers of 1024; a bare number is bytes.
Result<std::uint64_t> parse_bytes(std::string_view text);
// For people: "1.2 s", "3 min 20 s", "2 h 5 min"; "1.5 GiB"; "1,234,567".
std::string format_duration(Duration value);
std::string format_bytes(std::uint64_t bytes);
std::string format_count(std::int64_t value);
// For people: `digits` significant digits without exponent where that is readable: 0.0347, 12.3, 1.2e-09.
std::string format_significant(double value, int digits);
// For people: `p = 0.012` or `p < 1e-9`.
std::string format_p_value(double p);

}  // namespace gimbal
