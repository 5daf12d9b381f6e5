#include "gimbal/reward/math_normalize.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gimbal/base/text.h"

namespace gimbal::reward {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::size_t at = text.find(from);
  while (at != std::string::npos) {
    text.replace(at, from.size(), to);
    at = text.find(from, at + to.size());
  }
}

// Signs of typography and full-width digits as LaTeX. A blank after a command keeps it apart from letters.
std::string latex_of_unicode(std::string_view text) {
  static constexpr auto kSigns = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"\u2212", "-"},
      {"\u2013", "-"},
      {"\u00d7", "\\times "},
      {"\u00f7", "/"},
      {"\u00b7", "\\cdot "},
      {"\u22c5", "\\cdot "},
      {"\u03c0", "\\pi "},
      {"\u221a", "\\sqrt "},
      {"\u221e", "\\infty "},
      {"\u00bd", "\\frac{1}{2}"},
      {"\u00bc", "\\frac{1}{4}"},
      {"\u00be", "\\frac{3}{4}"},
      {"\u2153", "\\frac{1}{3}"},
      {"\u2154", "\\frac{2}{3}"},
      {"\u00b0", ""},
      {"\u00b2", "^2"},
      {"\u00b3", "^3"},
      {"\u00b1", "\\pm "},
      {"\u222a", "\\cup "},
      {"\u2208", "\\in "},
      {"\u03b8", "\\theta "},
      {"\u03b1", "\\alpha "},
      {"\u03b2", "\\beta "},
      {"\u00a0", " "},
      {"\u2009", ""},
      {"\u202f", ""},
      {"\u2264", "\\le "},
      {"\u2265", "\\ge "},
      {"\u20ac", ""},
      {"\uff0c", ","},
      {"\uff08", "("},
      {"\uff09", ")"},
      {"\uff1d", "="},
      {"\u2044", "/"},
      {"\u00a3", ""},
  });
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      out += text[i++];
      continue;
    }
    const auto sign = std::ranges::find_if(kSigns, [&](const auto& pair) { return text.substr(i).starts_with(pair.first); });
    if (sign != kSigns.end()) {
      out += sign->second;
      i += sign->first.size();
    } else if (i + 2 < text.size() && text.substr(i, 2) == "\xef\xbc" && static_cast<unsigned char>(text[i + 2]) >= 0x90 &&
               static_cast<unsigned char>(text[i + 2]) <= 0x99) {
      out += static_cast<char>('0' + (static_cast<unsigned char>(text[i + 2]) - 0x90));  // U+FF10..FF19
      i += 3;
    } else {
      out += text[i++];
    }
  }
  return out;
}

bool is_size_command(std::string_view name) {
  static constexpr std::array<std::string_view, 18> kSizes = {
      "left", "right", "big",   "Big",   "bigg",  "Bigg",         "bigl",      "bigr",   "Bigl",
      "Bigr", "biggl", "biggr", "Biggl", "Biggr", "displaystyle", "textstyle", "limits", "middle"};
  return std::ranges::find(kSizes, name) != kSizes.end();
}

// One pass over the text: what each backslash sequence becomes.
std::string scan(std::string_view text, bool math) {
  // In a matrix a double backslash ends a row; elsewhere it is a doubled one.
  const bool rows = text.find("\\begin{") != std::string_view::npos;
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n' || c == '\r' || c == '\t') {
      if (math) out += ' ';
      continue;
    }
    if (c == '$' || c == '%' || (math && c == '~')) continue;
    if (c != '\\' || i + 1 == text.size()) {
      out += c;
      continue;
    }
    char next = text[i + 1];
    if (next == '\\') {
      if (rows) {
        out += "\\\\";
        ++i;
        continue;
      }
      ++i;  // "\\frac" as JSON doubles it
      if (i + 1 == text.size()) continue;
      next = text[i + 1];
    }
    if (next == '!' || next == ',' || next == ';' || next == ' ' || next == ':' || next == '>' || next == '$' || next == '%') {
      ++i;
      // A thousands comma written "10,\! 080": the blanks after the thin space belong to it.
      while (next == '!' && i + 1 < text.size() && text[i + 1] == ' ') ++i;
      continue;
    }
    if (!is_letter(next)) {
      out += '\\';
      out += next;
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    while (end < text.size() && is_letter(text[end])) ++end;
    const std::string_view name = text.substr(i + 1, end - i - 1);
    i = end - 1;
    if (is_size_command(name)) {
      if ((name == "left" || name == "right") && end < text.size() && text[end] == '.') ++i;  // \left. is no bracket
    } else if (name == "tfrac" || name == "dfrac" || name == "cfrac") {
      out += "\\frac";
    } else if (math && (name == "quad" || name == "qquad" || name == "degree" || name == "degrees")) {
      out += ' ';
    } else if (math && (name == "lvert" || name == "rvert" || name == "vert")) {
      out += '|';
    } else if (math && (name == "lbrace" || name == "rbrace")) {
      out += name == "lbrace" ? "\\{" : "\\}";
    } else if (math && (name == "leq" || name == "geq" || name == "neq")) {
      out.append("\\").append(name.substr(0, 2));
    } else if (math && name == "varnothing") {
      out += "\\emptyset";
    } else {
      out.append("\\").append(name);
    }
  }
  return out;
}

// Cuts "\text{ units}" or "\mbox{...}" (with what follows, an exponent or a full stop) when it ends the text and a number
// stands before it.
void cut_unit(std::string& text) {
  for (const std::string_view command : {"\\text{", "\\mbox{", "\\textrm{", "\\mathrm{"}) {
    const std::size_t at = text.rfind(command);
    if (at == std::string::npos || at == 0) continue;
    const std::size_t close = text.find('}', at);
    if (close == std::string::npos) continue;
    const std::string_view unit(text.data() + at + command.size(), close - at - command.size());
    const std::string_view word = trim(unit);
    if (word == "and" || word == "or" || unit.find_first_of("0123456789") != std::string_view::npos) continue;
    const std::string_view rest = trim(std::string_view(text).substr(close + 1));
    const bool ends = rest.empty() || rest == "." || rest == "^2" || rest == "^3" || rest == "^{2}" || rest == "^{3}";
    const std::string_view before = trim(std::string_view(text).substr(0, at));
    const bool number = !before.empty() && (is_digit(before.back()) || before.back() == '}' || before.back() == ')' ||
                                            before.ends_with("\\pi") || before.back() == '.');
    if (ends && number && before.find_first_of("0123456789") != std::string_view::npos) {
      text = std::string(before);
      return;
    }
  }
}

// "\text{X}" that is the whole text becomes X.
void unwrap_text(std::string& text) {
  for (const std::string_view command :
       {"\\text{", "\\textbf{", "\\mathrm{", "\\mathbf{", "\\mbox{", "\\textrm{", "\\textit{"}) {
    const std::string_view whole = trim(text);
    if (!whole.starts_with(command) || whole.find('}') != whole.size() - 1) continue;
    const std::string inner(trim(whole.substr(command.size(), whole.size() - command.size() - 1)));
    text = inner;
    return;
  }
}

void fix_points(std::string& text) {
  replace_all(text, " .", " 0.");
  replace_all(text, "{.", "{0.");
  if (text.starts_with('.')) text.insert(0, "0");
}

// "\sqrt3" -> "\sqrt{3}", "\frac12" -> "\frac{1}{2}". The text has no blanks.
std::string brace_arguments(const std::string& text) {
  std::string out;
  out.reserve(text.size() + 8);
  int wanted = 0;  // arguments that still need braces
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = std::string_view(text).substr(i);
    if (wanted > 0 && rest[0] != '\\') {
      if (rest[0] == '{') {  // copy the group
        int depth = 0;
        std::size_t end = i;
        do {
          if (text[end] == '{') ++depth;
          if (text[end] == '}') --depth;
          ++end;
        } while (end < text.size() && depth > 0);
        out += '{';
        out += brace_arguments(text.substr(i + 1, end - i - 1));
        i = end - 1;
      } else if (rest[0] == '[' || rest[0] == '(' || rest[0] == '}') {
        out += rest[0];
      } else {
        out += '{';
        out += rest[0];
        out += '}';
      }
      --wanted;
      continue;
    }
    wanted = 0;
    if (rest.starts_with("\\sqrt")) {
      out += "\\sqrt";
      i += 4;
      wanted = 1;
    } else if (rest.starts_with("\\frac")) {
      out += "\\frac";
      i += 4;
      wanted = 2;
    } else {
      out += rest[0];
    }
  }
  return out;
}

// "a/b" of two integers becomes "\frac{a}{b}".
void frac_of_slash(std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == text.size()) return;
  const auto is_integer = [](std::string_view s) {
    if (s.starts_with('-')) s.remove_prefix(1);
    return !s.empty() && std::ranges::all_of(s, is_digit);
  };
  const std::string num = text.substr(0, slash), den = text.substr(slash + 1);
  if (is_integer(num) && is_integer(den)) text = "\\frac{" + num + "}{" + den + "}";
}

// With `keep_apart`, one blank stays between digits: "1 1/3" is not 11/3.
void erase_blanks(std::string& text, bool keep_apart) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != ' ') {
      if (keep_apart && i > 0 && text[i - 1] == ' ' && is_digit(text[i]) && !out.empty() && is_digit(out.back())) out += ' ';
      out += text[i];
    }
  }
  text = std::move(out);
}

// "k = v" becomes v where k has at most 2 characters.
void drop_short_name(std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || text.find('=', equals + 1) != std::string::npos) return;
  if (trim(std::string_view(text).substr(0, equals)).size() > 2) return;
  text = std::string(trim(std::string_view(text).substr(equals + 1)));
}

void drop_membership(std::string& text) {
  const std::size_t in = text.find("\\in");
  if (in == std::string::npos || in == 0 || (in + 3 < text.size() && is_letter(text[in + 3]))) return;
  if (trim(std::string_view(text).substr(0, in)).size() > 2) return;
  text = std::string(trim(std::string_view(text).substr(in + 3)));
}

}  // namespace

bool is_thousands_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  std::size_t i = 0;
  while (i < text.size() && is_digit(text[i])) ++i;
  if (i == 0 || i > 3) return false;
  std::size_t groups = 0;
  while (i + 3 < text.size() && text[i] == ',' && is_digit(text[i + 1]) && is_digit(text[i + 2]) && is_digit(text[i + 3])) {
    i += 4;
    ++groups;
  }
  if (groups == 0) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    while (i < text.size() && is_digit(text[i])) ++i;
  }
  return i == text.size();
}

std::string clean_math(std::string_view text, MathProfile profile) {
  const bool math = profile == MathProfile::kMath;
  std::string out;
  const bool ascii = std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  out = math && !ascii ? scan(latex_of_unicode(text), math) : scan(text, math);
  if (out.find("\\circ") != std::string::npos) {
    replace_all(out, "^{\\circ}", "");
    replace_all(out, "^\\circ", "");
    replace_all(out, "^ \\circ", "");
    replace_all(out, "\\circ", "");
  }
  if (out.find('{') != std::string::npos) {
    cut_unit(out);
    unwrap_text(out);
  }
  if (math) {
    const std::string_view trimmed = trim(out);
    if (trimmed.size() != out.size()) out = std::string(trimmed);
    // Final punctuation, but not the dot of "5." with nothing else wrong: both read as 5.
    while (out.size() > 1 && (out.back() == '.' || out.back() == ',' || out.back() == ';')) out.pop_back();
    if (is_thousands_number(out)) std::erase(out, ',');
  }
  return out;
}

std::string normalize_math(std::string_view text, MathProfile profile) {
  std::string out = clean_math(text, profile);
  fix_points(out);
  if (profile == MathProfile::kHendrycks) {
    drop_short_name(out);
    drop_membership(out);
  }
  erase_blanks(out, profile == MathProfile::kMath);
  // Nested groups are nested calls: longer texts than any comparison parses are left as they are.
  const bool has_arguments = out.find("\\sqrt") != std::string::npos || out.find("\\frac") != std::string::npos;
  if (has_arguments && out.size() <= 4000) out = brace_arguments(out);
  if (out == "0.5") out = "\\frac{1}{2}";
  frac_of_slash(out);
  return out;
}

}  // namespace gimbal::reward
