// CSV in and out: RFC 4180 with a header line, UTF-8. docs/formats/csv.md states the rules for users.
//
// Names that end in .tsv or .tsv.gz are separated by tabs, all others by commas; .gz is decompressed on the fly; "-" is
// standard input. A BOM is skipped, \r\n and \n both end a line, blank lines are skipped, a quoted field may hold separators,
// doubled quotes and line breaks. Every row has as many fields as the header.
//
// The columnar reader cuts the text into blocks at row ends (the cut depends on the text alone), parses the blocks on the pool
// and appends them in order, so the result does not depend on the number of threads and the text is never held as a whole: a
// few blocks a thread are in memory beside the table (all of the text where it comes from a pipe). Numbers take an exact fast
// path and are bit-equal to std::from_chars. When a column looks numeric for a whole block and then holds text, the file is
// read once more for that column alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/data/table.h"

namespace gimbal::data {

using NameSet = std::set<std::string, std::less<>>;

struct CsvOptions {
  NameSet text_columns = {};  // kept as text even if every cell is a number: action, id, cluster, cat(...)
  std::optional<NameSet> only =
      {};  // load these columns alone; names that the file lacks are ignored (require_column reports them)
  std::size_t max_rows = std::numeric_limits<std::size_t>::max();  // stop after this many rows, the rest is not checked
  std::optional<char> separator = {};                              // otherwise by the name's suffix
  std::size_t block_bytes = std::size_t{1} << 20;                  // smaller values serve tests; >= 1
};

// Errors: not_found and permission as read_file; parse_error, up to 20 places each, for: an empty file, a header without rows,
// no header (all names are numbers), duplicate column names, a row with too few or too many fields
// ("data.csv:17: expected 12 fields, found 11"), a quote that is not closed, text after a closing quote, a quote inside an
// unquoted field, bytes that are not UTF-8 (columns that are not loaded are checked too).
Result<DataTable> read_table(const std::string& path, const CsvOptions& options = {});
// The same from text in memory; `name` stands in messages. The separator is by the suffix of `name`.
Result<DataTable> parse_table(std::string_view text, std::string_view name, const CsvOptions& options = {});

// Row after row, in constant memory. Same rules, same messages; the first error ends the reading.
class CsvReader {
 public:
  static Result<CsvReader> open(const std::string& path, const CsvOptions& options = {});
  static Result<CsvReader> from_text(std::string text, std::string name, const CsvOptions& options = {});
  CsvReader(CsvReader&&) noexcept;
  CsvReader& operator=(CsvReader&&) noexcept;
  ~CsvReader();

  const std::vector<std::string>& header() const;
  // Reads the next row into `fields` (header().size() views, valid until the next call); false at the end.
  Result<bool> next(std::vector<std::string_view>& fields);
  std::size_t line() const;  // the physical line on which the last row began

 private:
  struct State;
  explicit CsvReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Builds CSV text: header, then rows cell by cell. Numbers are the shortest text that reads back to the same double; NaN is an
// empty cell (infinities are a broken precondition: CSV here holds finite numbers). A text is quoted only where it holds the
// separator, a quote, \r or \n, or is the empty cell of a one-column table. Lines end in \n.
// Hand text() to write_atomic, which compresses by suffix.
class CsvWriter {
 public:
  explicit CsvWriter(const std::vector<std::string>& header, char separator = ',');
  CsvWriter& cell(double number);
  CsvWriter& cell(std::int64_t number);
  CsvWriter& cell(std::uint64_t number);
  CsvWriter& cell(int number) { return cell(static_cast<std::int64_t>(number)); }
  CsvWriter& cell(std::string_view text);
  CsvWriter& cell(const char* text) { return cell(std::string_view(text)); }
  CsvWriter& empty() { return cell(std::string_view()); }
  CsvWriter& end_row();  // checks that the row has as many cells as the header

  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }
  void reserve(std::size_t bytes) { out_.reserve(bytes); }

 private:
  void begin_cell();
  std::string out_;
  char separator_;
  std::size_t columns_;
  std::size_t at_ = 0;
};
// All columns and rows of a table.
std::string to_csv(const DataTable& table, char separator = ',');

// The separator that a file's name asks for: tab for .tsv and .tsv.gz, else comma.
char separator_of(std::string_view path);

}  // namespace gimbal::data
