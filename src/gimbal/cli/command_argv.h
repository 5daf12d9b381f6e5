// The words of a command line, sorted into options and positionals. CLI11 stands behind this and nowhere else: it splits
// --name=value, -xyz clusters and aliases; what it does otherwise (greedy lists, exit codes, messages) does not get out.
//
//   --            everything behind it is positional
//   -5, -.5       numbers are values and positionals, never options
//   abbreviations are refused, with the full names as suggestions
//   a value that looks like an option of the command needs '=': `--name=--seed`
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/cli/options.h"

namespace gimbal::cli {

struct GivenOption {
  const OptionSpec* spec = nullptr;
  // One for each time it was given; a flag gives "true" or "false", an optional value that is missing OptionSpec::bare.
  std::vector<std::string> words;
};

struct Argv {
  std::vector<GivenOption> options;  // those given at least once, in the order declared
  std::vector<std::string> words;    // positionals
};

// `path` is the command for messages: "gimbal policy fit". Errors: usage.
Result<Argv> split_argv(std::string_view path, std::span<const OptionSpec* const> options, std::span<const std::string> words);

struct GivenPositional {
  const OptionSpec* spec = nullptr;
  std::vector<std::string> words;
};
// Gives each positional its words: those of fixed number get theirs from both ends, the one of variable number the rest.
// `usage` is the command's usage line for messages.
Result<std::vector<GivenPositional>> share_positionals(std::string_view usage, std::span<const OptionSpec* const> positionals,
                                                       std::span<const std::string> words);

}  // namespace gimbal::cli
