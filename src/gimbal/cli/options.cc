#include "gimbal/cli/options.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/base/json.h"
#include "gimbal/base/text.h"

namespace gimbal::cli {

std::string_view source_name(Source source) {
  switch (source) {
    case Source::kDefault:
      return "default";
    case Source::kFile:
      return "file";
    case Source::kEnvironment:
      return "environment";
    case Source::kFlag:
      return "flag";
  }
  return "";
}

std::string one_of(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

// --- OptionSpec

const std::string& OptionSpec::name() const {
  for (const std::string& name : names) {
    if (name.starts_with("--")) return name;
  }
  return names.empty() ? placeholder : names.front();
}

std::string OptionSpec::key() const {
  const std::string& full = name();
  const std::size_t begin = full.find_first_not_of('-');
  return full.substr(begin == std::string::npos ? 0 : begin);
}

namespace {

// "an integer from 1 to 20", "a number above 0 and at most 0.5".
std::string bounded(std::string what, const OptionSpec& spec) {
  const bool has_low = std::isfinite(spec.lowest);
  const bool has_high = std::isfinite(spec.highest);
  // An integer is written with all of its digits: 100000, where the shortest number would be 1e+05.
  const auto bound = [&](double value) {
    return spec.kind == ValueKind::kInteger ? fmt::format("{:.0f}", value) : shortest(value);
  };
  if (has_low && has_high && !spec.lowest_open && !spec.highest_open) {
    return fmt::format("{} from {} to {}", what, bound(spec.lowest), bound(spec.highest));
  }
  if (has_low) what += fmt::format(" {} {}", spec.lowest_open ? "above" : "of at least", bound(spec.lowest));
  if (has_low && has_high) what += " and";
  if (has_high) what += fmt::format(" {} {}", spec.highest_open ? "below" : "at most", bound(spec.highest));
  return what;
}

bool inside(const OptionSpec& spec, double value) {
  const bool low = spec.lowest_open ? value > spec.lowest : value >= spec.lowest;
  const bool high = spec.highest_open ? value < spec.highest : value <= spec.highest;
  return low && high;
}

tl::unexpected<Error> unexpected_word(const OptionSpec& spec, std::string_view word) {
  return fail(ErrorCode::kUsage, "expected {}, found {}", spec.expectation(), gimbal::quoted(word));
}

}  // namespace

std::string OptionSpec::expectation() const {
  switch (kind) {
    case ValueKind::kFlag:
      return "true or false";
    case ValueKind::kText:
      return placeholder.empty() ? "a text" : placeholder;
    case ValueKind::kInteger:
      return bounded("an integer", *this);
    case ValueKind::kNumber:
      return bounded("a number", *this);
    case ValueKind::kDuration:
      return bounded("a duration such as 500ms, 30s, 5m, 2h or 1d", *this);
    case ValueKind::kBytes:
      return "a size such as 64K, 8M or 1G";
    case ValueKind::kChoice:
      return one_of(choices);
    case ValueKind::kFile:
      return "a file";
    case ValueKind::kFolder:
      return "a folder";
  }
  return "";
}

// --- OptionBuilder

OptionBuilder& OptionBuilder::help(std::string text) {
  spec_->help = std::move(text);
  return *this;
}
OptionBuilder& OptionBuilder::value(std::string placeholder) {
  spec_->placeholder = std::move(placeholder);
  return *this;
}
OptionBuilder& OptionBuilder::group(std::string heading) {
  spec_->group = std::move(heading);
  return *this;
}
OptionBuilder& OptionBuilder::show_default(std::string text) {
  spec_->default_text = std::move(text);
  return *this;
}
OptionBuilder& OptionBuilder::min(double lowest) {
  spec_->lowest = lowest;
  spec_->lowest_open = false;
  return *this;
}
OptionBuilder& OptionBuilder::max(double highest) {
  spec_->highest = highest;
  spec_->highest_open = false;
  return *this;
}
OptionBuilder& OptionBuilder::above(double lowest) {
  spec_->lowest = lowest;
  spec_->lowest_open = true;
  return *this;
}
OptionBuilder& OptionBuilder::below(double highest) {
  spec_->highest = highest;
  spec_->highest_open = true;
  return *this;
}
OptionBuilder& OptionBuilder::unit(std::string bare_unit) {
  spec_->bare_unit = std::move(bare_unit);
  return *this;
}
OptionBuilder& OptionBuilder::file() {
  GIMBAL_CHECK(spec_->kind == ValueKind::kText, "file() of an option that is not text");
  spec_->kind = ValueKind::kFile;
  return *this;
}
OptionBuilder& OptionBuilder::written() {
  file();
  spec_->written = true;
  return *this;
}
OptionBuilder& OptionBuilder::beside(std::vector<std::string> endings) {
  GIMBAL_CHECK(spec_->kind == ValueKind::kFile, "beside() of an option that is not a file");
  spec_->beside = std::move(endings);
  return *this;
}
OptionBuilder& OptionBuilder::folder() {
  GIMBAL_CHECK(spec_->kind == ValueKind::kText, "folder() of an option that is not text");
  spec_->kind = ValueKind::kFolder;
  return *this;
}
OptionBuilder& OptionBuilder::whole_words() {
  GIMBAL_CHECK(spec_->list, "whole_words() of an option that is no list");
  spec_->split = false;
  return *this;
}
OptionBuilder& OptionBuilder::optional_value(std::string bare) {
  GIMBAL_CHECK(spec_->takes_value() && !spec_->positional());
  spec_->bare = std::move(bare);
  return *this;
}
OptionBuilder& OptionBuilder::negatable() {
  GIMBAL_CHECK(spec_->kind == ValueKind::kFlag, "negatable() of an option that takes a value");
  spec_->negatable = true;
  return *this;
}
OptionBuilder& OptionBuilder::required() {
  spec_->required = true;
  spec_->default_text.clear();
  return *this;
}
OptionBuilder& OptionBuilder::hidden() {
  spec_->hidden = true;
  return *this;
}
OptionBuilder& OptionBuilder::count(std::size_t least, std::size_t most) {
  GIMBAL_CHECK(spec_->positional() && least <= most);
  GIMBAL_CHECK(most <= 1 || spec_->list, "a positional that takes several words needs a vector");
  spec_->min_count = least;
  spec_->max_count = most;
  return *this;
}

// --- values

Result<bool> parse_switch(std::string_view word) {
  const std::string lower = ascii_lower(word);
  if (lower == "true" || lower == "yes" || lower == "on" || lower == "1") return true;
  if (lower == "false" || lower == "no" || lower == "off" || lower == "0") return false;
  return fail(ErrorCode::kUsage, "expected true or false, found {}", gimbal::quoted(word));
}

Result<std::int64_t> parse_integer(const OptionSpec& spec, std::string_view word) {
  const std::optional<std::int64_t> value = parse_int(word);
  if (!value || !inside(spec, static_cast<double>(*value))) return unexpected_word(spec, word);
  return *value;
}

Result<std::uint64_t> parse_unsigned(const OptionSpec& spec, std::string_view word) {
  const std::optional<std::uint64_t> value = parse_uint(word);
  if (!value || !inside(spec, static_cast<double>(*value))) return unexpected_word(spec, word);
  return *value;
}

Result<double> parse_number(const OptionSpec& spec, std::string_view word) {
  const std::optional<double> value = parse_finite(word);
  if (!value || !inside(spec, *value)) return unexpected_word(spec, word);
  return *value;
}

Result<Duration> parse_time(const OptionSpec& spec, std::string_view word) {
  const Result<Duration> value = parse_duration(word, spec.bare_unit);
  if (!value || !inside(spec, value->count())) return unexpected_word(spec, word);
  return *value;
}

Result<Bytes> parse_size(const OptionSpec& spec, std::string_view word) {
  const Result<std::uint64_t> value = parse_bytes(word);
  if (!value) return unexpected_word(spec, word);
  return Bytes{*value};
}

Result<std::size_t> parse_choice(const OptionSpec& spec, std::string_view word) {
  const auto at = std::find(spec.choices.begin(), spec.choices.end(), word);
  if (at != spec.choices.end()) return static_cast<std::size_t>(at - spec.choices.begin());
  return fail(ErrorCode::kUsage, "expected {}, found {}{}", spec.expectation(), gimbal::quoted(word),
              did_you_mean(word, spec.choices));
}

// --- shapes

Result<std::pair<std::int64_t, std::int64_t>> parse_range(std::string_view word) {
  // A '-' at the front is a sign, so the separator is looked for behind it.
  const std::size_t dash = word.size() > 1 ? word.find('-', 1) : std::string_view::npos;
  const auto first = parse_int(word.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_int(word.substr(dash + 1));
  if (!first || !last || *last < *first) {
    return fail(ErrorCode::kUsage, "expected an integer or a range such as 1-6, found {}", gimbal::quoted(word));
  }
  return std::pair(*first, *last);
}

Result<std::pair<double, double>> parse_span(std::string_view word) {
  const std::size_t colon = word.find(':');
  const auto first = parse_finite(word.substr(0, colon));
  const auto last = colon == std::string_view::npos ? std::nullopt : parse_finite(word.substr(colon + 1));
  if (!first || !last || !(*first < *last)) {
    return fail(ErrorCode::kUsage, "expected two numbers such as 500:100000, the smaller first, found {}",
                gimbal::quoted(word));
  }
  return std::pair(*first, *last);
}

namespace {

Result<std::pair<std::string, std::string>> split_entry(std::string_view word, std::size_t equals, std::string_view form) {
  if (equals == std::string_view::npos || equals == 0) {
    return fail(ErrorCode::kUsage, "expected {}, found {}", form, gimbal::quoted(word));
  }
  return std::pair(std::string(word.substr(0, equals)), std::string(word.substr(equals + 1)));
}

}  // namespace

Result<std::pair<std::string, std::string>> parse_map_entry(std::string_view word) {
  return split_entry(word, word.find('='), "NAME=VALUE");
}

Result<std::pair<std::string, double>> parse_number_entry(std::string_view word) {
  GIMBAL_TRY(auto entry, split_entry(word, word.rfind('='), "NAME=NUMBER"));
  const std::optional<double> number = parse_finite(entry.second);
  if (!number) {
    return fail(ErrorCode::kUsage, "expected NAME=NUMBER, found {}: {} is not a number", gimbal::quoted(word),
                gimbal::quoted(entry.second));
  }
  return std::pair(std::move(entry.first), *number);
}

Result<std::pair<std::string, NumberOrColumn>> parse_number_or_column_entry(std::string_view word) {
  GIMBAL_TRY(auto entry, split_entry(word, word.rfind('='), "NAME=NUMBER or NAME=@COLUMN"));
  NumberOrColumn value;
  if (entry.second.size() > 1 && entry.second.front() == '@') {
    value.column = entry.second.substr(1);
  } else if (value.number = parse_finite(entry.second); !value.number) {
    return fail(ErrorCode::kUsage, "expected NAME=NUMBER or NAME=@COLUMN, found {}: {} is not a number", gimbal::quoted(word),
                gimbal::quoted(entry.second));
  }
  return std::pair(std::move(entry.first), std::move(value));
}

Result<std::vector<std::pair<std::string, double>>> parse_number_map(const std::vector<std::string>& words) {
  std::vector<std::pair<std::string, double>> entries;
  for (const std::string& word : words) {
    GIMBAL_TRY(auto entry, parse_number_entry(word));
    for (const auto& [name, value] : entries) {
      if (name == entry.first) return fail(ErrorCode::kUsage, "{} is given twice", gimbal::quoted(name));
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

// --- bindings

namespace detail {

Result<std::string> Value<std::string>::parse(const OptionSpec&, std::string_view word) { return std::string(word); }
std::string Value<std::string>::json(const std::string& value) { return json_quote(value); }

Result<int> Value<int>::parse(const OptionSpec& spec, std::string_view word) {
  GIMBAL_TRY(const std::int64_t value, parse_integer(spec, word));
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) return unexpected_word(spec, word);
  return static_cast<int>(value);
}

std::string Value<double>::json(double value) { return std::isfinite(value) ? shortest(value) : "null"; }
std::string Value<Duration>::json(Duration value) { return Value<double>::json(value.count()); }

std::string Value<Duration>::text(Duration value) {
  const double seconds = value.count();
  if (seconds > 0 && seconds < 1) return shortest(seconds * 1000) + "ms";
  return shortest(seconds) + "s";
}

std::string Value<Bytes>::text(Bytes value) {
  std::uint64_t count = value.count;
  std::string_view unit;
  for (const std::string_view larger : {"K", "M", "G"}) {
    if (count == 0 || count % 1024 != 0) break;
    count /= 1024;
    unit = larger;
  }
  return fmt::format("{}{}", count, unit);
}

Result<std::vector<std::string>> list_items(const OptionSpec& spec, const std::vector<std::string>& words) {
  if (!spec.split) return words;
  std::vector<std::string> items;
  for (const std::string& word : words) {
    if (word.empty()) {
      return fail(ErrorCode::kUsage, "expected {}, found \"\"",
                  spec.placeholder == "LIST" ? "names separated by commas" : spec.expectation());
    }
    for (std::string& item : split_list(word)) {
      if (item.empty())
        return fail(ErrorCode::kUsage, "expected items between commas, found an empty one in {}", gimbal::quoted(word));
      items.push_back(std::move(item));
    }
  }
  return items;
}

Result<std::string> only_word(const std::vector<std::string>& words) {
  GIMBAL_CHECK(!words.empty());
  if (words.size() > 1) {
    return fail(ErrorCode::kUsage, "given {} times ({} and {}), expected once", words.size(), gimbal::quoted(words[0]),
                gimbal::quoted(words[1]));
  }
  return words.front();
}

std::string json_array(const std::vector<std::string>& items) { return "[" + join(items, ",") + "]"; }
std::string text_or_null(const std::string& text) { return text.empty() ? "null" : json_quote(text); }

void bind(OptionSpec& spec, bool* target) {
  spec.kind = ValueKind::kFlag;
  spec.default_text = *target ? "on" : "";
  // A flag may be repeated; the last one counts, so that `--no-x` behind an alias's `--x` works.
  spec.assign = [target](const OptionSpec&, const std::vector<std::string>& words) -> Result<void> {
    GIMBAL_CHECK(!words.empty());
    GIMBAL_TRY(*target, parse_switch(words.back()));
    return {};
  };
  spec.accepts = [](const OptionSpec&, std::string_view word) { return parse_switch(word).has_value(); };
  spec.json = [target] { return std::string(*target ? "true" : "false"); };
}

}  // namespace detail

}  // namespace gimbal::cli
