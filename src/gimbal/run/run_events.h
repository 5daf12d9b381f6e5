// events.jsonl: what happened in a run, one line an event.
//
//   {"seq":17,"at":"2026-03-01T12:00:00.250Z","elapsed_s":12.3,"level":"info","type":"stage","message":"fitting","data":{}}
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::run {

enum class EventLevel { kInfo, kWarning, kError };
std::string_view event_level_name(EventLevel level);  // "info", "warning", "error"

struct RunEvent {
  std::int64_t seq = 0;  // 0, 1, 2, ...
  std::string at;        // RFC 3339, UTC, ms
  double elapsed_s = 0;  // worked so far, earlier sessions included
  EventLevel level = EventLevel::kInfo;
  std::string type;  // start, resume, stage, checkpoint, note, warning, decision, budget, guard, stop, end, <component>.<word>
  std::string message;
  std::string data = "{}";  // a JSON object
};

// start ... end, or <component>.<word> of [a-z0-9_].
bool is_event_type(std::string_view type);

std::string event_line(const RunEvent& event);  // with its '\n'

// The last `count` events of the file; a torn last line is left out; none when there is no such file.
// Errors: parse_error with file:line:column, invalid_argument (a field's type).
Result<std::vector<RunEvent>> read_events(const std::string& file, std::size_t count = std::numeric_limits<std::size_t>::max());

}  // namespace gimbal::run
