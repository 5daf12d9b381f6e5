// `gimbal runs`: looks at run directories, those of any command. Reads only; `report` writes one file.
#pragma once

#include <string>

#include "gimbal/base/json.h"
#include "gimbal/cli/command.h"
#include "gimbal/run/run_index.h"

namespace gimbal::cli {

CommandGroup runs_commands();

// The verbs, one file each.
Command runs_list_command();
Command runs_show_command();
Command runs_compare_command();
Command runs_report_command();

// --- what the verbs share

// --root DIR: where names and ids of runs are looked up.
OptionBuilder add_runs_root(Command& command, std::string* root);
// The run that a person means. Errors: not_found, conflict; as read_run.
Result<run::RunSummary> open_run(const CommandContext& context, const std::string& text, const std::string& root);

// "policy run"; the component alone for a command of its own.
std::string run_title(const run::RunRecord& record);
// "done", "done, exit 5 (time_limit)", "unreadable".
std::string run_status_text(const run::RunSummary& run);
std::string run_started_text(const run::RunSummary& run);  // "2026-03-01T12:00:00Z"
std::string run_time_text(const run::RunSummary& run);     // "2.5 s", or "-"
std::string figure_text(double value);                     // 4 significant digits, or "-"
// A JSON value for people: text without its quotes, null as "-".
std::string option_text(const std::string& json);

// The members of one run in lists: path, id, component, verb, status, exit, reason, started_at, elapsed_s, last_step, seed,
// headline, error.
void write_run_members(JsonWriter& json, const run::RunSummary& run);

}  // namespace gimbal::cli
