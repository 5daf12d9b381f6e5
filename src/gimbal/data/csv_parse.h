// Parses one block of CSV rows: into columns (parse_block) or row by row (split_row). Internal to csv.cc and csv_reader.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/data/dictionary.h"
#include "gimbal/data/table.h"

namespace gimbal::data {

// Something wrong in the text. Lines count from 0 at the block's begin.
struct CsvProblem {
  std::size_t line = 0;
  std::size_t field = 0;  // 1-based; 0: the row as a whole
  std::string message;
};

// One row, split. `at`: begin of the row, advanced behind its line feed; [at, end) ends with '\n' and is followed by padding
// (TextBlock). Views point into the text or into `unquoted`, which holds the fields whose doubled quotes were resolved.
// Returns false for a blank line or when a problem was found (then problem.message is not empty).
// `line`: of the row, counted in the block; advanced by the line feeds consumed.
struct SplitRow {
  std::vector<std::string_view> fields;
  std::string unquoted;
  CsvProblem problem;
};
bool split_row(const char*& at, const char* end, char separator, std::size_t& line, SplitRow& row);

// Advances `at` behind a blank line that begins there; false if none does.
bool skip_blank_line(const char*& at);

// What parse_block makes of the fields: loaded column k stands in field `fields[k]` (0-based, ascending).
struct BlockPlan {
  enum class Mode { kTryNumbers, kText, kSkip };
  char separator = ',';
  std::size_t field_count = 0;
  std::vector<std::size_t> fields;
  std::vector<Mode> modes;  // one a loaded column; kSkip leaves it empty
};

struct BlockColumn {
  bool text = false;
  bool any_number = false;          // a non-empty cell, in a numeric column
  std::vector<double> numbers;      // numeric
  std::vector<std::int32_t> codes;  // text
  Dictionary dictionary;            // text, local to the block
};

struct ParsedBlock {
  std::size_t rows = 0;
  std::size_t lines = 0;  // line feeds
  std::vector<BlockColumn> columns;
  struct RowLine {
    std::size_t row, line;
  };
  std::vector<RowLine> breaks;       // rows that do not lie one line after the row before; row 0 at line 0 unless said
  std::vector<CsvProblem> problems;  // in line order, at most 2 Diagnostics::kKept + 1
  std::size_t problem_count = 0;
};

// `text` as in split_row. Stops after `max_rows` good rows (the rest is then not looked at).
ParsedBlock parse_block(std::string_view text, const BlockPlan& plan, std::size_t max_rows);

// "expected 12 fields, found 11".
std::string ragged_message(std::size_t expected, std::size_t found);

// "expected UTF-8, found byte 0xE9 at column 5"; `at`: the bad byte's offset in `line`.
std::string not_utf8_message(std::string_view line, std::size_t at);

}  // namespace gimbal::data
