#include "gimbal/cli/command.h"

#include <algorithm>

#include "gimbal/base/check.h"
#include "gimbal/base/text.h"

namespace gimbal::cli {

Command& Command::description(std::string text) {
  description_ = std::move(text);
  return *this;
}

Command& Command::example(std::string command_line, std::string what) {
  examples_.push_back({std::move(command_line), std::move(what)});
  return *this;
}

Command& Command::run(Body body) {
  body_ = std::move(body);
  return *this;
}

const OptionSpec* Command::find(std::string_view key) const {
  for (const auto& option : options_) {
    for (const std::string& name : option->names) {
      if (name.starts_with("--") && std::string_view(name).substr(2) == key) return option.get();
    }
  }
  return nullptr;
}

OptionSpec& Command::add(std::string_view names) {
  auto spec = std::make_unique<OptionSpec>();
  for (const std::string_view part : split(names, ',')) {
    std::string name(trim(part));
    const bool is_short = name.size() == 2 && name[0] == '-' && name[1] != '-';
    const bool is_long = name.size() > 2 && name.starts_with("--") && name[2] != '-';
    GIMBAL_CHECK(is_short || is_long, "an option's names are -x and --word");
    for (const auto& other : options_) {
      GIMBAL_CHECK(std::find(other->names.begin(), other->names.end(), name) == other->names.end(),
                   "an option's name is declared twice");
    }
    spec->names.push_back(std::move(name));
  }
  GIMBAL_CHECK(spec->name().starts_with("--"), "an option needs a long name");
  return *options_.emplace_back(std::move(spec));
}

OptionSpec& Command::add_positional(std::string name) {
  auto spec = std::make_unique<OptionSpec>();
  spec->placeholder = std::move(name);
  return *positionals_.emplace_back(std::move(spec));
}

CommandGroup CommandGroup::single(Command command) {
  CommandGroup group(command.name(), command.summary());
  group.description_ = command.description();
  group.commands_.push_back(std::move(command));
  group.single_ = true;
  return group;
}

CommandGroup& CommandGroup::description(std::string text) {
  description_ = std::move(text);
  return *this;
}

CommandGroup& CommandGroup::add(Command command) {
  GIMBAL_CHECK(find(command.name()) == nullptr, "a command's name is declared twice");
  commands_.push_back(std::move(command));
  return *this;
}

const Command* CommandGroup::find(std::string_view verb) const {
  for (const Command& command : commands_) {
    if (command.name() == verb) return &command;
  }
  return nullptr;
}

}  // namespace gimbal::cli
