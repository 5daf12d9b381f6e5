// Reading run directories: one run as it stands now, the runs below a folder, and runs side by side.
//
// Readers take no lock and change nothing. A run whose run.json says "running" while nobody holds its lock was killed, and
// reads as interrupted.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"
#include "gimbal/run/run_record.h"

namespace gimbal::run {

struct RunSummary {
  std::string path;
  std::optional<Error> unreadable;         // why run.json cannot be read; the record is then empty
  RunRecord record;                        // as written
  RunStatus status = RunStatus::kRunning;  // as it is: a killed run is interrupted
  std::int64_t holder_pid = 0;             // of the process that holds the lock; 0: nobody on this machine
  std::optional<std::int64_t> last_step;   // the record's, or a later one of metrics.jsonl while the run goes on
  std::optional<double> elapsed_s;         // duration_s, or of the last event
};

// `path`: a run directory. Errors: not_found (no run.json there), parse_error, version, invalid_argument.
// A run that another host holds counts as alive while its lock was touched in the last 15 s.
Result<RunSummary> read_run(const std::string& path, const Clock& clock);

// The runs below `folder`, at most `depth` levels down, newest first (then by path). Runs that cannot be read come last, with
// `unreadable`. Hidden folders, symbolic links and the inside of run directories are not searched.
// Errors: not_found, permission (of `folder` itself).
inline constexpr int kSearchDepth = 4;
Result<std::vector<RunSummary>> list_runs(const std::string& folder, const Clock& clock, int depth = kSearchDepth);

// What a person types for a run -> its directory: a path (of the directory or a file in it), a name below `root`, an id or the
// beginning of one (at least 6 characters), or `latest`. Errors: not_found with near names; conflict when an id is ambiguous.
Result<std::string> find_run(std::string_view text, const std::string& root, const Clock& clock);

struct RunArtifact {
  std::string name;  // relative to artifacts/
  std::uint64_t bytes = 0;
};
// The files below artifacts/, sorted by name.
std::vector<RunArtifact> list_artifacts(const std::string& run_path);

// --- runs side by side. In every list, one entry a run, in the order given; nullopt where a run has no such thing.

struct OptionDifference {
  std::string name;
  std::vector<std::optional<std::string>> values;  // JSON text
  std::vector<std::optional<std::string>> sources;
};
struct InputDifference {
  std::string role;
  std::vector<std::optional<std::string>> sha256;
};
struct FigureRow {
  std::string name;
  std::optional<std::string> unit;
  std::vector<std::optional<double>> values;
};
struct MetricRow {
  std::string name;
  std::vector<std::optional<double>> last, lowest, highest;  // of the finite values
};
struct RunComparison {
  std::vector<OptionDifference> options;  // those whose values differ; the seed is one where commands have it
  std::vector<InputDifference> inputs;    // those whose hashes differ
  std::vector<FigureRow> headline;        // in the order of the first run that has the figure
  std::vector<MetricRow> metrics;         // likewise; times, speeds and the machine's state are left out
};
// Errors: those of reading the runs' metrics.
Result<RunComparison> compare_runs(std::span<const RunSummary> runs);

}  // namespace gimbal::run
