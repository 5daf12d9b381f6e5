#include "gimbal/policy/tree.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gimbal/base/number.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/policy/tree_search.h"

namespace gimbal::policy {
namespace {

using trees::SearchData;
using trees::Split;
using trees::Splits;

constexpr double kDefaultLeafShare = 0.01;
constexpr std::size_t kSmallestDefaultLeaf = 10;

Result<void> check_finite(std::span<const double> values, std::string_view what) {
  for (std::size_t k = 0; k < values.size(); ++k)
    if (!std::isfinite(values[k]))
      return fail(ErrorCode::kInvalidArgument, "{} must be finite numbers; value {} is not", what, k);
  return {};
}

Result<void> check_input(const TreeInput& input, const TreeOptions& options) {
  const std::size_t n = input.x.rows();
  if (options.depth < 0 || options.depth > 10)
    return fail_at("--depth", ErrorCode::kUsage, "expected a depth of 0 to 10, found {}", options.depth);
  if (options.bins < 2 || options.bins > 65535)
    return fail_at("--bins", ErrorCode::kUsage, "expected 2 to 65535 bins, found {}", options.bins);
  if (options.min_leaf == 0u) return fail_at("--min-leaf", ErrorCode::kUsage, "expected at least 1");
  if (n == 0) return fail(ErrorCode::kInsufficientData, "a tree needs at least one unit");
  if (input.x.cols() != input.features.size())
    return fail(ErrorCode::kInvalidArgument, "{} feature names for {} columns", input.features.size(), input.x.cols());
  if (!input.weight.empty() && input.weight.size() != n)
    return fail(ErrorCode::kInvalidArgument, "{} weights for {} units", input.weight.size(), n);
  GIMBAL_TRY(check_finite(input.weight, "weights"));
  for (const double weight : input.weight)
    if (weight < 0) return fail(ErrorCode::kInvalidArgument, "weights must not be negative, found {}", shortest(weight));
  if (options.objective == TreeObjective::kReward) {
    if (input.scores.rows() != n || input.scores.cols() != input.arms.size() || input.arms.empty())
      return fail(ErrorCode::kInvalidArgument, "scores need {} rows and {} columns, found {} and {}", n, input.arms.size(),
                  input.scores.rows(), input.scores.cols());
    return check_finite(input.scores.values(), "scores");
  }
  if (input.arms.size() != 2)
    return fail_at("--objective", ErrorCode::kUnsupported, "frontier trees need exactly two arms, found {}", input.arms.size());
  if (!(options.lambda >= 0)) return fail_at("--lambda", ErrorCode::kUsage, "expected a number >= 0 or inf");
  for (const auto& [values, what] :
       {std::pair{&input.effect, "effects"}, std::pair{&input.cost, "costs"}, std::pair{&input.baseline, "baselines"}}) {
    if (values->size() != n) return fail(ErrorCode::kInvalidArgument, "{} {} for {} units", values->size(), what, n);
    GIMBAL_TRY(check_finite(*values, what));
  }
  return {};
}

double weight_of(const TreeInput& input, std::size_t i) { return input.weight.empty() ? 1.0 : input.weight[i]; }

// The power of two by which values are multiplied so that sums of n of them stay below 2^62.
int common_exponent(std::size_t n, double largest) {
  if (!(largest > 0)) return 0;
  int exponent = 0;
  std::frexp(largest * static_cast<double>(n), &exponent);
  return 61 - exponent;
}

SearchData integer_sums(const TreeInput& input, const TreeOptions& options, std::size_t min_leaf) {
  const std::size_t n = input.x.rows(), arms = input.arms.size();
  SearchData data;
  data.min_leaf = min_leaf;
  const bool reward = options.objective == TreeObjective::kReward;
  const std::size_t columns = reward ? arms : 4;
  data.width = columns + 1;
  data.sums.assign(n * data.width, 1);
  const auto value = [&](std::size_t i, std::size_t c) {
    const double omega = weight_of(input, i);
    if (reward) return omega * input.scores(i, c);
    return omega * (c == 0 ? input.effect[i] : c == 1 ? input.cost[i] : c == 2 ? input.baseline[i] : 1.0);
  };
  // One power of two for all arms, one each for effect and cost, and one for baseline and weight.
  std::vector<double> largest(columns, 0.0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < columns; ++c) largest[c] = std::max(largest[c], std::fabs(value(i, c)));
  if (reward)
    std::fill(largest.begin(), largest.end(), *std::max_element(largest.begin(), largest.end()));
  else
    largest[2] = largest[3] = std::max(largest[2], largest[3]);
  std::vector<int> exponent;
  for (const double each : largest) exponent.push_back(common_exponent(n, each));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < columns; ++c)
      data.sums[i * data.width + c] = std::llround(std::ldexp(value(i, c), exponent[c]));
  if (!reward) {
    trees::QuadraticLeaf leaf;
    leaf.lambda = options.lambda;
    leaf.effect_unit = std::ldexp(1.0, -exponent[0]);
    leaf.cost_unit = std::ldexp(1.0, -exponent[1]);
    double bound = 0;  // |lambda C D| of all leaves together
    for (std::size_t i = 0; i < n; ++i) bound += std::fabs(value(i, 0));
    leaf.tie = 1e-12 * bound * (std::isinf(options.lambda) ? 1.0 : options.lambda);
    data.quadratic = leaf;
  }
  return data;
}

// A leaf over `rows`: its arm or shift, its shares, its part of the objective in plain double sums.
TreeNode make_leaf(const TreeInput& input, const TreeOptions& options, const SearchData& data,
                   std::span<const std::uint32_t> rows) {
  TreeNode node;
  node.n = rows.size();
  std::vector<std::int64_t> sums(data.width, 0);
  for (const std::uint32_t i : rows)
    for (std::size_t w = 0; w < data.width; ++w) sums[w] += data.sums[i * data.width + w];
  node.shares.assign(input.arms.size(), 0.0);
  NeumaierSum reward;
  if (options.objective == TreeObjective::kReward) {
    node.arm = static_cast<int>(std::max_element(sums.begin(), sums.end() - 1) - sums.begin());
    for (const std::uint32_t i : rows) reward += weight_of(input, i) * input.scores(i, static_cast<std::size_t>(node.arm));
    node.shares[static_cast<std::size_t>(node.arm)] = 1;
  } else {
    node.shift = data.quadratic->shift(sums.data());
    NeumaierSum effect, cost, share, weight;
    for (const std::uint32_t i : rows) {
      const double omega = weight_of(input, i);
      effect += omega * input.effect[i];
      cost += omega * input.cost[i];
      share += omega * std::clamp(input.baseline[i] + node.shift, 0.0, 1.0);
      weight += omega;
    }
    reward += std::isinf(options.lambda)
                  ? effect.value() * node.shift
                  : options.lambda * effect.value() * node.shift - 0.5 * cost.value() * node.shift * node.shift;
    node.shares[1] = weight.value() > 0 ? share.value() / weight.value() : 0.0;
    node.shares[0] = 1 - node.shares[1];
    node.arm = node.shares[1] > node.shares[0] ? 1 : 0;
  }
  node.reward = reward.value();
  return node;
}

class Grower {
 public:
  Grower(const TreeInput& input, const TreeOptions& options, const SearchData& data, PolicyTree& tree)
      : input_(input), options_(options), data_(data), tree_(tree) {}

  // Adds the subtree over `rows` with at most `depth` levels and returns its node.
  int grow(std::vector<std::uint32_t> rows, int depth) {
    if (depth == 0 || data_.features.empty()) return add_leaf(rows);
    const Splits splits = trees::best_splits(data_, rows, std::min(depth, 2));
    if (!splits.root) return add_leaf(rows);
    const int below = std::max(0, depth - 2);
    return add_split(std::move(rows), *splits.root, [&, this](std::vector<std::uint32_t> part, bool is_left) {
      const std::optional<Split>& next = is_left ? splits.left : splits.right;
      // Without a second split the exact search found none that helps.
      if (!next) return add_leaf(part);
      return add_split(std::move(part), *next,
                       [&, this](std::vector<std::uint32_t> leaf, bool) { return deepen(std::move(leaf), below); });
    });
  }

 private:
  // Greedy levels below the exact ones.
  int deepen(std::vector<std::uint32_t> rows, int depth) {
    if (depth == 0) return add_leaf(rows);
    const Splits splits = trees::best_splits(data_, rows, 1);
    if (!splits.root) return add_leaf(rows);
    return add_split(std::move(rows), *splits.root,
                     [&, this](std::vector<std::uint32_t> part, bool) { return deepen(std::move(part), depth - 1); });
  }

  int add_leaf(std::span<const std::uint32_t> rows) {
    tree_.nodes.push_back(make_leaf(input_, options_, data_, rows));
    return static_cast<int>(tree_.nodes.size()) - 1;
  }

  template <typename Below>
  int add_split(std::vector<std::uint32_t> rows, const Split& split, const Below& below) {
    const trees::BinnedFeature& feature = data_.features[split.feature];
    const auto id = tree_.nodes.size();
    TreeNode node;
    node.feature = static_cast<int>(split.feature);
    node.threshold = feature.threshold[split.bin];
    node.n = rows.size();
    tree_.nodes.push_back(node);
    std::vector<std::uint32_t> left, right;
    for (const std::uint32_t i : rows) (feature.bin[i] <= split.bin ? left : right).push_back(i);
    rows = {};
    const int left_id = below(std::move(left), true);
    const int right_id = below(std::move(right), false);
    tree_.nodes[id].left = left_id;
    tree_.nodes[id].right = right_id;
    return static_cast<int>(id);
  }

  const TreeInput& input_;
  const TreeOptions& options_;
  const SearchData& data_;
  PolicyTree& tree_;
};

void add_text(const PolicyTree& tree, int id, const std::string& indent, std::string& out) {
  const TreeNode& node = tree.nodes[static_cast<std::size_t>(id)];
  if (node.is_leaf()) {
    if (tree.objective == TreeObjective::kReward)
      out += fmt::format("{}give {}  ({} units)\n", indent, tree.arms[static_cast<std::size_t>(node.arm)],
                         format_count(static_cast<std::int64_t>(node.n)));
    else
      out += fmt::format("{}{} with {} % (shift {})  ({} units)\n", indent, tree.arms[1],
                         format_significant(100 * node.shares[1], 3), format_significant(node.shift, 3),
                         format_count(static_cast<std::int64_t>(node.n)));
    return;
  }
  const std::string& feature = tree.features[static_cast<std::size_t>(node.feature)];
  out += fmt::format("{}if {} <= {}\n", indent, feature, shortest(node.threshold));
  add_text(tree, node.left, indent + "  ", out);
  out += indent + "else\n";
  add_text(tree, node.right, indent + "  ", out);
}

}  // namespace

std::string_view tree_objective_name(TreeObjective objective) {
  return objective == TreeObjective::kReward ? "reward" : "frontier";
}

Result<TreeObjective> parse_tree_objective(std::string_view text) {
  if (text == "reward") return TreeObjective::kReward;
  if (text == "frontier") return TreeObjective::kFrontier;
  return fail_at("--objective", ErrorCode::kUsage, "expected reward or frontier; found {}", gimbal::quoted(text));
}

int PolicyTree::leaf_count() const {
  return static_cast<int>(std::count_if(nodes.begin(), nodes.end(), [](const TreeNode& node) { return node.is_leaf(); }));
}

Result<PolicyTree> fit_tree(const TreeInput& input, const TreeOptions& options) {
  GIMBAL_TRY(check_input(input, options));
  const std::size_t n = input.x.rows();
  const auto percent = static_cast<std::size_t>(std::ceil(kDefaultLeafShare * static_cast<double>(n) - 1e-9));
  const std::size_t min_leaf = options.min_leaf.value_or(std::min(n, std::max(kSmallestDefaultLeaf, percent)));
  if (n < min_leaf)
    return fail_at("--min-leaf", ErrorCode::kInsufficientData, "a leaf needs at least {} units and there are {}", min_leaf, n);

  SearchData data = integer_sums(input, options, min_leaf);
  data.features.resize(input.features.size());
  parallel_for(data.features.size(), 1, [&](std::size_t begin, std::size_t) {
    data.features[begin] = trees::bin_feature(input.x, begin, static_cast<std::size_t>(options.bins));
  });

  PolicyTree tree;
  tree.features = input.features;
  tree.arms = input.arms;
  tree.objective = options.objective;
  tree.depth = options.depth;
  std::vector<std::uint32_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0u);
  Grower(input, options, data, tree).grow(std::move(rows), options.depth);

  NeumaierSum weight, reward;
  for (std::size_t i = 0; i < n; ++i) weight += weight_of(input, i);
  for (const TreeNode& node : tree.nodes) reward += node.reward;
  tree.reward = reward.value();
  tree.reward_per_unit = weight.value() > 0 ? tree.reward / weight.value() : 0.0;
  return tree;
}

int tree_leaf(const PolicyTree& tree, std::span<const double> x) {
  int at = 0;
  while (!tree.nodes[static_cast<std::size_t>(at)].is_leaf()) {
    const TreeNode& node = tree.nodes[static_cast<std::size_t>(at)];
    at = x[static_cast<std::size_t>(node.feature)] <= node.threshold ? node.left : node.right;  // NaN compares false: right
  }
  return at;
}

Matrix tree_probabilities(const PolicyTree& tree, const Matrix& x, const Matrix& baseline) {
  GIMBAL_CHECK(x.cols() == tree.features.size(), "one column a feature of the tree");
  const bool reward = tree.objective == TreeObjective::kReward;
  GIMBAL_CHECK(reward || (baseline.rows() == x.rows() && baseline.cols() == 2), "a frontier tree moves a baseline");
  Matrix out(x.rows(), tree.arms.size());
  for (std::size_t i = 0; i < x.rows(); ++i) {
    const TreeNode& leaf = tree.nodes[static_cast<std::size_t>(tree_leaf(tree, x.row(i)))];
    if (reward) {
      out(i, static_cast<std::size_t>(leaf.arm)) = 1;
    } else {
      out(i, 1) = std::clamp(baseline(i, 1) + leaf.shift, 0.0, 1.0);
      out(i, 0) = 1 - out(i, 1);
    }
  }
  return out;
}

std::string tree_text(const PolicyTree& tree) {
  std::string out;
  add_text(tree, 0, "", out);
  return out;
}

}  // namespace gimbal::policy
