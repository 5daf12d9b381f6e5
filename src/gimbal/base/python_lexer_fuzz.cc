// Whatever the bytes: no crash, tokens in order inside the text, as many DEDENT as INDENT, and errors that have a place.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gimbal/base/python_lexer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const gimbal::PythonTokens out = gimbal::lex_python(source);
  std::size_t end = 0;
  long level = 0;
  for (const gimbal::PythonToken& token : out.tokens) {
    if (token.offset < end || token.offset + token.size > size || token.line == 0 || token.column > token.offset) std::abort();
    end = token.offset + token.size;
    if (token.kind == gimbal::PythonTokenKind::kIndent) ++level;
    if (token.kind == gimbal::PythonTokenKind::kDedent && --level < 0) std::abort();
  }
  if (level != 0) std::abort();
  for (const gimbal::PythonLexError& error : out.errors) {
    if (error.offset > size || error.message.empty()) std::abort();
  }
  return 0;
}
