#include "gimbal/diversity/extract.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "gimbal/base/check.h"
#include "gimbal/base/python_scan.h"
#include "gimbal/base/text.h"

namespace gimbal::diversity {
namespace {

constexpr std::size_t kNpos = std::string_view::npos;

std::string_view strip_left(std::string_view line) {
  const std::size_t at = line.find_first_not_of(" \t\f\v\r");
  return at == kNpos ? std::string_view() : line.substr(at);
}

// The line without its comment; a # inside quotes is none.
std::string_view without_comment(std::string_view line) {
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      return line.substr(0, i);
    }
  }
  return line;
}

bool begins_with_word(std::string_view code, std::string_view word) {
  return code.starts_with(word) && python_name_continue_size(code, word.size()) == 0;
}

// What follows `word` and blanks, when the code begins with that word.
std::optional<std::string_view> after_word(std::string_view code, std::string_view word) {
  if (!begins_with_word(code, word)) return std::nullopt;
  const std::string_view rest = strip_left(code.substr(word.size()));
  if (rest.size() + word.size() == code.size()) return std::nullopt;  // no blank between
  return rest;
}

bool begins_function(std::string_view code) {
  if (const auto rest = after_word(code, "async")) code = *rest;
  const auto rest = after_word(code, "def");
  if (!rest) return false;
  const std::size_t name = python_name_size(*rest, 0);
  return name > 0 && strip_left(rest->substr(name)).starts_with("(");
}

bool begins_compound(std::string_view code) {
  static constexpr auto kWords =
      std::to_array<std::string_view>({"while", "if", "elif", "else", "try", "except", "finally", "with"});
  if (begins_with_word(code, "for")) return code.find(" in ") != kNpos;
  return std::ranges::any_of(kWords, [&](std::string_view word) { return begins_with_word(code, word); });
}

bool opens_block(std::string_view code) {
  if (begins_function(code)) return true;
  if (const auto name = after_word(code, "class")) return python_name_size(*name, 0) > 0;
  if (code.starts_with("if __name__ == \"__main__\":") || code.starts_with("if __name__ == '__main__':")) return true;
  return code.ends_with(':') && begins_compound(code);
}

bool is_import(std::string_view code) {
  if (after_word(code, "import")) return true;
  return after_word(code, "from") && code.find(" import ") != kNpos;
}

// (1) The contents of the triple-quoted strings, joined by newlines; `text` keeps the rest.
std::optional<std::string> take_triple_quoted(std::string& text) {
  std::optional<std::string> contents;
  std::string rest;
  std::size_t at = 0;
  while (true) {
    const std::size_t open = std::min(text.find("\"\"\"", at), text.find("'''", at));
    const std::size_t close = open == kNpos ? kNpos : text.find(std::string(3, text[open]), open + 3);
    if (close == kNpos) break;
    rest += text.substr(at, open - at);
    const std::string inside = text.substr(open + 3, close - open - 3);
    contents = contents ? *contents + "\n" + inside : inside;
    at = close + 3;
  }
  rest += text.substr(at);
  text = std::move(rest);
  return contents;
}

// (2) Every run of three backticks with its info word on a line of its own.
std::string isolate_fences(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.substr(at, 3) != "```") {
      out += text[at++];
      continue;
    }
    std::size_t end = at + 3;
    while (end < text.size() && (python_name_continue_size(text, end) == 1 || text[end] == '+' || text[end] == '-')) ++end;
    out += '\n';
    out += text.substr(at, end - at);
    out += '\n';
    at = end;
  }
  return out;
}

// A piece of the answer; some wait for what the parser says of a line.
struct Piece {
  std::string text;
  std::optional<std::size_t> line = {};  // index of the line to classify: the piece stays if it is a statement
  std::optional<std::size_t> tail = {};  // or if this, what follows the last colon of a one-line compound, is an expression
};

class Scanner {
 public:
  explicit Scanner(std::vector<std::string>& lines) : to_classify_(lines) {}

  std::vector<Piece> scan(std::string_view text) {
    const std::vector<std::string_view> lines = split(text, '\n');
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::string_view line = lines[i];
      if (line.ends_with('\r')) line.remove_suffix(1);
      const std::string_view body = strip_left(line);
      const std::size_t indent = line.size() - body.size();
      const std::string_view code = trim(without_comment(body));
      if (!in_block_ && code.empty()) {
        pieces_.push_back({std::string(line)});
      } else if (opens_block(code)) {
        if (!in_block_) base_ = indent;
        in_block_ = true;
        block_.push_back(line);
      } else if (in_block_ && (indent > base_ || code.empty())) {
        block_.push_back(line);
      } else {
        leave_block();
        top_level(body, code, indent, i + 1 < lines.size() ? lines[i + 1] : std::string_view());
      }
    }
    leave_block();
    return std::move(pieces_);
  }

 private:
  void leave_block() {
    if (!in_block_) return;
    in_block_ = false;
    std::string text;
    for (const std::string_view line : block_) {
      const std::size_t white = line.size() - strip_left(line).size();
      text += line.substr(std::min(base_, white));
      text += '\n';
    }
    block_.clear();
    pieces_.push_back({std::string(trim(text)) + "\n"});
  }

  void top_level(std::string_view body, std::string_view code, std::size_t indent, std::string_view next) {
    Piece piece{std::string(body)};
    if (!is_import(code) && !code.starts_with('@')) {
      piece.line = ask(body);
      const std::size_t colon = code.rfind(':');
      const bool deeper = !trim(next).empty() && next.size() - strip_left(next).size() > indent;
      if (colon != kNpos && begins_compound(code) && !deeper) piece.tail = ask(trim(code.substr(colon + 1)));
    }
    pieces_.push_back(std::move(piece));
  }

  std::size_t ask(std::string_view line) {
    to_classify_.emplace_back(line);
    return to_classify_.size() - 1;
  }

  std::vector<std::string>& to_classify_;
  std::vector<Piece> pieces_;
  std::vector<std::string_view> block_;
  std::size_t base_ = 0;
  bool in_block_ = false;
};

bool stays(const Piece& piece, const std::vector<LineKind>& kinds) {
  if (!piece.line) return true;
  const LineKind kind = kinds[*piece.line];
  if (kind == LineKind::kExpression || kind == LineKind::kStatement) return true;
  return piece.tail && kinds[*piece.tail] == LineKind::kExpression;
}

}  // namespace

Result<std::vector<std::string>> extract_heuristic(std::span<const std::string> texts, const LineParser& parser) {
  std::vector<std::string> to_classify;
  std::vector<std::vector<Piece>> pieces;
  std::vector<std::optional<std::string>> docstrings;
  for (const std::string& text : texts) {
    std::string rest = text;
    docstrings.push_back(take_triple_quoted(rest));
    pieces.push_back(Scanner(to_classify).scan(isolate_fences(rest)));
  }
  std::vector<LineKind> kinds;
  if (!to_classify.empty()) {
    GIMBAL_TRY(kinds, parser.classify(to_classify));
  }
  GIMBAL_CHECK(kinds.size() == to_classify.size(), "a kind for each line");
  std::vector<std::string> out;
  for (std::size_t t = 0; t < texts.size(); ++t) {
    std::string code;
    if (docstrings[t]) {
      // The contents may hold one kind of triple quote, of the strings that were written with the other.
      const std::string quotes = docstrings[t]->find("\"\"\"") == std::string::npos ? "\"\"\"" : "'''";
      code = quotes + "\n" + *docstrings[t] + "\n" + quotes + "\n";
    }
    for (const Piece& piece : pieces[t]) {
      if (stays(piece, kinds)) code += piece.text + "\n";
    }
    out.emplace_back(trim(code));
  }
  return out;
}

}  // namespace gimbal::diversity
