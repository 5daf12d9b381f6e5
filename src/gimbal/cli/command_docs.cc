#include "gimbal/cli/command_docs.h"

#include <array>

#include "gimbal/base/file.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/command_common.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/command_help.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/standard_options.h"

namespace gimbal::cli {

namespace {

constexpr auto kExitCodes = std::to_array<std::pair<int, std::string_view>>({
    {0, "done"},
    {1, "ran, and the answer is negative (a check failed)"},
    {2, "usage or bad input"},
    {3, "the data cannot support what was asked (too small a sample, an infeasible constraint)"},
    {4, "the environment lacks something (a library, a model, the network, room on the disk)"},
    {5, "a budget or time limit cut the work short"},
    {70, "internal error: a bug, please report it"},
    {130, "interrupted; state is saved where the command keeps state"},
});

constexpr std::string_view kPrecedence =
    "Every option can also be given in a TOML file and by an environment variable; a flag wins over the environment, the "
    "environment over files, and files over defaults.";
constexpr std::string_view kFiles =
    "Files are the user's config.toml ($XDG_CONFIG_HOME/gimbal, or ~/.config/gimbal) and then the one that --config names. "
    "Keys are the options' names without dashes; options that are repeatable take arrays. Top-level keys are options of the "
    "command that runs (in config.toml only those of every command), [policy] holds for all commands of the component that "
    "have the option, [policy.fit] for one; the narrower wins. An unknown key is an error with its position.";
constexpr std::string_view kEnvironment =
    "Variables are GIMBAL_<OPTION> for the options that commands share (GIMBAL_SEED, GIMBAL_OUT, GIMBAL_ALPHA) and "
    "GIMBAL_<COMPONENT>_<OPTION> for the others (GIMBAL_POLICY_FOLDS).";
constexpr std::string_view kWords =
    "Lists are comma-separated and repeatable; an item that holds a comma stands in double quotes. Words behind -- are never "
    "options. Options are not abbreviated.";

// --- Markdown

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*' || c == '_') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string code(std::string_view text) {
  std::string out = "`";
  for (const char c : text) out += c == '|' ? "\\|" : std::string(1, c);
  return out + "`";
}

std::string options_table(std::string_view heading, const std::vector<const OptionSpec*>& options) {
  std::string out = fmt::format("| {} | |\n|---|---|\n", heading);
  for (const OptionSpec* option : options) {
    out += fmt::format("| {} | {} |\n", code(option_synopsis(*option)), cell(option_help(*option)));
  }
  return out + "\n";
}

std::string markdown_text(std::string_view text) {
  // Lines that begin with blanks are literal; Markdown wants four.
  std::string out;
  bool literal = false;
  for (const std::string_view line : split(text, '\n')) {
    const bool now = line.starts_with(' ');
    if (now && !literal && !out.ends_with("\n\n")) out += "\n";
    out += (now ? "    " + std::string(trim(line)) : std::string(line)) + "\n";
    literal = now;
  }
  return out + "\n";
}

std::string command_markdown(std::string_view path, const Command& command, std::string_view marks) {
  std::string out = fmt::format("{} {}\n\n{}\n\n", marks, path, command.summary());
  out += fmt::format("```text\n{}```\n\n", wrap_text(usage_line(path, command)));
  if (!command.description().empty()) out += markdown_text(command.description());
  std::vector<const OptionSpec*> positionals;
  for (const auto& positional : command.positionals()) positionals.push_back(positional.get());
  if (!positionals.empty()) out += options_table("Argument", positionals);
  for (const OptionGroup& group : option_groups(command)) out += options_table(group.heading, group.options);
  for (const Example& example : command.examples()) {
    if (!example.what.empty()) out += example.what + "\n\n";
    out += fmt::format("```text\n{}\n```\n\n", example.command_line);
  }
  return out;
}

// --- roff

// Backslashes and dashes are special, and so are '.' and ''' at the beginning of a line.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += std::string("\\&") + c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string roff_paragraphs(std::string_view text) {
  std::string out;
  bool literal = false;
  for (const std::string_view line : split(text, '\n')) {
    const bool now = line.starts_with(' ');
    if (now != literal) out += now ? ".nf\n" : ".fi\n";
    literal = now;
    out += trim(line).empty() ? ".PP\n" : roff(now ? line : trim(line)) + "\n";
  }
  return out + (literal ? ".fi\n" : "");
}

std::string roff_options(const std::vector<const OptionSpec*>& options) {
  std::string out;
  for (const OptionSpec* option : options) {
    out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(option_synopsis(*option)), roff(option_help(*option)));
  }
  return out;
}

std::string command_roff(std::string_view path, const Command& command) {
  std::string out =
      fmt::format(".SS {}\n{}\n.PP\n\\fB{}\\fR\n", roff(path), roff(command.summary()), roff(usage_line(path, command)));
  if (!command.description().empty()) out += ".PP\n" + roff_paragraphs(command.description());
  std::vector<const OptionSpec*> options;
  for (const auto& positional : command.positionals()) options.push_back(positional.get());
  for (const OptionGroup& group : option_groups(command))
    options.insert(options.end(), group.options.begin(), group.options.end());
  out += roff_options(options);
  for (const Example& example : command.examples()) {
    out += ".PP\n";
    if (!example.what.empty()) out += roff(example.what) + "\n";
    out += fmt::format(".nf\n    {}\n.fi\n", roff(example.command_line));
  }
  return out;
}

}  // namespace

std::string cli_markdown(std::span<const CommandEntry> entries) {
  CommonFlags flags;
  const Command common = common_options(&flags);
  std::string out =
      "# Commands\n\n<!-- Generated by `gimbal docs --cli-md`; do not edit. -->\n\n"
      "The options of every command, where values come from, and exit codes stand first; then each command.\n\n";
  std::vector<CommandGroup> groups;
  for (const CommandEntry& entry : entries) {
    groups.push_back(entry.build());
    out += fmt::format("- [gimbal {0}](#gimbal-{0}): {1}\n", entry.name, entry.summary);
  }
  out += "\n## Options of every command\n\n" + options_table("Option", option_groups(common).front().options);
  out += fmt::format("{}\n\n## Where values come from\n\n", kWords);
  for (const std::string_view text : {kPrecedence, kFiles, kEnvironment}) out += cell(text) + "\n\n";
  out += "## Exit codes\n\n| Code | Meaning |\n|---|---|\n";
  for (const auto& [exit, meaning] : kExitCodes) out += fmt::format("| {} | {} |\n", exit, meaning);
  out += "\nWith `--json`, a failure prints `gimbal.error/1` on standard output instead of a message on standard error.\n\n";
  for (const CommandGroup& group : groups) {
    if (group.is_single()) {
      out += command_markdown("gimbal " + group.name(), group.commands().front(), "##");
      continue;
    }
    out += fmt::format("## gimbal {}\n\n{}\n\n", group.name(), group.summary());
    if (!group.description().empty()) out += markdown_text(group.description());
    for (const Command& command : group.commands()) {
      out += command_markdown(fmt::format("gimbal {} {}", group.name(), command.name()), command, "###");
    }
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

std::string man_page(std::span<const CommandEntry> entries) {
  CommonFlags flags;
  const Command common = common_options(&flags);
  std::string out =
      fmt::format(".\\\" Generated by `gimbal docs --man`; do not edit.\n.TH GIMBAL 1 \"\" \"gimbal {}\"\n", GIMBAL_VERSION);
  out += ".SH NAME\ngimbal \\- language models and learned policies that act under uncertainty\n";
  out += ".SH SYNOPSIS\n\\fBgimbal\\fR \\fICOMMAND\\fR [options]\n.SH DESCRIPTION\n" + roff(kPrecedence) + "\n.PP\n" +
         roff(kWords) + "\n";
  out += ".SH OPTIONS OF EVERY COMMAND\n" + roff_options(option_groups(common).front().options);
  out += ".SH COMMANDS\n";
  for (const CommandEntry& entry : entries) {
    const CommandGroup group = entry.build();
    for (const Command& command : group.commands()) {
      out += command_roff(
          group.is_single() ? "gimbal " + group.name() : fmt::format("gimbal {} {}", group.name(), command.name()), command);
    }
  }
  out += ".SH FILES\n" + roff(kFiles) + "\n.SH ENVIRONMENT\n" + roff(kEnvironment) + "\n.SH EXIT STATUS\n";
  for (const auto& [exit, meaning] : kExitCodes) out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", exit, roff(meaning));
  return out;
}

CommandGroup docs_commands() {
  struct Flags {
    bool markdown = false;
    bool man = false;
    std::optional<std::string> out;
  };
  auto flags = std::make_shared<Flags>();
  Command command("docs", "Print the reference of all commands.");
  command.flag("--cli-md", &flags->markdown).help("as Markdown: docs/cli.md");
  command.flag("--man", &flags->man).help("as a manual page: docs/man/gimbal.1");
  add_out(command, &flags->out).help("write to FILE instead of standard output");
  command.example("gimbal docs --man -o gimbal.1");
  command.run([flags](CommandContext& context) -> Result<int> {
    if (flags->markdown == flags->man) return fail(ErrorCode::kUsage, "expected one of --cli-md and --man");
    const std::string text = flags->man ? man_page(command_entries()) : cli_markdown(command_entries());
    if (flags->out) {
      GIMBAL_TRY(write_atomic(*flags->out, text));
      context.print(*flags->out);
    } else {
      context.print(text);
    }
    DocumentWriter document("gimbal.docs/1");
    document.json().field("format", flags->man ? "man" : "markdown").field("file", flags->out).field("text", text);
    GIMBAL_TRY(finish_document(context, document));
    return 0;
  });
  return CommandGroup::single(std::move(command));
}

}  // namespace gimbal::cli
