#include "gimbal/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/property.h"

namespace gimbal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The first byte that is not part of a well-formed sequence, by trying every encoding of every code point length.
std::optional<std::size_t> slow_find_invalid(std::string_view text) {
  const auto encode = [](unsigned cp) {
    std::string out;
    if (cp < 0x80)
      out += static_cast<char>(cp);
    else if (cp < 0x800)
      out = {static_cast<char>(0xC0 | cp >> 6), static_cast<char>(0x80 | (cp & 63))};
    else if (cp < 0x10000)
      out = {static_cast<char>(0xE0 | cp >> 12), static_cast<char>(0x80 | (cp >> 6 & 63)), static_cast<char>(0x80 | (cp & 63))};
    else
      out = {static_cast<char>(0xF0 | cp >> 18), static_cast<char>(0x80 | (cp >> 12 & 63)),
             static_cast<char>(0x80 | (cp >> 6 & 63)), static_cast<char>(0x80 | (cp & 63))};
    return out;
  };
  std::size_t i = 0;
  while (i < text.size()) {
    std::size_t taken = 0;
    for (std::size_t n = 1; n <= 4 && i + n <= text.size() && taken == 0; ++n) {
      // The payload bits of n bytes, whatever they are; valid when encoding them gives the same bytes again.
      const auto b = [&](std::size_t k) { return static_cast<unsigned>(static_cast<unsigned char>(text[i + k])); };
      unsigned cp = n == 1 ? b(0) : b(0) & (0xFFu >> (n + 1));
      for (std::size_t k = 1; k < n; ++k) cp = cp << 6 | (b(k) & 63);
      if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF)) continue;
      if (encode(cp) == text.substr(i, n)) taken = n;
    }
    if (taken == 0) return i;
    i += taken;
  }
  return std::nullopt;
}

TEST(ListSome, NamesTheFirstAndCountsTheOthers) {
  const std::vector<std::string> parts = {"a", "b", "c", "d"};
  EXPECT_EQ(list_some(parts, 4), "a, b, c, d");
  EXPECT_EQ(list_some(parts, 3), "a, b, c and 1 more");
}

TEST(Utf8, AgreesWithASlowReferenceOnAllSequencesOfUpToThreeBytes) {
  std::string text(1, '\0');
  std::size_t disagreements = 0;
  for (int a = 0; a < 256; ++a) {
    text.resize(1);
    text[0] = static_cast<char>(a);
    disagreements += find_invalid_utf8(text) != slow_find_invalid(text);
    for (int b = 0; b < 256; ++b) {
      text.resize(2);
      text[1] = static_cast<char>(b);
      disagreements += find_invalid_utf8(text) != slow_find_invalid(text);
      if (a < 0x80) continue;  // what follows an ASCII byte is a sequence of two, seen above
      for (int c = 0; c < 256; ++c) {
        text.resize(3);
        text[2] = static_cast<char>(c);
        disagreements += find_invalid_utf8(text) != slow_find_invalid(text);
      }
    }
  }
  EXPECT_EQ(disagreements, 0u);
}

TEST(Utf8, AgreesWithTheReferenceOnLongerRandomTexts) {
  static constexpr std::array<unsigned char, 16> kBytes = {'a',  0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                                           0xC1, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5};
  testing::for_each_case(1, 50000, [&](Stream& s) {
    std::string text;
    const std::size_t pad = s.below(20);  // across the word of eight bytes
    text.append(pad, 'x');
    for (std::size_t n = s.below(8); n > 0; --n) text += static_cast<char>(kBytes[s.below(kBytes.size())]);
    ASSERT_EQ(find_invalid_utf8(text), slow_find_invalid(text));
    const std::string repaired = repair_utf8(text);
    ASSERT_TRUE(is_utf8(repaired));
    if (is_utf8(text)) {
      ASSERT_EQ(repaired, text);
    }
  });
}

TEST(Utf8, NamesTheOffsetOfTheFirstBadByte) {
  EXPECT_EQ(find_invalid_utf8("häuser"), std::nullopt);
  EXPECT_EQ(find_invalid_utf8("ok\xFF"), 2u);
  EXPECT_EQ(find_invalid_utf8("\xC0\x80"), 0u) << "an overlong NUL";
  EXPECT_EQ(find_invalid_utf8("a\xED\xA0\x80"), 1u) << "a surrogate";
  EXPECT_EQ(find_invalid_utf8("\xF4\x90\x80\x80"), 0u) << "above U+10FFFF";
  EXPECT_EQ(find_invalid_utf8("12345678\xE2\x82"), 8u) << "cut off";
}

TEST(Utf8, RepairReplacesEachMaximalInvalidSubsequence) {
  EXPECT_EQ(repair_utf8("a\xE2\x82z"), "a\uFFFDz");
  EXPECT_EQ(repair_utf8("\xFF\xFE"), "\uFFFD\uFFFD");
  // The example of the Unicode standard, table 3-8: 61 F1 80 80 E1 80 C2 62 80 63 80 BF 64.
  EXPECT_EQ(repair_utf8("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"), "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd");
}

TEST(Utf8, ColumnsCountCodePoints) {
  EXPECT_EQ(code_point_column("abc", 0), 1u);
  EXPECT_EQ(code_point_column("äöü", 4), 3u);
  EXPECT_EQ(code_point_column("ab", 99), 3u) << "an offset past the end is the end";
  EXPECT_EQ(code_point_count("a\xFF\xFEö"), 4u) << "an invalid byte is one";
}

TEST(Text, WidthCountsWideCharactersTwiceAndCombiningMarksNot) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
  EXPECT_EQ(display_width("a\xFF"), 2u);
}

TEST(Text, FoldingMakesTextsThatDifferInCaseAlike) {
  EXPECT_EQ(fold_case("STRASSE"), fold_case("straße"));
  EXPECT_EQ(fold_case("ΣΊΣΥΦΟΣ"), fold_case("σίσυφος"));
  EXPECT_EQ(fold_case("\xFFQ"), "\xFFq");
}

TEST(Text, TrimsAndSplitsAndJoins) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim("   "), "");
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  const std::vector<std::string> parts = {"x", "", "y"};
  EXPECT_EQ(join(parts, "--"), "x----y");
  EXPECT_EQ(ascii_lower("ÄBc"), "Äbc");
}

TEST(Text, ListsSplitAtCommasThatNoQuotesHold) {
  EXPECT_THAT(split_list(""), IsEmpty());
  EXPECT_THAT(split_list("a,b"), ElementsAre("a", "b"));
  EXPECT_THAT(split_list("a,\"c,d\",\"say \"\"hi\"\"\""), ElementsAre("a", "c,d", "say \"hi\""));
  EXPECT_THAT(split_list("a,"), ElementsAre("a", ""));
  EXPECT_THAT(split_list("\"open"), ElementsAre("open"));
}

bool slow_glob(std::string_view p, std::string_view t) {
  if (p.empty()) return t.empty();
  if (p[0] == '*') return slow_glob(p.substr(1), t) || (!t.empty() && slow_glob(p, t.substr(1)));
  return !t.empty() && (p[0] == '?' || p[0] == t[0]) && slow_glob(p.substr(1), t.substr(1));
}

TEST(Glob, AgreesWithTheObviousRecursion) {
  int matches = 0;
  testing::for_each_case(2, 20000, [&](Stream& s) {
    std::string pattern, text;
    for (std::size_t n = s.below(7); n > 0; --n) pattern += "ab*?"[s.below(4)];
    for (std::size_t n = s.below(7); n > 0; --n) text += "ab"[s.below(2)];
    const bool expected = slow_glob(pattern, text);
    matches += expected;
    ASSERT_EQ(glob_match(pattern, text), expected) << pattern << " on " << text;
  });
  EXPECT_GT(matches, 1000);
}

TEST(Glob, AQuestionMarkIsOneCodePoint) {
  EXPECT_TRUE(glob_match("m?ller", "müller"));
  EXPECT_FALSE(glob_match("m??ller", "müller"));
  EXPECT_TRUE(glob_match("*.csv", "ä.csv"));
  EXPECT_FALSE(glob_match("*.csv", "a.csv.gz"));
}

TEST(Glob, ManyStarsTakeNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(5000, 'a')));
}

std::size_t slow_distance(std::string_view a, std::string_view b) {
  if (a.empty()) return b.size();
  if (b.empty()) return a.size();
  return std::min({slow_distance(a.substr(1), b) + 1, slow_distance(a, b.substr(1)) + 1,
                   slow_distance(a.substr(1), b.substr(1)) + (a[0] == b[0] ? 0 : 1)});
}

TEST(Levenshtein, AgreesWithTheObviousRecursion) {
  testing::for_each_case(3, 2000, [](Stream& s) {
    std::string a, b;
    for (std::size_t n = s.below(6); n > 0; --n) a += "abc"[s.below(3)];
    for (std::size_t n = s.below(6); n > 0; --n) b += "abc"[s.below(3)];
    ASSERT_EQ(levenshtein(a, b), slow_distance(a, b)) << a << " " << b;
  });
}

TEST(Levenshtein, CountsCodePoints) {
  EXPECT_EQ(levenshtein("kitten", "sitting"), 3u);
  EXPECT_EQ(levenshtein("müller", "muller"), 1u);
  EXPECT_EQ(levenshtein("", "日本"), 2u);
}

TEST(DidYouMean, OffersTheNearestNamesFirst) {
  const std::vector<std::string> names = {"alpha", "alphas", "beta", "alpah"};
  EXPECT_THAT(nearest("alpha", names), ElementsAre("alpha", "alphas", "alpah"));
  EXPECT_THAT(nearest("alpha", names, 1), ElementsAre("alpha"));
  EXPECT_EQ(did_you_mean("beto", names), "; did you mean \"beta\"?");
  EXPECT_EQ(did_you_mean("alphs", names), "; did you mean \"alpha\", \"alphas\" or \"alpah\"?");
  EXPECT_EQ(did_you_mean("completely-else", names), "");
  EXPECT_EQ(did_you_mean("x", std::vector<std::string>{"id", "y"}), "");  // nothing in common is nothing near
}

TEST(DidYouMean, AllowsAThirdOfALongNameToDiffer) {
  const std::vector<std::string> names = {"abcdefghijkl"};
  EXPECT_THAT(nearest("abcdefghXXXX", names), ElementsAre("abcdefghijkl"));  // distance 4 of 12
  EXPECT_THAT(nearest("abcdefgXXXXX", names), IsEmpty());                    // distance 5
}

TEST(Quoted, EscapesWhatATerminalWouldInterpret) {
  EXPECT_EQ(quoted("plain ä"), "\"plain ä\"");
  EXPECT_EQ(quoted("a\"b\\c\n\t\x1b[31m\x7f"), "\"a\\\"b\\\\c\\n\\t\\x1b[31m\\x7f\"");
  EXPECT_EQ(quoted("\xFF\u009B"), "\"\\xff\\u009b\"");
}

TEST(Quoted, CutsLongTextsBetweenCodePoints) {
  EXPECT_EQ(quoted("abcdef", 6), "\"abcdef\"");
  EXPECT_EQ(quoted("abcdefg", 6), "\"abcdef...\"");
  EXPECT_EQ(quoted("äöü", 5), "\"äö...\"");
}

TEST(SignedSignificant, HasASignUnlessItIsZero) {
  EXPECT_EQ(signed_significant(0.034712), "+0.0347");
  EXPECT_EQ(signed_significant(-12.345), "-12.3");
  EXPECT_EQ(signed_significant(0), "0");
  EXPECT_EQ(signed_significant(-0.0), "0");
  EXPECT_EQ(signed_significant(2.5, 1), "+2");
}

TEST(PlainPunctuation, TurnsTypographyIntoAscii) {
  EXPECT_EQ(plain_punctuation("\u201cnone\u201d: \u22120.1 \u2013 it\u2019s na\u00efve"), "\"none\": -0.1 - it's na\u00efve");
  EXPECT_EQ(plain_punctuation(""), "");
}

}  // namespace
}  // namespace gimbal
