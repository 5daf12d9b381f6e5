#include "gimbal/diversity/ast.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/data/jsonl.h"
#include "gimbal/diversity/lexical.h"

namespace gimbal::diversity {
namespace {

std::vector<AstTree> human_eval_trees(AstLabels& labels) {
  const auto records = data::read_jsonl("data/diversity/humaneval-40-59.jsonl.gz").value();
  std::vector<AstTree> out;
  for (const JsonView& r : records.records) {
    out.push_back(parse_ast(r.string("tree").value(), r.string("task_id").value(), labels).value());
  }
  return out;
}

struct Row {
  int total, distinct;
  double jaccard;
};

void expect_rows(AstVariant variant, const std::vector<Row>& rows) {
  AstLabels labels;
  SubtreeInterner interner(variant);
  std::vector<std::vector<Bag>> by_depth(6);
  for (const AstTree& tree : human_eval_trees(labels)) {
    auto bags = interner.bags(tree, 6);
    for (std::size_t h = 0; h < 6; ++h) by_depth[h].push_back(std::move(bags[h]));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const BagScores scores = score_bags(by_depth[i + 2], 50257);
    EXPECT_EQ(scores.total, rows[i].total) << "H = " << i + 3;
    EXPECT_EQ(scores.distinct_count, rows[i].distinct) << "H = " << i + 3;
    EXPECT_NEAR(scores.jaccard.value(), rows[i].jaccard, 5e-7) << "H = " << i + 3;
  }
}

TEST(Ast, ReproducesTheTwentyHumanEvalProgramsPlain) {
  expect_rows(AstVariant::kPlain, {{289, 240, .990946}, {182, 166, .996287}, {117, 112, 1}, {89, 86, 1}});
}

TEST(Ast, ReproducesTheTwentyHumanEvalProgramsStripped) {
  expect_rows(AstVariant::kStripped, {{289, 165, .922772}, {182, 146, .973981}, {117, 111, 1}, {89, 85, 1}});
}

// (field, label, children): the tree in full, for the naive truncation.
struct Naive {
  std::uint32_t field, label;
  std::vector<Naive> children;
  int height() const {
    int most = 0;
    for (const Naive& c : children) most = std::max(most, c.height());
    return most + 1;
  }
  std::string cut(int depth) const {
    std::string out = std::to_string(label) + "(";
    for (const Naive& c : children) {
      if (depth > 1) out += std::to_string(c.field) + "=" + c.cut(depth - 1) + ",";
    }
    return out + ")";
  }
  void collect(int depth, std::vector<std::string>& out) const {
    if (height() >= depth) out.push_back(cut(depth));
    for (const Naive& c : children) c.collect(depth, out);
  }
};

void grow(Stream& s, AstTree& tree, Naive& node, std::int32_t self, int depth) {
  for (std::uint64_t k = depth > 6 ? 0 : s.below(4); k > 0; --k) {
    Naive child{static_cast<std::uint32_t>(s.below(2)), static_cast<std::uint32_t>(s.below(3)), {}};
    const auto index = static_cast<std::int32_t>(tree.nodes.size());
    tree.nodes.push_back({self, child.field, child.label, child.label});
    grow(s, tree, child, index, depth + 1);
    node.children.push_back(std::move(child));
  }
}

TEST(SubtreeInterner, EqualsNaiveTruncationOnRandomTrees) {
  Stream s(1, "test.ast");
  SubtreeInterner interner(AstVariant::kPlain);
  std::map<std::string, std::uint32_t> id_of;  // over all trees: equal texts, equal ids
  std::map<std::uint32_t, std::string> text_of;
  for (int repeat = 0; repeat < 60; ++repeat) {
    AstTree tree;
    Naive root{0, static_cast<std::uint32_t>(s.below(3)), {}};
    tree.nodes.push_back({-1, 0, root.label, root.label});
    grow(s, tree, root, 0, 1);
    const std::vector<Bag> bags = interner.bags(tree, 6);
    for (int depth = 1; depth <= 6; ++depth) {
      std::vector<std::string> expected;
      root.collect(depth, expected);
      // The interner goes through the nodes from the last to the first, the naive walk in pre-order.
      std::ranges::reverse(expected);
      const Bag& found = bags[static_cast<std::size_t>(depth - 1)];
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(id_of.try_emplace(expected[i], found[i]).first->second, found[i]);
        EXPECT_EQ(text_of.try_emplace(found[i], expected[i]).first->second, expected[i]);
      }
    }
  }
  EXPECT_GT(id_of.size(), 500u);
}

TEST(AstLabels, StripNamesAndValuesButKeepAttributesAndOtherConstants) {
  AstLabels labels;
  const auto node = [&](std::string_view type, AstAttribute a) {
    return labels.node(type, std::span<const AstAttribute>(&a, 1));
  };
  const auto same = [&](std::string_view type, AstAttribute a, AstAttribute b) {
    EXPECT_NE(node(type, a).first, node(type, b).first);
    return node(type, a).second == node(type, b).second;
  };
  EXPECT_TRUE(same("Name", {"id", AstValue::kText, "x"}, {"id", AstValue::kText, "y"}));
  EXPECT_TRUE(same("Constant", {"value", AstValue::kNumber, "1"}, {"value", AstValue::kNumber, "True"}));
  EXPECT_TRUE(same("Constant", {"value", AstValue::kString, "a"}, {"value", AstValue::kString, "b"}));
  EXPECT_FALSE(same("Constant", {"value", AstValue::kString, "1"}, {"value", AstValue::kNumber, "1"}));
  EXPECT_FALSE(same("Constant", {"value", AstValue::kOther, "None"}, {"value", AstValue::kOther, "b'x'"}));
  EXPECT_FALSE(same("Attribute", {"attr", AstValue::kText, "append"}, {"attr", AstValue::kText, "pop"}));
  EXPECT_FALSE(same("ImportFrom", {"module", AstValue::kText, "math"}, {"module", AstValue::kText, "re"}));
}

TEST(ParseAst, RefusesWhatIsNoTree) {
  AstLabels labels;
  const auto message = [&](std::string_view json) { return parse_ast(json, "t.jsonl:1", labels).error().text(); };
  EXPECT_EQ(message("{}"), "t.jsonl:1: a node is [type, {attributes}, [[field, node], ...]]");
  EXPECT_EQ(message("[\"A\",{\"x\":1}]"), "t.jsonl:1: attribute \"x\": expected a text or [kind, text]");
  EXPECT_EQ(message("[\"A\",{\"x\":[\"z\",\"1\"]}]"), "t.jsonl:1: attribute \"x\": expected kind n, s or o, found \"z\"");
  EXPECT_EQ(message("[\"A\",{},[[\"f\"]]]"), "t.jsonl:1: a child is [field, node]");
  EXPECT_TRUE(parse_ast("[\"A\",{},[[\"f\",[\"B\"]]]]", "t", labels));
}

TEST(AstMeasures, AreWithoutValueForFewerThanTwoTrees) {
  AstLabels labels;
  const std::vector<AstTree> one = {human_eval_trees(labels).front()};
  for (const Measure& m : ast_measures(one, {})) EXPECT_EQ(m.value, std::nullopt) << m.name;
  const Measures all = ast_measures(human_eval_trees(labels), {});
  ASSERT_EQ(all.size(), 40u);
  EXPECT_EQ(all.front().name, "ast_distinct_3");
  EXPECT_EQ(all.back().name, "ast_plain_ead_6_pair");
  for (const Measure& m : all) EXPECT_TRUE(m.value.has_value()) << m.name;
}

}  // namespace
}  // namespace gimbal::diversity
