#include "gimbal/reward/form.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::reward {
namespace {

// What all have in common: no gold value is needed.
class FormVerifier : public ItemVerifier {
 public:
  Result<void> check(const Item&) const override { return {}; }
};

class RegexVerifier final : public FormVerifier {
 public:
  explicit RegexVerifier(std::unique_ptr<RE2> pattern) : pattern_(std::move(pattern)) {}
  std::string_view name() const override { return "regex"; }
  Score score_one(const Item& item) const override {
    re2::StringPiece groups[2];
    const re2::StringPiece text(item.completion.data(), item.completion.size());
    const int wanted = pattern_->NumberOfCapturingGroups() > 0 ? 2 : 1;
    if (!pattern_->Match(text, 0, text.size(), RE2::UNANCHORED, groups, wanted)) {
      return verdict(false, item.completion.empty() ? Reason::kNoAnswer : Reason::kDifferent);
    }
    const re2::StringPiece& found = groups[wanted - 1];
    return verdict(true, Reason::kEqual, std::string(found.data() == nullptr ? "" : found.data(), found.size()));
  }

 private:
  std::unique_ptr<RE2> pattern_;
};

struct RequiredKey {
  std::string name;
  std::string type;  // empty: any
};
constexpr std::array<std::string_view, 7> kTypes = {"string", "number", "integer", "boolean", "array", "object", "null"};

bool has_type(const Json& value, std::string_view type) {
  if (type.empty()) return true;
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  if (type == "integer") return value.is_number_integer();
  if (type == "boolean") return value.is_boolean();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  return value.is_null();
}

// The inside of a Markdown fence that is the whole text, else the text.
std::string_view without_fence(std::string_view text) {
  text = trim(text);
  if (!text.starts_with("```") || !text.ends_with("```") || text.size() < 6) return text;
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos || line > text.size() - 3) return text;
  return trim(text.substr(line + 1, text.size() - 3 - line - 1));
}

class JsonVerifier final : public FormVerifier {
 public:
  explicit JsonVerifier(std::vector<RequiredKey> required) : required_(std::move(required)) {}
  std::string_view name() const override { return "json"; }
  Score score_one(const Item& item) const override {
    const std::string_view text = without_fence(item.completion);
    if (text.empty()) return verdict(false, Reason::kNoAnswer);
    const Result<Json> value = parse_json(text, "completion", {.max_bytes = 1 << 24, .max_depth = 128});
    if (!value) return verdict(false, Reason::kUnparsable);
    for (const RequiredKey& key : required_) {
      if (!value->is_object() || !value->contains(key.name) || !has_type(value->at(key.name), key.type)) {
        return verdict(false, Reason::kFormat, std::string(text));
      }
    }
    return verdict(true, Reason::kEqual, std::string(text));
  }

 private:
  std::vector<RequiredKey> required_;
};

class TagVerifier final : public FormVerifier {
 public:
  explicit TagVerifier(std::vector<std::string> tags) : tags_(std::move(tags)) {}
  std::string_view name() const override { return "format"; }
  Score score_one(const Item& item) const override {
    if (trim(item.completion).empty()) return verdict(false, Reason::kNoAnswer);
    std::size_t from = 0;
    for (const std::string& tag : tags_) {
      const std::string open = "<" + tag + ">", close = "</" + tag + ">";
      const auto begin = only(item.completion, open), end = only(item.completion, close);
      if (!begin || !end || *begin < from || *end < *begin + open.size()) return verdict(false, Reason::kFormat);
      from = *end + close.size();
    }
    return verdict(true, Reason::kEqual);
  }

 private:
  static std::optional<std::size_t> only(std::string_view text, std::string_view tag) {
    const std::size_t at = text.find(tag);
    if (at == std::string_view::npos || text.find(tag, at + 1) != std::string_view::npos) return std::nullopt;
    return at;
  }
  std::vector<std::string> tags_;
};

class LengthVerifier final : public FormVerifier {
 public:
  explicit LengthVerifier(double most) : most_(most) {}
  std::string_view name() const override { return "length"; }
  Score score_one(const Item& item) const override {
    const auto length = static_cast<double>(code_point_count(item.completion));
    Score score = verdict(length <= most_, length <= most_ ? Reason::kEqual : Reason::kTooLong);
    score.value = std::clamp(2 - length / most_, 0.0, 1.0);
    return score;
  }

 private:
  double most_;
};

}  // namespace

Result<std::unique_ptr<ItemVerifier>> make_regex_verifier(std::string_view pattern) {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(std::int64_t{8} << 20);  // RE2's default; a pattern that needs more is refused
  auto compiled = std::make_unique<RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (pattern.empty()) return fail(ErrorCode::kUsage, "regex needs a pattern: regex:PATTERN");
  if (!compiled->ok())
    return fail(ErrorCode::kUsage, "the pattern {} does not compile: {}", gimbal::quoted(pattern), compiled->error());
  return std::make_unique<RegexVerifier>(std::move(compiled));
}

Result<std::unique_ptr<ItemVerifier>> make_json_verifier(std::string_view required) {
  std::vector<RequiredKey> keys;
  if (!trim(required).empty()) {
    for (const std::string_view item : split(required, ',')) {
      const std::string_view word = trim(item);
      const std::size_t colon = word.find(':');
      RequiredKey key{std::string(word.substr(0, colon)),
                      colon == std::string_view::npos ? "" : std::string(word.substr(colon + 1))};
      if (key.name.empty())
        return fail(ErrorCode::kUsage, "expected json:KEY or json:KEY:TYPE, found {}", gimbal::quoted(word));
      if (colon != std::string_view::npos && std::ranges::find(kTypes, key.type) == kTypes.end()) {
        return fail(ErrorCode::kUsage, "expected string, number, integer, boolean, array, object or null, found {}",
                    gimbal::quoted(key.type));
      }
      keys.push_back(std::move(key));
    }
  }
  return std::make_unique<JsonVerifier>(std::move(keys));
}

Result<std::unique_ptr<ItemVerifier>> make_format_verifier(std::string_view tags) {
  std::vector<std::string> names;
  if (trim(tags).empty()) tags = "think,answer";
  for (const std::string_view item : split(tags, ',')) {
    const std::string_view name = trim(item);
    if (name.empty() || name.find_first_of("<>/ \t\n") != std::string_view::npos) {
      return fail(ErrorCode::kUsage, "expected names of tags such as think,answer, found {}", gimbal::quoted(item));
    }
    names.emplace_back(name);
  }
  return std::make_unique<TagVerifier>(std::move(names));
}

Result<std::unique_ptr<ItemVerifier>> make_length_verifier(std::string_view most) {
  const auto value = parse_int(most);
  if (!value || *value < 1)
    return fail(ErrorCode::kUsage, "expected length:MAX with an integer of at least 1, found {}", gimbal::quoted(most));
  return std::make_unique<LengthVerifier>(static_cast<double>(*value));
}

}  // namespace gimbal::reward
