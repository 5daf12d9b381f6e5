// Fenced code blocks of Markdown, as language models write them.
//
// A fence is a line of three or more backticks or tildes, indented at will (models put code into list items), followed by an
// info string; it ends at a line of at least as many of the same mark with nothing behind it, or at the end of the text (an
// answer that was cut off). CommonMark 0.31, section 4.5, but for the indentation: there four blanks make no fence.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gimbal {

struct FencedBlock {
  std::string info;       // what follows the opening marks, trimmed: "python title=x"
  std::string content;    // the lines between, each with its line end, without the opening fence's indentation
  std::size_t begin = 0;  // byte offset of the opening fence's line
  std::size_t end = 0;    // one past the closing fence's line, or the size of the text
  bool closed = true;     // false: the text ended before the fence did

  // The first word of `info` in lower case, without the braces of "{.python}": "python"; empty when there is none.
  std::string language() const;
};

// All blocks, in order; they do not overlap. Any bytes are accepted; a line ends with "\n" or "\r\n". A closing fence may be
// indented up to three blanks deeper than the opening one: a fence that stands deeper belongs to the content. O(length).
std::vector<FencedBlock> fenced_blocks(std::string_view text);

}  // namespace gimbal
