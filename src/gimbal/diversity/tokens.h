// Programs and texts as sequences of token ids, under one of several tokenisers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gimbal::diversity {

enum class TokenMode {
  kCode,   // base/python_lexer.h; NEWLINE, INDENT and DEDENT are tokens that no text equals
  kParso,  // parso_tokens.h
  kWords,  // split at ASCII white space
  kBytes,
};

using TokenSeq = std::vector<std::uint32_t>;

// Gives equal texts equal numbers, 0, 1, 2, ... in order of first appearance. One interner serves all texts that are compared.
class TokenInterner {
 public:
  std::uint32_t id(std::string_view text);
  std::size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;  // addresses stay
  std::unordered_map<std::string_view, std::uint32_t> ids_;
};

// The tokens' texts. Marks of kCode are "\n", "\n>" and "\n<".
std::vector<std::string> token_texts(std::string_view text, TokenMode mode);
TokenSeq tokenize(std::string_view text, TokenMode mode, TokenInterner& interner);

}  // namespace gimbal::diversity
