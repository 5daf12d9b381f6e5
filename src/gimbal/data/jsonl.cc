#include "gimbal/data/jsonl.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "gimbal/base/check.h"
#include "gimbal/base/file.h"
#include "gimbal/base/text.h"
#include "gimbal/data/byte_source.h"

namespace gimbal::data {
namespace {

// Lines of a source, with the line feed that ends them or without it at the end of the file.
class LineSource {
 public:
  LineSource(std::unique_ptr<ByteSource> bytes, std::string name, std::size_t max_line)
      : bytes_(std::move(bytes)), name_(std::move(name)), max_line_(max_line) {}

  struct Line {
    std::string_view text;  // without its end; valid until the next call
    bool complete = false;  // ended by a line feed
  };
  Result<std::optional<Line>> next() {
    while (true) {
      const char* const from = buffer_.data() + at_;
      const std::size_t left = size_ - at_;
      if (const void* feed = std::memchr(from + seen_, '\n', left - seen_)) {
        const auto length = static_cast<std::size_t>(static_cast<const char*>(feed) - from);
        at_ += length + 1;
        seen_ = 0;
        ++number_;
        return Line{without_return({from, length}), true};
      }
      if (ended_) {
        if (left == 0) return std::nullopt;
        at_ = size_;
        seen_ = 0;
        ++number_;
        return Line{{from, left}, false};
      }
      seen_ = left;
      GIMBAL_TRY(fill());
    }
  }
  std::size_t number() const { return number_; }  // of the last line, from 1
  const std::string& name() const { return name_; }

 private:
  static std::string_view without_return(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  Result<void> fill() {
    constexpr std::size_t kPiece = std::size_t{1} << 16;
    if (size_ - at_ > max_line_) {
      at_ = size_;  // nothing that follows could be told apart from the rest of this line
      seen_ = 0;
      ended_ = true;
      return fail_at(fmt::format("{}:{}", name_, number_ + 1), ErrorCode::kParseError, "a line of more than {} bytes",
                     max_line_);
    }
    buffer_.erase(0, at_);
    size_ -= at_;
    at_ = 0;
    buffer_.resize(size_ + std::max(kPiece, size_));
    GIMBAL_TRY(const std::size_t got, bytes_->read(buffer_.data() + size_, buffer_.size() - size_));
    ended_ = got == 0;
    size_ += got;
    buffer_.resize(size_);
    if (at_first_piece_ && std::string_view(buffer_).starts_with("\xEF\xBB\xBF")) {
      at_ = 3;
      seen_ = 0;
    }
    at_first_piece_ = false;
    return {};
  }

  std::unique_ptr<ByteSource> bytes_;
  std::string name_;
  std::size_t max_line_;
  std::string buffer_;
  std::size_t size_ = 0;  // of the buffer's content
  std::size_t at_ = 0;    // begin of the next line
  std::size_t seen_ = 0;  // bytes of it without a line feed
  std::size_t number_ = 0;
  bool ended_ = false;
  bool at_first_piece_ = true;
};

constexpr const char* kTornNote = "the line has no end: it may have been cut off while it was written";

// parse_json places errors at "name:line:column"; with the line as part of the name that is "name:17:1:column".
Result<JsonView> parse_line(std::string_view text, const std::string& name, std::size_t line, JsonLimits limits) {
  const std::string place = fmt::format("{}:{}", name, line);
  auto json = JsonView::parse(text, place, limits);
  if (json) return json;
  Error error = std::move(json).error();
  if (error.where.starts_with(place + ":1:")) error.where.erase(place.size(), 2);
  return fail(std::move(error));
}

}  // namespace

struct JsonlReader::State {
  State(std::unique_ptr<ByteSource> bytes, std::string name, const JsonlOptions& options_in)
      : lines(std::move(bytes), std::move(name), options_in.limits.max_bytes), options(options_in) {}

  // The next line that is not blank, parsed; nullopt at the end or before a torn last line that is left out.
  Result<std::optional<JsonView>> next() {
    while (true) {
      GIMBAL_TRY(const auto line, lines.next());
      if (!line) return std::nullopt;
      if (trim(line->text).empty()) continue;
      auto json = parse_line(line->text, lines.name(), lines.number(), options.limits);
      if (!json && !line->complete) {
        if (options.allow_torn) {
          torn = true;
          return std::nullopt;
        }
        return fail(std::move(json).error().with_note(kTornNote));
      }
      if (!json) return fail(std::move(json).error());
      return std::move(*json);
    }
  }

  Result<void> read_header() {
    if (options.header_schema.empty()) return {};
    auto first = next();
    if (!first) {
      if (options.header_required) return fail(std::move(first).error());
      pending_error = std::move(first).error();  // the first call of next() reports it
      return {};
    }
    if (*first && (*first)->is_object() && (*first)->has("schema")) {
      GIMBAL_TRY((*first)->expect_schema(options.header_schema));
      header = std::move(**first);
      return {};
    }
    if (options.header_required) {
      return fail_at(fmt::format("{}:1", lines.name()), ErrorCode::kParseError,
                     "expected a header line with \"schema\": \"{}\", found {}", options.header_schema,
                     *first ? gimbal::quoted((*first)->text()) : "the end of the file");
    }
    pending = std::move(*first);
    return {};
  }

  LineSource lines;
  JsonlOptions options;
  std::unique_ptr<std::string> owned_text;
  std::optional<JsonView> header;
  std::optional<JsonView> pending;  // the first record, read while looking for a header
  std::optional<Error> pending_error;
  bool torn = false;
};

JsonlReader::JsonlReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
JsonlReader::JsonlReader(JsonlReader&&) noexcept = default;
JsonlReader& JsonlReader::operator=(JsonlReader&&) noexcept = default;
JsonlReader::~JsonlReader() = default;

Result<JsonlReader> JsonlReader::open(const std::string& path, const JsonlOptions& options) {
  GIMBAL_TRY(OpenedSource source, open_bytes(path));
  auto state = std::make_unique<State>(std::move(source.bytes), display_name(path), options);
  GIMBAL_TRY(state->read_header());
  return JsonlReader(std::move(state));
}

Result<JsonlReader> JsonlReader::from_text(std::string text, std::string name, const JsonlOptions& options) {
  auto owned = std::make_unique<std::string>(std::move(text));
  auto state = std::make_unique<State>(bytes_of(*owned), std::move(name), options);
  state->owned_text = std::move(owned);
  GIMBAL_TRY(state->read_header());
  return JsonlReader(std::move(state));
}

const std::optional<JsonView>& JsonlReader::header() const { return state_->header; }
std::size_t JsonlReader::line() const { return state_->lines.number(); }
bool JsonlReader::torn() const { return state_->torn; }

Result<std::optional<JsonView>> JsonlReader::next() {
  if (state_->pending_error) {
    Error error = std::move(*state_->pending_error);
    state_->pending_error.reset();
    return fail(std::move(error));
  }
  if (state_->pending) {
    std::optional<JsonView> first = std::move(state_->pending);
    state_->pending.reset();
    return first;
  }
  return state_->next();
}

namespace {

Result<JsonlRecords> read_all(JsonlReader reader, const JsonlOptions& options) {
  JsonlRecords out;
  Diagnostics diagnostics;
  while (true) {
    auto record = reader.next();
    if (!record) {
      // Lines that do not parse are gathered; what concerns the file as a whole (bad gzip data) ends the reading.
      if (record.error().code != ErrorCode::kParseError) return fail(std::move(record).error());
      if (options.skip_bad)
        ++out.bad;
      else
        diagnostics.add(record.error().where, record.error().message);
      continue;
    }
    if (!*record) break;
    out.records.push_back(std::move(**record));
    out.lines.push_back(reader.line());
  }
  if (!diagnostics.empty()) return fail(diagnostics.to_error(ErrorCode::kParseError));
  out.header = reader.header();
  out.torn = reader.torn();
  return out;
}

}  // namespace

Result<JsonlRecords> read_jsonl(const std::string& path, const JsonlOptions& options) {
  GIMBAL_TRY(JsonlReader reader, JsonlReader::open(path, options));
  return read_all(std::move(reader), options);
}

Result<JsonlRecords> parse_jsonl(std::string_view text, std::string_view name, const JsonlOptions& options) {
  GIMBAL_TRY(JsonlReader reader, JsonlReader::from_text(std::string(text), std::string(name), options));
  return read_all(std::move(reader), options);
}

JsonlWriter& JsonlWriter::add(std::string_view json) {
  GIMBAL_CHECK(!json.empty() && json.find('\n') == std::string_view::npos, "a JSONL record is one line");
  out_ += json;
  out_ += '\n';
  ++lines_;
  return *this;
}

std::size_t complete_bytes(std::string_view text) {
  const std::size_t feed = text.rfind('\n');
  return feed == std::string_view::npos ? 0 : feed + 1;
}

Result<std::size_t> repair_torn_line(const std::string& path) {
  GIMBAL_TRY(const std::string text, read_file(path));
  const std::size_t complete = complete_bytes(text);
  if (complete == text.size()) return std::size_t{0};
  const std::string_view last = std::string_view(text).substr(complete);
  if (JsonView::parse(last, path)) {
    GIMBAL_TRY(append_durable(path, "\n"));
    return std::size_t{0};
  }
  std::error_code error;
  std::filesystem::resize_file(path, complete, error);
  if (error) return fail_at(path, ErrorCode::kPermission, "cannot cut off the torn last line: {}", error.message());
  return last.size();
}

}  // namespace gimbal::data
