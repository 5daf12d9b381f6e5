#include "gimbal/cli/command_resolve.h"

#include <algorithm>

#include "gimbal/base/text.h"
#include "gimbal/cli/standard_options.h"

namespace gimbal::cli {

std::string Invocation::path() const {
  return group->is_single() ? "gimbal " + group->name() : fmt::format("gimbal {} {}", group->name(), command->name());
}

std::vector<const OptionSpec*> Invocation::options() const {
  std::vector<const OptionSpec*> all;
  for (const auto& option : command->options()) all.push_back(option.get());
  for (const auto& option : common->options()) all.push_back(option.get());
  return all;
}

namespace {

// --config inside a configuration file and --help make no sense there.
bool may_stand_in_file(const OptionSpec& option) { return option.key() != "config" && option.key() != "help"; }

const OptionSpec* find_key(const Command& command, std::string_view key) {
  const OptionSpec* option = command.find(key);
  return option != nullptr && may_stand_in_file(*option) ? option : nullptr;
}

void add_keys(std::vector<std::string>& keys, const Command& command) {
  for (const auto& option : command.options()) {
    if (option->hidden || !may_stand_in_file(*option)) continue;
    if (std::find(keys.begin(), keys.end(), option->key()) == keys.end()) keys.push_back(option->key());
  }
}

class TableReader {
 public:
  TableReader(const Invocation& invocation, FileValues& values) : invocation_(invocation), values_(values) {}

  // One table whose keys are options of any of `commands`; those of the command that runs are kept.
  Result<void> read(const TomlTable& table, std::string_view place, std::span<const Command* const> commands) {
    std::map<const OptionSpec*, std::string> key_of;  // the same option under two names
    for (const auto& [key, entry] : table.entries) {
      const OptionSpec* own = find_own(key, commands);
      if (own == nullptr) {
        if (known_elsewhere(key, commands)) continue;
        std::vector<std::string> keys;
        for (const Command* command : commands) add_keys(keys, *command);
        return fail_at(entry.where, ErrorCode::kUsage, "unknown key {}{}{}", gimbal::quoted(key), place,
                       did_you_mean(key, keys));
      }
      const auto [other, is_new] = key_of.emplace(own, key);
      if (!is_new) {
        return fail_at(entry.where, ErrorCode::kUsage, "{} and {} are names of the same option", gimbal::quoted(other->second),
                       gimbal::quoted(key));
      }
      values_[own] = entry;
    }
    return {};
  }

 private:
  const OptionSpec* find_own(std::string_view key, std::span<const Command* const> commands) const {
    for (const Command* command : {invocation_.command, invocation_.common}) {
      if (std::find(commands.begin(), commands.end(), command) == commands.end()) continue;
      if (const OptionSpec* option = find_key(*command, key)) return option;
    }
    return nullptr;
  }
  static bool known_elsewhere(std::string_view key, std::span<const Command* const> commands) {
    return std::any_of(commands.begin(), commands.end(), [&](const Command* c) { return find_key(*c, key) != nullptr; });
  }

  const Invocation& invocation_;
  FileValues& values_;
};

}  // namespace

Result<FileValues> file_values(const Invocation& invocation, const TomlTable& file, bool user_config) {
  FileValues values;
  TableReader reader(invocation, values);
  std::vector<const Command*> commands{invocation.common};
  if (!user_config) commands.push_back(invocation.command);
  GIMBAL_TRY(reader.read(file, user_config ? " (at the top level only the options of every command)" : "", commands));
  for (const auto& [name, table] : file.tables) {
    if (std::find(invocation.component_names.begin(), invocation.component_names.end(), name) ==
        invocation.component_names.end()) {
      return fail_at(table.where, ErrorCode::kUsage, "unknown table [{}]{}", name,
                     did_you_mean(name, invocation.component_names));
    }
  }
  const auto component = file.tables.find(invocation.component());
  if (component == file.tables.end()) return values;
  commands = {invocation.common};
  std::vector<std::string> verbs;
  for (const Command& command : invocation.group->commands()) {
    commands.push_back(&command);
    if (!invocation.group->is_single()) verbs.push_back(command.name());
  }
  GIMBAL_TRY(reader.read(component->second, fmt::format(" in [{}]", invocation.component()), commands));
  for (const auto& [name, table] : component->second.tables) {
    if (std::find(verbs.begin(), verbs.end(), name) == verbs.end()) {
      return fail_at(table.where, ErrorCode::kUsage, "unknown table [{}.{}]{}", invocation.component(), name,
                     did_you_mean(name, verbs));
    }
  }
  const auto verb = component->second.tables.find(invocation.verb());
  if (verb == component->second.tables.end()) return values;
  GIMBAL_TRY(reader.read(verb->second, fmt::format(" in [{}.{}]", invocation.component(), invocation.verb()),
                         std::array{invocation.common, invocation.command}));
  for (const auto& [name, table] : verb->second.tables) {
    return fail_at(table.where, ErrorCode::kUsage, "unknown table [{}.{}.{}]", invocation.component(), invocation.verb(), name);
  }
  return values;
}

namespace {

struct Candidate {
  std::vector<std::string> words;
  Source source = Source::kDefault;
  std::string where;
};

// An item of a TOML array is one item, whatever it holds: quoted so that split_list keeps it whole.
std::string as_list_item(const std::string& text) {
  if (text.find_first_of(",\"") == std::string::npos) return text;
  std::string quoted_item = "\"";
  for (const char c : text) {
    if (c == '"') quoted_item += '"';
    quoted_item += c;
  }
  return quoted_item + "\"";
}

// true and false of a file or the environment for an option whose value is optional: given without a value, or not given.
// Returns whether anything is given.
bool settle_bare(const OptionSpec& option, std::vector<std::string>& words) {
  if (!option.bare || words.size() != 1) return true;
  if (words[0] == "false") return false;
  if (words[0] == "true") words[0] = *option.bare;
  return true;
}

Result<Candidate> from_file(const OptionSpec& option, const TomlEntry& entry) {
  Candidate candidate{entry.values, Source::kFile, entry.where};
  if (entry.is_array && !option.list) {
    return fail_at(entry.where, ErrorCode::kUsage, "{}: expected one value, found an array", option.key());
  }
  if (entry.is_array && option.split)
    std::transform(entry.values.begin(), entry.values.end(), candidate.words.begin(), as_list_item);
  return candidate;
}

// The narrowest source that gives the option, or a candidate of source kDefault.
Result<Candidate> choose(const Invocation& invocation, const OptionSpec& option, const Argv& argv,
                         std::span<const FileValues> files,
                         const std::function<std::optional<std::string>(const std::string&)>& environment) {
  for (const GivenOption& given : argv.options) {
    if (given.spec == &option) return Candidate{given.words, Source::kFlag, option.name()};
  }
  const std::string variable = environment_name(invocation.component(), option.key());
  if (const std::optional<std::string> text = environment(variable); text && !text->empty()) {
    Candidate candidate{{*text}, Source::kEnvironment, variable};
    if (settle_bare(option, candidate.words)) return candidate;
    return Candidate{};
  }
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    const auto entry = file->find(&option);
    if (entry == file->end()) continue;
    GIMBAL_TRY(Candidate candidate, from_file(option, entry->second));
    if (settle_bare(option, candidate.words)) return candidate;
    return Candidate{};
  }
  return Candidate{};
}

Result<void> apply(const OptionSpec& option, const Candidate& candidate) {
  if (candidate.source == Source::kDefault) {
    if (!option.required) return {};
    const std::string what = option.help.empty() ? "" : ": " + option.help;
    return fail_at(option.name(), ErrorCode::kUsage, "missing, expected {}{}", option.expectation(), what);
  }
  Result<void> assigned = option.assign(option, candidate.words);
  if (assigned) return {};
  Error error = std::move(assigned).error();
  // A flag and a variable are named by `where`; a file's position does not say which key it is.
  if (candidate.source == Source::kFile) error.message = fmt::format("{}: {}", option.key(), error.message);
  if (error.where.empty()) error.where = candidate.where;
  return fail(std::move(error));
}

}  // namespace

Result<std::vector<ResolvedOption>> resolve_options(
    const Invocation& invocation, const Argv& argv, std::span<const FileValues> files,
    const std::function<std::optional<std::string>(const std::string&)>& environment) {
  std::vector<ResolvedOption> resolved;
  std::vector<Error> errors;
  for (const OptionSpec* option : invocation.options()) {
    if (option->key() == "help") continue;
    Result<Candidate> candidate = choose(invocation, *option, argv, files, environment);
    Result<void> applied = candidate ? apply(*option, *candidate) : fail(std::move(candidate).error());
    if (!applied) {
      errors.push_back(std::move(applied).error());
      continue;
    }
    resolved.push_back({option->key(), option->json(), candidate->source, candidate->where});
  }
  if (errors.empty()) return resolved;
  Error first = std::move(errors.front());
  for (std::size_t i = 1; i < errors.size(); ++i) first.notes.push_back(errors[i].text());
  return fail(std::move(first));
}

Result<std::optional<std::string>> config_path(
    const Argv& argv, const std::function<std::optional<std::string>(const std::string&)>& environment) {
  for (const GivenOption& given : argv.options) {
    if (given.spec->name() != "--config") continue;
    Result<std::string> word = detail::only_word(given.words);
    if (!word) return fail(std::move(word).error().at("--config"));
    return *word;
  }
  std::optional<std::string> variable = environment("GIMBAL_CONFIG");
  if (variable && variable->empty()) variable.reset();
  return variable;
}

}  // namespace gimbal::cli
