// Commands: a verb with its positionals, options, examples and body, declared once; and groups of commands (`gimbal policy
// ...`).
//
//   Command fit_command() {
//     struct Flags { std::string data; std::string outcome; int folds = 5; std::optional<std::string> out; };
//     auto flags = std::make_shared<Flags>();
//     Command command("fit", "Fit outcome and propensity models by cross-fitting.");
//     command.positional("DATA", &flags->data).file().help("logged data, CSV or CSV.gz");
//     command.option("--outcome", &flags->outcome).value("COL").required().help("the outcome's column");
//     command.option("--folds", &flags->folds).min(1).max(20).help("folds of cross-fitting");
//     command.option("-o, --out, --output", &flags->out).value("FILE").file().help("where the model goes");
//     command.example("gimbal policy fit campaign.csv --outcome visit --action segment -o model.json", "Fit with defaults.");
//     command.run([flags](CommandContext& context) -> Result<int> { ... return 0; });
//     return command;
//   }
//
// Building a command costs microseconds and does nothing else: documentation, completion and tests build all of them.
// --json, -q/--quiet, -v/--verbose, --config, --seed, --threads and -h/--help belong to every command and are not declared.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "gimbal/cli/options.h"

namespace gimbal::cli {

class CommandContext;  // gimbal/cli/command_context.h

struct Example {
  std::string command_line;
  std::string what;  // a sentence; may be empty
};

class Command {
 public:
  // The body: an exit code (0 done, 1 a negative answer, 3 or 5 when the document says why), or an error, whose code gives it.
  using Body = std::function<Result<int>(CommandContext&)>;

  // `summary` is one line that begins with a verb and ends with a full stop.
  Command(std::string name, std::string summary) : name_(std::move(name)), summary_(std::move(summary)) {}

  // Paragraphs are separated by empty lines; lines are wrapped where they are shown; a paragraph that is indented is kept as
  // is.
  Command& description(std::string text);
  Command& example(std::string command_line, std::string what = "");
  Command& run(Body body);

  // `names` is a list such as "-o, --out, --output": the first long name is the option's name, the others are aliases.
  template <typename T>
  OptionBuilder option(std::string_view names, T* target) {
    OptionSpec& spec = add(names);
    detail::bind(spec, target);
    return OptionBuilder(spec);
  }
  // A flag: `bool` bound to a variable whose default is its value now.
  OptionBuilder flag(std::string_view names, bool* target) { return option(names, target); }
  // One of named values.
  template <typename E>
  OptionBuilder choice(std::string_view names, E* target, std::vector<std::pair<std::string, E>> choices) {
    return bind_choice(add(names), target, std::move(choices));
  }
  // A value with a grammar of its own: `parse` reads one word; its errors say what was expected and what was found, without
  // `where`.
  template <typename T>
  OptionBuilder parsed(std::string_view names, T* target,
                       std::type_identity_t<std::function<Result<T>(std::string_view)>> parse, std::string default_text = "") {
    OptionSpec& spec = add(names);
    spec.kind = ValueKind::kText;
    spec.default_text = default_text;
    auto given = std::make_shared<std::string>(std::move(default_text));
    spec.assign = [target, parse, given](const OptionSpec&, const std::vector<std::string>& words) -> Result<void> {
      GIMBAL_TRY(const std::string word, detail::only_word(words));
      GIMBAL_TRY(*target, parse(word));
      *given = word;
      return {};
    };
    spec.accepts = [parse](const OptionSpec&, std::string_view word) { return parse(word).has_value(); };
    spec.json = [given] { return detail::text_or_null(*given); };
    return OptionBuilder(spec);
  }
  // The same for a list: comma-separated and repeatable, or with `whole_words()` repeatable only.
  template <typename T>
  OptionBuilder parsed_list(std::string_view names, std::vector<T>* target,
                            std::type_identity_t<std::function<Result<T>(std::string_view)>> parse) {
    OptionSpec& spec = add(names);
    spec.list = true;
    auto given = std::make_shared<std::vector<std::string>>();
    spec.assign = [target, parse, given](const OptionSpec& self, const std::vector<std::string>& words) -> Result<void> {
      GIMBAL_TRY(*given, detail::list_items(self, words));
      target->clear();
      for (const std::string& item : *given) {
        GIMBAL_TRY(target->emplace_back(), parse(item));
      }
      return {};
    };
    spec.accepts = [parse](const OptionSpec&, std::string_view word) { return parse(word).has_value(); };
    spec.json = [given] {
      std::vector<std::string> items;
      for (const std::string& item : *given) items.push_back(detail::Value<std::string>::json(item));
      return detail::json_array(items);
    };
    return OptionBuilder(spec);
  }
  // A positional. `name` is upper case. One word unless the target is a vector or `count` or `optional` says otherwise. At most
  // one positional of a command takes a variable number of words; it may stand anywhere among them.
  template <typename T>
  OptionBuilder positional(std::string name, T* target) {
    OptionSpec& spec = add_positional(std::move(name));
    detail::bind(spec, target);
    if (spec.list) {
      spec.split = false;
      spec.max_count = std::string::npos;
    }
    spec.default_text.clear();
    return OptionBuilder(spec);
  }

  // A positional that is one of named values.
  template <typename E>
  OptionBuilder positional_choice(std::string name, E* target, std::vector<std::pair<std::string, E>> choices) {
    OptionBuilder builder = bind_choice(add_positional(std::move(name)), target, std::move(choices));
    return builder.show_default("");
  }

  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  const std::string& description() const { return description_; }
  const std::vector<Example>& examples() const { return examples_; }
  const Body& body() const { return body_; }
  const std::vector<std::unique_ptr<OptionSpec>>& options() const { return options_; }
  const std::vector<std::unique_ptr<OptionSpec>>& positionals() const { return positionals_; }
  // The option with this key or alias ("out", "output"), or null.
  const OptionSpec* find(std::string_view key) const;

 private:
  OptionSpec& add(std::string_view names);
  OptionSpec& add_positional(std::string name);
  template <typename E>
  static OptionBuilder bind_choice(OptionSpec& spec, E* target, std::vector<std::pair<std::string, E>> choices) {
    spec.kind = ValueKind::kChoice;
    for (const auto& [word, value] : choices) {
      spec.choices.push_back(word);
      if (value == *target) spec.default_text = word;
    }
    spec.assign = [target, choices](const OptionSpec& self, const std::vector<std::string>& words) -> Result<void> {
      GIMBAL_TRY(const std::string word, detail::only_word(words));
      GIMBAL_TRY(const std::size_t index, parse_choice(self, word));
      *target = choices[index].second;
      return {};
    };
    spec.accepts = [](const OptionSpec& self, std::string_view word) { return parse_choice(self, word).has_value(); };
    spec.json = [target, choices]() -> std::string {
      for (const auto& [word, value] : choices) {
        if (value == *target) return detail::text_or_null(word);
      }
      return "null";
    };
    return OptionBuilder(spec);
  }

  std::string name_;
  std::string summary_;
  std::string description_;
  std::vector<Example> examples_;
  Body body_;
  std::vector<std::unique_ptr<OptionSpec>> options_;
  std::vector<std::unique_ptr<OptionSpec>> positionals_;
};

// `gimbal policy ...`, or a command of its own such as `gimbal tour`.
class CommandGroup {
 public:
  CommandGroup(std::string name, std::string summary) : name_(std::move(name)), summary_(std::move(summary)) {}
  // A group that is its one command.
  static CommandGroup single(Command command);

  CommandGroup& description(std::string text);
  CommandGroup& add(Command command);  // in the order of --help

  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  const std::string& description() const { return description_; }
  const std::vector<Command>& commands() const { return commands_; }
  bool is_single() const { return single_; }
  const Command* find(std::string_view verb) const;

 private:
  std::string name_;
  std::string summary_;
  std::string description_;
  std::vector<Command> commands_;
  bool single_ = false;
};

}  // namespace gimbal::cli
