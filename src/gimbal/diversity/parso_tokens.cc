#include "gimbal/diversity/parso_tokens.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "gimbal/base/python_scan.h"
#include "gimbal/base/text.h"

namespace gimbal::diversity {
namespace {

constexpr std::size_t kNpos = std::string_view::npos;

// Where the first unescaped `quote` at or after `at` ends, or npos. A backslash at the end of the line escapes nothing: the
// package looks at one line at a time.
std::size_t end_of_quote(std::string_view line, std::size_t at, std::string_view quote) {
  for (std::size_t p = at; p < line.size(); ++p) {
    if (line[p] == '\\') {
      ++p;
    } else if (line.substr(p, quote.size()) == quote) {
      return p + quote.size();
    }
  }
  return kNpos;
}

std::size_t blanks(std::string_view line, std::size_t at) {
  while (at < line.size() && (line[at] == ' ' || line[at] == '\t' || line[at] == '\f')) ++at;
  return at;
}

bool ends_with_newline(std::string_view text) { return text.ends_with('\n') || text.ends_with('\r'); }

// Words that begin statements only: inside brackets they say that the bracket was never closed.
bool breaks_brackets(std::string_view word) {
  static constexpr auto kWords =
      std::to_array<std::string_view>({"import", "class", "def", "try", "except", "finally", "while", "with", "return",
                                       "continue", "break", "del", "pass", "global", "assert", "nonlocal"});
  return std::ranges::find(kWords, word) != kWords.end();
}

// An open f-string: literal text while braces and format specifications balance, an expression otherwise.
struct FString {
  std::string quote;
  int braces = 0;            // open brackets of any kind in the expression
  int specs = 0;             // format specifications begun
  std::string carried = {};  // literal text of earlier lines
  bool multiline() const { return quote.size() == 3; }
  bool in_expression() const { return braces > specs; }
  bool in_spec() const { return !in_expression() && specs > 0; }
};

enum class ElementKind {
  kNone,
  kEndOfText,
  kContinuation,
  kComment,
  kTriple,
  kFString,
  kNumber,
  kOperator,
  kNewline,
  kString,
  kOpenString,
  kName
};
struct Element {
  ElementKind kind = ElementKind::kNone;
  std::size_t begin = 0;
  std::size_t end = 0;
};

class Tokenizer {
 public:
  std::vector<std::string> run(std::string_view source) {
    if (source.starts_with("\xEF\xBB\xBF")) source.remove_prefix(3);
    std::size_t at = 0;
    while (at < source.size()) {
      std::size_t end = at;
      while (end < source.size() && python_newline_size(source, end) == 0) ++end;
      end += python_newline_size(source, end);
      tokenize_line(source.substr(at, end - at));
      at = end;
    }
    if (!open_string_.empty()) push(open_string_);
    if (!fstrings_.empty() && !fstrings_.back().carried.empty()) push(fstrings_.back().carried);
    for (std::size_t level = 1; level < indents_.size(); ++level) push("");
    push("");
    return std::move(out_);
  }

 private:
  void push(std::string_view text) { out_.emplace_back(text); }

  void dedent(std::size_t column) {
    while (column < indents_.back()) {
      push("");
      if (column > indents_[indents_.size() - 2]) {
        indents_.back() = column;
        return;
      }
      indents_.pop_back();
    }
  }

  void tokenize_line(std::string_view line) {
    std::size_t at = 0;
    if (!open_string_.empty()) {
      const std::size_t end = end_of_quote(line, 0, open_quote_);
      open_string_ += line.substr(0, end);
      if (end == kNpos) return;
      push(std::exchange(open_string_, {}));
      at = end;
    }
    while (at < line.size()) {
      if (!fstrings_.empty() && inside_fstring(line, at)) continue;
      if (at >= line.size() || !token(line, at)) return;
    }
  }

  // Literal text or the end of an f-string; false when a token of an expression comes (or the line is over).
  bool inside_fstring(std::string_view line, std::size_t& at) {
    FString& top = fstrings_.back();
    if (!top.in_expression()) {
      const std::size_t end = literal_end(line, at, top);
      const std::string_view piece = line.substr(at, end - at);
      at = end;
      std::string text;
      if (ends_with_newline(piece)) {
        top.carried += piece;
      } else {
        text = top.carried + std::string(piece);
      }
      if (!text.empty()) {
        push(text);
        top.carried.clear();
        return true;
      }
      if (at >= line.size()) return true;
    }
    const std::size_t quote_at = [&] {
      std::size_t p = at;
      while (p < line.size() && std::string_view(" \t\f\n\r\v").find(line[p]) != kNpos) ++p;
      return p;
    }();
    for (std::size_t k = 0; k < fstrings_.size(); ++k) {
      const std::string quote = fstrings_[k].quote;
      if (line.substr(quote_at, quote.size()) != quote) continue;
      push(quote);
      fstrings_.resize(k);
      at = quote_at + quote.size();
      return true;
    }
    return false;
  }

  // Where the literal text of an f-string that begins at `at` ends in this line.
  std::size_t literal_end(std::string_view line, std::size_t at, const FString& top) const {
    std::size_t p = at;
    const bool spec = top.in_spec();
    while (p < line.size()) {
      const char c = line[p];
      const std::size_t newline = python_newline_size(line, p);
      if (c == '{' || c == '}') {
        if (spec || line.substr(p + 1, 1) != line.substr(p, 1)) break;
        p += 2;
      } else if (newline > 0) {
        if (!top.multiline()) break;
        p += newline;
      } else if (c != '\\' || (spec && top.multiline())) {
        ++p;
      } else if (const std::size_t continued = python_newline_size(line, p + 1)) {
        p += 1 + continued;
      } else if (spec) {
        ++p;
      } else if (line.substr(p + 1, 1) == "N") {
        const std::size_t name = named_character_size(line, p + 2);
        if (name == 0) break;
        p += 2 + name;
      } else if (p + 1 < line.size()) {
        p += 2;
      } else {
        break;
      }
    }
    std::string_view piece = line.substr(at, p - at);
    for (const FString& open : fstrings_) {
      const std::size_t end = end_of_quote(piece, 0, open.quote);
      if (end != kNpos) piece = piece.substr(0, end - open.quote.size());
    }
    return at + piece.size();
  }

  // "{GREEK SMALL LETTER MU}" after "\N".
  static std::size_t named_character_size(std::string_view line, std::size_t at) {
    if (line.substr(at, 1) != "{") return 0;
    std::size_t p = at + 1;
    while (p < line.size() && line[p] != '}') {
      const char c = line[p];
      const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
      if (!letter && !(c == ' ' && p > at + 1 && line[p - 1] != ' ')) return 0;
      ++p;
    }
    return p < line.size() && p > at + 1 && line[p - 1] != ' ' ? p + 1 - at : 0;
  }

  // White space and the element after it, in the package's order of alternatives.
  Element element(std::string_view line, std::size_t at) const {
    const std::size_t begin = blanks(line, at);
    const auto found = [&](ElementKind kind, std::size_t size) { return Element{kind, begin, begin + size}; };
    if (begin >= line.size()) return found(ElementKind::kEndOfText, 0);
    const char c = line[begin];
    if (c == '\\') {
      if (const std::size_t newline = python_newline_size(line, begin + 1))
        return found(ElementKind::kContinuation, 1 + newline);
      return found(ElementKind::kNone, 0);
    }
    if (c == '#') {
      std::size_t end = begin;
      while (end < line.size() && line[end] != '\n' && line[end] != '\r') ++end;
      return found(ElementKind::kComment, end - begin);
    }
    const PythonStringOpening opening = python_string_opening(line, begin);
    if (opening.formatted) return found(ElementKind::kFString, opening.size());
    if (opening.quotes == 3) return found(ElementKind::kTriple, opening.size());
    if (const std::size_t n = python_number_size(line, begin)) return found(ElementKind::kNumber, n);
    if (const std::size_t n = python_operator_size(line, begin)) return found(ElementKind::kOperator, n);
    // Two characters that are no operators of the language but of the package.
    if (c == '!' || c == '`') return found(ElementKind::kOperator, line.substr(begin + 1, 1) == "=" ? 2 : 1);
    if (const std::size_t n = python_newline_size(line, begin)) return found(ElementKind::kNewline, n);
    if (opening.quotes == 1) {
      if (const Element string = single_quoted(line, begin, opening); string.kind != ElementKind::kNone) return string;
    }
    std::size_t end = begin;
    while (end < line.size() && is_word_byte(line[end])) ++end;
    return end > begin ? found(ElementKind::kName, end - begin) : found(ElementKind::kNone, 0);
  }

  static bool is_word_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  }

  // A string that ends in this line, or is continued by a backslash at its end; else none.
  static Element single_quoted(std::string_view line, std::size_t begin, const PythonStringOpening& opening) {
    for (std::size_t p = begin + opening.size(); p < line.size(); ++p) {
      if (line[p] == opening.quote) return {ElementKind::kString, begin, p + 1};
      if (line[p] == '\\') {
        if (const std::size_t newline = python_newline_size(line, p + 1))
          return {ElementKind::kOpenString, begin, p + 1 + newline};
        ++p;
      } else if (python_newline_size(line, p) > 0) {
        break;
      }
    }
    return {};
  }

  // One token outside literal text; false when the line is over.
  bool token(std::string_view line, std::size_t& at) {
    std::string_view visible = line;
    for (const FString& open : fstrings_) {
      // Inside an f-string a token ends before any quote that could end the string.
      const std::size_t end = end_of_quote(line, at, open.quote);
      if (end != kNpos && end - open.quote.size() < visible.size()) visible = line.substr(0, end - open.quote.size());
    }
    const Element e = element(visible, at);
    if (e.kind == ElementKind::kEndOfText && e.begin >= line.size()) return false;
    if (e.kind == ElementKind::kEndOfText && !fstrings_.empty() && e.begin > at) {
      return false;  // white space before the end of an f-string: the package drops the rest of the line
    }
    const char initial = line[e.begin];
    const bool matched = e.kind != ElementKind::kNone && e.kind != ElementKind::kEndOfText;
    if (new_line_ && initial != '\r' && initial != '\n' && initial != '#' && (initial != '\\' || !matched)) {
      new_line_ = false;
      if (brackets_ == 0 && fstrings_.empty()) {
        const std::size_t column = code_point_count(line.substr(0, e.begin));
        if (column > indents_.back()) {
          push("");
          indents_.push_back(column);
        }
        dedent(column);
      }
    }
    if (!matched) {
      const std::size_t size = stray_size(line, e.begin);
      push(line.substr(e.begin, size));
      at = e.begin + size;
      new_line_ = false;
      return true;
    }
    return accept(line, e, at);
  }

  static std::size_t stray_size(std::string_view line, std::size_t at) {
    std::size_t size = 1;
    while (at + size < line.size() && (static_cast<unsigned char>(line[at + size]) & 0xC0) == 0x80) ++size;
    return size;
  }

  bool accept(std::string_view line, const Element& e, std::size_t& at) {
    const std::string_view text = line.substr(e.begin, e.end - e.begin);
    at = e.end;
    switch (e.kind) {
      case ElementKind::kNumber:
      case ElementKind::kString:
        push(text);
        return true;
      case ElementKind::kName:
        name(line, text, e.begin);
        return true;
      case ElementKind::kNewline:
        newline(text);
        return true;
      case ElementKind::kComment:
        if (!fstrings_.empty() && fstrings_.back().in_expression()) {
          push("#");
          at = e.begin + 1;
        }
        return true;
      case ElementKind::kTriple: {
        const std::string quote(3, text.back());
        const std::size_t end = end_of_quote(line, e.end, quote);
        if (end != kNpos) {
          push(line.substr(e.begin, end - e.begin));
          at = end;
          return true;
        }
        open_quote_ = quote;
        open_string_ = line.substr(e.begin);
        return false;
      }
      case ElementKind::kOpenString:
        open_quote_ = text.substr(python_string_opening(text, 0).prefix, 1);
        open_string_ = line.substr(e.begin);
        return false;
      case ElementKind::kFString: {
        const PythonStringOpening opening = python_string_opening(text, 0);
        fstrings_.push_back({std::string(opening.quotes, opening.quote)});
        push(text);
        return true;
      }
      case ElementKind::kContinuation:
        return false;
      case ElementKind::kOperator:
        operation(text, e.begin, at);
        return true;
      case ElementKind::kNone:
      case ElementKind::kEndOfText:
        break;
    }
    return false;
  }

  void name(std::string_view line, std::string_view text, std::size_t begin) {
    if (breaks_brackets(text) && (!fstrings_.empty() || brackets_ > 0)) {
      fstrings_.clear();
      brackets_ = 0;
      if (blanks(line, 0) == begin) dedent(begin);
    }
    if (python_name_size(text, 0) == text.size()) {
      push(text);
      return;
    }
    // Runs that are names and runs that are not, in turn.
    std::size_t run = 0;
    bool illegal = false;
    for (std::size_t p = 0; p < text.size();) {
      const bool starts = python_name_start_size(text, p) > 0;
      const bool fits = illegal ? starts : p == run ? starts : python_name_continue_size(text, p) > 0;
      if (fits == illegal) {
        if (p > run) push(text.substr(run, p - run));
        run = p;
        illegal = !illegal;
      }
      p += stray_size(text, p);
    }
    if (run < text.size()) push(text.substr(run));
  }

  void newline(std::string_view text) {
    if (std::ranges::any_of(fstrings_, [](const FString& f) { return !f.multiline(); })) fstrings_.clear();
    if (!new_line_ && brackets_ == 0 && fstrings_.empty()) push(text);
    new_line_ = true;
  }

  void operation(std::string_view text, std::size_t begin, std::size_t& at) {
    const char c = text.size() == 1 || text[0] == ':' ? text[0] : '\0';
    if (c == '(' || c == '[' || c == '{') {
      ++(fstrings_.empty() ? brackets_ : fstrings_.back().braces);
    } else if (c == ')' || c == ']' || c == '}') {
      if (!fstrings_.empty()) {
        FString& top = fstrings_.back();
        if (--top.braces == 0) top.specs = 0;
      } else if (brackets_ > 0) {
        --brackets_;
      }
    } else if (c == ':' && !fstrings_.empty() && fstrings_.back().braces != 0 &&
               fstrings_.back().braces - fstrings_.back().specs == 1) {
      ++fstrings_.back().specs;
      text = text.substr(0, 1);
      at = begin + 1;
    }
    push(text);
  }

  std::vector<std::string> out_;
  std::vector<std::size_t> indents_ = {0};
  std::vector<FString> fstrings_;
  std::string open_string_;  // a string that began in an earlier line
  std::string open_quote_;
  int brackets_ = 0;
  bool new_line_ = true;
};

}  // namespace

std::vector<std::string> parso_tokens(std::string_view source) { return Tokenizer().run(source); }

}  // namespace gimbal::diversity
