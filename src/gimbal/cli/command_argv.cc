#include "gimbal/cli/command_argv.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "gimbal/base/check.h"
#include "gimbal/base/text.h"

namespace gimbal::cli {

namespace {

// Stands for "given without a value" on the way through CLI11, which would take the next word after `--name=`.
constexpr std::string_view kNoValue = "\x1f";

const OptionSpec* find_option(std::span<const OptionSpec* const> options, std::string_view name) {
  for (const OptionSpec* option : options) {
    for (const std::string& own : option->names) {
      if (own == name) return option;
    }
    if (option->negatable && name.starts_with("--no-") && option->key() == name.substr(5)) return option;
  }
  return nullptr;
}

// Does the next word belong to an option whose value may be missing?
bool takes_word(const OptionSpec& option, std::string_view word) {
  if (option.kind == ValueKind::kFile || option.kind == ValueKind::kFolder) return !word.starts_with('-');
  return option.accepts(option, word);
}

// The option that a word names and what stands behind the name: "--out=x" -> {out, "x"}, "-ox" -> {out, "x"}, "-qo" -> {out}.
struct NamedOption {
  const OptionSpec* option = nullptr;
  std::string name;
  std::optional<std::string> value;
};
NamedOption named_option(std::span<const OptionSpec* const> options, const std::string& word) {
  NamedOption found;
  if (word.starts_with("--")) {
    const std::size_t equals = word.find('=');
    found.name = word.substr(0, equals);
    found.option = find_option(options, found.name);
    if (equals != std::string::npos) found.value = word.substr(equals + 1);
    return found;
  }
  if (word.size() < 2 || word[0] != '-') return found;
  for (std::size_t i = 1; i < word.size(); ++i) {  // a cluster ends with the first option that takes a value
    found.name = std::string("-") + word[i];
    found.option = find_option(options, found.name);
    if (found.option == nullptr) return found;
    if (found.option->takes_value()) {
      if (i + 1 < word.size()) found.value = word.substr(i + 1);
      return found;
    }
  }
  return found;
}

struct Settled {
  std::vector<std::string> words;   // for CLI11
  std::vector<std::string> behind;  // what stands behind "--", as it was given
};

// Settles what CLI11 would get wrong: writes optional values as `--name=value`, and refuses missing and empty values and
// options in the place of values.
Result<Settled> settle_values(std::string_view path, std::span<const OptionSpec* const> options,
                              std::span<const std::string> words) {
  Settled result;
  std::vector<std::string>& settled = result.words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {  // the value of an option is skipped below, so this is the mark
      result.behind.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    const NamedOption named = named_option(options, word);
    if (named.option == nullptr || !named.option->takes_value()) {
      settled.push_back(word);
      continue;
    }
    const OptionSpec& option = *named.option;
    if (named.value) {
      std::string value = *named.value;
      if (!word.starts_with("--") && value.starts_with('=')) value.erase(0, 1);
      if (value.empty()) {
        return fail_at(named.name, ErrorCode::kUsage, "expected {} after '=', found nothing", option.expectation());
      }
      // Flags in front of it in a cluster stay.
      const std::size_t in_front = word.starts_with("--") ? 0 : word.size() - named.value->size() - 2;
      if (in_front > 0) settled.push_back("-" + word.substr(1, in_front));
      settled.push_back(option.name() + "=" + value);
      continue;
    }
    if (!word.starts_with("--") && word.size() > 2) settled.push_back(word.substr(0, word.size() - 1));
    const bool has_next = i + 1 < words.size();
    if (option.bare) {
      const bool take = has_next && takes_word(option, words[i + 1]);
      settled.push_back(option.name() + "=" + (take ? words[++i] : std::string(kNoValue)));
      continue;
    }
    if (!has_next) {
      return fail_at(named.name, ErrorCode::kUsage, "expected {} behind it, found the end of the line", option.expectation());
    }
    const std::string& next = words[++i];
    if (next.starts_with('-') && next.size() > 1 && !parse_double(next) && named_option(options, next).option != nullptr) {
      return fail_at(named.name, ErrorCode::kUsage,
                     "expected {}, found the option {} of {}; write {}={} if it is meant as a value", option.expectation(),
                     next, path, option.name(), next);
    }
    // An empty word is a value (`--stop ""`), but `--stop=` is not one for CLI11.
    settled.push_back(option.name());
    settled.push_back(next);
  }
  return result;
}

tl::unexpected<Error> unknown_option(std::string_view path, std::span<const OptionSpec* const> options,
                                     const std::string& word) {
  const std::string name = word.starts_with("--") ? word.substr(0, word.find('=')) : word.substr(0, 2);
  std::vector<std::string> known;
  std::vector<std::string> longer;  // of which it could be an abbreviation
  for (const OptionSpec* option : options) {
    if (option->hidden) continue;
    for (const std::string& own : option->names) {
      if (!own.starts_with("--")) continue;
      known.push_back(own);
      if (name.size() > 2 && own.starts_with(name)) longer.push_back(own);
    }
    if (option->negatable) known.push_back("--no-" + option->key());
  }
  std::string hint;
  if (!longer.empty()) {
    hint = fmt::format("; options are not abbreviated, did you mean {}?", one_of(longer));
  } else if (name.starts_with("--")) {
    if (const std::vector<std::string> near = nearest(name, known); !near.empty()) {
      hint = fmt::format("; did you mean {}?", one_of(near));
    }
  }
  Error error{ErrorCode::kUsage, fmt::format("unknown option {} of {}{}", name, path, hint), {}, ""};
  error.notes.push_back(fmt::format("`{} --help` lists its options", path));
  return fail(std::move(error));
}

}  // namespace

Result<Argv> split_argv(std::string_view path, std::span<const OptionSpec* const> options, std::span<const std::string> words) {
  GIMBAL_TRY(Settled settled, settle_values(path, options, words));
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<CLI::Option*> handles;
  for (const OptionSpec* option : options) {
    std::string names;
    for (const std::string& name : option->names) names += (names.empty() ? "" : ",") + name;
    if (option->takes_value()) {
      handles.push_back(
          app.add_option(names)->expected(1)->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
    } else {
      if (option->negatable) names += ",!--no-" + option->key();
      handles.push_back(app.add_flag(names)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
    }
  }
  std::vector<std::string> reversed(settled.words.rbegin(), settled.words.rend());  // the order that CLI11 wants
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return fail(ErrorCode::kUsage, "{}", error.what());
  }
  Argv argv;
  for (const std::string& word : app.remaining()) {
    if (word.size() > 1 && word[0] == '-' && !parse_double(word)) return unknown_option(path, options, word);
    argv.words.push_back(word);
  }
  argv.words.insert(argv.words.end(), settled.behind.begin(), settled.behind.end());
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (handles[i]->results().empty()) continue;
    GivenOption given{options[i], handles[i]->results()};
    for (std::string& word : given.words) {
      if (word == kNoValue && options[i]->bare) word = *options[i]->bare;
    }
    argv.options.push_back(std::move(given));
  }
  return argv;
}

Result<std::vector<GivenPositional>> share_positionals(std::string_view usage, std::span<const OptionSpec* const> positionals,
                                                       std::span<const std::string> words) {
  std::size_t least = 0;
  for (const OptionSpec* positional : positionals) least += positional->min_count;
  std::vector<GivenPositional> shared;
  std::size_t next = 0;
  if (words.size() < least) {
    // The first one that would go short when words are dealt out in order.
    std::size_t left = words.size();
    for (const OptionSpec* positional : positionals) {
      if (left < positional->min_count) {
        Error error{ErrorCode::kUsage, "missing", {}, positional->placeholder};
        if (!positional->help.empty()) error.message += ": " + positional->help;
        error.notes.push_back(fmt::format("usage: {}", usage));
        return fail(std::move(error));
      }
      left -= positional->min_count;
    }
  }
  std::size_t spare = words.size() - least;
  for (const OptionSpec* positional : positionals) {
    std::size_t count = positional->min_count;
    if (positional->max_count > count) {
      const std::size_t more = std::min(spare, positional->max_count - count);
      count += more;
      spare -= more;
    }
    const auto begin = words.begin() + static_cast<std::ptrdiff_t>(next);
    shared.push_back({positional, std::vector<std::string>(begin, begin + static_cast<std::ptrdiff_t>(count))});
    next += count;
  }
  if (next < words.size()) {
    Error error{ErrorCode::kUsage, fmt::format("unexpected word {}", gimbal::quoted(words[next])), {}, ""};
    error.notes.push_back(fmt::format("usage: {}", usage));
    return fail(std::move(error));
  }
  return shared;
}

}  // namespace gimbal::cli
