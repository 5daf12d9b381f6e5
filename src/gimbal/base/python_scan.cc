#include "gimbal/base/python_scan.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace gimbal {
namespace {

char at_or_zero(std::string_view text, std::size_t at) { return at < text.size() ? text[at] : '\0'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Digits of a base with single underscores between them (before the first one too, where `leading` allows it).
template <typename IsDigit>
std::size_t digits(std::string_view text, std::size_t at, const IsDigit& is, bool leading = false) {
  std::size_t end = at;
  while (true) {
    const bool underscore = at_or_zero(text, end) == '_' && (leading || end > at);
    const std::size_t digit = end + (underscore ? 1 : 0);
    if (digit >= text.size() || !is(text[digit])) return end - at;
    end = digit + 1;
  }
}
std::size_t decimal_digits(std::string_view text, std::size_t at) { return digits(text, at, is_digit); }

std::size_t exponent_size(std::string_view text, std::size_t at) {
  if (lower(at_or_zero(text, at)) != 'e') return 0;
  std::size_t end = at + 1;
  if (const char sign = at_or_zero(text, end); sign == '+' || sign == '-') ++end;
  const std::size_t n = decimal_digits(text, end);
  return n == 0 ? 0 : end + n - at;
}

std::size_t prefixed_integer_size(std::string_view text, std::size_t at) {
  if (text[at] != '0') return 0;
  std::size_t n = 0;
  switch (lower(at_or_zero(text, at + 1))) {
    case 'x':
      n = digits(text, at + 2, [](char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }, true);
      break;
    case 'o':
      n = digits(text, at + 2, [](char c) { return c >= '0' && c <= '7'; }, true);
      break;
    case 'b':
      n = digits(text, at + 2, [](char c) { return c == '0' || c == '1'; }, true);
      break;
    default:
      break;
  }
  return n == 0 ? 0 : 2 + n;
}

struct CodePoint {
  std::int32_t value = 0;
  std::size_t size = 0;  // 0: not valid UTF-8
};

CodePoint decode(std::string_view text, std::size_t at) {
  utf8proc_int32_t value = 0;
  const utf8proc_ssize_t n = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                              static_cast<utf8proc_ssize_t>(text.size() - at), &value);
  return n > 0 && value >= 0 ? CodePoint{value, static_cast<std::size_t>(n)} : CodePoint{};
}

bool is_letter(std::int32_t c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_NL:
      return true;
    default:
      return c == 0x2118 || c == 0x212E;  // Other_ID_Start: script capital P, estimated sign
  }
}

bool is_mark_or_digit(std::int32_t c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return c == 0xB7 || c == 0x387;  // Other_ID_Continue: middle dot, Greek ano teleia
  }
}

}  // namespace

std::size_t python_newline_size(std::string_view text, std::size_t at) {
  const char c = at_or_zero(text, at);
  if (c == '\n') return 1;
  if (c != '\r') return 0;
  return at_or_zero(text, at + 1) == '\n' ? 2 : 1;
}

std::size_t python_number_size(std::string_view text, std::size_t at) {
  const char first = at_or_zero(text, at);
  const bool point_first = first == '.';
  if (!is_digit(point_first ? at_or_zero(text, at + 1) : first)) return 0;
  const std::size_t whole = point_first ? 0 : decimal_digits(text, at);
  std::size_t end = at + whole;
  bool real = false;
  if (at_or_zero(text, end) == '.') {
    real = true;
    end += 1 + decimal_digits(text, end + 1);
  }
  if (const std::size_t exponent = exponent_size(text, end)) {
    real = true;
    end += exponent;
  }
  if (lower(at_or_zero(text, end)) == 'j') return end + 1 - at;
  if (real) return end - at;
  if (const std::size_t n = prefixed_integer_size(text, at)) return n;
  return first == '0' ? digits(text, at, [](char c) { return c == '0'; }) : whole;
}

std::size_t python_operator_size(std::string_view text, std::size_t at) {
  static constexpr auto kThree = std::to_array<std::string_view>({"**=", "//=", ">>=", "<<=", "..."});
  static constexpr auto kTwo = std::to_array<std::string_view>(
      {"**", "//", ">>", "<<", "->", ":=", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "%=", "@=", "&=", "|=", "^="});
  static constexpr std::string_view kOne = "+-*/%@&|^~<>()[]{},:.;=";
  const std::string_view rest = text.substr(std::min(at, text.size()), 3);
  if (rest.size() == 3 && std::ranges::find(kThree, rest) != kThree.end()) return 3;
  if (rest.size() >= 2 && std::ranges::find(kTwo, rest.substr(0, 2)) != kTwo.end()) return 2;
  return !rest.empty() && kOne.find(rest[0]) != std::string_view::npos ? 1 : 0;
}

std::size_t python_name_start_size(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  const char c = text[at];
  if (static_cast<unsigned char>(c) < 0x80) return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' ? 1 : 0;
  const CodePoint point = decode(text, at);
  return point.size > 0 && is_letter(point.value) ? point.size : 0;
}

std::size_t python_name_continue_size(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  if (is_digit(text[at])) return 1;
  if (const std::size_t n = python_name_start_size(text, at)) return n;
  if (static_cast<unsigned char>(text[at]) < 0x80) return 0;
  const CodePoint point = decode(text, at);
  return point.size > 0 && is_mark_or_digit(point.value) ? point.size : 0;
}

std::size_t python_name_size(std::string_view text, std::size_t at) {
  std::size_t end = at + python_name_start_size(text, at);
  if (end == at) return 0;
  while (const std::size_t n = python_name_continue_size(text, end)) end += n;
  return end - at;
}

PythonStringOpening python_string_opening(std::string_view text, std::size_t at) {
  static constexpr auto kPrefixes = std::to_array<std::string_view>({"", "r", "b", "u", "f", "br", "rb", "fr", "rf"});
  std::size_t letters = 0;
  std::array<char, 2> prefix{};
  while (letters < 2 && lower(at_or_zero(text, at + letters)) >= 'a' && lower(at_or_zero(text, at + letters)) <= 'z') {
    prefix[letters] = lower(text[at + letters]);
    ++letters;
  }
  const char quote = at_or_zero(text, at + letters);
  if (quote != '"' && quote != '\'') return {};
  const std::string_view word(prefix.data(), letters);
  if (std::ranges::find(kPrefixes, word) == kPrefixes.end()) return {};
  const bool triple = at_or_zero(text, at + letters + 1) == quote && at_or_zero(text, at + letters + 2) == quote;
  return {letters, triple ? std::size_t{3} : std::size_t{1}, quote, word.find('f') != std::string_view::npos};
}

}  // namespace gimbal
