#include "gimbal/reward/code_extract.h"

#include <algorithm>
#include <array>
#include <vector>

#include "gimbal/base/markdown.h"
#include "gimbal/base/text.h"

namespace gimbal::reward {
namespace {

bool is_python(const FencedBlock& block) {
  const std::string language = block.language();
  return language == "python" || language == "py" || language == "python3";
}

// `word` at the start of `line`, followed by something that ends a word.
bool starts_with_word(std::string_view line, std::string_view word) {
  if (!line.starts_with(word)) return false;
  return line.size() == word.size() || line[word.size()] == ' ' || line[word.size()] == '\t';
}

bool is_definition(std::string_view line) {
  static constexpr auto kWords = std::to_array<std::string_view>({"def", "class", "import", "from", "async"});
  return std::ranges::any_of(kWords, [&](std::string_view word) { return starts_with_word(line, word); });
}

std::optional<std::string> last_block(std::string_view text) {
  const std::vector<FencedBlock> blocks = fenced_blocks(text);
  const auto tagged = std::find_if(blocks.rbegin(), blocks.rend(), is_python);
  if (tagged != blocks.rend()) return tagged->content;
  if (!blocks.empty()) return blocks.back().content;
  return std::nullopt;
}

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
}

// The place where the line that defines `entry` begins.
std::size_t signature_at(std::string_view prompt, std::string_view entry) {
  std::size_t found = prompt.size();
  for (std::size_t at = 0; at < prompt.size();) {
    const std::size_t next = std::min(prompt.find('\n', at), prompt.size() - 1) + 1;
    const std::string_view line = prompt.substr(at, next - at);
    if (is_definition(line) && !starts_with_word(line, "import") && !starts_with_word(line, "from") &&
        defines_name(line, entry))
      found = at;
    at = next;
  }
  return found;
}

// A completion goes on until a line in column 0 that is no part of a module of functions.
std::string_view cut_completion(std::string_view text) {
  bool first = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t newline = text.find('\n', at);
    const std::size_t next = newline == std::string_view::npos ? text.size() : newline + 1;
    const std::string_view line = text.substr(at, next - at);
    const bool inside = line.front() == ' ' || line.front() == '\t' || line.front() == '#' || line.front() == '@' ||
                        line.front() == ')' || trim(line).empty() || is_definition(line);
    if (!inside && !first) return text.substr(0, at);
    first = false;
    at = next;
  }
  return text;
}

}  // namespace

std::optional<std::string> extract_code(std::string_view text) {
  if (auto block = last_block(text)) return block;
  for (const std::string_view line : split(text, '\n')) {
    if (is_definition(line) || line.starts_with('@')) return std::string(text);
  }
  return std::nullopt;
}

bool defines_name(std::string_view code, std::string_view name) {
  for (std::string_view line : split(code, '\n')) {
    const std::string_view whole = line;
    if (starts_with_word(line, "async")) line = trim(line.substr(5));
    for (const std::string_view word : {std::string_view("def"), std::string_view("class")}) {
      if (starts_with_word(line, word)) line = trim(line.substr(word.size()));
    }
    if (line.starts_with(name)) {
      const std::string_view rest = line.substr(name.size());
      if (rest.empty() || !is_name_byte(rest.front())) {
        if (line.data() != whole.data()) return true;
        const std::string_view after = trim(rest);
        if (after.starts_with('=') && !after.starts_with("==")) return true;
        if (after.starts_with(':')) return true;
      }
    }
    if (starts_with_word(whole, "from") || starts_with_word(whole, "import")) {
      for (std::size_t at = whole.find(name); at != std::string_view::npos; at = whole.find(name, at + 1)) {
        const bool begins = at > 0 && !is_name_byte(whole[at - 1]);
        const std::size_t end = at + name.size();
        if (begins && (end == whole.size() || !is_name_byte(whole[end]))) return true;
      }
    }
  }
  return false;
}

std::optional<std::string> complete_program(std::string_view prompt, std::string_view entry, std::string_view text) {
  if (trim(text).empty()) return std::nullopt;
  const std::optional<std::string> block = last_block(text);
  const std::string_view code = block ? std::string_view(*block) : text;
  if (defines_name(code, entry)) return std::string(prompt.substr(0, signature_at(prompt, entry))) + "\n" + std::string(code);
  return std::string(prompt) + std::string(cut_completion(code)) + "\n";
}

}  // namespace gimbal::reward
