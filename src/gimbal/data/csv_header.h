// The header line of a CSV file. Internal to csv.cc and csv_reader.cc.
#pragma once

#include <string>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/data/csv_blocks.h"

namespace gimbal::data {

struct CsvHeader {
  std::vector<std::string> names;
  std::size_t line = 1;        // the physical line on which it stands (blank lines may come before)
  std::size_t line_feeds = 1;  // from the begin of the file to the end of the header
  std::size_t bytes = 0;       // of the first block's text, to the end of the header
};

// Reads the header at the begin of the first block's text. Errors: parse_error for a missing header (nothing but blank lines,
// all names numbers), duplicate names, bad quotes, bytes that are not UTF-8. An empty name becomes "unnamed_<field>".
Result<CsvHeader> read_header(std::string_view text, std::string_view name, char separator);

// Error "name:line: expected UTF-8, found byte 0xE9 at column 5" for the first bad byte of a row's text that begins at `line`.
Result<void> require_utf8(std::string_view row, std::string_view name, std::size_t line);

// The errors that both readers report.
tl::unexpected<Error> empty_file_error(std::string_view name);
tl::unexpected<Error> no_rows_error(std::string_view name, std::size_t line, std::size_t field_count);

}  // namespace gimbal::data
