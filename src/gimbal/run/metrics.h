// metrics.jsonl: numbers that change while a run goes on, one line a step.
//
//   {"step":12,"time/elapsed_s":3.1,"loss":2.31,"accuracy":0.4,"accuracy/lo":0.36,"accuracy/hi":0.44}
//
// `step` comes first and never decreases. The part of a name before '/' is its chart group; NAME/lo and NAME/hi are the band
// of NAME. null is a gap.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::run {

using MetricValue = std::pair<std::string_view, double>;

// [a-z0-9_.-]+, parts joined by '/'; not "step".
bool is_metric_name(std::string_view name);
// Groups that hold times, speeds and the machine's state (time/, tok_s/, sys/): equal runs differ in them.
bool is_machine_metric(std::string_view name);
// The name before the first '/', or all of it.
std::string_view metric_group(std::string_view name);

// One line with its '\n'. Errors: invalid_argument for a bad name, or one that stands there twice.
Result<std::string> metric_line(std::int64_t step, std::span<const MetricValue> values);

struct MetricSeries {
  std::string name;
  std::vector<std::int64_t> step;  // the lines that have this name
  std::vector<double> value;       // NaN for null
};

struct Metrics {
  std::vector<MetricSeries> series;  // in the order in which names appear first
  std::size_t lines = 0;
  std::optional<std::int64_t> last_step;

  const MetricSeries* find(std::string_view name) const;
};

// The whole file; a torn last line is left out; empty when there is no such file. A few microseconds a line.
// Errors: parse_error; invalid_argument when a line has no step, a step decreases, or a value is neither number nor null.
Result<Metrics> read_metrics(const std::string& file);
// The last lines alone, for lists of many runs: at most `kMetricsTail` bytes are read.
inline constexpr std::size_t kMetricsTail = 64 * 1024;
Result<Metrics> read_last_metrics(const std::string& file);

}  // namespace gimbal::run
