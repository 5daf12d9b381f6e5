// JSON in and out, without the weight of a JSON library in every file.
//
// Out: JsonWriter streams a document in the order in which fields are given; numbers are the shortest text that reads back to
// the same double, non-finite ones become null. In: parse_json checks depth, size and duplicate keys and reports line:column;
// JsonView then reads fields with errors that name the path ("policy.json: models[0].rows: expected an integer, found \"x\"").
// Code that edits JSON values includes <nlohmann/json.hpp> itself; few files should.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal {

using Json = nlohmann::ordered_json;

class JsonWriter {
 public:
  // Members of an object: key(k) then a value, or the shorthand field(k, v).
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& value(double number);
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(std::uint64_t number);
  JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
  JsonWriter& value(bool flag);
  JsonWriter& value(std::string_view text);  // repaired to UTF-8 if need be
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // an already serialized value
  template <typename T>
  JsonWriter& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
  }
  template <typename T>
  JsonWriter& value(std::span<const T> items) {
    begin_array();
    for (const T& item : items) value(item);
    return end_array();
  }
  template <typename T>
  JsonWriter& value(const std::vector<T>& items) {
    return value(std::span<const T>(items));
  }
  template <typename T>
  JsonWriter& field(std::string_view name, const T& v) {
    return key(name).value(v);
  }
  JsonWriter& null_field(std::string_view name) { return key(name).null(); }

  // The document so far; complete when every object and array is closed. No trailing newline.
  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  void before_value();
  std::string out_;
  std::vector<char> open_;  // '{' or '[', per level
  bool need_comma_ = false;
  bool after_key_ = false;
};

// A JSON string literal with quotes.
std::string json_quote(std::string_view text);

struct JsonLimits {
  std::size_t max_bytes = std::size_t{1} << 30;
  int max_depth = 128;
};

// Parses one document; `name` is the file name of error messages. Errors: parse_error with "name:line:column" for bad syntax,
// duplicate keys, depth or size over the limit, bad UTF-8, anything after the document.
Result<Json> parse_json(std::string_view text, std::string_view name, JsonLimits limits = {});

// Sorted keys, no spaces, shortest numbers: the form that is hashed.
std::string canonical(const Json& value);
// In the order given, no spaces, shortest numbers.
std::string to_text(const Json& value);

// A parsed document that is read field by field. Cheap to copy; shares ownership of the document.
class JsonView {
 public:
  static Result<JsonView> parse(std::string_view text, std::string_view name, JsonLimits limits = {});
  static Result<JsonView> read_file(const std::string& path, JsonLimits limits = {});  // .gz by suffix

  // Checks "schema": `name`/`version` (version error with found and expected otherwise).
  Result<void> expect_schema(std::string_view schema) const;
  // Error naming every key of this object that is not in `known` (keys that begin with "x-" pass).
  Result<void> expect_only(std::initializer_list<std::string_view> known) const;

  bool is_null() const;
  bool is_object() const;
  bool is_array() const;
  bool is_number() const;
  bool is_string() const;
  bool has(std::string_view key) const;  // present and not null

  Result<JsonView> get(std::string_view key) const;                       // required member
  std::optional<JsonView> find(std::string_view key) const;               // nullopt when absent or null
  Result<std::vector<JsonView>> items() const;                            // of an array
  Result<std::vector<std::pair<std::string, JsonView>>> members() const;  // of an object, in order

  // This value; or, with a key, that member.
  Result<double> number() const;
  Result<std::int64_t> integer() const;
  Result<bool> boolean() const;
  Result<std::string> string() const;
  Result<std::vector<double>> numbers() const;  // array of numbers; null becomes NaN
  Result<std::vector<std::string>> strings() const;
  Result<double> number(std::string_view key) const;
  Result<std::int64_t> integer(std::string_view key) const;
  Result<bool> boolean(std::string_view key) const;
  Result<std::string> string(std::string_view key) const;
  Result<std::vector<double>> numbers(std::string_view key) const;
  Result<std::vector<std::string>> strings(std::string_view key) const;
  // Absent or null: the default. Present with another type: an error.
  Result<double> number_or(std::string_view key, double otherwise) const;
  Result<std::int64_t> integer_or(std::string_view key, std::int64_t otherwise) const;
  Result<bool> boolean_or(std::string_view key, bool otherwise) const;
  Result<std::string> string_or(std::string_view key, std::string_view otherwise) const;

  std::string text() const;                          // serialized as to_text
  const std::string& path() const { return path_; }  // "policy.json: models[0]"

 private:
  JsonView(std::shared_ptr<const Json> document, const Json* at, std::string path);
  std::shared_ptr<const Json> document_;
  const Json* at_ = nullptr;
  std::string path_;
};

}  // namespace gimbal
