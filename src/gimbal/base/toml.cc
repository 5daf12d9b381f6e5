// toml++ stays inside this file.
#include "gimbal/base/toml.h"

// Header-only and without exceptions: nothing more to load at start-up, errors as values. Debian's target asks for its library.
#undef TOML_SHARED_LIB
#undef TOML_HEADER_ONLY
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <sstream>

#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 24;  // a configuration file is written by hand
constexpr int kMaxDottedDepth = 64;

struct Source {
  std::string_view text;
  std::string_view name;
  std::vector<std::string_view> lines;

  std::string place(const toml::source_position& position) const {
    return fmt::format("{}:{}:{}", name, position.line, position.column);
  }
  // What stands in the file from `position` on, to the end of its line.
  std::string_view from(const toml::source_position& position) const {
    if (position.line == 0 || position.line > lines.size()) return {};
    std::string_view line = lines[position.line - 1];
    for (std::size_t column = 1; column < position.column && !line.empty(); ++column) {  // columns are code points
      line.remove_prefix(1);
      while (!line.empty() && (static_cast<unsigned char>(line.front()) & 0xC0) == 0x80) line.remove_prefix(1);
    }
    return line;
  }
};

// toml++ makes and destroys the tables of a dotted key by recursion: a key of a million parts would overflow the stack.
Result<void> check_dotted_keys(const Source& source) {
  const std::string_view text = source.text;
  int dots = 0;
  std::size_t line = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '#') {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (c == '"' || c == '\'') {
      const bool multiline = text.substr(i, 3) == std::string(3, c);
      const std::string close(multiline ? 3 : 1, c);
      for (i += close.size(); i < text.size() && text.substr(i, close.size()) != close; ++i) {
        if (text[i] == '\n') {
          if (!multiline) break;  // toml++ reports the open string
          ++line;
        }
        if (c == '"' && text[i] == '\\') ++i;
      }
      if (i < text.size() && text[i] == '\n') {
        --i;
        continue;
      }
      i += close.size() - 1;
    } else if (c == '.') {
      if (++dots > kMaxDottedDepth) {
        return fail_at(fmt::format("{}:{}:1", source.name, line), ErrorCode::kParseError, "a key of more than {} dotted parts",
                       kMaxDottedDepth);
      }
    } else if (c == '\n' || c == '=' || c == ',' || c == '{' || c == '[') {
      dots = 0;
      if (c == '\n') ++line;
    }
  }
  return {};
}

// A number as it stands in the file, as a flag would be given it: without underscores; other bases in decimal.
std::string number_text(const toml::node& node, const Source& source) {
  std::string text;
  for (const char c : source.from(node.source().begin)) {
    const bool part =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' || c == '.';
    if (!part && c != '_') break;
    if (part) text += c;
  }
  const bool other_base = text.size() > 1 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o' || text[1] == 'b');
  if (!text.empty() && !other_base) return text;
  if (const auto* integer = node.as_integer()) return fmt::format("{}", integer->get());
  return shortest(node.as_floating_point()->get());
}

template <typename T>
std::string streamed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

Result<std::string> scalar_text(const toml::node& node, const Source& source) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return std::string(flag->get() ? "true" : "false");
  if (node.is_number()) return number_text(node, source);
  if (const auto* date = node.as_date()) return streamed(date->get());
  if (const auto* time = node.as_time()) return streamed(time->get());
  if (const auto* date_time = node.as_date_time()) return streamed(date_time->get());
  return fail_at(source.place(node.source().begin), ErrorCode::kParseError,
                 "expected a text, a number or true or false in the array, found {}",
                 node.is_table() ? "a table" : "another array");
}

// Recursion is bounded: inline values by toml++ (256 levels), dotted keys by check_dotted_keys.
Result<TomlTable> convert(const toml::table& table, const Source& source) {
  TomlTable out;
  out.where = source.place(table.source().begin);
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (const toml::table* child = node.as_table()) {
      GIMBAL_TRY(out.tables[name], convert(*child, source));
      continue;
    }
    TomlEntry entry;
    entry.where = source.place(key.source().begin);
    if (const toml::array* array = node.as_array()) {
      entry.is_array = true;
      for (const toml::node& item : *array) {
        GIMBAL_TRY(std::string value, scalar_text(item, source));
        entry.values.push_back(std::move(value));
      }
    } else {
      GIMBAL_TRY(std::string value, scalar_text(node, source));
      entry.values.push_back(std::move(value));
    }
    out.entries.emplace(name, std::move(entry));
  }
  return out;
}

}  // namespace

Result<TomlTable> parse_toml(std::string_view text, std::string_view name) {
  if (text.size() > kMaxBytes) {
    return fail_at(std::string(name), ErrorCode::kParseError, "a configuration file of {}; the limit is {}",
                   format_bytes(text.size()), format_bytes(kMaxBytes));
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
  const Source source{text, name, split(text, '\n')};
  if (const auto bad = find_invalid_utf8(text)) {
    const std::string_view before = text.substr(0, *bad);
    const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
    return fail_at(
        fmt::format("{}:{}:{}", name, split(before, '\n').size(), code_point_column(before.substr(start), *bad - start)),
        ErrorCode::kParseError, "the byte 0x{:02x} is not valid UTF-8; save the file as UTF-8",
        static_cast<unsigned char>(text[*bad]));
  }
  GIMBAL_TRY(check_dotted_keys(source));
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return fail_at(source.place(parsed.error().source().begin), ErrorCode::kParseError, "{}", parsed.error().description());
  }
  return convert(parsed.table(), source);
}

Result<TomlTable> read_toml(const std::string& path) {
  GIMBAL_TRY(const std::string text, read_file(path, kMaxBytes));
  return parse_toml(text, path == "-" ? "standard input" : path);
}

}  // namespace gimbal
