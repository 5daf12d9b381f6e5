// Decimal numbers in CSV cells: an exact fast path for the short ones, which are nearly all.
//
// A number m * 10^e with m <= 2^53 and |e| <= 22 is one correctly rounded multiplication or division of two exactly represented
// doubles (Clinger 1990, "How to read floating point numbers accurately", section 3). Digits are read eight at a time with the
// multiply-and-shift on a 64-bit word. Everything else (17 digits, large exponents, signs written "+", text that only
// looks like a number) is left to parse_finite, so every accepted cell is bit-equal to std::from_chars.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace gimbal::data {

static_assert(std::endian::native == std::endian::little, "digits are read from little-endian words");

inline constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
// Bytes that must be readable after the end of the text, for reading eight digits at once.
inline constexpr std::size_t kScanPadding = 8;

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// Appends the digits at `p` to `mantissa` (which wraps beyond 19 digits: the caller counts) and returns their end.
inline const char* scan_digits(const char* p, std::uint64_t& mantissa) {
  std::uint64_t word;
  std::memcpy(&word, p, 8);
  while ((((word + 0x0606060606060606u) | word) & 0xF0F0F0F0F0F0F0F0u) == 0x3030303030303030u &&
         (word & 0xF0F0F0F0F0F0F0F0u) == 0x3030303030303030u) {
    // Neighbours are joined to numbers of 2, 4, then 8 digits: the lower byte is the more significant one, so its weight is the
    // factor that the product carries up to the higher byte's place.
    word = ((word & 0x0F0F0F0F0F0F0F0Fu) * ((10u << 8) + 1)) >> 8;
    word = ((word & 0x00FF00FF00FF00FFu) * ((100u << 16) + 1)) >> 16;
    word = ((word & 0x0000FFFF0000FFFFu) * ((std::uint64_t{10000} << 32) + 1)) >> 32;
    mantissa = mantissa * 100000000u + word;
    p += 8;
    std::memcpy(&word, p, 8);
  }
  while (is_digit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
  return p;
}

// The number that begins at `p`, if it is on the fast path: returns its end and sets `value`; nullptr otherwise (which does not
// mean that there is no number). What follows the number is for the caller to check. [p, p + kScanPadding) and that far beyond
// the end of the digits must be readable.
inline const char* scan_short_number(const char* p, double& value) {
  const bool negative = *p == '-';
  p += negative;
  const char* const first = p;
  std::uint64_t mantissa = 0;
  p = scan_digits(p, mantissa);
  std::ptrdiff_t digits = p - first;
  int exponent = 0;
  if (*p == '.') {
    const char* const fraction = ++p;
    p = scan_digits(p, mantissa);
    exponent = static_cast<int>(fraction - p);
    digits += p - fraction;
  }
  if (digits == 0) return nullptr;
  if (digits > 19) return nullptr;  // the mantissa may have wrapped (leading zeros beyond that are rare)
  if ((*p | 0x20) == 'e') {
    ++p;
    const bool below_one = *p == '-';
    if (*p == '-' || *p == '+') ++p;
    if (!is_digit(*p)) return nullptr;
    int written = 0;
    while (is_digit(*p)) {
      if (written > 9999) return nullptr;
      written = written * 10 + (*p++ - '0');
    }
    exponent += below_one ? -written : written;
  }
  if (mantissa > (std::uint64_t{1} << 53) || exponent < -22 || exponent > 22) return nullptr;
  double magnitude = static_cast<double>(mantissa);
  if (exponent < 0)
    magnitude /= kPowersOfTen[static_cast<std::size_t>(-exponent)];
  else
    magnitude *= kPowersOfTen[static_cast<std::size_t>(exponent)];
  value = negative ? -magnitude : magnitude;
  return p;
}

}  // namespace gimbal::data
