#include "gimbal/cli/command_context.h"

#include "gimbal/base/check.h"
#include "gimbal/base/json.h"

namespace gimbal::cli {

CommandContext::CommandContext(const Host& host, Log log) : host_(&host), log_(std::move(log)), watch_(*host.clock) {}

ProgressMode CommandContext::progress_mode() const {
  if (quiet) return ProgressMode::kSilent;
  return host_->live_progress ? ProgressMode::kLive : ProgressMode::kPlain;
}

const ResolvedOption& CommandContext::resolved(std::string_view key) const {
  for (const ResolvedOption& option : options) {
    if (option.name == key) return option;
  }
  check_failed("option is declared", __FILE__, __LINE__, key);
}

bool CommandContext::given(std::string_view key) const { return resolved(key).source != Source::kDefault; }
Source CommandContext::source(std::string_view key) const { return resolved(key).source; }

std::string CommandContext::options_json() const {
  JsonWriter writer;
  writer.begin_object();
  for (const ResolvedOption& option : options) {
    writer.key(option.name).begin_object();
    writer.key("value").raw(option.json);
    writer.field("source", source_name(option.source)).end_object();
  }
  writer.end_object();
  return writer.take();
}

void CommandContext::print(std::string_view text) const {
  if (json || text.empty()) return;
  host_->out(text);
  if (text.back() != '\n') host_->out("\n");
}

void CommandContext::warn(std::string code, std::string message, std::optional<std::int64_t> count) {
  warnings_.push_back({std::move(code), std::move(message), count});
}

void CommandContext::lap(std::string_view part) {
  const double ms = watch_.lap_ms();
  for (auto& [name, total] : laps_) {
    if (name == part) {
      total += ms;
      return;
    }
  }
  laps_.emplace_back(std::string(part), ms);
}

}  // namespace gimbal::cli
