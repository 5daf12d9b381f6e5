#include "gimbal/cli/command_help.h"

#include <algorithm>

#include "gimbal/base/text.h"
#include "gimbal/cli/output.h"

namespace gimbal::cli {

namespace {

std::string placeholder(const OptionSpec& option) {
  if (!option.placeholder.empty()) return option.placeholder;
  switch (option.kind) {
    case ValueKind::kFlag:
      return "";
    case ValueKind::kText:
      return "TEXT";
    case ValueKind::kInteger:
      return "N";
    case ValueKind::kNumber:
      return "X";
    case ValueKind::kDuration:
      return "D";
    case ValueKind::kBytes:
      return "SIZE";
    case ValueKind::kChoice:
      return join(option.choices, "|");
    case ValueKind::kFile:
      return "FILE";
    case ValueKind::kFolder:
      return "DIR";
  }
  return "";
}

// Two columns: what it is, and what it means, wrapped beside it.
std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows) {
  constexpr std::size_t kIndent = 2;
  constexpr std::size_t kWidestLeft = 30;  // a longer one gets a line of its own, so that the right column stays readable
  std::size_t left = 0;
  for (const auto& [name, text] : rows) {
    if (const std::size_t width = display_width(name); width <= kWidestLeft) left = std::max(left, width);
  }
  const std::size_t margin = kIndent + left + 2;
  std::string out;
  for (const auto& [name, text] : rows) {
    std::string line = std::string(kIndent, ' ') + name;
    const std::string wrapped = wrap_text(text, kTextWidth, margin);
    if (wrapped.empty()) {
      out += line + "\n";
    } else if (display_width(line) + 2 > margin) {
      out += line + "\n" + wrapped;
    } else {
      out += line + wrapped.substr(display_width(line));
    }
  }
  return out;
}

std::string examples_text(const std::vector<Example>& examples) {
  std::string out = examples.size() == 1 ? "Example:\n" : "Examples:\n";
  for (const Example& example : examples) {
    if (!example.what.empty()) out += wrap_text(example.what, kTextWidth, 2);
    for (const std::string_view line : split(example.command_line, '\n')) out += fmt::format("    {}\n", line);
  }
  return out;
}

}  // namespace

std::string option_synopsis(const OptionSpec& option) {
  if (option.positional()) {
    const std::string name = option.placeholder + (option.max_count > 1 ? "..." : "");
    return option.min_count == 0 ? "[" + name + "]" : name;
  }
  std::string text;
  for (const std::string& name : option.names) {
    if (!name.starts_with("--")) text += name + ", ";
  }
  text += option.negatable ? "--[no-]" + option.key() : option.name();
  if (!option.takes_value()) return text;
  return text + " " + (option.bare ? "[" + placeholder(option) + "]" : placeholder(option));
}

std::string option_help(const OptionSpec& option) {
  std::vector<std::string> remarks;
  if (option.kind == ValueKind::kChoice && !option.placeholder.empty() && !option.positional())
    remarks.push_back(one_of(option.choices));
  if (option.required) remarks.emplace_back("required");
  if (option.list && !option.positional()) remarks.emplace_back(option.split ? "comma-separated" : "repeatable");
  std::vector<std::string> aliases;
  for (const std::string& name : option.names) {
    if (name.starts_with("--") && name != option.name()) aliases.push_back(name);
  }
  if (!aliases.empty()) remarks.push_back("also " + join(aliases, ", "));
  if (!option.default_text.empty()) remarks.push_back("default: " + option.default_text);
  if (remarks.empty()) return option.help;
  return fmt::format("{}{}({})", option.help, option.help.empty() ? "" : " ", join(remarks, "; "));
}

std::string usage_line(std::string_view path, const Command& command) {
  std::string line(path);
  for (const auto& positional : command.positionals()) line += " " + option_synopsis(*positional);
  for (const auto& option : command.options()) {
    if (option->required) line += fmt::format(" {} {}", option->name(), placeholder(*option));
  }
  return line + " [options]";
}

std::vector<OptionGroup> option_groups(const Command& command) {
  std::vector<OptionGroup> groups;
  for (const auto& option : command.options()) {
    if (option->hidden) continue;
    const std::string heading = option->group.empty() ? "Options" : option->group;
    auto at = std::find_if(groups.begin(), groups.end(), [&](const OptionGroup& g) { return g.heading == heading; });
    if (at == groups.end()) at = groups.insert(groups.end(), {heading, {}});
    at->options.push_back(option.get());
  }
  return groups;
}

std::string command_help(std::string_view path, const Command& command, const Command& common) {
  std::string out = wrap_text(fmt::format("{}: {}", path, command.summary())) + "\n";
  out += wrap_text("Usage: " + usage_line(path, command));
  const auto add_rows = [&](const std::string& heading, const std::vector<const OptionSpec*>& options) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const OptionSpec* option : options) rows.emplace_back(option_synopsis(*option), option_help(*option));
    out += "\n" + (heading.empty() ? "" : heading + ":\n") + two_columns(rows);
  };
  std::vector<const OptionSpec*> positionals;
  for (const auto& positional : command.positionals()) positionals.push_back(positional.get());
  if (!positionals.empty()) add_rows("", positionals);
  if (!command.description().empty()) out += "\n" + wrap_text(command.description());
  for (const OptionGroup& group : option_groups(command)) add_rows(group.heading, group.options);
  add_rows("Options of every command", option_groups(common).front().options);
  if (!command.examples().empty()) out += "\n" + examples_text(command.examples());
  return out;
}

std::string group_help(const CommandGroup& group) {
  std::string out = wrap_text(fmt::format("gimbal {}: {}", group.name(), group.summary())) + "\n";
  out += fmt::format("Usage: gimbal {} COMMAND [options]\n", group.name());
  if (!group.description().empty()) out += "\n" + wrap_text(group.description());
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command& command : group.commands()) rows.emplace_back(command.name(), command.summary());
  out += "\nCommands:\n" + two_columns(rows);
  out += fmt::format("\n`gimbal {} COMMAND --help` says more about one of them.\n", group.name());
  for (const Command& command : group.commands()) {
    if (command.examples().empty()) continue;
    out += "\n" + examples_text({command.examples().front()});
    break;
  }
  return out;
}

std::string program_help(std::span<const CommandEntry> entries) {
  std::string out = "gimbal " GIMBAL_VERSION
                    ": language models and learned policies that act under uncertainty.\n\n"
                    "Usage: gimbal COMMAND [options]\n\nCommands:\n";
  std::vector<std::pair<std::string, std::string>> rows;
  for (const CommandEntry& entry : entries) rows.emplace_back(std::string(entry.name), std::string(entry.summary));
  out += two_columns(rows);
  out += "\n`gimbal COMMAND --help` says more about one of them; `gimbal --version` prints the version.\n";
  out += "\nExample:\n  See what this machine can do.\n    gimbal doctor\n";
  return out;
}

}  // namespace gimbal::cli
