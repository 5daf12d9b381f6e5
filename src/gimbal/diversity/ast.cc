#include "gimbal/diversity/ast.h"

#include <algorithm>

#include "gimbal/base/check.h"
#include "gimbal/diversity/lexical.h"

namespace gimbal::diversity {
namespace {

constexpr std::uint32_t kNone = ~std::uint32_t{0};

// Separators of label texts; no attribute name holds them, and values come last after their length.
void append_attribute(std::string& label, std::string_view name, char kind, std::string_view text) {
  label += '\0';
  label += name;
  label += '\0';
  label += kind;
  label += std::to_string(text.size());
  label += ':';
  label += text;
}

bool names_something(std::string_view field) { return field == "id" || field == "name" || field == "arg"; }

}  // namespace

std::pair<std::uint32_t, std::uint32_t> AstLabels::node(std::string_view type, std::span<const AstAttribute> attributes) {
  std::string plain(type), stripped(type);
  for (const AstAttribute& a : attributes) {
    static constexpr std::string_view kKinds = "tnso";
    const char kind = kKinds[static_cast<std::size_t>(a.kind)];
    append_attribute(plain, a.name, kind, a.text);
    if (names_something(a.name)) {
      append_attribute(stripped, a.name, 't', "_");
    } else if (a.kind == AstValue::kNumber) {
      append_attribute(stripped, a.name, kind, "1");
    } else if (a.kind == AstValue::kString) {
      append_attribute(stripped, a.name, kind, "");
    } else {
      append_attribute(stripped, a.name, kind, a.text);
    }
  }
  return {interner_.id(plain), interner_.id(stripped)};
}

std::vector<Bag> SubtreeInterner::bags(const AstTree& tree, int highest) {
  GIMBAL_CHECK(highest >= 1, "a subtree has a depth of at least 1");
  const std::vector<AstNode>& nodes = tree.nodes;
  const std::size_t n = nodes.size(), depths = static_cast<std::size_t>(highest);
  std::vector<Bag> out(depths);
  first_child_.assign(n, kNone);
  next_sibling_.assign(n, kNone);
  height_.assign(n, 1);
  at_depth_.resize(depths);
  for (auto& ids : at_depth_) ids.resize(n);
  // From the last node to the first: children are done before their parent.
  for (std::size_t v = n; v-- > 0;) {
    const std::size_t reach = std::min<std::size_t>(height_[v], depths);
    key_.clear();
    key_.push_back(variant_ == AstVariant::kPlain ? nodes[v].plain : nodes[v].stripped);
    at_depth_[0][v] = ids_.id(key_);
    for (std::size_t h = 1; h < reach; ++h) {
      key_.resize(1);
      for (std::uint32_t c = first_child_[v]; c != kNone; c = next_sibling_[c]) {
        key_.push_back(nodes[c].field);
        // Deeper than the child reaches nothing is cut: its whole subtree.
        key_.push_back(at_depth_[std::min<std::size_t>(h, height_[c]) - 1][c]);
      }
      at_depth_[h][v] = ids_.id(key_);
    }
    for (std::size_t h = 0; h < reach; ++h) out[h].push_back(at_depth_[h][v]);
    if (nodes[v].parent >= 0) {
      const auto parent = static_cast<std::size_t>(nodes[v].parent);
      GIMBAL_CHECK(parent < v, "nodes stand in pre-order");
      next_sibling_[v] = first_child_[parent];
      first_child_[parent] = static_cast<std::uint32_t>(v);
      height_[parent] = std::max(height_[parent], height_[v] + 1);
    }
  }
  return out;
}

Measures ast_measures(std::span<const AstTree> trees, const AstOptions& options) {
  Measures out;
  if (options.depths.empty()) return out;
  const int highest = *std::ranges::max_element(options.depths);
  for (const AstVariant variant : options.variants) {
    SubtreeInterner interner(variant);
    std::vector<std::vector<Bag>> by_depth(static_cast<std::size_t>(highest));
    for (const AstTree& tree : trees) {
      std::vector<Bag> bags = interner.bags(tree, highest);
      for (std::size_t h = 0; h < bags.size(); ++h) by_depth[h].push_back(std::move(bags[h]));
    }
    for (const int depth : options.depths) {
      BagScores scores;
      if (trees.size() >= 2) scores = score_bags(by_depth[static_cast<std::size_t>(depth - 1)], options.vocabulary);
      append_bag_measures(out, scores, variant == AstVariant::kPlain ? "ast_plain_" : "ast_", "_" + std::to_string(depth), true,
                          true, true);
    }
  }
  return out;
}

}  // namespace gimbal::diversity
