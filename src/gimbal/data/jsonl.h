// JSONL: one JSON document a line, UTF-8, `\n` after each; .gz by suffix, "-" is standard input.
//
// The first line may be a header: an object whose "schema" is the file's and which holds what all records share. A process that
// was killed while it appended leaves a torn last line: one without `\n` that does not parse. Readers recognise it, so that a
// resumed job can cut it off; every other bad line is an error with its number. Blank lines are skipped.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/result.h"

namespace gimbal::data {

struct JsonlOptions {
  // The schema of the header line, "gimbal.label.answers/1". "": no line is a header. When set, a first line that is an object
  // with a "schema" must carry exactly this one (error version), and is the header.
  std::string header_schema = {};
  bool header_required = false;  // parse_error when the first line is no header
  bool allow_torn = false;       // a torn last line is left out and reported by torn(); otherwise it is an error
  bool skip_bad = false;         // read_jsonl counts bad lines instead of failing
  JsonLimits limits = {};        // of each line
};

// Record after record, memory of one line beside the read buffer.
class JsonlReader {
 public:
  static Result<JsonlReader> open(const std::string& path, const JsonlOptions& options = {});
  static Result<JsonlReader> from_text(std::string text, std::string name, const JsonlOptions& options = {});
  JsonlReader(JsonlReader&&) noexcept;
  JsonlReader& operator=(JsonlReader&&) noexcept;
  ~JsonlReader();

  const std::optional<JsonView>& header() const;
  // The next record; nullopt at the end. Errors: parse_error "answers.jsonl:17:5: ..."; reading may go on after it.
  Result<std::optional<JsonView>> next();
  std::size_t line() const;  // of the last record, 1-based physical line
  bool torn() const;         // after the end: the last line was torn and left out

 private:
  struct State;
  explicit JsonlReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct JsonlRecords {
  std::optional<JsonView> header;
  std::vector<JsonView> records;
  std::vector<std::size_t> lines;  // of each record
  std::size_t bad = 0;             // lines skipped with skip_bad
  bool torn = false;
};
// The whole file; bad lines are reported together, up to 20.
Result<JsonlRecords> read_jsonl(const std::string& path, const JsonlOptions& options = {});
Result<JsonlRecords> parse_jsonl(std::string_view text, std::string_view name, const JsonlOptions& options = {});

// Builds JSONL text line by line, for write_atomic or AppendFile.
class JsonlWriter {
 public:
  // One complete document without line breaks, as JsonWriter makes them (GIMBAL_CHECK on '\n').
  JsonlWriter& add(std::string_view json);
  JsonlWriter& add(const JsonWriter& json) { return add(json.text()); }
  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }
  std::size_t lines() const { return lines_; }

 private:
  std::string out_;
  std::size_t lines_ = 0;
};

// Bytes of `text` up to and with its last '\n': what remains when a torn last line is cut off.
std::size_t complete_bytes(std::string_view text);
// Cuts a torn last line off an uncompressed file (one without '\n' at its end that is not a JSON document; a document that only
// lacks its '\n' gets one). Returns the number of bytes cut. Errors: as read_file; permission.
Result<std::size_t> repair_torn_line(const std::string& path);

}  // namespace gimbal::data
