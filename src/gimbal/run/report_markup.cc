#include "gimbal/run/report_markup.h"

#include <vector>

#include "gimbal/base/text.h"
#include "gimbal/run/report.h"
#include "gimbal/run/svg.h"

namespace gimbal::run {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Where the span that `mark` opens at `from` is closed: the next such mark that follows something else than a blank.
std::size_t closing(std::string_view text, std::size_t from, std::string_view mark) {
  if (from >= text.size() || is_blank(text[from])) return std::string_view::npos;
  for (std::size_t i = from; i + mark.size() <= text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
      continue;
    }
    if (text[i] == '`' && mark != "`") {  // code inside emphasis keeps its stars
      const std::size_t end = text.find('`', i + 1);
      if (end != std::string_view::npos) {
        i = end;
        continue;
      }
    }
    if (mark == "*" && text.substr(i, 2) == "**") {  // belongs to a strong span inside
      ++i;
      continue;
    }
    if (text.substr(i, mark.size()) != mark || i == from || is_blank(text[i - 1])) continue;
    return i;
  }
  return std::string_view::npos;
}

// `code` holds its text as it is, but for escaped marks.
std::string code_text(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '`' || text[i + 1] == '\\' || text[i + 1] == '*')) ++i;
    plain += text[i];
  }
  return escape_markup(plain);
}

// Deep nesting of marks has no meaning; it is cut before it could cost stack.
constexpr int kMaxDepth = 6;

std::string spans(std::string_view text, int depth) {
  std::string out, plain;
  const auto flush = [&] {
    out += escape_markup(plain);
    plain.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size() && (text[i + 1] == '*' || text[i + 1] == '`' || text[i + 1] == '\\')) {
      plain += text[++i];
      continue;
    }
    if ((c != '*' && c != '`') || depth >= kMaxDepth) {
      plain += c;
      continue;
    }
    const std::string_view mark = c == '`' ? "`" : text.substr(i, 2) == "**" ? "**" : "*";
    const std::size_t end = closing(text, i + mark.size(), mark);
    if (end == std::string_view::npos) {
      plain += mark;
      i += mark.size() - 1;
      continue;
    }
    flush();
    const std::string_view inside = text.substr(i + mark.size(), end - i - mark.size());
    const std::string_view tag = c == '`' ? "code" : mark == "**" ? "strong" : "em";
    out += '<';
    out += tag;
    out += '>';
    out += c == '`' ? code_text(inside) : spans(inside, depth + 1);
    out += "</";
    out += tag;
    out += '>';
    i = end + mark.size() - 1;
  }
  flush();
  return out;
}

}  // namespace

std::string inline_markup(std::string_view text) { return spans(text, 0); }

std::string block_markup(std::string_view text) {
  std::string out, paragraph;
  bool in_list = false;
  const auto end_paragraph = [&] {
    if (!paragraph.empty()) out += (in_list ? "<li>" : "<p>") + inline_markup(paragraph) + (in_list ? "</li>" : "</p>");
    paragraph.clear();
  };
  const auto end_list = [&] {
    end_paragraph();
    if (in_list) out += "</ul>";
    in_list = false;
  };
  for (const std::string_view raw : split(text, '\n')) {
    const std::string_view line = trim(raw);
    if (line.empty()) {
      end_list();
    } else if (line.starts_with("- ")) {
      end_paragraph();
      if (!in_list) out += "<ul>";
      in_list = true;
      paragraph = trim(line.substr(2));
    } else {
      paragraph += (paragraph.empty() ? "" : "\n") + std::string(line);
    }
  }
  end_list();
  return out;
}

std::string escape_emphasis(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '*' || c == '`' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace gimbal::run
