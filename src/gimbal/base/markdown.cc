#include "gimbal/base/markdown.h"

#include <algorithm>

#include "gimbal/base/text.h"

namespace gimbal {
namespace {

constexpr std::size_t kDeeper = 3;

struct Fence {
  char mark = 0;
  std::size_t marks = 0;
  std::size_t indent = 0;  // bytes of blanks and tabs in front
  std::string_view info;
};

// marks is 0 when the line is no fence.
Fence read_fence(std::string_view line) {
  Fence fence;
  while (fence.indent < line.size() && (line[fence.indent] == ' ' || line[fence.indent] == '\t')) ++fence.indent;
  const std::string_view rest = line.substr(fence.indent);
  if (rest.empty() || (rest.front() != '`' && rest.front() != '~')) return {};
  fence.mark = rest.front();
  fence.marks = std::min(rest.find_first_not_of(fence.mark), rest.size());
  fence.info = trim(rest.substr(fence.marks));
  // "```x``` is code" is a code span, not a fence.
  if (fence.marks < 3 || (fence.mark == '`' && fence.info.find('`') != std::string_view::npos)) return {};
  return fence;
}

std::string_view without_indent(std::string_view line, std::size_t indent) {
  std::size_t cut = 0;
  while (cut < indent && cut < line.size() && (line[cut] == ' ' || line[cut] == '\t')) ++cut;
  return line.substr(cut);
}

}  // namespace

std::string FencedBlock::language() const {
  std::string_view word = info;
  while (!word.empty() && (word.front() == '{' || word.front() == '.')) word.remove_prefix(1);
  return ascii_lower(word.substr(0, word.find_first_of(" \t,}{")));
}

std::vector<FencedBlock> fenced_blocks(std::string_view text) {
  std::vector<FencedBlock> blocks;
  Fence open;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t newline = text.find('\n', at);
    const std::size_t next = newline == std::string_view::npos ? text.size() : newline + 1;
    const std::string_view line = text.substr(at, next - at);
    const Fence fence = read_fence(line);
    if (open.marks == 0) {
      if (fence.marks > 0) {
        open = fence;
        blocks.push_back({std::string(fence.info), {}, at, text.size(), false});
      }
    } else if (fence.mark == open.mark && fence.marks >= open.marks && fence.info.empty() &&
               fence.indent <= open.indent + kDeeper) {
      blocks.back().end = next;
      blocks.back().closed = true;
      open = {};
    } else {
      blocks.back().content += without_indent(line, open.indent);
    }
    at = next;
  }
  return blocks;
}

}  // namespace gimbal
