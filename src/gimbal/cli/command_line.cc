#include "gimbal/cli/command_line.h"

#include <algorithm>
#include <exception>

#include "gimbal/base/check.h"
#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/base/toml.h"
#include "gimbal/cli/command_argv.h"
#include "gimbal/cli/command_common.h"
#include "gimbal/cli/command_help.h"
#include "gimbal/cli/command_resolve.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/cli/written_files.h"

namespace gimbal::cli {

namespace {

// --json is looked for before anything is parsed, so that usage errors too come as a document.
bool wants_json(const std::vector<std::string>& argv, const Host& host) {
  for (std::size_t i = 1; i < argv.size() && argv[i] != "--"; ++i) {
    if (argv[i] == "--json" || argv[i] == "--json=true") return true;
  }
  const std::optional<std::string> variable = host.environment("GIMBAL_JSON");
  return variable && parse_switch(*variable).value_or(false);
}

// Where an error goes that comes before the command runs.
class Reporter {
 public:
  Reporter(const std::vector<std::string>& argv, const Host& host)
      : host_(host), json_(wants_json(argv, host)), watch_(*host.clock) {}

  int report(const Error& error) const {
    if (json_) {
      host_.out(error_document(error, {}, watch_.elapsed_ms()) + "\n");
    } else {
      host_.err(error_text(error));
    }
    return exit_code(error.code);
  }

 private:
  const Host& host_;
  bool json_;
  Stopwatch watch_;
};

std::vector<std::string> entry_names(std::span<const CommandEntry> entries) {
  std::vector<std::string> names;
  for (const CommandEntry& entry : entries) names.emplace_back(entry.name);
  return names;
}

const CommandEntry* find_entry(std::span<const CommandEntry> entries, std::string_view name) {
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const CommandEntry& entry) { return entry.name == name; });
  return at == entries.end() ? nullptr : &*at;
}

Error unknown_command(std::span<const CommandEntry> entries, const std::string& name) {
  Error error{ErrorCode::kUsage, fmt::format("unknown command {}", gimbal::quoted(name)), {}, ""};
  // A verb without its component is a likelier slip than a misspelling.
  std::vector<std::string> full;
  for (const CommandEntry& entry : entries) {
    const CommandGroup group = entry.build();
    if (!group.is_single() && group.find(name) != nullptr) full.push_back(fmt::format("gimbal {} {}", entry.name, name));
  }
  if (!full.empty()) {
    error.message += fmt::format("; did you mean `{}`?", one_of(full));
  } else {
    error.message += did_you_mean(name, entry_names(entries));
  }
  error.notes.emplace_back("`gimbal --help` lists the commands");
  return error;
}

Error unknown_verb(const CommandGroup& group, const std::string& verb) {
  std::vector<std::string> verbs;
  for (const Command& command : group.commands()) verbs.push_back(command.name());
  Error error{ErrorCode::kUsage, "", {}, ""};
  if (verb.empty()) {
    error.message = fmt::format("expected a command of `gimbal {}`: {}", group.name(), one_of(verbs));
  } else {
    error.message =
        fmt::format("unknown command {} of `gimbal {}`{}", gimbal::quoted(verb), group.name(), did_you_mean(verb, verbs));
  }
  error.notes.push_back(fmt::format("`gimbal {} --help` lists its commands", group.name()));
  return error;
}

bool asks_for_help(std::span<const std::string> words) {
  for (const std::string& word : words) {
    if (word == "--") return false;
    if (word == "--help" || word == "-h") return true;
  }
  return false;
}

// Options of every command may stand in front of it (`gimbal --json policy fit`): moves them behind, so that words[0] is the
// command's name. Stops at the first word that is none of them.
void move_leading_options(std::vector<std::string>& words, const Command& common) {
  std::size_t end = 0;
  while (end < words.size() && words[end].starts_with('-') && words[end] != "--") {
    const OptionSpec* option = nullptr;
    for (const auto& candidate : common.options()) {
      const std::string name = words[end].substr(0, words[end].find('='));
      if (std::find(candidate->names.begin(), candidate->names.end(), name) != candidate->names.end()) option = candidate.get();
    }
    if (option == nullptr || option->key() == "help") break;
    const bool has_value = words[end].find('=') != std::string::npos;
    end += option->takes_value() && !has_value ? 2 : 1;
  }
  if (end == 0 || end >= words.size()) return;
  // Behind the name and, in a group, the verb; both are plain words. (Or behind --help and --version.)
  std::size_t to = words[end].starts_with('-') ? end + 1 : end;
  while (to < words.size() && to < end + 2 && !words[to].starts_with('-')) ++to;
  std::rotate(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(end), words.begin() + static_cast<std::ptrdiff_t>(to));
}

Result<std::vector<FileValues>> read_files(const Invocation& invocation, const Argv& argv, const Host& host) {
  std::vector<FileValues> files;
  if (!host.user_config.empty() && exists(host.user_config)) {
    GIMBAL_TRY(const TomlTable table, read_toml(host.user_config));
    GIMBAL_TRY(files.emplace_back(), file_values(invocation, table, true));
  }
  GIMBAL_TRY(const std::optional<std::string> path, config_path(argv, host.environment));
  if (path) {
    Result<TomlTable> table = read_toml(*path);
    if (!table) return fail(std::move(table).error().at("--config"));
    GIMBAL_TRY(files.emplace_back(), file_values(invocation, *table, false));
  }
  return files;
}

Result<void> assign_positionals(const Invocation& invocation, const Argv& argv) {
  std::vector<const OptionSpec*> specs;
  for (const auto& positional : invocation.command->positionals()) specs.push_back(positional.get());
  GIMBAL_TRY(const auto shared, share_positionals(usage_line(invocation.path(), *invocation.command), specs, argv.words));
  for (const GivenPositional& given : shared) {
    if (given.words.empty()) continue;
    Result<void> assigned = given.spec->assign(*given.spec, given.words);
    if (!assigned) return fail(std::move(assigned).error().at(given.spec->placeholder));
  }
  return {};
}

// Parses and resolves; every variable of the command is set afterwards.
Result<std::vector<ResolvedOption>> set_options(const Invocation& invocation, std::span<const std::string> words,
                                                const Host& host) {
  const std::vector<const OptionSpec*> specs = invocation.options();
  GIMBAL_TRY(const Argv argv, split_argv(invocation.path(), specs, words));
  GIMBAL_TRY(const std::vector<FileValues> files, read_files(invocation, argv, host));
  GIMBAL_TRY(std::vector<ResolvedOption> options, resolve_options(invocation, argv, files, host.environment));
  GIMBAL_TRY(assign_positionals(invocation, argv));
  return options;
}

// No command overwrites what it reads, and all that it writes can be written: told by the options' declarations, before any
// work.
Result<void> check_files(const Invocation& invocation) {
  std::vector<NamedFile> written, read;
  const auto add = [&](const OptionSpec& spec) -> Result<void> {
    if (spec.kind != ValueKind::kFile) return {};
    GIMBAL_TRY(const JsonView value, JsonView::parse(spec.json(), spec.name()));
    std::vector<std::string> paths;
    if (value.is_string()) {
      GIMBAL_TRY(paths.emplace_back(), value.string());
    } else if (value.is_array()) {
      GIMBAL_TRY(const std::vector<JsonView> items, value.items());
      for (const JsonView& item : items) {
        GIMBAL_TRY(paths.emplace_back(), item.string());
      }
    }
    for (const std::string& path : paths) {
      std::vector<NamedFile>& files = spec.written ? written : read;
      files.push_back({spec.name(), path});
      if (path.empty()) continue;
      for (const std::string& ending : spec.beside) files.push_back({spec.name(), path + ending});
    }
    return {};
  };
  for (const auto& positional : invocation.command->positionals()) GIMBAL_TRY(add(*positional));
  for (const OptionSpec* option : invocation.options()) GIMBAL_TRY(add(*option));
  return check_written(written, read);
}

int run_body(const Invocation& invocation, CommandContext& context, const Host& host) {
  Result<int> ended = invocation.command->body()(context);
  if (!ended) {
    Error error = std::move(ended).error();
    const Redactor& redactor = context.log().redactor();
    error.message = redactor.apply(error.message);
    for (std::string& note : error.notes) note = redactor.apply(note);
    if (context.json && !context.document_printed) {
      print_document(context, error_document(error, context.warnings(), context.elapsed_ms()));
    } else {
      host.err(error_text(error));
    }
    return exit_code(error.code);
  }
  if (!context.json && !context.quiet) {
    for (const Warning& warning : context.warnings()) host.err("gimbal: warning: " + warning.message + "\n");
  }
  return *ended;
}

int run_command(const Invocation& invocation, const CommonFlags& flags, std::span<const std::string> words,
                const std::vector<std::string>& argv, const Host& host, const Reporter& reporter) {
  Result<std::vector<ResolvedOption>> options = set_options(invocation, words, host);
  if (!options) return reporter.report(options.error());
  if (const Result<void> files = check_files(invocation); !files) return reporter.report(files.error());
  const LogLevel level = flags.quiet ? LogLevel::kError : flags.verbose ? LogLevel::kDebug : LogLevel::kInfo;
  CommandContext context(host, host.is_process ? Log::to_stderr(level) : Log::silent());
  context.json = flags.json;
  context.quiet = flags.quiet;
  context.verbose = flags.verbose;
  context.seed = flags.seed;
  context.threads = flags.threads;
  context.argv = argv;
  context.component = invocation.component();
  context.verb = invocation.verb();
  context.options = std::move(*options);
  const ThreadLimit limit(flags.threads);
  return run_body(invocation, context, host);
}

// `gimbal help`, `gimbal help policy`, `gimbal help policy fit`: the same as --help behind the words.
std::vector<std::string> help_words(std::span<const std::string> words) {
  std::vector<std::string> turned(words.begin() + 1, words.end());
  turned.emplace_back("--help");
  return turned;
}

int dispatch(std::span<const CommandEntry> entries, const std::vector<std::string>& argv, const Host& host,
             const Reporter& reporter) {
  CommonFlags flags;
  const Command common = common_options(&flags);
  std::vector<std::string> words(argv.begin() + (argv.empty() ? 0 : 1), argv.end());
  if (!words.empty() && words[0] == "help") words = help_words(words);
  move_leading_options(words, common);
  if (words.empty() || words[0] == "--help" || words[0] == "-h") {
    host.out(program_help(entries));
    return 0;
  }
  if (words[0] == "--version" || words[0] == "-V") {
    host.out("gimbal " GIMBAL_VERSION "\n");
    return 0;
  }
  if (words[0].starts_with('-')) {
    Error error{ErrorCode::kUsage, fmt::format("expected a command, found the option {}", words[0]), {}, ""};
    const std::vector<std::string> alone{"--version", "--help"};
    if (const std::vector<std::string> near = nearest(words[0], alone); !near.empty()) {
      error.message += fmt::format("; did you mean {}?", one_of(near));
    }
    error.notes.emplace_back("`gimbal --help` lists the commands");
    return reporter.report(error);
  }
  const CommandEntry* entry = find_entry(entries, words[0]);
  if (entry == nullptr) return reporter.report(unknown_command(entries, words[0]));

  const CommandGroup group = entry->build();
  std::span<const std::string> rest = std::span(words).subspan(1);
  const Command* command = nullptr;
  if (group.is_single()) {
    command = &group.commands().front();
  } else {
    const std::string verb = rest.empty() || rest[0].starts_with('-') ? "" : rest[0];
    command = group.find(verb);
    if (command == nullptr && verb.empty() && asks_for_help(rest)) {
      host.out(group_help(group));
      return 0;
    }
    if (command == nullptr) return reporter.report(unknown_verb(group, verb));
    rest = rest.subspan(1);
  }
  const Invocation invocation{&group, command, &common, entry_names(entries)};
  if (asks_for_help(rest)) {
    host.out(command_help(invocation.path(), *command, common));
    return 0;
  }
  return run_command(invocation, flags, rest, argv, host, reporter);
}

Error internal_error(std::string_view what, const std::vector<std::string>& argv) {
  Error error{ErrorCode::kInternal, fmt::format("internal error: {}", what), {}, ""};
  error.notes.emplace_back("this is a bug in gimbal; please report it with the line above and the command:");
  std::string line;
  for (const std::string& word : argv)
    line +=
        (line.empty() ? "" : " ") + (word.find(' ') == std::string::npos ? word : gimbal::quoted(word, word.size() * 4 + 2));
  error.notes.push_back(line);
  error.notes.emplace_back("version: gimbal " GIMBAL_VERSION "; `gimbal version --json` says more");
  return error;
}

}  // namespace

int run_command_line(std::span<const CommandEntry> entries, const std::vector<std::string>& argv, const Host& host) {
  const Reporter reporter(argv, host);
  try {
    return dispatch(entries, argv, host, reporter);
  } catch (const std::exception& error) {
    return reporter.report(internal_error(error.what(), argv));
  } catch (...) {
    return reporter.report(internal_error("an exception of unknown type", argv));
  }
}

}  // namespace gimbal::cli
