#include "gimbal/run/metrics.h"

#include <fstream>
#include <unordered_map>
#include <unordered_set>

#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/base/text.h"
#include "gimbal/data/jsonl.h"

namespace gimbal::run {

namespace {

// Collects lines into series.
class Collector {
 public:
  Result<void> add(const JsonView& line) {
    GIMBAL_TRY(const std::int64_t step, line.integer("step"));
    if (metrics_.last_step && step < *metrics_.last_step) {
      return fail_at(line.path(), ErrorCode::kInvalidArgument, "step: expected at least {}, the step before, found {}",
                     *metrics_.last_step, step);
    }
    metrics_.last_step = step;
    ++metrics_.lines;
    GIMBAL_TRY(const auto members, line.members());
    for (const auto& [name, value] : members) {
      if (name == "step") continue;
      double number = std::numeric_limits<double>::quiet_NaN();
      if (!value.is_null()) {
        GIMBAL_TRY(number, value.number());
      }
      MetricSeries& series = series_of(name);
      series.step.push_back(step);
      series.value.push_back(number);
    }
    return {};
  }
  Metrics take() { return std::move(metrics_); }

 private:
  MetricSeries& series_of(const std::string& name) {
    const auto [at, fresh] = index_.try_emplace(name, metrics_.series.size());
    if (fresh) metrics_.series.push_back({name, {}, {}});
    return metrics_.series[at->second];
  }

  Metrics metrics_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace

bool is_metric_name(std::string_view name) {
  if (name == "step") return false;
  for (const std::string_view part : split(name, '/')) {
    if (part.empty()) return false;
    if (part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.-") != std::string_view::npos) return false;
  }
  return true;
}

std::string_view metric_group(std::string_view name) { return name.substr(0, name.find('/')); }

bool is_machine_metric(std::string_view name) {
  const std::string_view group = metric_group(name);
  return group.size() < name.size() && (group == "time" || group == "tok_s" || group == "sys");
}

Result<std::string> metric_line(std::int64_t step, std::span<const MetricValue> values) {
  JsonWriter json;
  json.begin_object().field("step", step);
  std::unordered_set<std::string_view> seen;
  for (const auto& [name, value] : values) {
    if (!is_metric_name(name)) {
      return fail(ErrorCode::kInvalidArgument,
                  "metric {}: expected a name of a-z, 0-9, '_', '.', '-' with parts joined by '/', and not \"step\"",
                  gimbal::quoted(name));
    }
    if (!seen.insert(name).second) return fail(ErrorCode::kInvalidArgument, "metric {} is given twice", gimbal::quoted(name));
    json.field(name, value);
  }
  json.end_object();
  return json.take() + "\n";
}

const MetricSeries* Metrics::find(std::string_view name) const {
  for (const MetricSeries& each : series) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

Result<Metrics> read_metrics(const std::string& file) {
  Collector collector;
  if (!exists(file)) return collector.take();
  GIMBAL_TRY(data::JsonlReader reader, data::JsonlReader::open(file, {.allow_torn = true}));
  for (;;) {
    GIMBAL_TRY(const std::optional<JsonView> line, reader.next());
    if (!line) return collector.take();
    GIMBAL_TRY(collector.add(*line));
  }
}

Result<Metrics> read_last_metrics(const std::string& file) {
  Collector collector;
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return collector.take();
  const auto size = static_cast<std::size_t>(in.tellg());
  const std::size_t start = size > kMetricsTail ? size - kMetricsTail : 0;
  std::string text(size - start, '\0');
  in.seekg(static_cast<std::streamoff>(start));
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  // The first line is cut somewhere unless the whole file was read.
  if (start > 0) text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);
  GIMBAL_TRY(data::JsonlReader reader, data::JsonlReader::from_text(std::move(text), file, {.allow_torn = true}));
  for (;;) {
    GIMBAL_TRY(const std::optional<JsonView> line, reader.next());
    if (!line) return collector.take();
    GIMBAL_TRY(collector.add(*line));
  }
}

}  // namespace gimbal::run
