#include "gimbal/reward/math_structure.h"

#include <algorithm>
#include <array>

#include "gimbal/base/text.h"
#include "gimbal/reward/math_normalize.h"

namespace gimbal::reward {
namespace {

constexpr int kMaxLevels = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Whether the command `name` stands at `at` (and no longer one).
bool is_command(std::string_view text, std::size_t at, std::string_view name) {
  if (!text.substr(at).starts_with(name)) return false;
  const std::size_t end = at + name.size();
  return end == text.size() || !is_letter(text[end]);
}

// The parts of `text` between separators outside all brackets. `separator(at)` gives the length of a separator there, or 0.
template <typename Separator>
std::vector<std::string_view> split_top(std::string_view text, Separator separator) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (depth == 0) {
      const std::size_t length = separator(i);
      if (length > 0) {
        parts.push_back(trim(text.substr(begin, i - begin)));
        i += length;
        begin = i;
        continue;
      }
    }
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      if (is_command(text, i, "\\begin")) ++depth;
      if (is_command(text, i, "\\end")) --depth;
      if (text[i + 1] == '{') ++depth;
      if (text[i + 1] == '}') --depth;
      i += 2;
      continue;
    }
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') --depth;
    ++i;
  }
  parts.push_back(trim(text.substr(begin)));
  return parts;
}

// Where the bracket that opens the text is closed, or npos.
std::size_t closing(std::string_view text, std::size_t open_length) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      if (text[i + 1] == '{') ++depth;
      if (text[i + 1] == '}') --depth;
      ++i;
      if (depth == 0 && i >= open_length) return i;
      continue;
    }
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') --depth;
    if (depth == 0 && i + 1 >= open_length && i > 0) return i;
  }
  return std::string_view::npos;
}

std::size_t comma_length(std::string_view text, std::size_t at) {
  if (text[at] == ',' || text[at] == ';') return 1;
  for (const std::string_view word :
       {"\\text{ and }", "\\text{ or }", "\\text{and}", "\\text{or}", "\\text{ and}", "\\text{ or}", "\\text{and }",
        "\\text{or }", "\\mbox{ and }", "\\mbox{ or }", " and ", " or "}) {
    if (text.substr(at).starts_with(word)) return word.size();
  }
  return 0;
}

// Letters and blanks, at least three letters: a word of a language and no product.
bool is_words(std::string_view text) {
  std::size_t letters = 0;
  for (const char c : text) {
    if (!is_letter(c) && c != ' ' && c != '\'' && c != '-' && c != '.') return false;
    if (is_letter(c)) ++letters;
  }
  return letters >= 3 && is_letter(text.front());
}

std::string fold_words(std::string_view text) {
  const std::string lower = fold_case(text);
  std::vector<std::string> words;
  for (const std::string_view word : split(lower, ' ')) {
    std::string_view core = word;
    while (!core.empty() && (core.back() == '.' || core.back() == ',' || core.back() == '!')) core.remove_suffix(1);
    if (core.empty() || core == "the" || core == "a" || core == "an") continue;
    words.emplace_back(core);
  }
  return join(words, " ");
}

// The content of "\text{...}" when it is the whole text.
std::optional<std::string_view> text_content(std::string_view text) {
  for (const std::string_view command : {"\\text{", "\\textbf{", "\\mathrm{", "\\mbox{", "\\textrm{"}) {
    if (text.starts_with(command) && text.find('}') == text.size() - 1) {
      return trim(text.substr(command.size(), text.size() - command.size() - 1));
    }
  }
  return std::nullopt;
}

// "52_8", "4210_{5}", "1A_{16}".
bool read_based(std::string_view text, MathValue& out) {
  const std::size_t bar = text.find('_');
  if (bar == std::string_view::npos || bar == 0) return false;
  std::string_view base = trim(text.substr(bar + 1));
  if (base.starts_with('{') && base.ends_with('}')) base = trim(base.substr(1, base.size() - 2));
  const std::string_view digits = trim(text.substr(0, bar));
  if (base.empty() || !std::ranges::all_of(base, is_digit) || !is_digit(digits[0])) return false;
  if (!std::ranges::all_of(digits, [](char c) { return is_digit(c) || is_letter(c); })) return false;
  out.shape = Shape::kBased;
  out.text = ascii_lower(digits);
  out.base = std::string(base);
  return true;
}

// A name of at most 2 characters: "x", "x'", and neither "-x" nor "2x".
bool is_name(std::string_view text) { return !text.empty() && text.size() <= 2 && is_letter(text[0]); }

MathValue parse(std::string_view text, int level);

std::vector<MathValue> parse_all(const std::vector<std::string_view>& parts, int level) {
  std::vector<MathValue> items;
  items.reserve(parts.size());
  for (const std::string_view part : parts) items.push_back(parse(part, level));
  return items;
}

bool read_matrix(std::string_view text, int level, MathValue& out) {
  static constexpr std::array<std::string_view, 6> kNames = {"pmatrix", "bmatrix", "vmatrix", "matrix", "array", "Bmatrix"};
  // Brackets around an array are its own.
  if ((text.starts_with("(\\begin") && text.ends_with(')')) || (text.starts_with("[\\begin") && text.ends_with(']'))) {
    text = text.substr(1, text.size() - 2);
  }
  for (const std::string_view name : kNames) {
    const std::string open = "\\begin{" + std::string(name) + "}", close = "\\end{" + std::string(name) + "}";
    if (!text.starts_with(open) || !text.ends_with(close) || text.size() < open.size() + close.size()) continue;
    std::string_view inside = trim(text.substr(open.size(), text.size() - open.size() - close.size()));
    if (name == "array" && inside.starts_with('{')) {
      const std::size_t end = inside.find('}');
      if (end == std::string_view::npos) return false;
      inside = trim(inside.substr(end + 1));
    }
    if (inside.ends_with("\\\\")) inside = trim(inside.substr(0, inside.size() - 2));
    const auto rows = split_top(inside, [&](std::size_t at) { return inside.substr(at).starts_with("\\\\") ? 2U : 0U; });
    for (const std::string_view row : rows) {
      const auto cells = split_top(row, [&](std::size_t at) { return row[at] == '&' ? 1U : 0U; });
      if (out.columns != 0 && cells.size() != out.columns) return false;
      out.columns = cells.size();
      for (MathValue& cell : parse_all(cells, level)) out.items.push_back(std::move(cell));
    }
    out.shape = Shape::kMatrix;
    out.determinant = name == "vmatrix";
    return true;
  }
  return false;
}

// Both readings of \pm (and of \mp, with the other sign), or empty.
std::vector<std::string> both_signs(std::string_view text) {
  std::vector<std::string> out(2);
  bool found = false;
  for (std::size_t i = 0; i < text.size();) {
    const bool pm = is_command(text, i, "\\pm"), mp = is_command(text, i, "\\mp");
    if (!pm && !mp) {
      out[0] += text[i];
      out[1] += text[i];
      ++i;
      continue;
    }
    found = true;
    out[0] += pm ? '+' : '-';
    out[1] += pm ? '-' : '+';
    i += 3;
  }
  if (!found) out.clear();
  return out;
}

bool has_relation(std::string_view text) {
  if (text.find_first_of("<>") != std::string_view::npos) return true;
  for (std::size_t i = text.find('\\'); i != std::string_view::npos; i = text.find('\\', i + 1)) {
    for (const std::string_view name : {"\\le", "\\ge", "\\ne", "\\lt", "\\gt", "\\approx", "\\equiv", "\\sim"}) {
      if (is_command(text, i, name)) return true;
    }
  }
  return false;
}

void read_scalar(std::string_view text, MathValue& out) {
  std::optional<Expression> expression = parse_expression(text);
  if (!expression) return;
  const MathNode& root = expression->nodes.back();
  if (root.op == Op::kInfinity ||
      (root.op == Op::kNeg && expression->nodes[static_cast<std::size_t>(root.a)].op == Op::kInfinity)) {
    out.shape = Shape::kInfinite;
    out.negative = root.op == Op::kNeg;
    return;
  }
  out.shape = Shape::kScalar;
  out.expression = std::move(expression);
  out.exact = exact_values(*out.expression);
}

void read_equation(std::string_view left, std::string_view right, int level, MathValue& out) {
  out.items.push_back(parse(left, level));
  out.items.push_back(parse(right, level));
  out.shape = Shape::kEquation;
  const MathValue& name = out.items.front();
  const bool variable = name.expression && name.expression->nodes.size() == 1 && name.expression->nodes[0].op == Op::kVariable;
  out.named = variable || is_name(left);
}

// The values of an answer in the order in which it must be taken apart: unions bind weakest, then lists, then equations.
void read(std::string_view text, int level, MathValue& out) {
  const auto unions = split_top(text, [&](std::size_t at) { return is_command(text, at, "\\cup") ? 4U : 0U; });
  if (unions.size() > 1) {
    out.items = parse_all(unions, level);
    out.shape = Shape::kUnion;
    return;
  }
  auto parts = split_top(text, [&](std::size_t at) { return comma_length(text, at); });
  if (parts.size() > 1) {
    // "3, 5, and 7" has an empty place between the comma and the word.
    std::erase_if(parts, [](std::string_view part) { return part.empty(); });
    for (MathValue& item : parse_all(parts, level)) {
      if (item.shape == Shape::kList) {  // "1, 2 \pm \sqrt 3"
        std::ranges::move(item.items, std::back_inserter(out.items));
      } else {
        out.items.push_back(std::move(item));
      }
    }
    out.shape = Shape::kList;
    return;
  }
  if (has_relation(text)) return;
  const auto sides = split_top(text, [&](std::size_t at) { return text[at] == '=' ? 1U : 0U; });
  if (sides.size() > 2) return;
  if (const std::vector<std::string> signs = both_signs(text); !signs.empty()) {
    for (const std::string& sign : signs) out.items.push_back(parse(sign, level));
    out.shape = Shape::kList;
    return;
  }
  if (sides.size() == 2) {
    read_equation(sides[0], sides[1], level, out);
    return;
  }
  const auto member = split_top(text, [&](std::size_t at) { return is_command(text, at, "\\in") ? 3U : 0U; });
  if (member.size() == 2 && is_name(member[0])) {
    out = parse(member[1], level);
    return;
  }
  if (read_matrix(text, level, out)) return;
  if (text.starts_with("\\{") && text.ends_with("\\}") && closing(text, 2) == text.size() - 1) {
    const std::string_view inside = trim(text.substr(2, text.size() - 4));
    if (!inside.empty()) {
      MathValue content = parse(inside, level);
      if (content.shape == Shape::kList) {
        out.items = std::move(content.items);
      } else {
        out.items.push_back(std::move(content));
      }
    }
    out.shape = Shape::kSet;
    return;
  }
  const char first = text.front(), last = text.back();
  if ((first == '(' || first == '[') && (last == ')' || last == ']') && closing(text, 1) == text.size() - 1) {
    const std::string_view inside = text.substr(1, text.size() - 2);
    const auto entries = split_top(inside, [&](std::size_t at) { return comma_length(inside, at); });
    if (entries.size() > 1) {
      out.items = parse_all(entries, level);
      out.shape = Shape::kSequence;
      out.open = first;
      out.close = last;
      return;
    }
  }
  if (const auto words = text_content(text)) {
    out.shape = Shape::kText;
    out.text = fold_words(*words);
    return;
  }
  if (read_based(text, out)) return;
  read_scalar(text, out);
  if (out.shape == Shape::kOpaque && is_words(text)) {
    out.shape = Shape::kText;
    out.text = fold_words(text);
  }
}

MathValue parse(std::string_view text, int level) {
  MathValue out;
  text = trim(text);
  out.key = normalize_math(text);
  if (text.empty() || level > kMaxLevels) return out;
  read(text, level + 1, out);
  return out;
}

}  // namespace

MathValue parse_value(std::string_view clean) { return parse(clean, 0); }

}  // namespace gimbal::reward
