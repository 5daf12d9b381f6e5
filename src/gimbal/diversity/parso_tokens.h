// The token texts that the Python package parso (0.8) yields for Python 3.11: the tokens behind the published lexical numbers
// of the effective-diversity study (arXiv 2504.12522).
//
// They differ from those of base/python_lexer.h in this: NEWLINE is its text, INDENT, DEDENT and the end marker are empty
// texts, f-strings are split (opening, literal pieces, tokens of the expressions, end), the last line's end counts only if it
// is there, an unclosed quote is a token by itself, and words that only begin statements (def, return, ...) close all open
// brackets. Differential tests compare with the package's own output on whole and broken programs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gimbal::diversity {

// O(size) but for f-strings, which look ahead to their end at each token.
std::vector<std::string> parso_tokens(std::string_view source);

}  // namespace gimbal::diversity
