#include "gimbal/cli/standard_options.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "gimbal/base/check.h"

namespace gimbal::cli {

OptionBuilder add_out(Command& command, std::optional<std::string>* path) {
  return command.option("-o, --out, --output", path).value("FILE").written().help("where the result goes, written atomically");
}

OptionBuilder add_run_dir(Command& command, std::optional<std::string>* path) {
  return command.option("--run-dir, --run", path)
      .value("DIR")
      .folder()
      .help("run directory; without it one is made under runs/, named after the command and the time");
}

OptionBuilder add_resume(Command& command, std::optional<std::string>* folder) {
  return command.option("--resume", folder)
      .value("DIR")
      .folder()
      .optional_value("")
      .help("continue an interrupted run; without DIR the one that the output option names");
}

OptionBuilder add_force(Command& command, bool* force) {
  return command.flag("--force", force).help("go on where the command would refuse; every result says so");
}

OptionBuilder add_dry_run(Command& command, bool* dry_run) {
  return command.flag("--dry-run", dry_run).help("print the plan and change nothing");
}

OptionBuilder add_limit(Command& command, std::optional<std::int64_t>* limit) {
  return command.option("--limit", limit).value("N").min(1).help("only the first N items");
}

OptionBuilder add_report(Command& command, std::optional<std::string>* path) {
  return command.option("--report, --html", path).value("FILE").written().help("write an HTML report, self-contained");
}

OptionBuilder add_skip_bad(Command& command, bool* skip) {
  return command.flag("--skip-bad, --lenient", skip).help("count malformed records instead of stopping at them (exit 2)");
}

OptionBuilder add_strict(Command& command, bool* strict) {
  return command.flag("--strict", strict).help("warnings that the command's page lists become errors");
}

OptionBuilder add_max_time(Command& command, std::optional<Duration>* limit) {
  return command.option("--max-time, --time-limit, --budget-s", limit)
      .value("D")
      .above(0)
      .help("stop after this wall time, for example 30s, 5m or 2h; a plain number is in seconds");
}

OptionBuilder add_bootstrap(Command& command, std::int64_t* draws, std::int64_t when_bare) {
  return command.option("--bootstrap", draws)
      .value("B")
      .min(0)
      .optional_value(std::to_string(when_bare))
      .help(fmt::format("bootstrap draws, 0 for none; without B {}", when_bare));
}

OptionBuilder add_alpha(Command& command, double* alpha) {
  return command.option("--alpha", alpha).value("A").above(0).max(0.5).help("level of tests; intervals cover 1 - A");
}

OptionBuilder add_adjust(Command& command, Adjust* adjust) {
  return command
      .choice("--adjust", adjust, {{"holm", Adjust::kHolm}, {"bh", Adjust::kBenjaminiHochberg}, {"none", Adjust::kNone}})
      .value("METHOD")
      .help("adjustment of p-values for multiplicity: Holm, Benjamini-Hochberg, or none");
}

std::string_view adjust_name(Adjust adjust) {
  switch (adjust) {
    case Adjust::kHolm:
      return "holm";
    case Adjust::kBenjaminiHochberg:
      return "bh";
    case Adjust::kNone:
      return "none";
  }
  return "";
}

bool is_shared_option(std::string_view key) {
  // The options whose meaning is the same in every component: those of every command, results and run directories, limits,
  // statistics, and language models.
  static constexpr auto kShared = std::to_array<std::string_view>({
      "json",
      "quiet",
      "verbose",
      "config",
      "seed",
      "threads",  //
      "out",
      "run-dir",
      "resume",
      "force",
      "dry-run",
      "limit",
      "report",
      "skip-bad",
      "strict",
      "max-time",
      "timeout",  //
      "jobs",
      "workers",
      "procs",
      "max-parallel",
      "bootstrap",
      "alpha",
      "level",
      "adjust",
      "require",  //
      "model",
      "adapter",
      "device",
      "dtype",
      "cache",
      "record",
      "price-in",
      "price-out",
      "budget-usd",
      "budget-tokens",  //
      "budget-requests",
      "temperature",
      "top-p",
      "top-k",
      "min-p",
      "max-new-tokens",
      "stop",
      "greedy",
      "store",
      "sandbox",  //
  });
  return std::find(kShared.begin(), kShared.end(), key) != kShared.end();
}

std::string environment_name(std::string_view component, std::string_view key) {
  std::string name = "GIMBAL_";
  if (!is_shared_option(key)) name += fmt::format("{}_", component);
  name += key;
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace gimbal::cli
