// The encoding inside a model file:
//   {"features":[{"column":"history","transform":"log","kind":"numeric","missing":true,"mean":5.1},
//                {"column":"zip","transform":null,"kind":"categorical","missing":false,"levels":["a","b"],"reference":1}]}
// `reference`: index into levels, levels' length for missing, null without any level.
#include "gimbal/base/text.h"
#include "gimbal/data/encoding.h"

namespace gimbal::data {
namespace {

const char* transform_name(Transform transform) {
  switch (transform) {
    case Transform::kLog:
      return "log";
    case Transform::kLog1p:
      return "log1p";
    case Transform::kCategorical:
      return "cat";
    case Transform::kNone:
      break;
  }
  return nullptr;
}

Result<Transform> read_transform(const JsonView& json) {
  GIMBAL_TRY(const std::string name, json.string_or("transform", ""));
  for (const Transform transform : {Transform::kLog, Transform::kLog1p, Transform::kCategorical})
    if (name == transform_name(transform)) return transform;
  if (name.empty()) return Transform::kNone;
  return fail_at(json.path(), ErrorCode::kParseError, "expected the transform \"log\", \"log1p\", \"cat\" or null, found {}",
                 gimbal::quoted(name));
}

Result<Encoding::Feature> read_feature(const JsonView& json) {
  Encoding::Feature feature;
  GIMBAL_TRY(feature.spec.column, json.string("column"));
  GIMBAL_TRY(feature.spec.transform, read_transform(json));
  GIMBAL_TRY(const std::string kind, json.string("kind"));
  GIMBAL_TRY(feature.missing_seen, json.boolean("missing"));
  if (kind == "numeric" && feature.spec.transform != Transform::kCategorical) {
    GIMBAL_TRY(json.expect_only({"column", "transform", "kind", "missing", "mean"}));
    GIMBAL_TRY(feature.mean, json.number("mean"));
    return feature;
  }
  if (kind != "categorical" || feature.spec.transform == Transform::kLog || feature.spec.transform == Transform::kLog1p) {
    return fail_at(json.path(), ErrorCode::kParseError,
                   "expected a numeric or categorical feature, found kind {} with transform {}", gimbal::quoted(kind),
                   gimbal::quoted(feature.spec.text()));
  }
  GIMBAL_TRY(json.expect_only({"column", "transform", "kind", "missing", "levels", "reference"}));
  feature.categorical = true;
  GIMBAL_TRY(feature.levels, json.strings("levels"));
  GIMBAL_TRY(const std::int64_t reference, json.integer_or("reference", -1));
  const auto count = static_cast<std::int64_t>(feature.levels.size() + feature.missing_seen);
  const bool valid = count == 0 ? reference == -1 : reference >= 0 && reference < count;
  if (!valid) {
    return fail_at(json.path(), ErrorCode::kParseError, "expected a reference among the {} levels, found {}", count, reference);
  }
  feature.reference = static_cast<int>(reference);
  NameSet distinct(feature.levels.begin(), feature.levels.end());
  if (distinct.size() != feature.levels.size() || distinct.contains(""))
    return fail_at(json.path(), ErrorCode::kParseError, "expected distinct levels that are not empty");
  return feature;
}

}  // namespace

void Encoding::write(JsonWriter& json) const {
  json.begin_object().key("features").begin_array();
  for (const Feature& feature : features_) {
    json.begin_object().field("column", feature.spec.column);
    if (const char* name = transform_name(feature.spec.transform))
      json.field("transform", std::string_view(name));
    else
      json.null_field("transform");
    json.field("kind", std::string_view(feature.categorical ? "categorical" : "numeric"))
        .field("missing", feature.missing_seen);
    if (feature.categorical) {
      json.field("levels", feature.levels);
      if (feature.reference >= 0)
        json.field("reference", feature.reference);
      else
        json.null_field("reference");
    } else {
      json.field("mean", feature.mean);
    }
    json.end_object();
  }
  json.end_array().end_object();
}

Result<Encoding> Encoding::read(const JsonView& json) {
  GIMBAL_TRY(json.expect_only({"features"}));
  GIMBAL_TRY(const JsonView list, json.get("features"));
  GIMBAL_TRY(const std::vector<JsonView> items, list.items());
  Encoding encoding;
  for (const JsonView& item : items) {
    GIMBAL_TRY(Feature feature, read_feature(item));
    encoding.features_.push_back(std::move(feature));
  }
  return encoding;
}

}  // namespace gimbal::data
