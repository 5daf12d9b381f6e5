#include "gimbal/diversity/tokens.h"

#include <algorithm>

#include "gimbal/base/python_lexer.h"
#include "gimbal/diversity/parso_tokens.h"

namespace gimbal::diversity {
namespace {

// Calls give(text) for each token.
template <typename Give>
void for_each_token(std::string_view text, TokenMode mode, const Give& give) {
  switch (mode) {
    case TokenMode::kCode:
      for (const PythonToken& token : lex_python(text).tokens) {
        if (token.kind == PythonTokenKind::kNewline) {
          give(std::string_view("\n"));
        } else if (token.kind == PythonTokenKind::kIndent) {
          give(std::string_view("\n>"));
        } else if (token.kind == PythonTokenKind::kDedent) {
          give(std::string_view("\n<"));
        } else {
          give(token.text(text));
        }
      }
      return;
    case TokenMode::kParso:
      for (const std::string& token : parso_tokens(text)) give(std::string_view(token));
      return;
    case TokenMode::kWords: {
      constexpr std::string_view kWhite = " \t\n\r\f\v";
      std::size_t at = text.find_first_not_of(kWhite);
      while (at != std::string_view::npos) {
        const std::size_t end = std::min(text.find_first_of(kWhite, at), text.size());
        give(text.substr(at, end - at));
        at = text.find_first_not_of(kWhite, end);
      }
      return;
    }
    case TokenMode::kBytes:
      for (std::size_t i = 0; i < text.size(); ++i) give(text.substr(i, 1));
      return;
  }
}

}  // namespace

std::uint32_t TokenInterner::id(std::string_view text) {
  if (const auto found = ids_.find(text); found != ids_.end()) return found->second;
  const auto id = static_cast<std::uint32_t>(texts_.size());
  ids_.emplace(texts_.emplace_back(text), id);
  return id;
}

std::vector<std::string> token_texts(std::string_view text, TokenMode mode) {
  std::vector<std::string> out;
  for_each_token(text, mode, [&](std::string_view token) { out.emplace_back(token); });
  return out;
}

TokenSeq tokenize(std::string_view text, TokenMode mode, TokenInterner& interner) {
  TokenSeq out;
  for_each_token(text, mode, [&](std::string_view token) { out.push_back(interner.id(token)); });
  return out;
}

}  // namespace gimbal::diversity
