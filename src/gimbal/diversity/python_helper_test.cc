#include "gimbal/diversity/python_helper.h"

#include <gmock/gmock.h>

#include "gimbal/data/jsonl.h"
#include "gimbal/diversity/program_text.h"
#include "gimbal/diversity/runner_test_support.h"

namespace gimbal::diversity {
namespace {

using ::testing::ElementsAre;

class PythonHelperTest : public RunnerTest {};

TEST_F(PythonHelperTest, ClassifiesLinesInOneProcess) {
  const std::vector<std::string> lines = {
      "Sure, here it is:", "x", "print(x)", "x = 3", "(" + std::string(100'000, '('), "a\0b"};
  const PythonHelper helper(*pool_);
  const auto kinds = helper.classify(lines);
  ASSERT_TRUE(kinds.has_value()) << kinds.error().text();
  EXPECT_THAT(*kinds, ElementsAre(LineKind::kNone, LineKind::kBareName, LineKind::kExpression, LineKind::kStatement,
                                  LineKind::kNone, LineKind::kBareName));
  EXPECT_EQ(pool_->stats().executions, 1);
}

TEST_F(PythonHelperTest, GivesTheTreesThatTheMeasuresWereCheckedWith) {
  const auto records = data::read_jsonl("data/diversity/humaneval-40-59.jsonl.gz").value();
  std::vector<std::string> programs;
  AstLabels labels;
  std::vector<AstTree> expected;
  for (const JsonView& r : records.records) {
    programs.push_back(r.string("program").value());
    expected.push_back(parse_ast(r.string("tree").value(), "tree", labels).value());
  }
  programs.push_back("def (");
  const auto trees = PythonHelper(*pool_).trees(programs, labels);
  ASSERT_TRUE(trees.has_value()) << trees.error().text();
  ASSERT_EQ(trees->size(), expected.size() + 1);
  EXPECT_FALSE(trees->back().has_value());
  // Node for node: one object gives the labels of both. The shapes are those of CPython 3.8 to 3.11; later ones add fields.
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE((*trees)[i].has_value());
    ASSERT_EQ((*trees)[i]->nodes.size(), expected[i].nodes.size());
    for (std::size_t v = 0; v < expected[i].nodes.size(); ++v) {
      EXPECT_EQ((*trees)[i]->nodes[v].parent, expected[i].nodes[v].parent);
      EXPECT_EQ((*trees)[i]->nodes[v].field, expected[i].nodes[v].field);
    }
  }
}

TEST_F(PythonHelperTest, ExtractsEveryCaseAndTriesTheModesInTurn) {
  const PythonHelper helper(*pool_);
  const std::vector<std::optional<std::string>> texts = {
      "print(1)\n",
      "Look:\n```python\ndef f(): pass\n```\nand\n```\nf()  # longer than the other one\n```\n",
      "Sure!\nx = 3\nx\nprint(x)",
      " \n",
      std::nullopt,
      "Nothing here, sorry."};
  const auto programs = extract_programs(texts, ExtractMode::kAuto, FenceChoice::kBest, &helper);
  ASSERT_TRUE(programs.has_value()) << programs.error().text();
  EXPECT_EQ((*programs)[0].mode, ExtractMode::kRaw);
  EXPECT_EQ((*programs)[1].code, "def f(): pass\n");
  EXPECT_EQ((*programs)[1].mode, ExtractMode::kFenced);
  EXPECT_EQ((*programs)[2].code, "x = 3\nprint(x)");
  EXPECT_EQ((*programs)[3].status, Status::kEmpty);
  EXPECT_EQ((*programs)[4].status, Status::kNotText);
  EXPECT_EQ((*programs)[5].status, Status::kNoCode);
  EXPECT_EQ(fenced_code(*texts[1], FenceChoice::kLongest), "f()  # longer than the other one\n");
  EXPECT_EQ(fenced_code("~~~ruby\n1\n~~~", FenceChoice::kFirst), std::nullopt);
}

TEST_F(PythonHelperTest, GeneratesDifferentInputsWithAFixedSeed) {
  const PythonHelper helper(*pool_);
  const std::string source = "def tc_gen():\n    return str(random.randint(1, 50))";
  const auto first = helper.generate(source, 20, 1);
  ASSERT_TRUE(first.has_value()) << first.error().text();
  EXPECT_EQ(first->size(), 20u);
  EXPECT_EQ(*first, helper.generate(source, 20, 1).value());
  EXPECT_NE(*first, helper.generate(source, 20, 2).value());
  EXPECT_EQ(helper.generate("def g(): return 'x'", 5, 1).value().size(), 1u);
  EXPECT_NE(helper.generate("def g(): return 1/0", 5, 1).error().message.find("ZeroDivisionError"), std::string::npos);
}

}  // namespace
}  // namespace gimbal::diversity
