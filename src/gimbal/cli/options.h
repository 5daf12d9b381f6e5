// Options: what a command declares once, and from which argv, the environment, configuration files, --help, docs/cli.md, the
// man page and shell completion are all derived.
//
// An option is bound to a variable; the type of the variable says what words it accepts:
//
//   bool                       a flag; `negatable()` adds --no-NAME
//   int, int64_t, uint64_t     an integer, inside `min` and `max`
//   double                     a finite number, inside `min`, `max`, `above`, `below`
//   Duration, Bytes            500ms 30s 5m 2h 1d; 64K 8M 1G
//   std::string                any text (`file()` and `folder()` say that it is a path)
//   std::optional<T>           as T; stays empty when the option is not given
//   std::vector<T>             comma-separated and repeatable; `whole_words()`: repeatable only
//   an enumeration             one of named choices (Command::choice)
//   anything                   through a parser of its own (Command::parsed)
//
// The variable's value when the option is declared is its default. Wrong words are errors of the form
// `--folds: expected an integer from 1 to 20, found "x"`.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "gimbal/base/number.h"
#include "gimbal/base/result.h"

namespace gimbal::cli {

struct Bytes {
  std::uint64_t count = 0;
};

// Where a value came from, narrowest last; the words of run.json ("default", "file", "environment", "flag").
enum class Source { kDefault, kFile, kEnvironment, kFlag };
std::string_view source_name(Source source);

enum class ValueKind { kFlag, kText, kInteger, kNumber, kDuration, kBytes, kChoice, kFile, kFolder };

struct OptionSpec {
  std::vector<std::string> names;  // "-o", "--out", "--output" as declared; empty for a positional
  std::string placeholder;         // "FILE"; for a positional its name, "DATA"
  std::string help;
  std::string group;         // heading in --help; empty: "Options"
  std::string default_text;  // shown in --help as "(default: ...)"; empty: nothing is shown
  ValueKind kind = ValueKind::kText;
  bool list = false;  // a vector: takes several words
  bool split = true;  // a list's words are split at commas
  bool hidden = false;
  bool negatable = false;
  bool required = false;
  bool written = false;             // a file that the command writes; other files are read
  std::vector<std::string> beside;  // endings of files that belong to this one: ".ids" for FILE.ids
  std::optional<std::string> bare;  // the value may be missing, and then stands for this text
  double lowest = -std::numeric_limits<double>::infinity();
  double highest = std::numeric_limits<double>::infinity();
  bool lowest_open = false;  // the bound itself is not allowed
  bool highest_open = false;
  std::string bare_unit = "s";  // of a Duration that is a plain number
  std::vector<std::string> choices;
  std::size_t min_count = 1;  // of a positional
  std::size_t max_count = 1;  // of a positional; npos: any number

  // Parses the words (one for each time that the option was given, lists not yet split) and sets the variable.
  // Errors have no `where`.
  std::function<Result<void>(const OptionSpec&, const std::vector<std::string>& words)> assign;
  // Whether one word would be accepted; decides if an optional value is taken.
  std::function<bool(const OptionSpec&, std::string_view word)> accepts;
  // The variable's value now, as JSON text; null when it is empty.
  std::function<std::string()> json;

  bool positional() const { return names.empty(); }
  bool takes_value() const { return kind != ValueKind::kFlag; }
  // The first long name ("--out"), or the placeholder of a positional.
  const std::string& name() const;
  // The name without dashes: the key in TOML files and documents ("out").
  std::string key() const;
  // "an integer from 1 to 20", "dr, cipw or ipw", "a duration such as 30s".
  std::string expectation() const;
};

// What Command::option returns: refines the declaration. It points to a spec that the command owns (moving the command keeps
// it).
class OptionBuilder {
 public:
  explicit OptionBuilder(OptionSpec& spec) : spec_(&spec) {}
  OptionBuilder& help(std::string text);
  OptionBuilder& value(std::string placeholder);  // "COL"
  OptionBuilder& group(std::string heading);
  OptionBuilder& show_default(std::string text);  // instead of the variable's value; "" shows none
  OptionBuilder& min(double lowest);
  OptionBuilder& max(double highest);
  OptionBuilder& above(double lowest);         // greater than
  OptionBuilder& below(double highest);        // less than
  OptionBuilder& unit(std::string bare_unit);  // "ms" or "s": what a plain number means for a Duration
  OptionBuilder& file();
  OptionBuilder& written();                                 // a file that the command writes
  OptionBuilder& beside(std::vector<std::string> endings);  // FILE + ending is read or written with it
  OptionBuilder& folder();
  OptionBuilder& whole_words();  // a list that is not split at commas
  // The value may be left out and then stands for `bare`. The next word is taken only if it parses as the option's type, or for
  // paths only if it does not begin with '-'.
  OptionBuilder& optional_value(std::string bare);
  OptionBuilder& negatable();
  OptionBuilder& required();
  OptionBuilder& hidden();
  OptionBuilder& count(std::size_t least, std::size_t most = std::string::npos);  // of a positional
  OptionBuilder& optional() { return count(0, 1); }                               // of a positional

 private:
  OptionSpec* spec_;
};

// --- values of one word. Errors say what was expected and what was found; they have no `where`.
Result<bool> parse_switch(std::string_view word);  // true false yes no on off 1 0
Result<std::int64_t> parse_integer(const OptionSpec& spec, std::string_view word);
Result<std::uint64_t> parse_unsigned(const OptionSpec& spec, std::string_view word);
Result<double> parse_number(const OptionSpec& spec, std::string_view word);
Result<Duration> parse_time(const OptionSpec& spec, std::string_view word);
Result<Bytes> parse_size(const OptionSpec& spec, std::string_view word);
// The index into spec.choices; the error suggests the nearest.
Result<std::size_t> parse_choice(const OptionSpec& spec, std::string_view word);

// --- shapes that several options share.
// "1-6" or "3": {1, 6}, {3, 3}.
Result<std::pair<std::int64_t, std::int64_t>> parse_range(std::string_view word);
// "500:100000": two numbers, the first smaller.
Result<std::pair<double, double>> parse_span(std::string_view word);
// NAME=VALUE, split at the first '='. Errors: no '=', empty name.
Result<std::pair<std::string, std::string>> parse_map_entry(std::string_view word);
// NAME=NUMBER, split at the last '=', so that names may hold one.
Result<std::pair<std::string, double>> parse_number_entry(std::string_view word);
// NAME=NUMBER or NAME=@COLUMN, split at the last '='.
struct NumberOrColumn {
  std::optional<double> number;
  std::string column;  // without '@'; empty when there is a number
};
Result<std::pair<std::string, NumberOrColumn>> parse_number_or_column_entry(std::string_view word);
// Entries of a map in the order given; a name that is given twice is an error.
Result<std::vector<std::pair<std::string, double>>> parse_number_map(const std::vector<std::string>& words);

// "a, b or c".
std::string one_of(const std::vector<std::string>& words);

// --- how the types above become specs (used by Command::option; the definitions are in options.cc).
namespace detail {

template <typename T>
struct Value;  // {static constexpr ValueKind kKind; Result<T> parse(spec, word); std::string json(const T&); std::string
               // text(const T&);}
template <>
struct Value<std::string> {
  static constexpr ValueKind kKind = ValueKind::kText;
  static Result<std::string> parse(const OptionSpec& spec, std::string_view word);
  static std::string json(const std::string& value);
  static std::string text(const std::string& value) { return value; }
};
template <>
struct Value<std::int64_t> {
  static constexpr ValueKind kKind = ValueKind::kInteger;
  static Result<std::int64_t> parse(const OptionSpec& spec, std::string_view word) { return parse_integer(spec, word); }
  static std::string json(std::int64_t value) { return std::to_string(value); }
  static std::string text(std::int64_t value) { return std::to_string(value); }
};
template <>
struct Value<int> {
  static constexpr ValueKind kKind = ValueKind::kInteger;
  static Result<int> parse(const OptionSpec& spec, std::string_view word);
  static std::string json(int value) { return std::to_string(value); }
  static std::string text(int value) { return std::to_string(value); }
};
template <>
struct Value<std::uint64_t> {
  static constexpr ValueKind kKind = ValueKind::kInteger;
  static Result<std::uint64_t> parse(const OptionSpec& spec, std::string_view word) { return parse_unsigned(spec, word); }
  static std::string json(std::uint64_t value) { return std::to_string(value); }
  static std::string text(std::uint64_t value) { return std::to_string(value); }
};
template <>
struct Value<double> {
  static constexpr ValueKind kKind = ValueKind::kNumber;
  static Result<double> parse(const OptionSpec& spec, std::string_view word) { return parse_number(spec, word); }
  static std::string json(double value);
  static std::string text(double value) { return shortest(value); }
};
template <>
struct Value<Duration> {
  static constexpr ValueKind kKind = ValueKind::kDuration;
  static Result<Duration> parse(const OptionSpec& spec, std::string_view word) { return parse_time(spec, word); }
  static std::string json(Duration value);  // seconds
  static std::string text(Duration value);
};
template <>
struct Value<Bytes> {
  static constexpr ValueKind kKind = ValueKind::kBytes;
  static Result<Bytes> parse(const OptionSpec& spec, std::string_view word) { return parse_size(spec, word); }
  static std::string json(Bytes value) { return std::to_string(value.count); }
  static std::string text(Bytes value);
};

// The words of a list option: split at commas unless spec.split is off. Errors: an empty item.
Result<std::vector<std::string>> list_items(const OptionSpec& spec, const std::vector<std::string>& words);
// The single word of an option that is no list. Errors: given more than once.
Result<std::string> only_word(const std::vector<std::string>& words);
std::string json_array(const std::vector<std::string>& items);
std::string text_or_null(const std::string& text);  // a JSON string; null when empty

template <typename T>
void bind(OptionSpec& spec, T* target) {
  spec.kind = Value<T>::kKind;
  if constexpr (std::is_unsigned_v<T>) spec.lowest = 0;
  spec.default_text = Value<T>::text(*target);
  spec.assign = [target](const OptionSpec& self, const std::vector<std::string>& words) -> Result<void> {
    GIMBAL_TRY(const std::string word, only_word(words));
    GIMBAL_TRY(*target, Value<T>::parse(self, word));
    return {};
  };
  spec.accepts = [](const OptionSpec& self, std::string_view word) { return Value<T>::parse(self, word).has_value(); };
  spec.json = [target] { return Value<T>::json(*target); };
}

template <typename T>
void bind(OptionSpec& spec, std::optional<T>* target) {
  spec.kind = Value<T>::kKind;
  if constexpr (std::is_unsigned_v<T>) spec.lowest = 0;
  spec.default_text = target->has_value() ? Value<T>::text(**target) : std::string();
  spec.assign = [target](const OptionSpec& self, const std::vector<std::string>& words) -> Result<void> {
    GIMBAL_TRY(const std::string word, only_word(words));
    GIMBAL_TRY(*target, Value<T>::parse(self, word));
    return {};
  };
  spec.accepts = [](const OptionSpec& self, std::string_view word) { return Value<T>::parse(self, word).has_value(); };
  spec.json = [target] { return target->has_value() ? Value<T>::json(**target) : std::string("null"); };
}

template <typename T>
void bind(OptionSpec& spec, std::vector<T>* target) {
  spec.kind = Value<T>::kKind;
  if constexpr (std::is_unsigned_v<T>) spec.lowest = 0;
  spec.list = true;
  std::string text;
  for (const T& item : *target) text += (text.empty() ? "" : ",") + Value<T>::text(item);
  spec.default_text = text;
  spec.assign = [target](const OptionSpec& self, const std::vector<std::string>& words) -> Result<void> {
    GIMBAL_TRY(const std::vector<std::string> items, list_items(self, words));
    std::vector<T> values;
    for (const std::string& item : items) {
      GIMBAL_TRY(values.emplace_back(), Value<T>::parse(self, item));
    }
    *target = std::move(values);
    return {};
  };
  spec.accepts = [](const OptionSpec& self, std::string_view word) { return Value<T>::parse(self, word).has_value(); };
  spec.json = [target] {
    std::vector<std::string> items;
    for (const T& item : *target) items.push_back(Value<T>::json(item));
    return json_array(items);
  };
}

void bind(OptionSpec& spec, bool* target);  // a flag

}  // namespace detail

}  // namespace gimbal::cli
