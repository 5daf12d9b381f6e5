#include "gimbal/run/report.h"

#include <gtest/gtest.h>

#include <random>

#include "gimbal/base/check.h"
#include "gimbal/run/markup_check.h"
#include "gimbal/run/report_markup.h"

namespace gimbal::run {
namespace {

const std::string kHostile = "</title></style><script>alert('1')</script>\" onclick=\"x\" & \x01 \xFF <img src=http://x>";

Chart small_chart(const std::string& title) {
  XyChart chart;
  chart.title = title;
  chart.panels.emplace_back();
  chart.panels[0].series.push_back({.label = title, .x = {1, 2}, .y = {2, 1}, .bands = {}, .style = {}});
  return draw(chart);
}

Report full_report(const std::string& text) {
  Report report;
  report.title = report.subtitle = report.footer = text;
  report.add(Paragraphs{text + "\n\n- " + text + "\n- b\n\nmore"});
  report.add(KeyFigures{{{text, text, text, text}}});
  for (int i = 0; i < 4; ++i) {
    report.open_section(text + std::to_string(i));
    report.add(Figure{small_chart(text), text});
  }
  ReportTable table;
  table.caption = text;
  table.columns = {{text, text, Align::kAuto}, {"n", "", Align::kCentre}};
  table.rows = {{text, "1"}, {"2", text}};
  table.strong_rows = {1};
  table.notes = {text};
  report.add(table);
  report.add(CodeBlock{text, text});
  for (const NoteKind kind : {NoteKind::kNote, NoteKind::kGood, NoteKind::kWarning}) report.add(NoteBox{kind, text, text});
  report.add(Image{text, "image/png", text, text});
  report.sections.push_back({text, {Paragraphs{text}}, 3, true});
  return report;
}

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + part.size())) ++n;
  return n;
}

TEST(Report, IsWellFormedStandsAloneAndNeedsNoScript) {
  for (const std::string& text :
       {std::string("plain"), std::string(), kHostile, std::string("*a* **b** `c` \\*"), std::string("**`*`` \\")}) {
    const std::string html = to_html(full_report(text));
    EXPECT_EQ(read_markup(html).error, "");
    EXPECT_EQ(outside_reference(html), "");
    EXPECT_EQ(count(html, "<script"), 0u);
  }
}

TEST(Report, ShowsDataAsTheyAre) {
  const MarkupReading reading = read_markup(to_html(full_report("a < b & \"c\"")));
  EXPECT_EQ(reading.named("h1")[0].text, "a < b & \"c\"");
  EXPECT_EQ(reading.named("code")[0].text, "a < b & \"c\"");
  EXPECT_EQ(reading.named("td")[0].text, "a < b & \"c\"");  // the series of the first chart
}

TEST(Report, IsTheSameBytesForTheSameInput) { EXPECT_EQ(to_html(full_report("a")), to_html(full_report("a"))); }

TEST(Report, HasBothSchemesAndRulesForPaper) {
  const std::string html = to_html(Report{});
  EXPECT_NE(html.find("@media screen and (prefers-color-scheme:dark){:root{"), std::string::npos);
  EXPECT_NE(html.find("@media print"), std::string::npos);
  EXPECT_NE(html.find("break-inside:avoid"), std::string::npos);
  EXPECT_NE(html.find("<meta name=\"viewport\""), std::string::npos);
}

TEST(Report, ListsItsContentsFromFourSectionsOnAfterTheSummary) {
  Report report;
  report.add(Paragraphs{"summary"});
  for (const char* title : {"one", "two", "three"}) report.open_section(title);
  EXPECT_EQ(to_html(report).find("<nav"), std::string::npos);
  report.open_section("four & more");
  const std::string html = to_html(report);
  EXPECT_NE(html.find("<li><a href=\"#s5\">four &amp; more</a></li>"), std::string::npos);
  EXPECT_NE(html.find("<section id=\"s5\">"), std::string::npos);
  EXPECT_LT(html.find("summary</p>"), html.find("<nav"));
  EXPECT_LT(html.find("<nav"), html.find("<h2>one</h2>"));
}

TEST(Report, AlignsNumbersAtTheDecimalPoint) {
  Report report;
  ReportTable table;
  table.columns = {{"point"}, {"tau"}, {"n"}, {"power"}, {"p"}, {"text"}};
  table.rows = {{"max z", "6.12", "33", "96.5 %", "< 1e-9", "1 apple"},
                {"chosen", "−16", "1,178", "80 %", "0.012", "2 pears"},
                {"none", "–", "", "", "", ""}};
  report.add(table);
  const std::string html = to_html(report);
  EXPECT_NE(html.find("<td>max z</td><td class=\"r\">6.12</td><td class=\"r\">33</td><td class=\"r\">96.5 %</td><td "
                      "class=\"r\">&lt; 1e-9</td><td>1 apple</td>"),
            std::string::npos);
  // Two unseen digits and an unseen point below 6.12.
  EXPECT_NE(html.find("<td class=\"r\">−16<i class=\"z\" aria-hidden=\"true\">.00</i></td>"), std::string::npos);
  EXPECT_NE(html.find("<th scope=\"col\" class=\"r\">tau</th>"), std::string::npos);
}

TEST(Report, RefusesARaggedTable) {
  Report report;
  ReportTable table;
  table.columns = {{"a"}, {"b"}};
  table.rows = {{"1"}};
  report.add(table);
  EXPECT_THROW(to_html(report), CheckFailure);
}

TEST(Report, GivesAChartThatIsShownTwiceIdsOfItsOwnAndOneStyleSheet) {
  Report report;
  const Chart chart = small_chart("a");
  report.add(Figure{chart, ""});
  report.add(Figure{chart, ""});
  report.add(Figure{small_chart("b"), ""});
  const std::string html = to_html(report);
  EXPECT_EQ(read_markup(html).error, "");  // which refuses an id that comes twice
  EXPECT_EQ(count(html, ".gimbal-chart .tx{"), 1u);
  EXPECT_EQ(count(html, "<details><summary>Numbers</summary>"), 3u);
}

TEST(Report, SaysWhatABoxIsInWords) {
  Report report;
  report.add(NoteBox{NoteKind::kWarning, "", "text"});
  report.add(NoteBox{NoteKind::kWarning, "small sample", "text"});
  report.add(NoteBox{NoteKind::kGood, "", "text"});
  const std::string html = to_html(report);
  EXPECT_NE(html.find("<strong>Warning</strong><p>text</p>"), std::string::npos);
  EXPECT_NE(html.find("<strong>Warning: small sample</strong>"), std::string::npos);
  EXPECT_NE(html.find("<strong>Confirmed</strong>"), std::string::npos);
}

TEST(Report, SetsWordsAmongKeyFiguresSmallerThanNumbers) {
  Report report;
  report.add(KeyFigures{{{"verdict", "inconclusive", "", ""}, {"promised", "+49.7", "", ""}, {"units", "1,234,567", "", ""}}});
  const std::string html = to_html(report);
  EXPECT_NE(html.find("<dd class=\"value word\">inconclusive"), std::string::npos);
  EXPECT_NE(html.find("<dd class=\"value\">+49.7"), std::string::npos);
  EXPECT_NE(html.find("<dd class=\"value\">1,234,567"), std::string::npos);
}

TEST(Report, KeepsCommandsAsTheyAreTyped) {
  Report report;
  report.add(CodeBlock{"gimbal policy run a.csv \\\n  --select 'power:0.8' *\n\n", "run"});
  EXPECT_NE(to_html(report).find("<code>gimbal policy run a.csv \\\n  --select &#39;power:0.8&#39; *</code>"),
            std::string::npos);
}

TEST(Report, PutsImagesInsideAndTakesNoOtherTypes) {
  Report report;
  report.add(Image{"PNG", "image/png", "a dot", ""});
  EXPECT_NE(to_html(report).find("<img alt=\"a dot\" src=\"data:image/png;base64,UE5H\">"), std::string::npos);
  report.add(Image{"<svg/>", "image/svg+xml", "", ""});
  EXPECT_THROW(to_html(report), CheckFailure);
}

TEST(Markup, ReadsEmphasisCodeAndLists) {
  EXPECT_EQ(inline_markup("a *b* **c** `d*e*`"), "a <em>b</em> <strong>c</strong> <code>d*e*</code>");
  EXPECT_EQ(inline_markup("**a *b* c**"), "<strong>a <em>b</em> c</strong>");
  EXPECT_EQ(inline_markup("*a **b** c*"), "<em>a <strong>b</strong> c</em>");
  EXPECT_EQ(block_markup("one\ntwo\n\nthree\n- x\n- y\n  z\n\nend"),
            "<p>one\ntwo</p><p>three</p><ul><li>x</li><li>y\nz</li></ul><p>end</p>");
}

TEST(Markup, LeavesWhatIsNoMarkUp) {
  EXPECT_EQ(inline_markup("2 * 3 * 4"), "2 * 3 * 4");
  EXPECT_EQ(inline_markup("a* b** `c"), "a* b** `c");
  EXPECT_EQ(inline_markup("\\*a\\* \\`b\\` c\\d"), "*a* `b` c\\d");
  EXPECT_EQ(inline_markup("<b>&"), "&lt;b&gt;&amp;");
}

TEST(Markup, EscapedDataComeOutAsTheyWere) {
  std::mt19937 random(6);
  const std::string signs = "*`\\ ab<&\n";
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t k = random() % 12; k-- > 0;) text += signs[random() % signs.size()];
    const MarkupReading reading = read_markup("<p>" + inline_markup(escape_emphasis(text)) + "</p>");
    ASSERT_EQ(reading.error, "");
    ASSERT_EQ(reading.elements.size(), 1u) << text;
    ASSERT_EQ(reading.elements[0].text, text);
    ASSERT_EQ(read_markup("<div>" + block_markup(text) + "</div>").error, "") << text;
  }
}

TEST(Markup, DeepNestingCostsNoStack) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += i % 2 == 0 ? "*a" : "**a";
  EXPECT_EQ(read_markup("<p>" + inline_markup(text) + "</p>").error, "");
}

}  // namespace
}  // namespace gimbal::run
