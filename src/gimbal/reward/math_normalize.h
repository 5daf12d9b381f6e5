// The string stage of comparing mathematics: one spelling for what LaTeX writes in many ways.
#pragma once

#include <string>
#include <string_view>

namespace gimbal::reward {

// kHendrycks: the normalisation whose string equality published MATH numbers use. kMath: also Unicode signs, thousands commas
// and mixed numbers, and a structured comparison after it (math.h).
enum class MathProfile { kMath, kHendrycks };

// Clean LaTeX with blanks kept: spacing commands, sizes, dollars, degrees, percents and trailing units removed; dfrac and tfrac
// become frac; row separators of matrices stay. What the parsers read. O(length).
std::string clean_math(std::string_view text, MathProfile profile = MathProfile::kMath);

// clean_math, then everything that makes equal strings: no blanks, braced arguments, a/b as \frac. Under kHendrycks also
// "k = v" becomes v where k has at most 2 characters. O(length).
std::string normalize_math(std::string_view text, MathProfile profile = MathProfile::kMath);

// Digits with commas in groups of three and nothing else (a sign and decimals may stand): "74,300", "-1,200.5".
bool is_thousands_number(std::string_view text);

}  // namespace gimbal::reward
