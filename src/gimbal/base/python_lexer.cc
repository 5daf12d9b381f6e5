// GCC 12 sees moves of strings into vectors as out of bounds where nothing is wrong (GCC bug 105651 and its kin).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Warray-bounds"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#endif

#include "gimbal/base/python_lexer.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "gimbal/base/check.h"
#include "gimbal/base/python_scan.h"

namespace gimbal {
namespace {

// The width of an indentation, measured twice: tabs to multiples of 8, and tabs as one column. Levels that the two measures
// order differently mean different things to different editors, which the language refuses.
struct Indentation {
  std::uint32_t column = 0;
  std::uint32_t narrow = 0;
};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  PythonTokens run() {
    if (source_.starts_with("\xEF\xBB\xBF")) at_ = line_start_ = 3;
    while (at_ < source_.size()) {
      if (at_line_start_ && open_.empty()) {
        if (!begin_line()) continue;  // blank or comment alone
      }
      at_line_start_ = false;
      lex_one();
    }
    finish();
    return std::move(out_);
  }

 private:
  std::uint32_t position(std::size_t at) const { return static_cast<std::uint32_t>(at); }

  void push(PythonTokenKind kind, std::size_t size) {
    out_.tokens.push_back({kind, position(at_), position(size), line_, position(at_ - line_start_)});
  }
  void error(std::string message, std::size_t at) {
    out_.errors.push_back({position(at), line_, position(at - line_start_), std::move(message)});
  }

  void next_line(std::size_t newline) {
    at_ += newline;
    ++line_;
    line_start_ = at_;
  }

  // Measures the indentation; false when the line holds no token, and is then passed. A line that is only continued ("\" at its
  // end) counts as one that holds tokens.
  bool begin_line() {
    Indentation indent;
    std::size_t p = at_;
    for (; p < source_.size(); ++p) {
      const char c = source_[p];
      if (c == ' ') {
        ++indent.column;
        ++indent.narrow;
      } else if (c == '\t') {
        indent.column = (indent.column / 8 + 1) * 8;
        ++indent.narrow;
      } else if (c == '\f') {
        indent = {};
      } else {
        break;
      }
    }
    std::size_t end = p;
    if (end < source_.size() && source_[end] == '#') end = line_end(end);
    if (end == source_.size() || python_newline_size(source_, end) > 0) {
      at_ = end;
      if (end < source_.size()) next_line(python_newline_size(source_, end));
      return false;
    }
    change_level(indent, p - at_);
    at_ = p;
    return true;
  }

  void change_level(const Indentation& indent, std::size_t white) {
    if (indent.column > levels_.back().column) {
      if (indent.narrow <= levels_.back().narrow) error("tabs and spaces are mixed in the indentation", at_);
      push(PythonTokenKind::kIndent, white);
      levels_.push_back(indent);
      return;
    }
    // The token stands where the line's text begins.
    at_ += white;
    while (indent.column < levels_.back().column) {
      if (indent.column > levels_[levels_.size() - 2].column) {
        error("the indentation matches no outer level", at_);
        levels_.back() = indent;
        break;
      }
      levels_.pop_back();
      push(PythonTokenKind::kDedent, 0);
    }
    if (indent.narrow != levels_.back().narrow) error("tabs and spaces are mixed in the indentation", at_);
    at_ -= white;
  }

  std::size_t line_end(std::size_t p) const {
    while (p < source_.size() && source_[p] != '\n' && source_[p] != '\r') ++p;
    return p;
  }

  void lex_one() {
    const char c = source_[at_];
    if (c == ' ' || c == '\t' || c == '\f') {
      ++at_;
    } else if (const std::size_t newline = python_newline_size(source_, at_)) {
      end_line(newline);
    } else if (c == '#') {
      at_ = line_end(at_);
    } else if (c == '\\') {
      lex_backslash();
    } else if (const PythonStringOpening opening = python_string_opening(source_, at_); opening.quotes > 0) {
      lex_string(opening);
    } else if (const std::size_t name = python_name_size(source_, at_)) {
      take(PythonTokenKind::kName, name);
    } else if (const std::size_t number = python_number_size(source_, at_)) {
      take(PythonTokenKind::kNumber, number);
    } else if (const std::size_t size = python_operator_size(source_, at_)) {
      if (size == 1) pair_brackets(c);
      take(PythonTokenKind::kOperator, size);
    } else {
      lex_stray();
    }
  }

  void take(PythonTokenKind kind, std::size_t size) {
    push(kind, size);
    at_ += size;
    pending_ = true;
  }

  void end_line(std::size_t newline) {
    if (open_.empty()) {
      if (pending_) push(PythonTokenKind::kNewline, newline);
      pending_ = false;
      at_line_start_ = true;
    }
    next_line(newline);
  }

  void lex_backslash() {
    if (const std::size_t newline = python_newline_size(source_, at_ + 1)) {
      ++at_;
      next_line(newline);
      return;
    }
    error("a backslash must be the last character of its line", at_);
    take(PythonTokenKind::kError, 1);
  }

  // One code point, or one byte where the text is not UTF-8.
  void lex_stray() {
    const auto lead = static_cast<unsigned char>(source_[at_]);
    std::size_t size = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
    for (std::size_t k = 1; k < size; ++k) {
      if (at_ + k >= source_.size() || (static_cast<unsigned char>(source_[at_ + k]) & 0xC0) != 0x80) size = 1;
    }
    error("this character begins no token", at_);
    take(PythonTokenKind::kError, size);
  }

  void lex_string(const PythonStringOpening& opening) {
    const std::size_t begin = at_;
    const std::uint32_t line = line_;
    const std::size_t column = at_ - line_start_;
    std::size_t p = at_ + opening.size();
    bool closed = false;
    while (p < source_.size()) {
      const char c = source_[p];
      if (c == opening.quote &&
          (opening.quotes == 1 || (source_.substr(p, 3).size() == 3 && source_[p + 1] == c && source_[p + 2] == c))) {
        p += opening.quotes;
        closed = true;
        break;
      }
      if (c == '\\' && p + 1 < source_.size()) {
        ++p;
        if (const std::size_t newline = python_newline_size(source_, p)) {
          p += newline;
          ++line_;
          line_start_ = p;
        } else {
          ++p;
        }
        continue;
      }
      if (const std::size_t newline = python_newline_size(source_, p)) {
        if (opening.quotes == 1) break;
        p += newline;
        ++line_;
        line_start_ = p;
        continue;
      }
      ++p;
    }
    out_.tokens.push_back({PythonTokenKind::kString, position(begin), position(p - begin), line, position(column)});
    if (!closed) out_.errors.push_back({position(begin), line, position(column), "the string literal is not closed"});
    at_ = p;
    pending_ = true;
  }

  void pair_brackets(char c) {
    if (c == '(' || c == '[' || c == '{') open_.push_back({c, at_, line_, line_start_});
    if (c != ')' && c != ']' && c != '}') return;
    if (open_.empty()) {
      error(std::string("'") + c + "' closes no bracket", at_);
      return;
    }
    const char opening = open_.back().bracket;
    if ((opening == '(' && c != ')') || (opening == '[' && c != ']') || (opening == '{' && c != '}'))
      error(std::string("'") + c + "' does not close '" + opening + "'", at_);
    open_.pop_back();
  }

  void finish() {
    for (const Open& open : open_) {
      out_.errors.push_back({position(open.at), open.line, position(open.at - open.line_start),
                             std::string("'") + open.bracket + "' is not closed"});
    }
    if (pending_) push(PythonTokenKind::kNewline, 0);
    while (levels_.size() > 1) {
      levels_.pop_back();
      push(PythonTokenKind::kDedent, 0);
    }
    std::ranges::stable_sort(out_.errors, {}, &PythonLexError::offset);
  }

  struct Open {
    char bracket;
    std::size_t at;
    std::uint32_t line;
    std::size_t line_start;
  };

  std::string_view source_;
  PythonTokens out_;
  std::vector<Indentation> levels_ = {{}};
  std::vector<Open> open_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  std::uint32_t line_ = 1;
  bool at_line_start_ = true;
  bool pending_ = false;  // the logical line has a token
};

}  // namespace

PythonTokens lex_python(std::string_view source) {
  GIMBAL_CHECK(source.size() < std::numeric_limits<std::uint32_t>::max(), "Python source of 4 GiB or more");
  return Lexer(source).run();
}

bool is_python_keyword(std::string_view name) {
  static constexpr auto kKeywords = std::to_array<std::string_view>(
      {"False",  "None",     "True", "and",    "as",      "assert", "async",  "await",  "break", "class",  "continue", "def",
       "del",    "elif",     "else", "except", "finally", "for",    "from",   "global", "if",    "import", "in",       "is",
       "lambda", "nonlocal", "not",  "or",     "pass",    "raise",  "return", "try",    "while", "with",   "yield"});
  return std::ranges::binary_search(kKeywords, name);
}

}  // namespace gimbal
