#include "gimbal/base/python_lexer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "gimbal/base/python_scan.h"
#include "gimbal/base/random.h"

namespace gimbal {
namespace {

// "def f : NEWLINE INDENT pass NEWLINE DEDENT": texts separated by blanks, marks by name, stray characters in <>.
std::string lexed(std::string_view source) {
  std::string out;
  for (const PythonToken& t : lex_python(source).tokens) {
    if (!out.empty()) out += ' ';
    switch (t.kind) {
      case PythonTokenKind::kNewline:
        out += "NEWLINE";
        break;
      case PythonTokenKind::kIndent:
        out += "INDENT";
        break;
      case PythonTokenKind::kDedent:
        out += "DEDENT";
        break;
      case PythonTokenKind::kError:
        out += "<" + std::string(t.text(source)) + ">";
        break;
      default:
        out += t.text(source);
    }
  }
  return out;
}

std::string first_error(std::string_view source) {
  const PythonTokens out = lex_python(source);
  if (out.errors.empty()) return "";
  const PythonLexError& e = out.errors.front();
  return std::to_string(e.line) + ":" + std::to_string(e.column) + " " + e.message;
}

TEST(PythonLexer, GivesNamesOperatorsAndMarks) {
  EXPECT_EQ(lexed("def f(x):\n    return x+1\nf(2)\n"),
            "def f ( x ) : NEWLINE INDENT return x + 1 NEWLINE DEDENT f ( 2 ) NEWLINE");
  EXPECT_EQ(lexed(""), "");
  EXPECT_EQ(lexed("x"), "x NEWLINE");  // the end of text ends the logical line
  EXPECT_EQ(lexed("if a:\n  if b:\n    c"), "if a : NEWLINE INDENT if b : NEWLINE INDENT c NEWLINE DEDENT DEDENT");
}

TEST(PythonLexer, IgnoresCommentsBlankLinesContinuationsAndLineEndsInBrackets) {
  EXPECT_EQ(lexed("# c\n\n   \nx = (1,  # one\n\n  2)\n      # deep comment\ny \\\n  = 3\n"),
            "x = ( 1 , 2 ) NEWLINE y = 3 NEWLINE");
  EXPECT_EQ(lexed("if x:\n    a\n# at the margin\n    b\n"), "if x : NEWLINE INDENT a NEWLINE b NEWLINE DEDENT");
  EXPECT_EQ(lexed("a\r\nb\rc\n"), "a NEWLINE b NEWLINE c NEWLINE");
  EXPECT_EQ(lexed("\xEF\xBB\xBFx"), "x NEWLINE");
}

TEST(PythonLexer, TakesTheLongestOperator) {
  EXPECT_EQ(lexed("a**=b//=c>>=d<<=e...f"), "a **= b //= c >>= d <<= e ... f NEWLINE");
  EXPECT_EQ(lexed("a:=b->c==d!=e<=f>=g"), "a := b -> c == d != e <= f >= g NEWLINE");
  EXPECT_EQ(lexed("a@=b&=c|=d^=e%=f"), "a @= b &= c |= d ^= e %= f NEWLINE");
  EXPECT_EQ(lexed("a<>b"), "a < > b NEWLINE");
  EXPECT_EQ(lexed("x[..]"), "x [ . . ] NEWLINE");
}

TEST(PythonLexer, ReadsNumbersAsTheLanguageDoes) {
  for (const std::string_view number :
       {"0", "00", "1_000", "0xFF_ff", "0o17", "0b1_0", "1.", ".5", "1.5e-3", "1e9", "3j", "1_0.0_1E+1_0J", "0x_1", "0e0"}) {
    EXPECT_EQ(python_number_size(number, 0), number.size()) << number;
  }
  EXPECT_EQ(lexed("0777 1_ 1__0 0xg 1.e 1if x"), "0 777 1 _ 1 __0 0 xg 1. e 1 if x NEWLINE");
  EXPECT_EQ(lexed("1..real"), "1. . real NEWLINE");
  EXPECT_EQ(lexed("x.5"), "x .5 NEWLINE");
}

TEST(PythonLexer, KeepsAStringWithItsPrefixAsOneToken) {
  EXPECT_EQ(lexed(R"(rb'\'' + f"a{x!r:>{w}}" + BR"" + u'')"), R"(rb'\'' + f"a{x!r:>{w}}" + BR"" + u'' NEWLINE)");
  EXPECT_EQ(lexed("x = '''a\n'b''\n'''\n"), "x = '''a\n'b''\n''' NEWLINE");
  EXPECT_EQ(lexed("'a\\\nb' c"), "'a\\\nb' c NEWLINE");
  EXPECT_EQ(lexed("bar'x'"), "bar 'x' NEWLINE");  // no prefix, a name
  EXPECT_EQ(lexed("''''"), "'''' NEWLINE");       // an open triple quote with one inside
}

TEST(PythonLexer, EndsAnUnclosedStringAtTheEndOfItsLineOrOfTheText) {
  EXPECT_EQ(lexed("x = 'abc\ny"), "x = 'abc NEWLINE y NEWLINE");
  EXPECT_EQ(first_error("x = 'abc\ny"), "1:4 the string literal is not closed");
  EXPECT_EQ(lexed("x = '''abc\ny"), "x = '''abc\ny NEWLINE");
  EXPECT_EQ(lexed("'\\"), "'\\ NEWLINE");
}

TEST(PythonLexer, MakesAStrayCharacterATokenOfItsOwn) {
  EXPECT_EQ(lexed("a $ b ? \xE2\x82\xAC \x80 \\ c"), "a <$> b <?> <\xE2\x82\xAC> <\x80> <\\> c NEWLINE");
  EXPECT_EQ(lexed("a ! = b != c"), "a <!> = b != c NEWLINE");
  EXPECT_EQ(first_error("a\n  $ b"), "2:2 this character begins no token");
}

TEST(PythonLexer, KnowsLettersBeyondAscii) {
  EXPECT_EQ(lexed("größe_2 = 変数 + e\xCC\x81"), "größe_2 = 変数 + e\xCC\x81 NEWLINE");
  EXPECT_EQ(lexed("a\xC2\xB2"), "a <\xC2\xB2> NEWLINE");  // superscript two is a No, not an Nd
}

TEST(PythonLexer, CountsTabsToMultiplesOfEight) {
  EXPECT_EQ(lexed("if x:\n\ta\n        b\n"), "if x : NEWLINE INDENT a NEWLINE b NEWLINE DEDENT");
  EXPECT_EQ(first_error("if x:\n\ta\n        b\n"), "3:8 tabs and spaces are mixed in the indentation");
  EXPECT_EQ(first_error("if x:\n\ta\n\tb\n"), "");
}

TEST(PythonLexer, MendsADedentToNoOuterLevel) {
  EXPECT_EQ(lexed("if x:\n    a\n  b\n  c\n"), "if x : NEWLINE INDENT a NEWLINE b NEWLINE c NEWLINE DEDENT");
  EXPECT_EQ(first_error("if x:\n    a\n  b\n"), "3:2 the indentation matches no outer level");
}

TEST(PythonLexer, ReportsBracketsThatDoNotPair) {
  EXPECT_EQ(first_error("f(a]\n"), "1:3 ']' does not close '('");
  EXPECT_EQ(first_error("a)\n"), "1:1 ')' closes no bracket");
  EXPECT_EQ(first_error("x\nf(a\n"), "2:1 '(' is not closed");
  EXPECT_EQ(lexed("f(a]\nb"), "f ( a ] NEWLINE b NEWLINE");
}

TEST(PythonLexer, GivesOffsetsLinesAndColumns) {
  const std::string_view source = "if x:\n\t'''a\nb''' + y\n";
  const PythonTokens out = lex_python(source);
  const auto at = std::ranges::find_if(out.tokens, [&](const PythonToken& t) { return t.text(source) == "y"; });
  ASSERT_NE(at, out.tokens.end());
  EXPECT_EQ(at->line, 3u);
  EXPECT_EQ(at->column, 7u);
  EXPECT_EQ(source.substr(at->offset, at->size), "y");
  const auto indent = std::ranges::find(out.tokens, PythonTokenKind::kIndent, &PythonToken::kind);
  EXPECT_EQ(indent->line, 2u);
  EXPECT_EQ(indent->text(source), "\t");
}

TEST(PythonLexer, KnowsTheReservedWords) {
  for (const std::string_view word : {"False", "None", "True", "and", "def", "nonlocal", "yield", "async"})
    EXPECT_TRUE(is_python_keyword(word));
  for (const std::string_view word : {"match", "case", "_", "print", "self"}) EXPECT_FALSE(is_python_keyword(word));
}

// Whatever the text, tokens lie in order inside it, marks balance, and what lies between tokens is white space, comments and
// continuations.
TEST(PythonLexer, CoversAnyTextInOrder) {
  static constexpr std::string_view kPieces[] = {"a",    "if x:",  "\n", "    ", "\t", "(",   ")", "[",
                                                 "'",    "\"\"\"", "\\", "\\\n", "#c", "1.5", "$", "\r\n",
                                                 "\x80", "ü",      "f'", "{",    "}",  "\f"};
  Stream s(1, "test.lexer");
  for (int repeat = 0; repeat < 3000; ++repeat) {
    std::string source;
    for (std::uint64_t k = s.below(24); k > 0; --k) source += kPieces[s.below(std::size(kPieces))];
    std::size_t end = 0;
    int level = 0;
    for (const PythonToken& t : lex_python(source).tokens) {
      ASSERT_GE(t.offset, end) << source;
      for (std::size_t p = end; p < t.offset; ++p) {
        const char c = source[p];
        if (c == '#') {
          while (p < t.offset && source[p] != '\n' && source[p] != '\r') ++p;
          continue;
        }
        ASSERT_NE(std::string_view(" \t\f\n\r\\").find(c), std::string_view::npos) << source;
      }
      end = t.offset + t.size;
      ASSERT_LE(end, source.size());
      level += t.kind == PythonTokenKind::kIndent ? 1 : t.kind == PythonTokenKind::kDedent ? -1 : 0;
      ASSERT_GE(level, 0);
    }
    EXPECT_EQ(level, 0) << source;
  }
}

}  // namespace
}  // namespace gimbal
