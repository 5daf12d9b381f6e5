#include "gimbal/net/sse.h"

namespace gimbal::net {
namespace {

constexpr std::size_t kMostBytes = std::size_t{16} << 20;

}  // namespace

bool SseReader::push(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size() && !broken_;) {
    if (after_cr_ && bytes[at] == '\n') {
      after_cr_ = false;
      ++at;
      continue;
    }
    after_cr_ = false;
    const std::size_t end = bytes.find_first_of("\r\n", at);
    line_ += bytes.substr(at, end == std::string_view::npos ? std::string_view::npos : end - at);
    if (line_.size() + event_.data.size() > kMostBytes) broken_ = true;
    if (end == std::string_view::npos) break;
    after_cr_ = bytes[end] == '\r';
    take_line(line_);
    line_.clear();
    at = end + 1;
  }
  return !broken_;
}

void SseReader::finish() {
  if (broken_) return;
  if (!line_.empty()) take_line(line_);
  line_.clear();
  end_event();
}

void SseReader::take_line(std::string_view line) {
  if (at_start_ && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  at_start_ = false;
  if (line.empty()) return end_event();
  const std::size_t colon = line.find(':');
  if (colon == 0) return;
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.type = value;
  } else if (field == "id") {
    event_.id = value;
  }
}

void SseReader::end_event() {
  if (has_data_) on_event_(event_);
  event_.data.clear();
  event_.type.clear();
  has_data_ = false;
}

}  // namespace gimbal::net
