// Trees from JSON.
#include <nlohmann/json.hpp>

#include "gimbal/base/json.h"
#include "gimbal/diversity/ast.h"

namespace gimbal::diversity {
namespace {

struct Reader {
  std::string_view name;
  AstLabels& labels;
  AstTree tree = {};

  Result<AstAttribute> attribute(std::string_view key, const Json& value) const {
    if (value.is_string()) return AstAttribute{key, AstValue::kText, value.get_ref<const std::string&>()};
    if (!value.is_array() || value.size() != 2 || !value[0].is_string() || !value[1].is_string())
      return fail_at(std::string(name), ErrorCode::kInvalidArgument, "attribute \"{}\": expected a text or [kind, text]", key);
    const std::string& kind = value[0].get_ref<const std::string&>();
    const std::string& text = value[1].get_ref<const std::string&>();
    if (kind == "n") return AstAttribute{key, AstValue::kNumber, text};
    if (kind == "s") return AstAttribute{key, AstValue::kString, text};
    if (kind == "o") return AstAttribute{key, AstValue::kOther, text};
    return fail_at(std::string(name), ErrorCode::kInvalidArgument, "attribute \"{}\": expected kind n, s or o, found \"{}\"",
                   key, kind);
  }

  // Depth is bounded by the parser of JSON (max_depth).
  Result<void> node(const Json& json, std::int32_t parent, std::uint32_t field) {
    if (!json.is_array() || json.empty() || json.size() > 3 || !json[0].is_string())
      return fail_at(std::string(name), ErrorCode::kInvalidArgument, "a node is [type, {{attributes}}, [[field, node], ...]]");
    std::vector<AstAttribute> attributes;
    if (json.size() > 1) {
      if (!json[1].is_object())
        return fail_at(std::string(name), ErrorCode::kInvalidArgument, "the second part of a node is an object of attributes");
      for (const auto& [key, value] : json[1].items()) {
        GIMBAL_TRY(attributes.emplace_back(), attribute(key, value));
      }
    }
    const auto [plain, stripped] = labels.node(json[0].get_ref<const std::string&>(), attributes);
    const auto self = static_cast<std::int32_t>(tree.nodes.size());
    tree.nodes.push_back({parent, field, plain, stripped});
    if (json.size() < 3) return {};
    if (!json[2].is_array())
      return fail_at(std::string(name), ErrorCode::kInvalidArgument, "the third part of a node is an array of [field, node]");
    for (const Json& child : json[2]) {
      if (!child.is_array() || child.size() != 2 || !child[0].is_string())
        return fail_at(std::string(name), ErrorCode::kInvalidArgument, "a child is [field, node]");
      GIMBAL_TRY(node(child[1], self, labels.field(child[0].get_ref<const std::string&>())));
    }
    return {};
  }
};

}  // namespace

Result<AstTree> parse_ast(std::string_view json, std::string_view name, AstLabels& labels) {
  // A node costs three levels of JSON; CPython's own parser gives up at a few hundred nested nodes.
  GIMBAL_TRY(const Json document, parse_json(json, name, {.max_depth = 2000}));
  Reader reader{name, labels};
  GIMBAL_TRY(reader.node(document, -1, labels.field("")));
  return std::move(reader.tree);
}

}  // namespace gimbal::diversity
