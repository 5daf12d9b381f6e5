#include "gimbal/run/svg.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "gimbal/run/markup_check.h"

namespace gimbal::run {
namespace {

TEST(EscapeMarkup, EscapesTheFiveSignsAndReplacesWhatXmlForbids) {
  EXPECT_EQ(escape_markup("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
  EXPECT_EQ(escape_markup("tab\tline\n"), "tab\tline\n");
  EXPECT_EQ(escape_markup(std::string_view("x\0y\x1B", 4)), "x\xEF\xBF\xBDy\xEF\xBF\xBD");
  EXPECT_EQ(escape_markup("\xFF ok \xC3"), "\xEF\xBF\xBD ok \xEF\xBF\xBD");
  EXPECT_EQ(escape_markup("\xEF\xBF\xBE"), "\xEF\xBF\xBD");  // U+FFFE
  EXPECT_EQ(escape_markup("λ ≤ 1 – 日本"), "λ ≤ 1 – 日本");
}

TEST(TextWidth, AddsAdvanceWidths) {
  // 0.556 em a digit, 2 % slack.
  EXPECT_NEAR(text_width("12345", 10), 5 * 5.56 * 1.02, 1e-9);
  EXPECT_GT(text_width("improvement", 12, true), text_width("improvement", 12));
  EXPECT_NEAR(text_width("日", 10), 10 * 1.02, 1e-9);
  EXPECT_NEAR(text_width("e\u0301", 10), text_width("e", 10), 1e-9);
  EXPECT_EQ(text_width("", 12), 0);
}

TEST(Elide, KeepsWhatFitsAndMarksTheRest) {
  EXPECT_EQ(elide("short", 12, 100), "short");
  EXPECT_EQ(elide("  two\t\nwords \x01", 12, 200), "two words");
  const std::string cut = elide("a label that is much too long for its place", 12, 80);
  EXPECT_TRUE(cut.ends_with("…"));
  EXPECT_LE(text_width(cut, 12), 80);
  EXPECT_EQ(elide("wide", 12, 1), "…");
}

TEST(WrapText, BreaksAtBlanksAndKeepsEveryWord) {
  EXPECT_EQ(wrap_text("one two three", 12, 1000, 3), (std::vector<std::string>{"one two three"}));
  const auto lines = wrap_text("one two three", 12, text_width("one two", 12) + 0.1, 3);
  EXPECT_EQ(lines, (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrap_text("", 12, 100, 3).size(), 0u);
  EXPECT_EQ(wrap_text("a/very/long/path/without/blanks", 12, 90, 9).front().back(), '/');
}

TEST(WrapText, NeverExceedsTheWidthNorTheNumberOfLines) {
  std::mt19937 random(7);
  const std::vector<std::string> parts = {"a", "W", " ", "  ", "é", "日本", "-", "/", "wwwww", "\xFF", "\n", "…", "i"};
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (int k = 0; k < 40; ++k) text += parts[random() % parts.size()];
    const double width = 20 + static_cast<double>(random() % 200);
    const std::size_t most = 1 + random() % 4;
    const auto lines = wrap_text(text, 12, width, most);
    ASSERT_LE(lines.size(), most);
    for (const std::string& line : lines) {
      ASSERT_TRUE(is_utf8(line));
      ASSERT_FALSE(line.empty());
      ASSERT_LE(text_width(line, 12), width) << line;
    }
  }
}

TEST(SvgPath, RoundsToTenthsWithoutDrift) {
  SvgPath path;
  path.move_to(0, 0);
  for (int k = 1; k <= 10'000; ++k) path.line_to(k * 0.04, 5);
  // The steps add up to the last point although most of them round to nothing.
  double x = 0;
  std::string_view d = path.text();
  for (std::size_t i = d.find('h'); i != std::string_view::npos; i = d.find('h', i + 1))
    x += std::strtod(d.data() + i + 1, nullptr);
  if (const std::size_t first = d.find('l'); first != std::string_view::npos) x += std::strtod(d.data() + first + 1, nullptr);
  EXPECT_NEAR(x, 400, 1e-6);
}

TEST(SvgPath, WritesCompactRelativeSteps) {
  SvgPath path;
  path.move_to(1, 2);
  path.line_to(1.5, 3);
  path.line_to(2, 2);
  path.line_to(4, 2);
  path.line_to(4, -1.25);
  path.close();
  EXPECT_EQ(path.text(), "M1 2l.5 1 .5-1h2v-3.3z");
  SvgPath dot;
  dot.move_to(1, 1);
  dot.line_to(1, 1);
  EXPECT_EQ(dot.text(), "M1 1h0");
}

TEST(Coordinate, CutsWhatNoPictureHolds) {
  EXPECT_EQ(coordinate(12.34), "12.3");
  EXPECT_EQ(coordinate(-0.04), "0");
  EXPECT_EQ(coordinate(NAN), "0");
  EXPECT_EQ(coordinate(INFINITY), "1000000");
}

TEST(SvgWriter, EscapesTextAndToolTips) {
  SvgWriter svg;
  svg.open_group("");
  svg.text(1, 2, "<script>\"&", {.size = 11, .exponent = "−3", .full = "all <of> it"});
  svg.rect(0, 0, -1, 2, "bg");
  svg.close_group();
  const MarkupReading reading = read_markup(svg.body());
  EXPECT_EQ(reading.error, "");
  EXPECT_EQ(reading.named("text")[0].text, "<script>\"&−3");
  EXPECT_EQ(reading.named("title")[0].text, "all <of> it");
  EXPECT_EQ(reading.named("rect")[0].attributes.at("width"), "0");
}

TEST(Shorten, CountsCodePoints) {
  EXPECT_EQ(shorten("日本語", 3), "日本語");
  EXPECT_EQ(shorten("日本語x", 3), "日本語…");
}

}  // namespace
}  // namespace gimbal::run
