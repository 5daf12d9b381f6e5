// Finds boxed answers: \boxed{...}, \fbox{...}, \framebox{...} and \boxed 5, with braces matched.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gimbal::reward {

// A box in a text. `content` points into the text: between the braces; of nested boxes the innermost content of the outermost
// one. A brace that is never closed takes the text to the end of its line.
struct Box {
  std::string_view content;
  std::size_t begin = 0;  // byte offset of the backslash
  std::size_t end = 0;    // one past the box
  bool closed = true;
};

// All outermost boxes, in order. O(length).
std::vector<Box> find_boxes(std::string_view text);
// The last outermost box only. O(length), without allocation.
std::optional<Box> find_last_box(std::string_view text);
// The content of the last box, trimmed.
std::optional<std::string> last_boxed(std::string_view text);

}  // namespace gimbal::reward
