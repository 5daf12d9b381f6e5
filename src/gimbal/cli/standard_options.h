// The options that many commands share, one helper each, so that a name means the same everywhere (names, aliases, placeholder
// and help; a command adds its own sentence with `.help(...)` where the general one is too vague).
//
// These, and the options of language models, read GIMBAL_<FLAG>; every other option reads GIMBAL_<COMPONENT>_<FLAG>.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gimbal/cli/command.h"

namespace gimbal::cli {

OptionBuilder add_out(Command& command, std::optional<std::string>* path);       // -o, --out (--output)
OptionBuilder add_run_dir(Command& command, std::optional<std::string>* path);   // --run-dir (--run)
OptionBuilder add_resume(Command& command, std::optional<std::string>* folder);  // --resume [DIR]; "" when given without DIR
OptionBuilder add_force(Command& command, bool* force);                          // --force
OptionBuilder add_dry_run(Command& command, bool* dry_run);                      // --dry-run
OptionBuilder add_limit(Command& command, std::optional<std::int64_t>* limit);   // --limit N, at least 1
OptionBuilder add_report(Command& command, std::optional<std::string>* path);    // --report FILE (--html)
OptionBuilder add_skip_bad(Command& command, bool* skip);                        // --skip-bad (--lenient)
OptionBuilder add_strict(Command& command, bool* strict);                        // --strict
OptionBuilder add_max_time(Command& command, std::optional<Duration>* limit);    // --max-time D (--time-limit, --budget-s)
OptionBuilder add_bootstrap(Command& command, std::int64_t* draws, std::int64_t when_bare);  // --bootstrap [B], 0 = none
OptionBuilder add_alpha(Command& command, double* alpha);  // --alpha A, above 0 and at most 0.5
enum class Adjust { kHolm, kBenjaminiHochberg, kNone };
OptionBuilder add_adjust(Command& command, Adjust* adjust);  // --adjust holm|bh|none
std::string_view adjust_name(Adjust adjust);

// Whether an option of this name reads GIMBAL_<FLAG>.
bool is_shared_option(std::string_view key);
// "GIMBAL_SEED", "GIMBAL_POLICY_FOLDS".
std::string environment_name(std::string_view component, std::string_view key);

}  // namespace gimbal::cli
