#include "gimbal/base/number.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "gimbal/base/text.h"

namespace gimbal {

namespace {

// Takes one leading '+' away, which from_chars does not accept; "+-1" stays an error.
std::string_view without_plus(std::string_view text) {
  if (text.size() >= 2 && text[0] == '+' && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
  return text;
}

bool begins_like_number(std::string_view text) {
  const std::size_t i = !text.empty() && text[0] == '-' ? 1 : 0;
  return i < text.size() && ((text[i] >= '0' && text[i] <= '9') || text[i] == '.');
}

// Of a number that from_chars finds out of range: whether it is too small (its value is a zero) rather than too large.
bool underflows(std::string_view text) {
  std::int64_t lead = 0;  // power of ten of the first nonzero digit
  std::int64_t digits_before = 0, zeros_after = 0;
  bool point = false, nonzero = false;
  std::size_t i = 0;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    const char c = text[i];
    if (c == '.') point = true;
    if (c < '0' || c > '9') continue;
    if (c != '0') nonzero = true;
    if (!point && nonzero) ++digits_before;
    if (point && !nonzero) ++zeros_after;
  }
  if (!nonzero) return true;
  lead = digits_before > 0 ? digits_before - 1 : -zeros_after - 1;
  std::int64_t exponent = 0;
  if (i < text.size()) {
    const bool negative = i + 1 < text.size() && text[i + 1] == '-';
    for (++i; i < text.size(); ++i) {
      if (text[i] >= '0' && text[i] <= '9' && exponent < 1'000'000'000'000) exponent = exponent * 10 + (text[i] - '0');
    }
    if (negative) exponent = -exponent;
  }
  return lead + exponent < 0;
}

template <typename T>
std::optional<T> parse_integer(std::string_view text) {
  text = without_plus(text);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// The number and the unit behind it: "1.5GiB" -> 1.5, "GiB".
std::optional<std::pair<double, std::string_view>> split_unit(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0 && ((text[end - 1] >= 'a' && text[end - 1] <= 'z') || (text[end - 1] >= 'A' && text[end - 1] <= 'Z'))) --end;
  const std::optional<double> number = parse_finite(trim(text.substr(0, end)));
  if (!number || trim(text) != text) return std::nullopt;
  return std::pair{*number, text.substr(end)};
}

std::optional<double> seconds_of_unit(std::string_view unit) {
  if (unit == "ms") return 1e-3;
  if (unit == "s") return 1.0;
  if (unit == "m" || unit == "min") return 60.0;
  if (unit == "h") return 3600.0;
  if (unit == "d") return 86400.0;
  return std::nullopt;
}

std::string without_trailing_zeros(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

std::string shortest(double value) {
  std::string out;
  append_shortest(out, value);
  return out;
}

void append_shortest(std::string& out, double value) {
  if (std::isnan(value)) {  // to_chars would print the sign of a NaN
    out += "nan";
    return;
  }
  std::array<char, 32> buffer;  // the longest shortest double has 24 characters
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), end);
}

std::optional<double> parse_finite(std::string_view text) {
  text = without_plus(text);
  if (!begins_like_number(text)) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::general);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    if (!underflows(text)) return std::nullopt;
    return text[0] == '-' ? -0.0 : 0.0;
  }
  if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<double> parse_double(std::string_view text) {
  if (const auto finite = parse_finite(text)) return finite;
  const std::string lower = ascii_lower(text);
  if (lower == "nan" || lower == "+nan" || lower == "-nan") return std::numeric_limits<double>::quiet_NaN();
  if (lower == "inf" || lower == "+inf" || lower == "infinity" || lower == "+infinity") {
    return std::numeric_limits<double>::infinity();
  }
  if (lower == "-inf" || lower == "-infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

std::optional<std::int64_t> parse_int(std::string_view text) { return parse_integer<std::int64_t>(text); }
std::optional<std::uint64_t> parse_uint(std::string_view text) { return parse_integer<std::uint64_t>(text); }

Result<Duration> parse_duration(std::string_view text, std::string_view bare_unit) {
  const auto parts = split_unit(text);
  const auto scale = parts ? seconds_of_unit(parts->second.empty() ? bare_unit : parts->second) : std::nullopt;
  if (!scale) {
    return fail(ErrorCode::kInvalidArgument,
                "expected a duration like 500ms, 30s, 5m, 2h or 1d (a bare number is in {}), found {}", bare_unit,
                gimbal::quoted(text));
  }
  if (std::signbit(parts->first)) {
    return fail(ErrorCode::kInvalidArgument, "expected a duration that is not negative, found {}", gimbal::quoted(text));
  }
  const double seconds = parts->first * *scale;
  if (!std::isfinite(seconds)) return fail(ErrorCode::kInvalidArgument, "the duration {} is too long", gimbal::quoted(text));
  return Duration(seconds);
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorCode::kInvalidArgument,
                "expected a number of bytes like 4096, 64K, 8M, 1G or 512KiB (K, M, G and T are powers of 1024), found {}",
                gimbal::quoted(text));
  };
  // Whole numbers go past doubles, so that each of them is exact.
  if (const auto bytes = parse_uint(text)) return *bytes;
  const auto parts = split_unit(text);
  if (!parts) return wrong();
  std::string unit = ascii_lower(parts->second);
  if (unit.size() == 3 && unit.substr(1) == "ib") unit.resize(1);
  double scale = 1;
  if (unit == "k")
    scale = 0x1p10;
  else if (unit == "m")
    scale = 0x1p20;
  else if (unit == "g")
    scale = 0x1p30;
  else if (unit == "t")
    scale = 0x1p40;
  else if (unit != "b" && !unit.empty())
    return wrong();
  const double bytes = parts->first * scale;
  if (bytes < 0 || bytes != std::floor(bytes)) {
    return fail(ErrorCode::kInvalidArgument, "expected a whole number of bytes that is not negative, found {}",
                gimbal::quoted(text));
  }
  if (bytes >= 0x1p64) return fail(ErrorCode::kInvalidArgument, "the size {} is too large", gimbal::quoted(text));
  return static_cast<std::uint64_t>(bytes);
}

std::string format_duration(Duration value) {
  const double s = value.count();
  if (!std::isfinite(s)) return shortest(s);
  if (s < 0) return "-" + format_duration(-value);
  // Each step is taken on the rounded value, so that 59.97 s is "1 min" and never "60 s".
  if (s < 0.00995) return without_trailing_zeros(fmt::format("{:.1f}", s * 1e3)) + " ms";
  if (s < 0.9995) return fmt::format("{:.0f} ms", s * 1e3);
  if (s < 9.95) return without_trailing_zeros(fmt::format("{:.1f}", s)) + " s";
  if (s >= 1e15) return fmt::format("{:.3g} d", s / 86400.0);
  const auto total = static_cast<std::int64_t>(std::llround(s));
  const auto two = [](std::int64_t a, const char* unit_a, std::int64_t b, const char* unit_b) {
    return b == 0 ? fmt::format("{} {}", a, unit_a) : fmt::format("{} {} {} {}", a, unit_a, b, unit_b);
  };
  if (total < 60) return fmt::format("{} s", total);
  if (total < 3600) return two(total / 60, "min", total % 60, "s");
  const std::int64_t minutes = (total + 30) / 60;
  if (minutes < 24 * 60) return two(minutes / 60, "h", minutes % 60, "min");
  const std::int64_t hours = (minutes + 30) / 60;
  return two(hours / 24, "d", hours % 24, "h");
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  static constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024.0;
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024.0;
    ++unit;
  }
  return fmt::format("{} {}", without_trailing_zeros(fmt::format("{:.1f}", value)), kUnits[unit]);
}

std::string format_count(std::int64_t value) {
  const std::string digits =
      fmt::format("{}", value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
  std::string out = value < 0 ? "-" : "";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string format_significant(double value, int digits) {
  if (!std::isfinite(value)) return shortest(value);
  if (value == 0) return "0";
  std::string text = fmt::format("{:.{}g}", value, digits);
  // Large values stay whole where their digits can still be read at a glance.
  const double magnitude = std::fabs(value);
  if (magnitude >= 1 && magnitude < 1e9 && text.find('e') != std::string::npos) return fmt::format("{:.0f}", value);
  return text;
}

std::string format_p_value(double p) {
  // Below 1e-9 the digits say nothing that a reader could use.
  if (p < 1e-9) return "p < 1e-9";
  return "p = " + format_significant(p, 2);
}

}  // namespace gimbal
