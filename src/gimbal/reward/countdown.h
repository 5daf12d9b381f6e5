// Countdown: write an expression that uses each of the given numbers exactly once and equals the target.
//
// The expression is read by a parser of our own and evaluated in exact fractions. Its grammar is the whole of what is allowed:
//   sum = product (("+" | "-") product)*   product = unary (("*" | "/") unary)*   unary = "-" unary | "(" sum ")" | integer
// with blanks between tokens, the signs of typography for - * /, and a final "= number". Integers have no leading zeros. What a
// programming language would also accept (2**3, 7//2, 1_0) is a wrong form.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gimbal/reward/types.h"

namespace gimbal::reward {

struct CountdownOptions {
  double partial = 0.1;    // score of a well-formed expression that is wrong, in [0, 1]
  bool last_line = false;  // the answer must stand in the last line (the graders of TinyZero)
};

// The content of the last complete <answer>...</answer>, or nullopt.
std::optional<std::string_view> extract_answer_tag(std::string_view text, bool last_line = false);

// The verdict on a bare expression. Reasons: equal_numeric; different (numbers or value wrong, division by zero); format.
// `numbers`: any order, each used exactly once. Expressions of more than 4096 bytes or 64 levels have a wrong form. O(length).
Score countdown_score(std::string_view expression, std::span<const std::int64_t> numbers, double target,
                      const CountdownOptions& options = {});

// Records {"numbers":[3,5,7],"target":26}.
std::unique_ptr<ItemVerifier> make_countdown_verifier(const CountdownOptions& options);

}  // namespace gimbal::reward
