#include "gimbal/policy/document.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "gimbal/base/file.h"
#include "gimbal/base/text.h"
#include "gimbal/policy/frontier_request.h"
#include "gimbal/policy/model.h"
#include "gimbal/policy/policy_file.h"

namespace gimbal::policy {
namespace {

struct Kind {
  std::string_view schema, name, written_by;
};

constexpr Kind kKinds[] = {
    {kModelSchema, "a model", "`gimbal policy fit -o`"},
    {kFrontierSchema, "a frontier", "`gimbal policy frontier -o`"},
    {kPolicySchema, "a policy", "`gimbal policy choose -o` or `tree -o`"},
    {"gimbal.policy.evaluation/1", "an evaluation", "`gimbal policy evaluate --json`"},
    {"gimbal.policy.fit/1", "the summary of a fit", "`gimbal policy fit --json`"},
};

std::string_view name_of(std::string_view schema) { return schema.substr(0, schema.rfind('/')); }

const Kind* kind_of(std::string_view schema) {
  const auto found = std::ranges::find(kKinds, name_of(schema), [](const Kind& kind) { return name_of(kind.schema); });
  return found == std::end(kKinds) ? nullptr : found;
}

std::string expected_text(std::initializer_list<std::string_view> schemas, bool with_command) {
  std::vector<std::string> names;
  for (const std::string_view schema : schemas) {
    const Kind* kind = kind_of(schema);
    GIMBAL_CHECK(kind != nullptr, "a document of the system");
    names.push_back(with_command ? fmt::format("{} ({})", kind->name, kind->written_by) : std::string(kind->name));
  }
  return join(names, " or ");
}

}  // namespace

Result<void> expect_document(const JsonView& document, std::initializer_list<std::string_view> schemas) {
  const Result<std::string> stated = document.string("schema");
  if (!stated) {
    return fail_at(document.path(), ErrorCode::kVersion, "expected {}, found a document without \"schema\"",
                   expected_text(schemas, true));
  }
  if (std::ranges::find(schemas, std::string_view(*stated)) != schemas.end()) return {};
  for (const std::string_view schema : schemas) {
    if (name_of(schema) == name_of(*stated)) return document.expect_schema(schema);
  }
  const Kind* kind = kind_of(*stated);
  const std::string found = kind != nullptr ? std::string(kind->name) : "a document of the schema " + gimbal::quoted(*stated);
  return fail_at(document.path(), ErrorCode::kVersion, "expected {}, found {}", expected_text(schemas, true), found);
}

Result<JsonView> read_document(const std::string& path, std::initializer_list<std::string_view> schemas) {
  GIMBAL_TRY(const std::string text, read_file(path, JsonLimits().max_bytes));
  if (const std::string_view begin = trim(text); !begin.starts_with('{')) {
    return fail_at(path, ErrorCode::kParseError, "expected {} as JSON, found {}", expected_text(schemas, false),
                   begin.empty() ? "an empty file" : gimbal::quoted(begin.substr(0, begin.find_first_of("\r\n")), 60));
  }
  GIMBAL_TRY(JsonView json, JsonView::parse(text, path == "-" ? "standard input" : path));
  GIMBAL_TRY(expect_document(json, schemas));
  return json;
}

}  // namespace gimbal::policy
