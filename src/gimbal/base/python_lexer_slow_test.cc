// Differential test: on the files of the machine's Python library the tokens are those of CPython's tokenize module, in kind,
// text and line.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/python_lexer.h"
#include "gimbal/base/text.h"

namespace gimbal {
namespace {

std::string output_of(const char* command) {
  std::string out;
  FILE* pipe = ::popen(command, "r");
  if (pipe == nullptr) return out;
  std::array<char, 1 << 16> buffer;
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), n);
  ::pclose(pipe);
  return out;
}

// One line a token, as tests/support/python_tokens.py writes them.
std::string listing(const std::string& source, const PythonTokens& lexed) {
  static constexpr std::array kNames = {"NAME", "NUMBER", "STRING", "OP", "NEWLINE", "INDENT", "DEDENT", "ERROR"};
  std::string out;
  for (const PythonToken& token : lexed.tokens) {
    const bool mark = token.kind == PythonTokenKind::kDedent || token.kind == PythonTokenKind::kNewline;
    out += kNames[static_cast<std::size_t>(token.kind)];
    if (!mark) out += " " + std::to_string(token.line) + " " + std::string(token.text(source));
    out += "\n";
  }
  return out;
}

TEST(PythonLexerAgainstTokenize, AgreesOnTheFilesOfThePythonLibrary) {
  const std::string expected = output_of("python3 tests/support/python_tokens.py 2>/dev/null");
  if (expected.empty()) GTEST_SKIP() << "skipped: needs python3 with its library";
  std::size_t files = 0, tokens = 0;
  for (const std::string_view line : split(trim(expected), '\n')) {
    const auto fields = split(line, '\t');
    ASSERT_EQ(fields.size(), 3u) << line;
    const std::string source = read_file(std::string(fields[2])).value();
    const PythonTokens lexed = lex_python(source);
    EXPECT_EQ(std::to_string(lexed.tokens.size()), fields[0]) << fields[2];
    EXPECT_EQ(sha256_hex(listing(source, lexed)), fields[1]) << fields[2];
    EXPECT_TRUE(lexed.errors.empty()) << fields[2] << ": " << lexed.errors.front().line << " " << lexed.errors.front().message;
    ++files;
    tokens += lexed.tokens.size();
  }
  std::printf("%zu files, %zu tokens\n", files, tokens);
  EXPECT_GE(files, 100u);
}

}  // namespace
}  // namespace gimbal
