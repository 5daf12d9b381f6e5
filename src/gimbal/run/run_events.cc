#include "gimbal/run/run_events.h"

#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/base/text.h"
#include "gimbal/data/jsonl.h"

namespace gimbal::run {

namespace {

constexpr std::array kLevels = {EventLevel::kInfo, EventLevel::kWarning, EventLevel::kError};

Result<RunEvent> parse_event(const JsonView& view) {
  RunEvent event;
  GIMBAL_TRY(event.seq, view.integer("seq"));
  GIMBAL_TRY(event.at, view.string("at"));
  GIMBAL_TRY(event.elapsed_s, view.number("elapsed_s"));
  GIMBAL_TRY(const std::string level, view.string("level"));
  const auto* known =
      std::find_if(kLevels.begin(), kLevels.end(), [&](EventLevel each) { return event_level_name(each) == level; });
  if (known == kLevels.end()) {
    return fail_at(view.path(), ErrorCode::kInvalidArgument, "level: expected info, warning or error, found {}",
                   gimbal::quoted(level));
  }
  event.level = *known;
  GIMBAL_TRY(event.type, view.string("type"));
  GIMBAL_TRY(event.message, view.string("message"));
  if (const auto data = view.find("data")) event.data = data->text();
  return event;
}

bool is_word(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

}  // namespace

std::string_view event_level_name(EventLevel level) {
  switch (level) {
    case EventLevel::kInfo:
      return "info";
    case EventLevel::kWarning:
      return "warning";
    case EventLevel::kError:
      return "error";
  }
  return "";
}

bool is_event_type(std::string_view type) {
  static constexpr auto kTypes = std::to_array<std::string_view>(
      {"start", "resume", "stage", "checkpoint", "note", "warning", "decision", "budget", "guard", "stop", "end"});
  if (std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end()) return true;
  const std::size_t dot = type.find('.');
  return dot != std::string_view::npos && is_word(type.substr(0, dot)) && is_word(type.substr(dot + 1));
}

std::string event_line(const RunEvent& event) {
  JsonWriter json;
  json.begin_object()
      .field("seq", event.seq)
      .field("at", event.at)
      .field("elapsed_s", event.elapsed_s)
      .field("level", event_level_name(event.level))
      .field("type", event.type)
      .field("message", event.message)
      .key("data")
      .raw(event.data)
      .end_object();
  return json.take() + "\n";
}

Result<std::vector<RunEvent>> read_events(const std::string& file, std::size_t count) {
  std::vector<RunEvent> events;
  if (!exists(file)) return events;
  GIMBAL_TRY(data::JsonlReader reader, data::JsonlReader::open(file, {.allow_torn = true}));
  for (;;) {
    GIMBAL_TRY(const std::optional<JsonView> view, reader.next());
    if (!view) break;
    GIMBAL_TRY(events.emplace_back(), parse_event(*view));
    // Twice the number wanted, then half of it goes: long logs cost the memory of what is asked for.
    if (count < events.size() / 2) events.erase(events.begin(), events.end() - static_cast<std::ptrdiff_t>(count));
  }
  if (count < events.size()) events.erase(events.begin(), events.end() - static_cast<std::ptrdiff_t>(count));
  return events;
}

}  // namespace gimbal::run
