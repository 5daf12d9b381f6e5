// Equality of mathematical answers without a computer-algebra system.
//
// Two answers are normalised; if the strings differ they are taken apart (points, intervals, unions, sets, lists, matrices,
// equations, numerals in a base) and their scalars compared: as exact fractions where both are rational, else numerically, at
// twelve fixed points for the variables, in complex double and, where that is not clear, in 50 digits (Schwartz 1980, Zippel
// 1979: identities that fail somewhere fail almost everywhere). No rounding is forgiven: 0.333 is not 1/3.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gimbal/reward/math_normalize.h"
#include "gimbal/reward/types.h"

namespace gimbal::reward {

struct MathOptions {
  MathProfile profile = MathProfile::kMath;
  int last_lines = 0;       // extract from the last so many lines only; 0: from the whole text
  bool loose = false;       // without a box: "answer is ...", the last $...$, the last number
  bool strict_one = false;  // more than one distinct boxed answer is wrong
  bool round = false;       // a decimal of d digits equals what rounds to it
};

struct MathVerdict {
  bool equal = false;
  Reason reason = Reason::kDifferent;
};

// Whether two bare answers (no box, no prose) are equal. Symmetric, and reflexive but for texts without any letter or digit,
// which equal nothing. Reasons: equal_string, equal_numeric, equal_symbolic, different, no_answer, unparsable. Never more than
// about 50 ms: a comparison that costs more is unparsable.
MathVerdict math_equal(std::string_view a, std::string_view b, const MathOptions& options = {});

// Whether the text is understood as mathematics or a word (otherwise it is compared as a string).
bool is_readable_math(std::string_view answer);

struct MathExtraction {
  std::string answer;
  bool ambiguous = false;  // several distinct boxes in the last line that has one
  bool several = false;    // several distinct boxes in the text
};
// The final answer of a solution; nullopt: there is none.
std::optional<MathExtraction> extract_math(std::string_view text, const MathOptions& options = {});

std::unique_ptr<ItemVerifier> make_math_verifier(const MathOptions& options);

}  // namespace gimbal::reward
