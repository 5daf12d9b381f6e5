#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/base/text.h"

namespace gimbal {

namespace {

// What an error message says was found.
std::string found(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  if (value.is_string()) return gimbal::quoted(value.get_ref<const std::string&>());
  return to_text(value);
}

bool is_plain_key(std::string_view key) {
  if (key.empty()) return false;
  for (const char c : key) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!word) return false;
  }
  return true;
}

std::string member_path(const std::string& parent, bool is_root, std::string_view key) {
  if (!is_plain_key(key)) return fmt::format("{}{}[{}]", parent, is_root ? ": " : "", gimbal::quoted(key));
  return fmt::format("{}{}{}", parent, is_root ? ": " : ".", key);
}

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& member : object.get_ref<const Json::object_t&>()) keys.push_back(member.first);
  return keys;
}

}  // namespace

JsonView::JsonView(std::shared_ptr<const Json> document, const Json* at, std::string path)
    : document_(std::move(document)), at_(at), path_(std::move(path)) {}

Result<JsonView> JsonView::parse(std::string_view text, std::string_view name, JsonLimits limits) {
  GIMBAL_TRY(Json json, parse_json(text, name, limits));
  auto document = std::make_shared<const Json>(std::move(json));
  const Json* root = document.get();
  return JsonView(std::move(document), root, std::string(name));
}

Result<JsonView> JsonView::read_file(const std::string& path, JsonLimits limits) {
  GIMBAL_TRY(const std::string text, gimbal::read_file(path, limits.max_bytes));
  return parse(text, path == "-" ? "standard input" : path, limits);
}

Result<void> JsonView::expect_schema(std::string_view schema) const {
  const auto stated = find("schema");
  if (!stated || !stated->is_string()) {
    return fail_at(path_, ErrorCode::kVersion, "expected a document with \"schema\": \"{}\", found no schema", schema);
  }
  const std::string& is = stated->at_->get_ref<const std::string&>();
  if (is == schema) return {};
  const auto name = [](std::string_view text) { return text.substr(0, text.rfind('/')); };
  const bool other_version = name(is) == name(schema);
  return fail_at(path_, ErrorCode::kVersion, "expected the {} \"{}\", found {}", other_version ? "version" : "schema", schema,
                 gimbal::quoted(is));
}

Result<void> JsonView::expect_only(std::initializer_list<std::string_view> known) const {
  if (!is_object()) return fail_at(path_, ErrorCode::kInvalidArgument, "expected an object, found {}", found(*at_));
  const std::vector<std::string> names(known.begin(), known.end());
  Diagnostics unknown;
  for (const auto& member : at_->get_ref<const Json::object_t&>()) {
    const std::string& key = member.first;
    if (key.starts_with("x-") || std::find(known.begin(), known.end(), key) != known.end()) continue;
    unknown.add(path_, fmt::format("unknown key {}{}", gimbal::quoted(key), did_you_mean(key, names)));
  }
  if (unknown.empty()) return {};
  return fail(unknown.to_error(ErrorCode::kInvalidArgument));
}

bool JsonView::is_null() const { return at_->is_null(); }
bool JsonView::is_object() const { return at_->is_object(); }
bool JsonView::is_array() const { return at_->is_array(); }
bool JsonView::is_number() const { return at_->is_number(); }
bool JsonView::is_string() const { return at_->is_string(); }
bool JsonView::has(std::string_view key) const { return find(key).has_value(); }

Result<JsonView> JsonView::get(std::string_view key) const {
  if (!is_object()) {
    return fail_at(path_, ErrorCode::kInvalidArgument, "expected an object with the key {}, found {}", gimbal::quoted(key),
                   found(*at_));
  }
  for (const auto& member : at_->get_ref<const Json::object_t&>()) {
    if (member.first == key) return JsonView(document_, &member.second, member_path(path_, at_ == document_.get(), key));
  }
  return fail_at(path_, ErrorCode::kInvalidArgument, "the key {} is missing{}", gimbal::quoted(key),
                 did_you_mean(key, keys_of(*at_)));
}

std::optional<JsonView> JsonView::find(std::string_view key) const {
  if (!is_object()) return std::nullopt;
  for (const auto& member : at_->get_ref<const Json::object_t&>()) {
    if (member.first != key) continue;
    if (member.second.is_null()) return std::nullopt;
    return JsonView(document_, &member.second, member_path(path_, at_ == document_.get(), key));
  }
  return std::nullopt;
}

Result<std::vector<JsonView>> JsonView::items() const {
  if (!is_array()) return fail_at(path_, ErrorCode::kInvalidArgument, "expected an array, found {}", found(*at_));
  std::vector<JsonView> out;
  out.reserve(at_->size());
  const bool root = at_ == document_.get();
  for (std::size_t i = 0; i < at_->size(); ++i) {
    out.push_back(JsonView(document_, &(*at_)[i], fmt::format("{}{}[{}]", path_, root ? ": " : "", i)));
  }
  return out;
}

Result<std::vector<std::pair<std::string, JsonView>>> JsonView::members() const {
  if (!is_object()) return fail_at(path_, ErrorCode::kInvalidArgument, "expected an object, found {}", found(*at_));
  std::vector<std::pair<std::string, JsonView>> out;
  out.reserve(at_->size());
  const bool root = at_ == document_.get();
  for (const auto& member : at_->get_ref<const Json::object_t&>()) {
    out.emplace_back(member.first, JsonView(document_, &member.second, member_path(path_, root, member.first)));
  }
  return out;
}

Result<double> JsonView::number() const {
  if (!at_->is_number()) return fail_at(path_, ErrorCode::kInvalidArgument, "expected a number, found {}", found(*at_));
  return at_->get<double>();
}

Result<std::int64_t> JsonView::integer() const {
  const auto wrong = [&] { return fail_at(path_, ErrorCode::kInvalidArgument, "expected an integer, found {}", found(*at_)); };
  if (at_->is_number_unsigned()) {
    const auto value = at_->get<std::uint64_t>();
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return wrong();
    return static_cast<std::int64_t>(value);
  }
  if (at_->is_number_integer()) return at_->get<std::int64_t>();
  if (!at_->is_number()) return wrong();
  // 100000 is written as 1e+05 by those who hold it as a double. Beyond 2^53 a double no longer says which integer was meant.
  const double value = at_->get<double>();
  if (value != std::floor(value) || std::fabs(value) > 0x1p53) return wrong();
  return static_cast<std::int64_t>(value);
}

Result<bool> JsonView::boolean() const {
  if (!at_->is_boolean()) return fail_at(path_, ErrorCode::kInvalidArgument, "expected true or false, found {}", found(*at_));
  return at_->get<bool>();
}

Result<std::string> JsonView::string() const {
  if (!is_string()) return fail_at(path_, ErrorCode::kInvalidArgument, "expected a text in quotes, found {}", found(*at_));
  return at_->get_ref<const std::string&>();
}

Result<std::vector<double>> JsonView::numbers() const {
  if (!is_array()) return fail_at(path_, ErrorCode::kInvalidArgument, "expected an array of numbers, found {}", found(*at_));
  std::vector<double> out;
  out.reserve(at_->size());
  for (std::size_t i = 0; i < at_->size(); ++i) {
    const Json& item = (*at_)[i];
    if (!item.is_number() && !item.is_null()) {
      const std::string place = fmt::format("{}{}[{}]", path_, at_ == document_.get() ? ": " : "", i);
      return fail_at(place, ErrorCode::kInvalidArgument, "expected a number or null, found {}", found(item));
    }
    out.push_back(item.is_null() ? std::numeric_limits<double>::quiet_NaN() : item.get<double>());
  }
  return out;
}

Result<std::vector<std::string>> JsonView::strings() const {
  if (!is_array()) return fail_at(path_, ErrorCode::kInvalidArgument, "expected an array of texts, found {}", found(*at_));
  GIMBAL_TRY(const std::vector<JsonView> views, items());
  std::vector<std::string> out;
  out.reserve(views.size());
  for (const JsonView& view : views) {
    GIMBAL_TRY(out.emplace_back(), view.string());
  }
  return out;
}

Result<double> JsonView::number(std::string_view key) const {
  return get(key).and_then([](const JsonView& view) { return view.number(); });
}
Result<std::int64_t> JsonView::integer(std::string_view key) const {
  return get(key).and_then([](const JsonView& view) { return view.integer(); });
}
Result<bool> JsonView::boolean(std::string_view key) const {
  return get(key).and_then([](const JsonView& view) { return view.boolean(); });
}
Result<std::string> JsonView::string(std::string_view key) const {
  return get(key).and_then([](const JsonView& view) { return view.string(); });
}
Result<std::vector<double>> JsonView::numbers(std::string_view key) const {
  return get(key).and_then([](const JsonView& view) { return view.numbers(); });
}
Result<std::vector<std::string>> JsonView::strings(std::string_view key) const {
  return get(key).and_then([](const JsonView& view) { return view.strings(); });
}

Result<double> JsonView::number_or(std::string_view key, double otherwise) const {
  const auto view = find(key);
  return view ? view->number() : Result<double>(otherwise);
}
Result<std::int64_t> JsonView::integer_or(std::string_view key, std::int64_t otherwise) const {
  const auto view = find(key);
  return view ? view->integer() : Result<std::int64_t>(otherwise);
}
Result<bool> JsonView::boolean_or(std::string_view key, bool otherwise) const {
  const auto view = find(key);
  return view ? view->boolean() : Result<bool>(otherwise);
}
Result<std::string> JsonView::string_or(std::string_view key, std::string_view otherwise) const {
  const auto view = find(key);
  return view ? view->string() : Result<std::string>(std::string(otherwise));
}

std::string JsonView::text() const { return to_text(*at_); }

}  // namespace gimbal
