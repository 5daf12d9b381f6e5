// Policy trees: a policy that fits on a slide. Splits are `value <= threshold`; a leaf assigns one arm, or one shift D of
// arm 1.
//
// Depth 0 to 2 is exact over features cut into at most `bins` quantile bins (every distinct value is a bin of its own where
// there are no more than that). For a root feature the rows are walked in its order, and for every child feature a histogram of
// the scores over that feature's bins grows row by row; at each root threshold prefix sums of the histogram give the best child
// split on either side: O(p^2 n K + p^2 B^2 K) for p features, B bins, K arms. Deeper levels are greedy: each leaf is split
// again by the exact search of depth 1. Scores are summed as integers (rounded once to a common power of two), so sums do not
// depend on their order, equal partitions have equal value, and ties are real ties: fewest leaves win, then the lowest
// feature, then the lowest threshold. Athey and Wager (2021) for the reward objective.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"

namespace gimbal::policy {

enum class TreeObjective {
  kReward,    // sum over units of the score Gamma of the arm that their leaf assigns
  kFrontier,  // K = 2: sum over leaves of lambda C D - 1/2 Kk D^2, D in [-b_leaf, 1 - b_leaf]
};
std::string_view tree_objective_name(TreeObjective objective);  // "reward", "frontier"
Result<TreeObjective> parse_tree_objective(std::string_view text);

struct TreeInput {
  std::vector<std::string> features;  // p names
  Matrix x;                           // n x p; a missing value is NaN and goes right
  std::vector<std::string> arms;      // K names
  std::vector<double> weight;         // empty: 1 for every unit

  Matrix scores;  // reward: n x K, Gamma_{i,a}: out-of-fold doubly robust scores minus cost

  // frontier: per unit the effect c = mu_1 - mu_0, its variance cost k (k of the score in use), the baseline b of arm 1.
  std::vector<double> effect, cost, baseline;
};

struct TreeOptions {
  int depth = 2;                        // 0..10
  int bins = 256;                       // 2..65536
  std::optional<std::size_t> min_leaf;  // default: 1 % of n rounded up, at least 10 (never more than n)
  TreeObjective objective = TreeObjective::kReward;
  double lambda = 0;  // frontier: >= 0, infinity allowed
};

// An inner node has a feature; a leaf has an arm. Children come after their parent; ids are positions.
struct TreeNode {
  int feature = -1;  // index into features, -1 for a leaf
  double threshold = 0;
  int left = -1, right = -1;

  int arm = -1;                // leaf: the assigned arm; frontier: the arm with the larger share
  double shift = 0;            // frontier leaf: D, added to arm 1's baseline (and clipped to [0, 1] a unit)
  std::vector<double> shares;  // leaf: mean share of each arm under this policy
  std::size_t n = 0;           // units
  double reward = 0;           // leaf: its part of the objective

  bool is_leaf() const { return feature < 0; }
};

struct PolicyTree {
  std::vector<std::string> features, arms;
  TreeObjective objective = TreeObjective::kReward;
  int depth = 0;                           // as asked for
  double reward = 0, reward_per_unit = 0;  // sum over leaves, and that over the total weight
  std::vector<TreeNode> nodes;             // nodes[0] is the root

  int leaf_count() const;
};

// Errors: invalid_argument (shapes, non-finite scores, options out of range), insufficient_data (n < min_leaf), unsupported
// (frontier with K != 2). Deterministic for any number of threads. Memory O(n (p + K)) a thread.
Result<PolicyTree> fit_tree(const TreeInput& input, const TreeOptions& options);

// The index of the leaf in nodes for one unit; x has one value a feature of the tree.
int tree_leaf(const PolicyTree& tree, std::span<const double> x);
// n x K probabilities. `baseline`: n x K, needed for the frontier objective only.
Matrix tree_probabilities(const PolicyTree& tree, const Matrix& x, const Matrix& baseline);

// The tree as indented text, one node a line.
std::string tree_text(const PolicyTree& tree);

// The fields "depth" ... "nodes" of gimbal.policy.tree/1, into the object that is open.
void write_tree_fields(JsonWriter& out, const PolicyTree& tree);
// Reads what write_tree_fields wrote (other fields are left alone). `arms`: in the order of the shares. Errors: corrupted,
// parse_error, with the path of the field.
Result<PolicyTree> read_tree_fields(const JsonView& in, std::span<const std::string> arms,
                                    std::span<const std::string> features);

}  // namespace gimbal::policy
