#include "gimbal/cli/command_completion.h"

#include <algorithm>

#include "gimbal/base/text.h"
#include "gimbal/cli/command_common.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"

namespace gimbal::cli {

namespace {

// One option as completion sees it.
struct Flag {
  std::vector<std::string> names;  // "--out", "-o", "--no-x"
  const OptionSpec* spec = nullptr;
};

std::vector<Flag> flags_of(const Command& command, const Command& common) {
  std::vector<Flag> flags;
  for (const Command* part : {&command, &common}) {
    for (const auto& option : part->options()) {
      if (option->hidden) continue;
      Flag flag{option->names, option.get()};
      if (option->negatable) flag.names.push_back("--no-" + option->key());
      flags.push_back(std::move(flag));
    }
  }
  return flags;
}

bool wants_path(const OptionSpec& option) { return option.kind == ValueKind::kFile || option.kind == ValueKind::kFolder; }

// Calls f(words before the options, command): "policy fit", or "tour".
template <typename F>
void for_each_command(const std::vector<CommandGroup>& groups, F&& f) {
  for (const CommandGroup& group : groups) {
    for (const Command& command : group.commands()) {
      f(group.is_single() ? group.name() : group.name() + " " + command.name(), command);
    }
  }
}

std::string verb_words(const CommandGroup& group) {
  std::vector<std::string> verbs;
  for (const Command& command : group.commands()) verbs.push_back(command.name());
  return join(verbs, " ");
}

// The first choices of a positional are words too: `gimbal completion <TAB>`.
std::string positional_choices(const Command& command) {
  return command.positionals().empty() ? "" : join(command.positionals().front()->choices, " ");
}

std::string bash_script(const std::vector<CommandGroup>& groups, const Command& common) {
  std::vector<std::string> names;
  for (const CommandGroup& group : groups) names.push_back(group.name());
  std::string words;   // words by path
  std::string values;  // values by path and option
  words += fmt::format("    \"\") words=\"{} help --help --version\" ;;\n", join(names, " "));
  for (const CommandGroup& group : groups) {
    if (!group.is_single()) words += fmt::format("    \"{}\") words=\"{} --help\" ;;\n", group.name(), verb_words(group));
  }
  for_each_command(groups, [&](const std::string& path, const Command& command) {
    std::vector<std::string> all;
    for (const Flag& flag : flags_of(command, common)) {
      all.insert(all.end(), flag.names.begin(), flag.names.end());
      const OptionSpec& option = *flag.spec;
      if (!option.takes_value() || option.bare) continue;
      for (const std::string& name : flag.names) {
        if (option.kind == ValueKind::kChoice) {
          values += fmt::format("    \"{} {}\") COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")); return ;;\n", path, name,
                                join(option.choices, " "));
        } else if (option.kind == ValueKind::kFolder) {
          values += fmt::format("    \"{} {}\") COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n", path, name);
        } else if (wants_path(option)) {
          values += fmt::format("    \"{} {}\") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", path, name);
        } else {
          values += fmt::format("    \"{} {}\") return ;;\n", path, name);
        }
      }
    }
    words += fmt::format("    \"{}\") words=\"{}\" plain=\"{}\" ;;\n", path, join(all, " "), positional_choices(command));
  });
  std::string out = "# bash completion of gimbal. Load it with:  source <(gimbal completion bash)\n";
  out += R"(_gimbal() {
  local cur prev path words plain word i
  cur="${COMP_WORDS[COMP_CWORD]}"
  prev="${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  path=""
  for ((i = 1; i < COMP_CWORD && i < 3; i++)); do
    word="${COMP_WORDS[i]}"
    [[ "$word" == -* ]] && break
    case "$path $word" in
)";
  out += fmt::format("      \" \"{}) path=\"$word\" ;;\n", [&] {
    std::string pattern;
    for (const std::string& name : names) pattern += (pattern.empty() ? "" : "|\" \"") + name;
    return pattern;
  }());
  for (const CommandGroup& group : groups) {
    if (group.is_single()) continue;
    std::string pattern;
    for (const Command& command : group.commands()) {
      pattern += fmt::format("{}\"{} {}\"", pattern.empty() ? "" : "|", group.name(), command.name());
    }
    out += fmt::format("      {}) path=\"$path $word\" ;;\n", pattern);
  }
  out += "    esac\n  done\n  case \"$path $prev\" in\n" + values +
         "  esac\n  words=\"\"\n  plain=\"\"\n  case \"$path\" in\n" + words;
  out += R"(  esac
  if [[ "$cur" == -* || -z "$path" || "$path" != *" "* && -z "$plain" && "$words" != -* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  elif [[ -n "$plain" ]]; then
    COMPREPLY=($(compgen -W "$plain" -- "$cur"))
  else
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}
complete -o filenames -F _gimbal gimbal
)";
  return out;
}

std::string escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out;
}

std::string zsh_script(const std::vector<CommandGroup>& groups, const Command& common) {
  const auto describe = [](std::string_view tag, const std::vector<std::pair<std::string, std::string>>& rows,
                           std::string_view margin) {
    std::string out = fmt::format("{}local -a rows=(\n", margin);
    for (const auto& [name, summary] : rows) {
      out += fmt::format("{}  '{}:{}'\n", margin, name, escaped(summary, ":"));
    }
    return out + fmt::format("{})\n{}_describe '{}' rows\n", margin, margin, tag);
  };
  const auto arguments = [&](const Command& command, std::string_view margin) {
    std::string out = fmt::format("{}_arguments -s", margin);
    for (const Flag& flag : flags_of(command, common)) {
      const OptionSpec& option = *flag.spec;
      for (const std::string& name : flag.names) {
        std::string action;
        if (option.takes_value()) {
          if (option.kind == ValueKind::kChoice) action = "(" + join(option.choices, " ") + ")";
          if (option.kind == ValueKind::kFile) action = "_files";
          if (option.kind == ValueKind::kFolder) action = "_files -/";
          action = fmt::format("{}:{}:{}", option.bare ? ":" : "", escaped(option.key(), ":"), action);
        }
        out += fmt::format(" \\\n{}  '{}{}[{}]{}{}'", margin, option.list ? "*" : "", name, escaped(option.help, "[]:"),
                           option.takes_value() ? ":" : "", option.takes_value() ? action.substr(1) : "");
      }
    }
    const std::string choices = positional_choices(command);
    return out + fmt::format(" \\\n{}  '*:{}'\n", margin, choices.empty() ? "file:_files" : "word:(" + choices + ")");
  };
  std::string out =
      "#compdef gimbal\n# zsh completion of gimbal. Load it with:  source <(gimbal completion zsh)\n_gimbal() {\n";
  std::vector<std::pair<std::string, std::string>> rows;
  for (const CommandGroup& group : groups) rows.emplace_back(group.name(), group.summary());
  out += "  if (( CURRENT == 2 )); then\n" + describe("command", rows, "    ") + "    return\n  fi\n";
  out += "  local command=$words[2]\n  shift words; (( CURRENT-- ))\n  case $command in\n";
  for (const CommandGroup& group : groups) {
    out += fmt::format("    {})\n", group.name());
    if (group.is_single()) {
      out += arguments(group.commands().front(), "      ");
    } else {
      rows.clear();
      for (const Command& command : group.commands()) rows.emplace_back(command.name(), command.summary());
      out += "      if (( CURRENT == 2 )); then\n" + describe(group.name() + " command", rows, "        ") +
             "        return\n      fi\n      local verb=$words[2]\n      shift words; (( CURRENT-- ))\n      case $verb in\n";
      for (const Command& command : group.commands()) {
        out += fmt::format("        {})\n{}          ;;\n", command.name(), arguments(command, "          "));
      }
      out += "      esac\n";
    }
    out += "      ;;\n";
  }
  return out + "  esac\n}\nif [[ $funcstack[1] == _gimbal ]]; then _gimbal; else compdef _gimbal gimbal; fi\n";
}

std::string fish_script(const std::vector<CommandGroup>& groups, const Command& common) {
  std::string out = "# fish completion of gimbal. Load it with:  gimbal completion fish | source\n";
  const auto line = [&](std::string_view condition, std::string_view rest, std::string_view help) {
    out += fmt::format("complete -c gimbal -n '{}' {} -d '{}'\n", condition, rest, escaped(help, "\\"));
  };
  for (const CommandGroup& group : groups) {
    line("__fish_use_subcommand", "-f -a " + group.name(), group.summary());
    for (const Command& command : group.commands()) {
      std::string condition = "__fish_seen_subcommand_from " + group.name();
      if (!group.is_single()) {
        line(fmt::format("{}; and not __fish_seen_subcommand_from {}", condition, verb_words(group)), "-f -a " + command.name(),
             command.summary());
        condition += "; and __fish_seen_subcommand_from " + command.name();
      }
      if (const std::string choices = positional_choices(command); !choices.empty()) {
        line(condition, fmt::format("-f -a '{}'", choices), "");
      }
      for (const Flag& flag : flags_of(command, common)) {
        std::string rest;
        for (const std::string& name : flag.names) {
          rest += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
        }
        if (flag.spec->takes_value() && !flag.spec->bare) rest += wants_path(*flag.spec) ? " -r -F" : " -x";
        if (flag.spec->kind == ValueKind::kChoice) rest += fmt::format(" -a '{}'", join(flag.spec->choices, " "));
        line(condition, rest.substr(1), flag.spec->help);
      }
    }
  }
  return out;
}

}  // namespace

std::string completion_script(Shell shell, std::span<const CommandEntry> entries) {
  std::vector<CommandGroup> groups;
  for (const CommandEntry& entry : entries) groups.push_back(entry.build());
  CommonFlags flags;
  const Command common = common_options(&flags);
  switch (shell) {
    case Shell::kBash:
      return bash_script(groups, common);
    case Shell::kZsh:
      return zsh_script(groups, common);
    case Shell::kFish:
      return fish_script(groups, common);
  }
  return "";
}

CommandGroup completion_commands() {
  auto shell = std::make_shared<Shell>(Shell::kBash);
  Command command("completion", "Print a completion script for a shell.");
  command.positional_choice("SHELL", shell.get(), {{"bash", Shell::kBash}, {"zsh", Shell::kZsh}, {"fish", Shell::kFish}})
      .help("bash, zsh or fish");
  command.description("The script is generated from the commands' declarations; load it from the shell's start-up file.");
  command.example("source <(gimbal completion bash)", "For this shell.");
  command.run([shell](CommandContext& context) -> Result<int> {
    const std::string script = completion_script(*shell, command_entries());
    context.print(script);
    DocumentWriter document("gimbal.completion/1");
    document.json().field("script", script);
    GIMBAL_TRY(finish_document(context, document));
    return 0;
  });
  return CommandGroup::single(std::move(command));
}

}  // namespace gimbal::cli
