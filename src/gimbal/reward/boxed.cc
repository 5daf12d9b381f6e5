#include "gimbal/reward/boxed.h"

#include <array>

#include "gimbal/base/text.h"

namespace gimbal::reward {
namespace {

constexpr std::array<std::string_view, 3> kCommands = {"\\boxed", "\\fbox", "\\framebox"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The length of a box command at `at`, or 0.
std::size_t command_length(std::string_view text, std::size_t at) {
  for (const std::string_view command : kCommands) {
    if (!text.substr(at).starts_with(command)) continue;
    const std::size_t end = at + command.size();
    if (end < text.size() && is_letter(text[end])) return 0;  // \boxedtext
    return command.size();
  }
  return 0;
}

// The offset of the brace that closes the one at `open`, or npos. Escaped braces are text.
std::size_t closing_brace(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}' && --depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

Box read_box(std::string_view text, std::size_t begin, std::size_t length) {
  std::size_t at = begin + length;
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  Box box;
  box.begin = begin;
  if (at < text.size() && text[at] == '{') {
    const std::size_t close = closing_brace(text, at);
    if (close == std::string_view::npos) {
      const std::size_t line = std::min(text.find('\n', at), text.size());
      box.content = text.substr(at + 1, line - at - 1);
      box.end = line;
      box.closed = false;
    } else {
      box.content = text.substr(at + 1, close - at - 1);
      box.end = close + 1;
    }
    return box;
  }
  // \boxed 5: up to a blank, a dollar sign or the end of the line.
  const std::size_t stop = std::min(text.find_first_of(" \t\n$", at), text.size());
  box.content = text.substr(at, stop - at);
  while (box.content.ends_with('.') || box.content.ends_with(',')) box.content.remove_suffix(1);
  box.end = stop;
  return box;
}

// Of nested boxes, the content of the innermost first one.
void descend(Box& box) {
  for (int depth = 0; depth < 16; ++depth) {
    std::size_t inside = std::string_view::npos, length = 0;
    for (std::size_t i = box.content.find('\\'); i != std::string_view::npos; i = box.content.find('\\', i + 1)) {
      length = command_length(box.content, i);
      if (length > 0) {
        inside = i;
        break;
      }
    }
    if (inside == std::string_view::npos) return;
    box.content = read_box(box.content, inside, length).content;
  }
}

template <typename Visit>
void for_each_box(std::string_view text, Visit visit) {
  std::size_t at = text.find('\\');
  while (at != std::string_view::npos) {
    const std::size_t length = command_length(text, at);
    if (length == 0) {
      at = text.find('\\', at + 1);
      continue;
    }
    const Box box = read_box(text, at, length);
    visit(box);
    at = text.find('\\', std::max(box.end, at + length));
  }
}

}  // namespace

std::vector<Box> find_boxes(std::string_view text) {
  std::vector<Box> boxes;
  for_each_box(text, [&](const Box& box) { boxes.push_back(box); });
  for (Box& box : boxes) descend(box);
  return boxes;
}

std::optional<Box> find_last_box(std::string_view text) {
  std::optional<Box> last;
  for_each_box(text, [&](const Box& box) { last = box; });
  if (last) descend(*last);
  return last;
}

std::optional<std::string> last_boxed(std::string_view text) {
  const std::optional<Box> box = find_last_box(text);
  if (!box) return std::nullopt;
  return std::string(trim(box->content));
}

}  // namespace gimbal::reward
