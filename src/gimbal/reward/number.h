// The number that a text ends with, and exact comparison of numbers (the verifier of GSM8K).
//
// A number is an optional sign, digits (thousands commas only in groups of three), optional decimals, optional exponent; or a
// fraction of two integers. A `$` before and a `%` after are ignored, and a full stop that ends a sentence is no part of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gimbal/reward/types.h"

namespace gimbal::reward {

// The answer of a text: what follows its last "####"; else the content of its last box; else its last number. The view
// points into `text`, without `$`, `%` and the final full stop. nullopt: there is no number there. O(length).
std::optional<std::string_view> extract_number(std::string_view text);

// Whether two texts that extract_number accepts are the same number, as exact fractions; with `tolerance` > 0 also when
// |a - b| <= tolerance * max(|a|, |b|). nullopt: one of them is no number, or divides by zero, or has an exponent beyond
// +-4000.
std::optional<bool> numbers_equal(std::string_view a, std::string_view b, double tolerance = 0);

struct NumberOptions {
  double tolerance = 0;  // relative, at least 0
};
std::unique_ptr<ItemVerifier> make_number_verifier(const NumberOptions& options);

}  // namespace gimbal::reward
