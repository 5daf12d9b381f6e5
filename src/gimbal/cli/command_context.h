// What a running command sees of the world: common flags, time, logging, interruption, resolved options, and where output goes.
// The same body runs under main() and inside a test, which gives it strings to write to and a virtual clock.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/log.h"
#include "gimbal/base/progress.h"
#include "gimbal/base/result.h"
#include "gimbal/base/warning.h"
#include "gimbal/cli/options.h"

namespace gimbal::cli {

// Everything that comes from outside the process.
struct Host {
  std::function<void(std::string_view)> out;  // standard output
  std::function<void(std::string_view)> err;  // standard error
  std::function<std::optional<std::string>(const std::string& name)> environment;
  const Clock* clock = nullptr;
  StopToken stop;
  // The user's config.toml, read when it exists; empty: none.
  std::string user_config;
  bool live_progress = false;  // standard error is a terminal
  bool is_process = false;     // under main(): the log goes to stderr, and real time may pass in the background
};

struct ResolvedOption {
  std::string name;  // without dashes
  std::string json;  // the value
  Source source = Source::kDefault;
  std::string where;  // "--seed", "GIMBAL_SEED", "gimbal.toml:3:1"; empty for a default
};

class CommandContext {
 public:
  CommandContext(const Host& host, Log log);

  // --- common flags
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  std::uint64_t seed = 0;
  int threads = 0;  // 0: all; a ThreadLimit is in force while the body runs

  // --- the invocation
  std::vector<std::string> argv;        // "gimbal", "policy", "fit", ...
  std::string component;                // "policy"
  std::string verb;                     // "fit"; empty for a command of its own
  std::vector<ResolvedOption> options;  // common ones included, in the order declared; positionals are not

  const Log& log() const { return log_; }
  const Clock& clock() const { return *host_->clock; }
  const StopToken& stop() const { return host_->stop; }
  ProgressMode progress_mode() const;
  bool is_process() const { return host_->is_process; }
  std::optional<std::string> environment(const std::string& name) const { return host_->environment(name); }

  // Whether the option came from anywhere but its default. The key must be an option of this command.
  bool given(std::string_view key) const;
  Source source(std::string_view key) const;
  // {"seed":{"value":0,"source":"default"},...}: "options" of run.json and of documents.
  std::string options_json() const;

  // --- output
  // The person's summary: to standard output unless --json. Ends with a newline or gets one.
  void print(std::string_view text) const;
  void write_out(std::string_view bytes) const { host_->out(bytes); }
  void write_err(std::string_view bytes) const { host_->err(bytes); }
  // Shown on stderr when the command ends (without --json), and in documents.
  void warn(std::string code, std::string message, std::optional<std::int64_t> count = std::nullopt);
  void warn(Warning warning) { warnings_.push_back(std::move(warning)); }
  const std::vector<Warning>& warnings() const { return warnings_; }

  // --- timing: `lap("read")` gives the time since the last lap (or the start) to that part of "timing_ms".
  void lap(std::string_view part);
  const std::vector<std::pair<std::string, double>>& laps() const { return laps_; }  // ms
  double elapsed_ms() const { return watch_.elapsed_ms(); }

  // Set by print_document (output.h): a later failure must not print a second document.
  bool document_printed = false;

 private:
  const ResolvedOption& resolved(std::string_view key) const;

  const Host* host_;
  Log log_;
  std::vector<Warning> warnings_;
  std::vector<std::pair<std::string, double>> laps_;
  Stopwatch watch_;
};

}  // namespace gimbal::cli
