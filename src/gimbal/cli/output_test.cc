#include "gimbal/cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/base/text.h"

namespace gimbal::cli {
namespace {

TEST(TextTable, AlignsNumbersToTheRightAndTextToTheLeft) {
  TextTable table({"arm", "rows", "mean", "note"});
  table.row({"No E-Mail", "21,306", "0.106", ""});
  table.row({"Mens", "7", "-", "few"});
  EXPECT_EQ(table.text(),
            "arm          rows   mean  note\n"
            "No E-Mail  21,306  0.106\n"
            "Mens            7      -  few\n");
}

TEST(TextTable, CountsColumnsNotBytes) {
  TextTable table({"name", "n"});
  table.row({"Müller", "1"});
  table.row({"日本", "22"});
  EXPECT_EQ(table.text(),
            "name     n\n"
            "Müller   1\n"
            "日本    22\n");
}

TEST(TextTable, CutsTheWidestTextColumnToTheWidthOfAPage) {
  TextTable table({"system", "what", "headline"});
  table.indent(2).row({"policy", std::string(60, 'w'), std::string(60, 'h')});
  const std::string text = table.text();
  for (const std::string_view line : split(text, '\n')) EXPECT_LE(display_width(line), kTextWidth);
  EXPECT_NE(text.find("www...  hhh"), std::string::npos);
  EXPECT_EQ(text.find("  policy  "), text.find('\n') + 1);
}

TEST(TextTable, WrapsSentencesInsteadOfCuttingThem) {
  const std::string sentence = "who should get which voucher: fitted on 1,413 people, tested on 1,412 others";
  const std::string text =
      TextTable({"system", "what", "time"}).row({"policy", sentence + ", in villages", "1 s"}).wrap().text();
  EXPECT_EQ(text,
            "system  what                                                                                    time\n"
            "policy  who should get which voucher: fitted on 1,413 people, tested on 1,412 others, in         1 s\n"
            "        villages\n");
}

TEST(TextTable, WithoutRowsIsItsHeading) { EXPECT_EQ(TextTable({"a", "b"}).text(), "a  b\n"); }

TEST(WrapText, BreaksAtBlanksAndKeepsParagraphsAndIndentedLines) {
  EXPECT_EQ(wrap_text("one two three four", 9), "one two\nthree\nfour\n");
  EXPECT_EQ(wrap_text("one\ntwo\n\n\nthree\n", 20, 2), "  one two\n\n  three\n");
  EXPECT_EQ(wrap_text("see:\n    gimbal policy fit data.csv\nand", 10), "see:\n    gimbal policy fit data.csv\nand\n");
  EXPECT_EQ(wrap_text("unbreakableword x", 5), "unbreakableword\nx\n");
  EXPECT_EQ(wrap_text("", 5), "");
}

TEST(ErrorDocument, HasAllFieldsAlways) {
  EXPECT_EQ(error_document(Error{ErrorCode::kNotFound, "no \"x\"", {"a", "b"}, "f.csv:1"}, {}, 1.25),
            R"({"schema":"gimbal.error/1","gimbal":"0.1.0","exit":2,"error":{"code":"not_found","message":"no \"x\"",)"
            R"("notes":["a","b"],"where":"f.csv:1","field":null,"details":null},"warnings":[],"timing_ms":{"total":1.25}})");
  EXPECT_EQ(error_document(Error{ErrorCode::kBudget, "m", {}, ""}, {{"light", "it is light", 2}}, 0),
            R"({"schema":"gimbal.error/1","gimbal":"0.1.0","exit":5,"error":{"code":"budget","message":"m",)"
            R"("notes":[],"where":null,"field":null,"details":null},)"
            R"("warnings":[{"code":"light","message":"it is light","count":2}],"timing_ms":{"total":0}})");
}

}  // namespace
}  // namespace gimbal::cli
