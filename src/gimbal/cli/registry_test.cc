// What holds for every command that is registered: declarations are complete, documentation and completion cover them, and the
// committed reference is fresh.
#include "gimbal/cli/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "gimbal/base/file.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/command_common.h"
#include "gimbal/cli/command_completion.h"
#include "gimbal/cli/command_docs.h"
#include "gimbal/cli/test_host.h"

namespace gimbal::cli {
namespace {

using ::testing::HasSubstr;

template <typename F>
void for_each_command(F&& f) {
  for (const CommandEntry& entry : command_entries()) {
    const CommandGroup group = entry.build();
    for (const Command& command : group.commands()) {
      const std::string path = group.is_single() ? group.name() : group.name() + " " + command.name();
      SCOPED_TRACE(path);
      f(path, command);
    }
  }
}

TEST(Registry, RowsSayWhatTheGroupsSay) {
  for (const CommandEntry& entry : command_entries()) {
    const CommandGroup group = entry.build();
    EXPECT_EQ(group.name(), entry.name);
    EXPECT_EQ(group.summary(), entry.summary);
  }
}

TEST(Registry, EveryDeclarationIsComplete) {
  CommonFlags flags;
  const Command common = common_options(&flags);
  for_each_command([&](const std::string& path, const Command& command) {
    EXPECT_TRUE(command.body()) << "no body";
    EXPECT_TRUE(command.summary().ends_with('.')) << command.summary();
    EXPECT_LE(command.summary().size(), 90U) << "fits a line of --help";
    ASSERT_FALSE(command.examples().empty()) << "--help ends with an example";
    EXPECT_THAT(command.examples().front().command_line, HasSubstr("gimbal " + path));
    for (const auto& option : command.options()) {
      EXPECT_TRUE(option->hidden || !option->help.empty()) << option->name() << " has no help";
      for (const std::string& name : option->names) {
        for (const auto& other : common.options()) {
          for (const std::string& taken : other->names) EXPECT_NE(name, taken) << "belongs to every command";
        }
      }
    }
    for (const auto& positional : command.positionals()) {
      EXPECT_FALSE(positional->help.empty()) << positional->placeholder << " has no help";
    }
  });
}

TEST(Registry, EveryDefaultIsAcceptedByItsOwnOption) {
  for_each_command([](const std::string&, const Command& command) {
    for (const auto& option : command.options()) {
      if (option->bare && !option->bare->empty()) {
        EXPECT_TRUE(option->accepts(*option, *option->bare)) << option->name() << " " << *option->bare;
      }
    }
  });
}

TEST(Registry, HelpFitsAPage) {
  TestHost host;
  for_each_command([&](const std::string& path, const Command&) {
    std::vector<std::string> words;
    for (const std::string_view word : split(path, ' ')) words.emplace_back(word);
    words.emplace_back("--help");
    ASSERT_EQ(host.run(words), 0);
    for (const std::string_view line : split(host.out, '\n')) {
      // An example is one line whatever its length, so that it can be copied.
      const bool is_example = line.starts_with("    gimbal ");
      EXPECT_TRUE(is_example || display_width(line) <= 100) << line;
    }
  });
}

TEST(Registry, CommittedReferenceIsFresh) {
  constexpr std::string_view kHint =
      "refresh it with `build/gimbal docs --cli-md -o docs/cli.md` and `--man -o docs/man/gimbal.1`";
  const Result<std::string> markdown = read_file("docs/cli.md");
  ASSERT_TRUE(markdown) << markdown.error().text();
  EXPECT_TRUE(*markdown == cli_markdown(command_entries())) << "docs/cli.md is out of date; " << kHint;
  const Result<std::string> man = read_file("docs/man/gimbal.1");
  ASSERT_TRUE(man) << man.error().text();
  EXPECT_TRUE(*man == man_page(command_entries())) << "docs/man/gimbal.1 is out of date; " << kHint;
}

TEST(Registry, ReferenceAndCompletionKnowEveryOption) {
  const std::string markdown = cli_markdown(command_entries());
  const std::string bash = completion_script(Shell::kBash, command_entries());
  const std::string zsh = completion_script(Shell::kZsh, command_entries());
  const std::string fish = completion_script(Shell::kFish, command_entries());
  for_each_command([&](const std::string& path, const Command& command) {
    EXPECT_THAT(markdown, HasSubstr("# gimbal " + path + "\n"));
    for (const auto& option : command.options()) {
      if (option->hidden) continue;
      EXPECT_THAT(bash, HasSubstr(option->name()));
      EXPECT_THAT(zsh, HasSubstr(option->name() + "["));
      EXPECT_THAT(fish, HasSubstr("-l " + option->key()));
    }
  });
}

// Runs bash with the script and a line, and returns what it offers, sorted.
std::string bash_offers(const std::string& line) {
  const auto folder = TemporaryFolder::create();
  const std::string script = (folder->path() / "gimbal.bash").string();
  const std::string answer = (folder->path() / "answer").string();
  EXPECT_TRUE(write_atomic(script, completion_script(Shell::kBash, command_entries()) + "COMP_WORDS=(" + line +
                                       ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_gimbal\n"
                                       "printf '%s\\n' \"${COMPREPLY[@]}\" | sort | paste -sd' '\n"));
  EXPECT_EQ(std::system(fmt::format("bash '{}' > '{}'", script, answer).c_str()), 0);
  return std::string(trim(read_file(answer).value_or("")));
}

TEST(Completion, BashOffersCommandsOptionsAndChoices) {
  if (std::system("command -v bash > /dev/null") != 0) GTEST_SKIP() << "skipped: needs bash";
  EXPECT_EQ(bash_offers("gimbal do"), "docs doctor");
  EXPECT_EQ(bash_offers("gimbal docs --c"), "--cli-md --config");
  EXPECT_EQ(bash_offers("gimbal completion ''"), "bash fish zsh");
  EXPECT_EQ(bash_offers("gimbal doctor --thr"), "--threads");
}

}  // namespace
}  // namespace gimbal::cli
