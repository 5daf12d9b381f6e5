// Server-sent events: the reader of a stream that comes in pieces of any size.
//
// Lines end with \n, \r\n or \r; a line "field: value" may lack the blank; a line that begins with ':' is a comment; several
// data lines are joined by \n; an empty line ends an event (WHATWG HTML, section 9.2). A piece may end inside a line, a
// character, or between \r and \n.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace gimbal::net {

struct SseEvent {
  std::string type;  // "event", empty when the stream names none
  std::string data;
  std::string id;
};

class SseReader {
 public:
  explicit SseReader(std::function<void(const SseEvent&)> on_event) : on_event_(std::move(on_event)) {}
  // Calls back for every event that these bytes complete. False once a line or event is larger than 16 MiB: the rest is
  // dropped.
  bool push(std::string_view bytes);
  // At the end of the stream: an event that lacks only its empty line is given too, since some servers end so.
  void finish();

 private:
  void take_line(std::string_view line);
  void end_event();
  std::function<void(const SseEvent&)> on_event_;
  std::string line_;
  SseEvent event_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool broken_ = false;
  bool at_start_ = true;
};

}  // namespace gimbal::net
