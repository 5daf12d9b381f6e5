// What run.json says: the record of one run, as a value. docs/formats/run-directory.md describes the file.
//
// The writer is run/run_directory.h; reading the status that holds now (a killed run still says "running") is run/run_index.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/log.h"
#include "gimbal/base/result.h"
#include "gimbal/run/machine_info.h"

namespace gimbal::run {

enum class RunStatus {
  kRunning,
  kDone,         // exit 0, 1, or 5 with a result
  kFailed,       // ended with an error
  kInterrupted,  // stopped by a signal or a `stop` file, or killed
};
std::string_view run_status_name(RunStatus status);  // "running", "done", "failed", "interrupted"

struct RunOption {
  std::string name;    // without dashes
  std::string value;   // JSON text
  std::string source;  // "default", "file", "environment", "flag"
};
// Reads {"name":{"value":v,"source":"flag"},...}, in order. `name`: of the text, for error messages.
Result<std::vector<RunOption>> parse_run_options(std::string_view json, std::string_view name);

struct RunInput {
  std::string role;  // "train"
  std::string path;
  std::string sha256;  // of the file's bytes, hexadecimal
};
// An input of this role with the hash of the file as it is now. Errors: as read_file.
Result<RunInput> run_input(std::string role, std::string path);

struct RunVersions {
  std::string gimbal;
  std::string commit;
  std::string compiler;
  std::optional<std::string> libtorch;
};

struct RunSandbox {
  std::optional<std::string> policy;
  std::vector<std::string> layers;
};

struct Headline {
  std::string name;
  double value = 0;  // not finite: null
  std::optional<std::string> unit;
};

struct RunUsage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::optional<double> cost_usd;
};

struct Resumption {
  std::string at;                         // RFC 3339
  std::optional<std::int64_t> from_step;  // of the checkpoint; nullopt: from finished artifacts
};

// The fields of run.json, in its order.
struct RunRecord {
  std::string id;  // 26 characters: time, then randomness (Crockford's base 32)
  std::string component;
  std::string verb;                  // "" for a command of its own
  std::vector<std::string> command;  // argv
  RunStatus status = RunStatus::kRunning;
  std::optional<int> exit;
  std::optional<std::string> reason;  // finer than the status: "time_limit", "diverged"
  std::string started_at;
  std::optional<std::string> ended_at;
  std::optional<double> duration_s;  // worked, without the time between an interruption and its resumption
  std::vector<Resumption> resumed;
  std::vector<RunOption> options;
  std::uint64_t seed = 0;
  int threads = 1;
  RunVersions versions;
  MachineInfo machine;
  std::vector<RunInput> inputs;
  RunSandbox sandbox;
  std::optional<std::int64_t> last_step;
  std::vector<Headline> headline;
  RunUsage usage;
};

// run.json: one line, no newline at the end.
std::string run_record_json(const RunRecord& record);
// `name`: the file's, for error messages. Errors: parse_error, version (another schema), invalid_argument (a field's type).
Result<RunRecord> parse_run_record(std::string_view json, std::string_view name);

// The command as one line that a shell reads as the same words.
std::string run_command_line(const RunRecord& record);

// The same JSON value with secrets removed from every string in it, keys included.
// Errors: parse_error when `json` is no JSON document.
Result<std::string> redact_json(std::string_view json, const Redactor& redactor);

// 26 characters that sort by time: 48 bits of milliseconds since 1970 and 80 random bits.
std::string make_run_id(std::int64_t unix_ms, std::uint64_t random_high16, std::uint64_t random_low64);

}  // namespace gimbal::run
