#include "gimbal/diversity/extract.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "gimbal/base/text.h"
#include "gimbal/data/jsonl.h"

namespace gimbal::diversity {
namespace {

// What CPython's parser says of the lines that the cases ask about; all others do not parse.
class TableParser : public LineParser {
 public:
  Result<std::vector<LineKind>> classify(std::span<const std::string> lines) const override {
    static const std::map<std::string, LineKind, std::less<>> kTable = {
        {"ok", LineKind::kBareName},
        {"x = 3", LineKind::kStatement},
        {"x", LineKind::kBareName},
        {"print(x)", LineKind::kExpression},
        {"s = Stack()", LineKind::kStatement},
        {"s.push(3)", LineKind::kExpression},
        {"print(fib(10))", LineKind::kExpression},
        {"if True: print('yes')", LineKind::kStatement},
        {"print('yes')", LineKind::kExpression},
        {"for i in range(3): print(i)", LineKind::kStatement},
        {"print(i)", LineKind::kExpression},
        {"f(2)", LineKind::kExpression},
        {"n = 5", LineKind::kStatement},
        {"print(n)", LineKind::kExpression},
        {"n = int(input())", LineKind::kStatement},
        {"print(n * 2)  # double it", LineKind::kExpression},
        {"main()", LineKind::kExpression},
        {"a = 1", LineKind::kStatement},
    };
    ++calls;
    std::vector<LineKind> out;
    for (const std::string& line : lines) {
      const auto at = kTable.find(line);
      out.push_back(at == kTable.end() ? LineKind::kNone : at->second);
    }
    return out;
  }
  mutable int calls = 0;
};

// Results are compared after trimming each line's right end and dropping blank lines.
std::string normalised(std::string_view code) {
  std::string out;
  for (const std::string_view line : split(code, '\n')) {
    const std::size_t end = line.find_last_not_of(" \t\r");
    if (end != std::string_view::npos) out += std::string(line.substr(0, end + 1)) + "\n";
  }
  return out;
}

TEST(ExtractHeuristic, FindsTheCodeOfAllPublicCasesInOneCallOfTheParser) {
  const auto records = data::read_jsonl("data/diversity/extract-cases.jsonl").value();
  ASSERT_EQ(records.records.size(), 14u);
  std::vector<std::string> raw;
  for (const JsonView& r : records.records) raw.push_back(r.string("raw").value());
  const TableParser parser;
  const auto code = extract_heuristic(raw, parser).value();
  EXPECT_EQ(parser.calls, 1);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    EXPECT_EQ(normalised(code[i]), normalised(records.records[i].string("code").value())) << "case " << i;
  }
}

std::string extracted(const std::string& text) {
  return extract_heuristic(std::vector<std::string>{text}, TableParser()).value().front();
}

TEST(ExtractHeuristic, GivesNothingForNothing) {
  EXPECT_EQ(extracted(""), "");
  EXPECT_EQ(extracted("There is no code here."), "");
}

TEST(ExtractHeuristic, TakesFencesApartWhereverTheyStand) { EXPECT_EQ(extracted("Code: ```python\na = 1\n``` done"), "a = 1"); }

TEST(ExtractHeuristic, CollectsTripleQuotedStringsInFront) {
  EXPECT_EQ(extracted("def f():\n    '''One.'''\n    return 1\nx = '''two'''\na = 1"),
            "\"\"\"\nOne.\ntwo\n\"\"\"\ndef f():\n    \n    return 1\n\na = 1");
}

TEST(ExtractHeuristic, KeepsAOneLineClauseWhoseTailIsAnExpression) {
  EXPECT_EQ(extracted("else: print(i)"), "else: print(i)");
  EXPECT_EQ(extracted("else: print(i)\n    deeper"), "");
  EXPECT_EQ(extracted("if you ask me: x"), "");  // the tail is a bare name
}

TEST(ExtractHeuristic, AHashInsideQuotesBeginsNoComment) {
  EXPECT_EQ(extracted("if x == '#':\n    y()"), "if x == '#':\n    y()");
  EXPECT_EQ(extracted("define the class:\n    text"), "");
}

}  // namespace
}  // namespace gimbal::diversity
