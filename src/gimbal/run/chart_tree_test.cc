#include "gimbal/run/chart.h"

#include <gtest/gtest.h>

#include <random>

#include "gimbal/base/check.h"
#include "gimbal/run/chart_test_data.h"

namespace gimbal::run {
namespace {

TEST(TreeChart, BoxesKeepApartInTreesOfAnyShape) {
  std::mt19937 random(8);
  for (int round = 0; round < 60; ++round) {
    TreeChart chart;
    const std::size_t n = 1 + random() % 40;
    chart.nodes.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      chart.nodes[i].text = std::string(1 + random() % 30, 'x');
      chart.nodes[i].lines.resize(random() % 4, "line");
      if (i == 0) continue;
      TreeNode& parent = chart.nodes[random() % i];
      parent.children.push_back(i);
      parent.edges.push_back(std::string(random() % 12, 'e'));
    }
    const Chart drawn = draw(chart);
    ASSERT_EQ(layout_fault(drawn), "");
    std::vector<TextBox> boxes;
    for (const MarkupElement& e : read_markup(drawn.svg).named("rect")) {
      if (e.attributes.count("rx") == 0 || e.attributes.at("class") != "bg") continue;
      const auto number = [&](const char* name) { return std::stod(e.attributes.at(name)); };
      boxes.push_back({"", number("x"), number("y"), number("width"), number("height")});
    }
    ASSERT_EQ(boxes.size(), n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const bool apart = boxes[i].x >= boxes[j].x + boxes[j].width + 8 || boxes[j].x >= boxes[i].x + boxes[i].width + 8 ||
                           boxes[i].y >= boxes[j].y + boxes[j].height + 8 || boxes[j].y >= boxes[i].y + boxes[i].height + 8;
        ASSERT_TRUE(apart) << "round " << round;
      }
    }
  }
}

TEST(TreeChart, ListsItsNodesWithParentAndEdge) {
  TreeChart chart;
  chart.nodes = {{"age <= 40", {"n = 10"}, {1, 2}, {"yes", "no"}}, {"treat", {}, {}, {}}, {"wait", {}, {}, {}}};
  const Chart drawn = draw(chart);
  EXPECT_EQ(drawn.numbers.rows[0], (std::vector<std::string>{"0", "", "", "age <= 40; n = 10"}));
  EXPECT_EQ(drawn.numbers.rows[2], (std::vector<std::string>{"2", "0", "no", "wait"}));
  EXPECT_NE(drawn.svg.find("Tree of 3 nodes with 2 leaves."), std::string::npos);
}

TEST(TreeChart, RefusesWhatIsNotATree) {
  TreeChart two_parents;
  two_parents.nodes = {{"a", {}, {1, 1}, {}}, {"b", {}, {}, {}}};
  EXPECT_THROW(draw(two_parents), CheckFailure);
  TreeChart cycle;
  cycle.nodes = {{"a", {}, {0}, {}}};
  EXPECT_THROW(draw(cycle), CheckFailure);
  TreeChart lost;
  lost.nodes.resize(2);
  EXPECT_THROW(draw(lost), CheckFailure);
}

TEST(TreeChart, HugeTreesStaySmall) {
  TreeChart chart;
  for (std::size_t i = 0; i < 20'000; ++i) {
    TreeNode node{.text = kHostile, .lines = {kHostile, kHostile}, .children = {}, .edges = {}};
    if (2 * i + 2 < 20'000) node.children = {2 * i + 1, 2 * i + 2};
    if (2 * i + 2 == 19'999 + 1) node.children = {2 * i + 1};
    chart.nodes.push_back(node);
  }
  const Chart drawn = draw(chart);
  EXPECT_LE(drawn.svg.size(), kMaxSvgBytes);
  TreeChart chain;
  for (std::size_t i = 0; i < 5000; ++i)
    chain.nodes.push_back({"n", {}, i + 1 < 5000 ? std::vector<std::size_t>{i + 1} : std::vector<std::size_t>{}, {}});
  EXPECT_LE(draw(chain).svg.size(), kMaxSvgBytes);
  EXPECT_EQ(layout_fault(draw(TreeChart{})), "");
}

}  // namespace
}  // namespace gimbal::run
