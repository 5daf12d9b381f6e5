// The header line of a CSV file. Internal to csv.cc and csv_reader.cc.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/data/csv_blocks.h"

namespace gimbal::data {

struct CsvHeader {
  std::vector<std::string> names;
  std::size_t line = 1;        // the physical line on which it stands (blank lines may come before)
  std::size_t line_feeds = 1;  // from the begin of the file to the end of the header
  std::size_t bytes = 0;       // of that block's text, to the end of the header
};

struct CsvStart {
  std::shared_ptr<const TextBlock> block;  // the first block that is not blank
  CsvHeader header;
};

// Reads the header of a file at its begin. Errors: of the source; parse_error for a missing header (nothing but blank lines,
// all names numbers), duplicate names, bad quotes, bytes that are not UTF-8. An empty name becomes "unnamed_<field>".
Result<CsvStart> read_start(BlockReader& blocks, char separator);

// Error "name:line: expected UTF-8, found byte 0xE9 at column 5" for the first bad byte of a row's text that begins at `line`.
Result<void> require_utf8(std::string_view row, std::string_view name, std::size_t line);

// The error of a file that ends with its header; `line`: the line behind it.
tl::unexpected<Error> no_rows_error(std::string_view name, std::size_t line, std::size_t field_count);

}  // namespace gimbal::data
