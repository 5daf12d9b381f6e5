// The lexical elements of Python 3.11, one function each: how many bytes of one begin at a position. What lex_python
// (base/python_lexer.h) and other tokenisers of Python are built from.
//
// All take the whole text and a position in it, look ahead only, and return 0 where no such element begins.
#pragma once

#include <cstddef>
#include <string_view>

namespace gimbal {

// "\n", "\r\n" or "\r".
std::size_t python_newline_size(std::string_view text, std::size_t at);
// The longest number: 0x_ff, 0o7, 0b1, 1_000, 1.5e-3, .5, 1e9, 3j. Of "0777" it is "0", of "1_" it is "1", as the language's
// own regular expressions have it.
std::size_t python_number_size(std::string_view text, std::size_t at);
// The longest operator or delimiter: "**=", "->", ":=", "...", "(".
std::size_t python_operator_size(std::string_view text, std::size_t at);
// An identifier or keyword. Letters beyond ASCII by their Unicode category, in UTF-8.
std::size_t python_name_size(std::string_view text, std::size_t at);
// One code point that may begin, or may continue, an identifier.
std::size_t python_name_start_size(std::string_view text, std::size_t at);
std::size_t python_name_continue_size(std::string_view text, std::size_t at);

// The opening of a string literal: prefix letters (r, b, u, f, br, rb, fr, rf in any case) and one or three quotes.
struct PythonStringOpening {
  std::size_t prefix = 0;  // letters
  std::size_t quotes = 0;  // 0: no string begins here; 1 or 3
  char quote = 0;
  bool formatted = false;  // an f among the letters
  std::size_t size() const { return prefix + quotes; }
};
PythonStringOpening python_string_opening(std::string_view text, std::size_t at);

}  // namespace gimbal
