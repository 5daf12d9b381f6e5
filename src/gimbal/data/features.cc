// The grammar of --features: name, log(name), log1p(name), cat(name).
#include <algorithm>

#include "gimbal/base/text.h"
#include "gimbal/data/encoding.h"

namespace gimbal::data {

std::string FeatureSpec::text() const {
  switch (transform) {
    case Transform::kNone:
      return column;
    case Transform::kLog:
      return fmt::format("log({})", column);
    case Transform::kLog1p:
      return fmt::format("log1p({})", column);
    case Transform::kCategorical:
      return fmt::format("cat({})", column);
  }
  return column;
}

namespace {

bool holds(std::span<const std::string> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Result<FeatureSpec> parse_feature(std::string_view item, std::span<const std::string> known, std::string_view flag) {
  if (holds(known, item)) return FeatureSpec{std::string(item), Transform::kNone};
  const std::string_view text = trim(item);
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos || !text.ends_with(')') || open == 0) {
    if (text.empty())
      return fail_at(std::string(flag), ErrorCode::kUsage, "expected the name of a feature, found an empty item");
    return FeatureSpec{std::string(text), Transform::kNone};
  }
  const std::string_view function = text.substr(0, open);
  const std::string_view column = trim(text.substr(open + 1, text.size() - open - 2));
  FeatureSpec spec{std::string(column), Transform::kNone};
  if (function == "log")
    spec.transform = Transform::kLog;
  else if (function == "log1p")
    spec.transform = Transform::kLog1p;
  else if (function == "cat")
    spec.transform = Transform::kCategorical;
  else
    return fail_at(std::string(flag), ErrorCode::kUsage,
                   "unknown function in {}: a feature is a column's name, log(name), log1p(name) or cat(name)",
                   gimbal::quoted(text));
  if (column.empty())
    return fail_at(std::string(flag), ErrorCode::kUsage, "expected the name of a column in {}", gimbal::quoted(text));
  return spec;
}

}  // namespace

Result<std::vector<FeatureSpec>> parse_features(std::span<const std::string> items, std::span<const std::string> known,
                                                std::string_view flag) {
  std::vector<FeatureSpec> features;
  for (const std::string& item : items) {
    GIMBAL_TRY(FeatureSpec spec, parse_feature(item, known, flag));
    if (!known.empty() && !holds(known, spec.column)) {
      return fail_at(std::string(flag), ErrorCode::kNotFound, "there is no column {}{}", gimbal::quoted(spec.column),
                     did_you_mean(spec.column, known));
    }
    if (std::find(features.begin(), features.end(), spec) != features.end()) {
      return fail_at(std::string(flag), ErrorCode::kUsage, "the feature {} is given twice", gimbal::quoted(spec.text()));
    }
    features.push_back(std::move(spec));
  }
  return features;
}

std::vector<FeatureSpec> features_except(const DataTable& table, const NameSet& excluded) {
  std::vector<FeatureSpec> features;
  for (const Column& column : table.columns())
    if (!excluded.contains(column.name)) features.push_back({column.name, Transform::kNone});
  return features;
}

NameSet text_columns(std::span<const FeatureSpec> features) {
  NameSet names;
  for (const FeatureSpec& feature : features)
    if (feature.transform == Transform::kCategorical) names.insert(feature.column);
  return names;
}

}  // namespace gimbal::data
