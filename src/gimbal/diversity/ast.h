// Syntactic measures: bags of truncated subtrees of the programs' syntax trees.
//
// height(leaf) = 1. For a depth H every node of height >= H gives its subtree cut below depth H (the node is depth 1). The
// identity of a subtree is its nodes' types and attributes, and its children with their field names and order; so with
// id(v, h) = number of (label of v, [(field, id(c, h - 1)) for children c]), ids come bottom-up by hash-consing and no tree is
// ever copied. O(nodes x H).
//
// Variants: `plain`, and `stripped`, in which names and literal values do not count (the fields id, name and arg become one
// constant; any number or bool becomes 1, any string one constant), so that renaming is no diversity. ast_ead_4_pair of
// `stripped` is the syntactic number of arXiv 2504.12522.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/diversity/bags.h"
#include "gimbal/diversity/id_table.h"
#include "gimbal/diversity/measure.h"
#include "gimbal/diversity/tokens.h"

namespace gimbal::diversity {

// One program's tree; nodes in pre-order, so that parents come before children and children stand in order.
struct AstNode {
  std::int32_t parent = -1;    // index, -1 for the root
  std::uint32_t field = 0;     // of the parent, from AstLabels
  std::uint32_t plain = 0;     // type and attributes, from AstLabels
  std::uint32_t stripped = 0;  // the same with names and values stripped
};
struct AstTree {
  std::vector<AstNode> nodes;
};

// An attribute of a node that is no node. `kind` says what a literal is; other attributes are kText.
enum class AstValue { kText, kNumber, kString, kOther };  // kOther: None, bytes, Ellipsis
struct AstAttribute {
  std::string_view name;  // "id", "value", "attr"
  AstValue kind = AstValue::kText;
  std::string_view text;
};

// The numbers of labels and fields; one object serves all trees that are compared.
class AstLabels {
 public:
  std::uint32_t field(std::string_view name) { return interner_.id(name); }
  // Plain and stripped label of a node.
  std::pair<std::uint32_t, std::uint32_t> node(std::string_view type, std::span<const AstAttribute> attributes);

 private:
  TokenInterner interner_;
};

// One tree as JSON text, in the form of the helper that asks CPython for trees: a node is [type, {attribute: value}, [[field,
// node], ...]], the last two may be left out at the end. A value is a string, or for literals an array of one kind letter and a
// text: ["n","1"] number or bool, ["s","x"] string, ["o","None"] anything else, and also a
// field that is None: it differs from one whose node was cut off.
// Errors: parse_error, invalid_argument naming `name` and what was expected.
Result<AstTree> parse_ast(std::string_view json, std::string_view name, AstLabels& labels);

enum class AstVariant { kPlain, kStripped };

// The bags of truncated subtrees for depths 1..highest.
class SubtreeInterner {
 public:
  explicit SubtreeInterner(AstVariant variant) : variant_(variant) {}
  // Element h - 1: the ids of the subtrees of depth h, cut below it, of all nodes of height >= h. Ids are shared by all trees
  // that this object has seen. Depths up to `highest` >= 1.
  std::vector<Bag> bags(const AstTree& tree, int highest);

 private:
  AstVariant variant_;
  IdTable ids_{1024};
  // Of the last call, kept to be reused.
  std::vector<std::uint32_t> first_child_, next_sibling_, height_, key_;
  std::vector<std::vector<std::uint32_t>> at_depth_;
};

struct AstOptions {
  std::vector<int> depths = {3, 4, 5, 6};
  double vocabulary = 50257;
  std::vector<AstVariant> variants = {AstVariant::kStripped, AstVariant::kPlain};
};
// Names: ast_distinct_<H>, ast_distinct_<H>_pair, ast_jaccard_<H>, ast_ead_<H>, ast_ead_<H>_pair for the stripped variant, with
// ast_plain_ instead of ast_ for the plain one. Fewer than 2 trees: all without value.
Measures ast_measures(std::span<const AstTree> trees, const AstOptions& options);

}  // namespace gimbal::diversity
