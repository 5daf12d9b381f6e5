// The tokens of Python 3.11 source, with positions; any bytes are lexed.
//
// Tokens are names (keywords too), numbers, operators, string literals with their prefix, and the marks NEWLINE (end of a
// logical line), INDENT and DEDENT. Comments, blank lines, line continuations and line ends inside brackets give no token.
// What the language would refuse is lexed all the same, with an error beside it:
//   a character that fits nothing      a kError token of that character (or byte, where it is not UTF-8)
//   a string that is not closed        ends at the end of its line; triple-quoted: at the end of the text
//   a dedent to no outer level         the innermost level becomes that column, without a token
//   brackets that do not pair          a closing bracket always closes the innermost open one
// An f-string is one token: in 3.11 it cannot hold its own quotes. The rules are those of the language reference, chapter 2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gimbal {

enum class PythonTokenKind : std::uint8_t { kName, kNumber, kString, kOperator, kNewline, kIndent, kDedent, kError };

struct PythonToken {
  PythonTokenKind kind = PythonTokenKind::kError;
  std::uint32_t offset = 0;  // of the first byte
  std::uint32_t size = 0;  // bytes; INDENT holds the white space of its line, DEDENT and a NEWLINE at the end of text are empty
  std::uint32_t line = 0;  // 1-based physical line of the first byte; lines end with \n, \r\n or \r
  std::uint32_t column = 0;  // bytes from the beginning of that line, 0-based
  std::string_view text(std::string_view source) const { return source.substr(offset, size); }
};

struct PythonLexError {
  std::uint32_t offset = 0;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string message;  // "string literal is not closed"
};

struct PythonTokens {
  std::vector<PythonToken> tokens;     // in the order of the text; as many DEDENT as INDENT
  std::vector<PythonLexError> errors;  // empty for text that the language's lexer accepts
};

// `source`: UTF-8, a BOM is skipped, shorter than 4 GiB (GIMBAL_CHECK). O(size).
PythonTokens lex_python(std::string_view source);

// Whether the name is one of the 35 reserved words of 3.11 (soft keywords such as `match` are names).
bool is_python_keyword(std::string_view name);

}  // namespace gimbal
