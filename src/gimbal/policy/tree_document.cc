#include <algorithm>

#include "gimbal/policy/tree.h"

namespace gimbal::policy {
namespace {

Result<std::size_t> position_of(const std::string& name, std::span<const std::string> names, const JsonView& at,
                                std::string_view what) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return fail_at(at.path(), ErrorCode::kCorrupted, "unknown {} \"{}\"", what, name);
  return static_cast<std::size_t>(found - names.begin());
}

Result<TreeNode> read_node(const JsonView& in, std::size_t id, std::size_t count, std::span<const std::string> arms,
                           std::span<const std::string> features) {
  GIMBAL_TRY(const std::int64_t found, in.integer("id"));
  if (found != static_cast<std::int64_t>(id))
    return fail_at(in.path(), ErrorCode::kCorrupted, "expected node {} here, found {}", id, found);
  TreeNode node;
  if (in.has("feature")) {
    GIMBAL_TRY(const std::string name, in.string("feature"));
    GIMBAL_TRY(const std::size_t feature, position_of(name, features, in, "feature"));
    GIMBAL_TRY(node.threshold, in.number("threshold"));
    GIMBAL_TRY(const std::int64_t left, in.integer("left"));
    GIMBAL_TRY(const std::int64_t right, in.integer("right"));
    node.feature = static_cast<int>(feature);
    // Children stand after their parent, so a walk from the root ends.
    for (const std::int64_t child : {left, right})
      if (child <= static_cast<std::int64_t>(id) || child >= static_cast<std::int64_t>(count))
        return fail_at(in.path(), ErrorCode::kCorrupted, "child {} must lie between {} and {}", child, id + 1, count - 1);
    node.left = static_cast<int>(left);
    node.right = static_cast<int>(right);
    return node;
  }
  GIMBAL_TRY(const std::string name, in.string("arm"));
  GIMBAL_TRY(const std::size_t arm, position_of(name, arms, in, "arm"));
  node.arm = static_cast<int>(arm);
  GIMBAL_TRY(node.shift, in.number_or("shift", 0));
  GIMBAL_TRY(const JsonView shares, in.get("shares"));
  for (const std::string& each : arms) {
    GIMBAL_TRY(const double share, shares.number(each));
    node.shares.push_back(share);
  }
  GIMBAL_TRY(const std::int64_t n, in.integer("n"));
  node.n = static_cast<std::size_t>(std::max<std::int64_t>(n, 0));
  GIMBAL_TRY(node.reward, in.number("reward"));
  return node;
}

}  // namespace

void write_tree_fields(JsonWriter& out, const PolicyTree& tree) {
  out.field("depth", tree.depth)
      .field("reward", tree.reward)
      .field("reward_per_unit", tree.reward_per_unit)
      .field("objective", tree_objective_name(tree.objective));
  out.key("nodes").begin_array();
  for (std::size_t id = 0; id < tree.nodes.size(); ++id) {
    const TreeNode& node = tree.nodes[id];
    out.begin_object().field("id", static_cast<std::int64_t>(id));
    if (!node.is_leaf()) {
      out.field("feature", tree.features[static_cast<std::size_t>(node.feature)])
          .field("threshold", node.threshold)
          .field("left", node.left)
          .field("right", node.right)
          .end_object();
      continue;
    }
    out.field("arm", tree.arms[static_cast<std::size_t>(node.arm)]).key("shares").begin_object();
    for (std::size_t a = 0; a < node.shares.size(); ++a) out.field(tree.arms[a], node.shares[a]);
    out.end_object();
    if (tree.objective == TreeObjective::kFrontier) out.field("shift", node.shift);
    out.field("n", static_cast<std::uint64_t>(node.n)).field("reward", node.reward).end_object();
  }
  out.end_array();
}

Result<PolicyTree> read_tree_fields(const JsonView& in, std::span<const std::string> arms,
                                    std::span<const std::string> features) {
  PolicyTree tree;
  tree.arms.assign(arms.begin(), arms.end());
  tree.features.assign(features.begin(), features.end());
  GIMBAL_TRY(const std::int64_t depth, in.integer("depth"));
  tree.depth = static_cast<int>(depth);
  GIMBAL_TRY(tree.reward, in.number("reward"));
  GIMBAL_TRY(tree.reward_per_unit, in.number("reward_per_unit"));
  GIMBAL_TRY(const std::string objective, in.string("objective"));
  GIMBAL_TRY(tree.objective, parse_tree_objective(objective));
  GIMBAL_TRY(const JsonView list, in.get("nodes"));
  GIMBAL_TRY(const std::vector<JsonView> nodes, list.items());
  if (nodes.empty()) return fail_at(list.path(), ErrorCode::kCorrupted, "a tree needs at least one node");
  for (std::size_t id = 0; id < nodes.size(); ++id) {
    GIMBAL_TRY(TreeNode node, read_node(nodes[id], id, nodes.size(), arms, features));
    tree.nodes.push_back(std::move(node));
  }
  return tree;
}

}  // namespace gimbal::policy
