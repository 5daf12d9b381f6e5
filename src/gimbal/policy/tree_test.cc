#include "gimbal/policy/tree.h"

#include <set>

#include "gimbal/base/parallel.h"
#include "gimbal/base/random.h"
#include "gimbal/policy/tree_search.h"

namespace gimbal::policy {
namespace {

using testing::HasSubstr;

PolicyTree must(const TreeInput& input, const TreeOptions& how) {
  auto tree = fit_tree(input, how);
  EXPECT_TRUE(tree.has_value()) << (tree ? "" : tree.error().text());
  return tree ? *std::move(tree) : PolicyTree{};
}

TreeOptions options(int depth, int bins = 256, std::optional<std::size_t> min_leaf = {}) {
  TreeOptions out;
  out.depth = depth;
  out.bins = bins;
  out.min_leaf = min_leaf;
  return out;
}

TreeOptions frontier_options(int depth, double lambda, std::optional<std::size_t> min_leaf = {}) {
  TreeOptions out = options(depth, 256, min_leaf);
  out.objective = TreeObjective::kFrontier;
  out.lambda = lambda;
  return out;
}

// n units with p features on a grid of `values` values and small integer scores: full of ties.
TreeInput gridded(std::size_t n, std::size_t p, std::size_t arms, std::uint64_t values, int seed) {
  Stream stream(0, "policy.test.tree", seed);
  TreeInput input;
  input.x = Matrix(n, p);
  input.scores = Matrix(n, arms);
  for (std::size_t f = 0; f < p; ++f) input.features.push_back("x" + std::to_string(f));
  for (std::size_t a = 0; a < arms; ++a) input.arms.push_back("arm " + std::to_string(a));
  for (double& x : input.x.values()) x = static_cast<double>(stream.below(values));
  for (double& s : input.scores.values()) s = static_cast<double>(stream.below(7)) - 3;
  return input;
}

// What brute force finds: the value and the splits of the best tree of depth 2, by trying them all.
struct Brute {
  struct Half {
    double value = 0;
    bool split = false;
    std::size_t feature = 0;
    double threshold = 0;
  };
  const TreeInput& input;
  std::size_t min_leaf;
  std::vector<std::vector<double>> thresholds;

  Brute(const TreeInput& in, std::size_t least) : input(in), min_leaf(least) {
    for (std::size_t f = 0; f < in.features.size(); ++f) {
      std::set<double> values;
      for (std::size_t i = 0; i < in.x.rows(); ++i) values.insert(in.x(i, f));
      thresholds.emplace_back();
      for (auto at = values.begin(); std::next(at) != values.end(); ++at)
        thresholds.back().push_back(trees::separating_threshold(*at, *std::next(at)));
    }
  }
  double leaf(const std::vector<std::size_t>& rows) const {
    double best = -kInfinity;
    for (std::size_t a = 0; a < input.arms.size(); ++a) {
      double sum = 0;
      for (const std::size_t i : rows) sum += (input.weight.empty() ? 1.0 : input.weight[i]) * input.scores(i, a);
      best = std::max(best, sum);
    }
    return best;
  }
  void divide(const std::vector<std::size_t>& rows, std::size_t f, double threshold, std::vector<std::size_t>& left,
              std::vector<std::size_t>& right) const {
    left.clear(), right.clear();
    for (const std::size_t i : rows) (input.x(i, f) <= threshold ? left : right).push_back(i);
  }
  Half half(const std::vector<std::size_t>& rows) const {
    Half best{leaf(rows)};
    std::vector<std::size_t> left, right;
    for (std::size_t f = 0; f < thresholds.size(); ++f) {
      for (const double threshold : thresholds[f]) {
        divide(rows, f, threshold, left, right);
        if (left.size() < min_leaf || right.size() < min_leaf) continue;
        const double value = leaf(left) + leaf(right);
        if (value > best.value) best = {value, true, f, threshold};
      }
    }
    return best;
  }
  static constexpr double kInfinity = 1e300;
};

// The tree of depth 2 that the rules of tree.h demand, as nested text.
std::string brute_force(const TreeInput& input, std::size_t min_leaf) {
  const Brute brute(input, min_leaf);
  std::vector<std::size_t> all(input.x.rows()), left, right;
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  double best = brute.leaf(all);
  int leaves = 1;
  std::string text = "leaf";
  const auto describe = [](const Brute::Half& half) {
    return half.split ? fmt::format("x{}<={}", half.feature, half.threshold) : "leaf";
  };
  for (std::size_t f = 0; f < brute.thresholds.size(); ++f) {
    for (const double threshold : brute.thresholds[f]) {
      brute.divide(all, f, threshold, left, right);
      if (left.size() < min_leaf || right.size() < min_leaf) continue;
      const auto l = brute.half(left), r = brute.half(right);
      const double value = l.value + r.value;
      const int count = 2 + l.split + r.split;
      if (value < best || (value == best && count >= leaves)) continue;
      best = value;
      leaves = count;
      text = fmt::format("x{}<={} [{}] [{}]", f, threshold, describe(l), describe(r));
    }
  }
  return fmt::format("{} {}", text, best);
}

std::string describe(const PolicyTree& tree) {
  const auto child = [&](int id) {
    const TreeNode& node = tree.nodes[static_cast<std::size_t>(id)];
    return node.is_leaf() ? std::string("leaf") : fmt::format("x{}<={}", node.feature, node.threshold);
  };
  const TreeNode& root = tree.nodes[0];
  if (root.is_leaf()) return fmt::format("leaf {}", tree.reward);
  return fmt::format("{} [{}] [{}] {}", child(0), child(root.left), child(root.right), tree.reward);
}

TEST(PolicyTree, IsTheBestOfAllTreesOfDepthTwoTiesIncluded) {
  for (int seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    TreeInput input = gridded(20 + static_cast<std::size_t>(seed) % 15, 3, 2 + static_cast<std::size_t>(seed) % 3, 5, seed);
    if (seed % 4 == 0)
      for (std::size_t i = 0; i < input.x.rows(); ++i) input.weight.push_back(static_cast<double>(i % 3));
    const std::size_t min_leaf = 1 + static_cast<std::size_t>(seed) % 5;
    EXPECT_EQ(describe(must(input, options(2, 256, min_leaf))), brute_force(input, min_leaf));
  }
}

TEST(PolicyTree, IsTheBestOfAllTreesOnContinuousFeatures) {
  TreeInput input = gridded(120, 3, 3, 5, 1000);
  Stream stream(0, "policy.test.tree.continuous");
  for (double& x : input.x.values()) x = stream.normal();
  const PolicyTree tree = must(input, options(2, 256, 6));
  EXPECT_EQ(describe(tree), brute_force(input, 6));
}

TEST(PolicyTree, AddsUpTheScoresOfTheArmsThatItsLeavesAssign) {
  const TreeInput input = gridded(300, 4, 3, 9, 7);
  const PolicyTree tree = must(input, options(3));
  const Matrix pi = tree_probabilities(tree, input.x, {});
  double reward = 0;
  std::vector<std::size_t> in_leaf(tree.nodes.size(), 0);
  for (std::size_t i = 0; i < 300; ++i) {
    ++in_leaf[static_cast<std::size_t>(tree_leaf(tree, input.x.row(i)))];
    for (std::size_t a = 0; a < 3; ++a) reward += pi(i, a) * input.scores(i, a);
  }
  EXPECT_EQ(tree.reward, reward);
  EXPECT_EQ(tree.reward_per_unit, reward / 300);
  for (std::size_t id = 0; id < tree.nodes.size(); ++id) {
    if (!tree.nodes[id].is_leaf()) continue;
    EXPECT_EQ(in_leaf[id], tree.nodes[id].n);
    EXPECT_GE(tree.nodes[id].n, 10u);  // the default: 1 % of n, at least 10
  }
}

TEST(PolicyTree, GainsWithEveryLevelAndKeepsTheExactRootWhenDeeper) {
  const TreeInput input = gridded(400, 3, 3, 12, 8);
  double before = -1e300;
  for (int depth = 0; depth <= 4; ++depth) {
    const PolicyTree tree = must(input, options(depth));
    EXPECT_GE(tree.reward, before);
    EXPECT_LE(tree.leaf_count(), 1 << depth);
    before = tree.reward;
    if (depth > 2) {
      EXPECT_EQ(tree.nodes[0].threshold, must(input, options(2)).nodes[0].threshold);
    }
  }
  EXPECT_EQ(must(input, options(0)).nodes.size(), 1u);
}

TEST(PolicyTree, SplitsDeeperLeavesGreedily) {
  // Three bits decide which of eight arms is right: two levels know two bits, three levels all.
  TreeInput input;
  input.features = {"x0", "x1", "x2"};
  input.x = Matrix(80, 3);
  input.scores = Matrix(80, 8);
  for (std::size_t a = 0; a < 8; ++a) input.arms.push_back(std::to_string(a));
  for (std::size_t i = 0; i < 80; ++i) {
    for (std::size_t f = 0; f < 3; ++f) input.x(i, f) = static_cast<double>((i >> f) & 1);
    input.scores(i, i % 8) = 1;
  }
  EXPECT_EQ(must(input, options(2)).reward, 40);
  EXPECT_EQ(must(input, options(3)).reward, 80);
  EXPECT_EQ(must(input, options(5)).leaf_count(), 8);  // nothing is left to gain
}

TEST(PolicyTree, SendsMissingValuesRight) {
  TreeInput input;
  input.features = {"x"};
  input.arms = {"a", "b"};
  input.x = Matrix(40, 1);
  input.scores = Matrix(40, 2);
  for (std::size_t i = 0; i < 40; ++i) {
    const bool missing = i % 2 == 0;
    input.x(i, 0) = missing ? std::nan("") : static_cast<double>(i);
    input.scores(i, 1) = missing ? 1 : -1;
  }
  const PolicyTree tree = must(input, options(1));
  EXPECT_EQ(tree.reward, 20);
  EXPECT_EQ(tree.nodes[0].threshold, 39);  // the largest value that is there
  const std::vector<double> missing = {std::nan("")};
  EXPECT_EQ(tree.nodes[static_cast<std::size_t>(tree_leaf(tree, missing))].arm, 1);
}

TEST(PolicyTree, PutsAThresholdHalfWayBetweenNeighbours) {
  const trees::BinnedFeature all = trees::bin_feature(Matrix(5, 1, {6, 1, 7, 1, 6}), 0, 256);
  EXPECT_THAT(all.threshold, testing::ElementsAre(3.5, 6.5));
  EXPECT_THAT(all.bin, testing::ElementsAre(1, 0, 2, 0, 1));
}

TEST(PolicyTree, PutsThresholdsAtTheFewestDigitsThatSeparate) {
  EXPECT_EQ(trees::separating_threshold(2.4104857, 2.4210559), 2.42);  // the middle is 2.4157708
  EXPECT_EQ(trees::separating_threshold(2.4157, 2.4158), 2.41575);
  EXPECT_EQ(trees::separating_threshold(122, 123), 122.5);
  EXPECT_EQ(trees::separating_threshold(-1e9, 1e9), 0);
  const double next = std::nextafter(1.0, 2.0);
  EXPECT_EQ(trees::separating_threshold(1, next), 1);  // values <= 1 go left still
}

TEST(PolicyTree, BinsByQuantilesWhenThereAreMoreValues) {
  std::vector<double> x;
  for (int i = 0; i < 1000; ++i) x.push_back(i < 400 ? -1 : i);  // 40 % of the mass in one value
  const trees::BinnedFeature ten = trees::bin_feature(Matrix(1000, 1, x), 0, 10);
  EXPECT_LE(ten.bins(), 10u);
  std::vector<int> count(ten.bins(), 0);
  for (const auto bin : ten.bin) ++count[bin];
  EXPECT_EQ(count[0], 400);
  for (std::size_t k = 1; k < ten.bins(); ++k) EXPECT_LE(count[k], 100);
  for (std::size_t i = 0; i < 1000; ++i) {  // a bin is what its thresholds say
    const std::size_t bin = ten.bin[i];
    if (bin < ten.threshold.size()) {
      EXPECT_LE(x[i], ten.threshold[bin]);
    }
    if (bin > 0) {
      EXPECT_GT(x[i], ten.threshold[bin - 1]);
    }
  }
}

TEST(PolicyTree, IsExactWithinItsBins) {
  // With few bins the tree is the best over the bins' thresholds: the same as on features rounded to them.
  TreeInput input = gridded(200, 2, 2, 5, 11);
  Stream stream(0, "policy.test.tree.bins");
  for (double& x : input.x.values()) x = stream.normal();
  TreeInput rounded = input;
  for (std::size_t f = 0; f < 2; ++f) {
    const auto binned = trees::bin_feature(input.x, f, 8);
    for (std::size_t i = 0; i < 200; ++i) rounded.x(i, f) = binned.bin[i];
  }
  EXPECT_EQ(must(input, options(2, 8)).reward, must(rounded, options(2)).reward);
}

// The frontier objective by trying every threshold and a fine grid of shifts is what a leaf should reach.
TEST(PolicyTree, MovesLeavesOfAFrontierTreeByTheBestShift) {
  Stream stream(0, "policy.test.tree.frontier");
  TreeInput input;
  input.features = {"x"};
  input.arms = {"0", "1"};
  const std::size_t n = 60;
  input.x = Matrix(n, 1);
  for (std::size_t i = 0; i < n; ++i) {
    input.x(i, 0) = static_cast<double>(i % 12);
    input.effect.push_back(0.3 * (input.x(i, 0) - 5) + stream.normal());
    input.cost.push_back(1 + stream.exponential());
    input.baseline.push_back(stream.uniform());
    input.weight.push_back(0.5 + stream.uniform());
  }
  for (const double lambda : {0.2, 1.0, 1e300 * 1e300}) {
    const auto value = [&](double low, double high) {
      double c = 0, k = 0, b = 0, omega = 0;
      for (std::size_t i = 0; i < n; ++i) {
        if (input.x(i, 0) <= low || input.x(i, 0) > high) continue;
        c += input.weight[i] * input.effect[i], k += input.weight[i] * input.cost[i];
        b += input.weight[i] * input.baseline[i], omega += input.weight[i];
      }
      double best = 0;
      const double from = -b / omega;
      for (int step = 0; step <= 100'000; ++step) {
        const double d = from + step * 1e-5;
        best = std::max(best, std::isinf(lambda) ? c * d : lambda * c * d - 0.5 * k * d * d);
      }
      return best;
    };
    double expected = value(-1, 100);
    for (int t = 0; t < 11; ++t) expected = std::max(expected, value(-1, t) + value(t, 100));
    const PolicyTree tree = must(input, frontier_options(1, lambda, 1));
    // A grid of step 1e-5 misses the maximum of a quadratic by at most k step^2 / 8, and a bound by c step.
    EXPECT_NEAR(tree.reward, expected, 1e-3 * (1 + std::fabs(expected)));
    EXPECT_GE(tree.reward, expected - 1e-9 * (1 + std::fabs(expected)));
    const Matrix baseline = [&] {
      Matrix b(n, 2);
      for (std::size_t i = 0; i < n; ++i) b(i, 1) = input.baseline[i], b(i, 0) = 1 - input.baseline[i];
      return b;
    }();
    const Matrix pi = tree_probabilities(tree, input.x, baseline);
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_NEAR(pi(i, 0) + pi(i, 1), 1, 1e-15);
      EXPECT_GE(pi(i, 1), 0);
      EXPECT_LE(pi(i, 1), 1);
    }
  }
}

TEST(PolicyTree, StaysALeafWhenAllArmsAreEqual) {
  TreeInput input = gridded(100, 3, 2, 5, 12);
  for (std::size_t i = 0; i < 100; ++i) input.scores(i, 1) = input.scores(i, 0);
  const PolicyTree tree = must(input, options(2));
  EXPECT_EQ(tree.nodes.size(), 1u);
  EXPECT_EQ(tree.nodes[0].arm, 0);
}

TEST(PolicyTree, GivesTheSameBytesForAnyNumberOfThreadsAndOrderOfRows) {
  TreeInput input = gridded(3000, 6, 3, 40, 13);
  Stream stream(0, "policy.test.tree.threads");
  for (double& s : input.scores.values()) s = stream.normal();
  std::vector<std::string> texts;
  for (const int threads : {1, 2, 8}) {
    const ThreadLimit limit(threads);
    JsonWriter out;
    out.begin_object();
    write_tree_fields(out, must(input, options(3)));
    texts.push_back(out.end_object().take());
  }
  EXPECT_EQ(texts[0], texts[1]);
  EXPECT_EQ(texts[0], texts[2]);
  TreeInput shuffled = input;
  const auto order = Stream(0, "policy.test.tree.order").permutation(3000);
  shuffled.x = input.x.select_rows(order);
  shuffled.scores = input.scores.select_rows(order);
  EXPECT_EQ(tree_text(must(shuffled, options(3))), tree_text(must(input, options(3))));
}

TEST(PolicyTree, PrintsAsIndentedText) {
  PolicyTree tree;
  tree.features = {"recency"};
  tree.arms = {"No E-Mail", "Mens E-Mail"};
  tree.nodes.resize(3);
  tree.nodes[0].feature = 0, tree.nodes[0].threshold = 6.5, tree.nodes[0].left = 1, tree.nodes[0].right = 2;
  tree.nodes[1].arm = 1, tree.nodes[1].n = 1200;
  tree.nodes[2].arm = 0, tree.nodes[2].n = 800;
  EXPECT_EQ(tree_text(tree), "if recency <= 6.5\n  give Mens E-Mail  (1,200 units)\nelse\n  give No E-Mail  (800 units)\n");
}

TEST(PolicyTree, ReadsBackWhatItWrites) {
  const TreeInput input = gridded(300, 4, 3, 9, 14);
  const PolicyTree tree = must(input, options(2));
  JsonWriter out;
  out.begin_object();
  write_tree_fields(out, tree);
  out.end_object();
  EXPECT_THAT(out.text(), testing::StartsWith(R"({"depth":2,"reward":)"));
  const auto view = JsonView::parse(out.text(), "tree.json");
  ASSERT_TRUE(view);
  const auto back = read_tree_fields(*view, input.arms, input.features);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(tree_probabilities(*back, input.x, {}), tree_probabilities(tree, input.x, {}));
  JsonWriter again;
  again.begin_object();
  write_tree_fields(again, *back);
  EXPECT_EQ(again.end_object().text(), out.text());
  const auto cyclic = JsonView::parse(
      R"({"depth":1,"reward":0,"reward_per_unit":0,"objective":"reward","nodes":[{"id":0,"feature":"x0","threshold":1,"left":0,"right":0}]})",
      "t");
  const auto refused = read_tree_fields(*cyclic, input.arms, input.features);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupted);
}

TEST(PolicyTree, RefusesBadInput) {
  TreeInput input = gridded(50, 2, 2, 5, 15);
  EXPECT_EQ(fit_tree(input, options(11)).error().where, "--depth");
  EXPECT_EQ(fit_tree(input, options(2, 1)).error().where, "--bins");
  EXPECT_EQ(fit_tree(input, options(2, 256, 51)).error().code, ErrorCode::kInsufficientData);
  EXPECT_EQ(fit_tree(input, frontier_options(2, 1)).error().code, ErrorCode::kInvalidArgument);
  input.scores(3, 1) = std::nan("");
  EXPECT_THAT(fit_tree(input, {}).error().message, HasSubstr("scores must be finite"));
  TreeInput three = gridded(50, 2, 3, 5, 15);
  EXPECT_EQ(fit_tree(three, frontier_options(2, 1)).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace gimbal::policy
