// A table in memory: named columns of numbers or of dictionary-coded text, each cell traceable to its line in the file.
//
// A column is numeric when every non-empty cell is a finite number, otherwise text, whose cells are kept byte for byte ("01"
// stays "01"). Text is coded: codes[row] indexes `levels`, which stand in the order of first appearance. An empty cell is NaN
// in a numeric column and kMissing in a text column. Tables come from read_table (data/csv.h) or are built in memory with
// add_numbers and add_text; they are values: moving is cheap, copying copies the cells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::data {

enum class ColumnKind { kNumeric, kText };

struct Column {
  static constexpr std::int32_t kMissing = -1;  // the code of an empty cell

  std::string name;
  ColumnKind kind = ColumnKind::kNumeric;
  std::size_t field = 0;            // 1-based position in the file
  std::vector<double> numbers;      // numeric: one a row, NaN for an empty cell; text: empty
  std::vector<std::int32_t> codes;  // text: one a row; numeric: empty
  std::vector<std::string> levels;  // text: distinct non-empty cells in order of first appearance

  bool is_numeric() const { return kind == ColumnKind::kNumeric; }
  std::size_t rows() const { return is_numeric() ? numbers.size() : codes.size(); }
  bool is_missing(std::size_t row) const { return is_numeric() ? numbers[row] != numbers[row] : codes[row] == kMissing; }
  // The cell as text: as it stands in the file for a text column, the shortest form of the number for a numeric one.
  std::string text(std::size_t row) const;
};

// The physical line of each row (the header is line 1). Rows of most files follow each other line by line; only where they do
// not (line breaks inside quotes, skipped blank lines) is a breakpoint kept.
class LineMap {
 public:
  // Row `row` begins at `line`. Rows are given in order; those not given lie one line after the row before.
  void set(std::size_t row, std::size_t line);
  std::size_t line_of(std::size_t row) const;

 private:
  struct Break {
    std::size_t row, line;
  };
  std::vector<Break> breaks_;
};

class DataTable {
 public:
  // In memory. `path` is what error messages call the table.
  explicit DataTable(std::string path = "table");
  // Appends a column; its length must equal rows() unless it is the first, and its name must be new (GIMBAL_CHECK).
  DataTable& add_numbers(std::string name, std::vector<double> values);       // NaN is an empty cell
  DataTable& add_text(std::string name, std::span<const std::string> cells);  // "" is an empty cell
  DataTable& add_column(Column column);                                       // field 0: the next position
  // What the reader knows beside the cells. `all_names`: every column of the file, also those that were not loaded. `rows`:
  // counts where no column was loaded.
  void set_source(std::vector<std::string> all_names, LineMap lines, std::size_t rows);

  const std::string& path() const { return path_; }
  std::size_t rows() const { return rows_; }
  const std::vector<Column>& columns() const { return columns_; }
  // The loaded column of that name, or nullptr. O(columns). Pointers stay valid while no column is added.
  const Column* find(std::string_view name) const;
  // Every column name of the file, in file order (more than columns() when a subset was loaded).
  const std::vector<std::string>& names() const { return names_; }

  std::size_t line_of(std::size_t row) const;                      // physical line in the file, 1-based
  std::string where(std::size_t row) const;                        // "data.csv:17"
  std::string where(std::size_t row, const Column& column) const;  // "data.csv:17:6"

  // The rows named by `index`, in that order; line numbers and levels (all of them) are kept. Each index < rows().
  DataTable select_rows(std::span<const std::size_t> index) const;
  // The columns named (unknown names are left out), in this table's order.
  DataTable select_columns(const std::set<std::string, std::less<>>& keep) const;

 private:
  std::string path_;
  std::size_t rows_ = 0;
  std::vector<Column> columns_;
  std::vector<std::string> names_;
  std::shared_ptr<const LineMap> lines_;
  std::vector<std::size_t> source_rows_;  // of a selection: the file's row of each row; empty: the same row
};

// The column that a flag names. Error not_found, where = flag: `--outcome: data.csv has no column "vist"; did you mean
// "visit"?` (the error's `where` is the flag); without a near name the notes list the columns. The pointer is as find().
Result<const Column*> require_column(const DataTable& table, std::string_view name, std::string_view flag);

// The largest magnitude that a number which is computed with may have: fourth powers of it (the variance of a variance), and
// sums of those, stay finite.
inline constexpr double kLargestMagnitude = 1e70;

// The numbers of a column in which every cell must be a finite number of at most kLargestMagnitude. Otherwise parse_error that
// lists up to 20 cells:
//   data.csv:17:6: outcome "visit" must be a finite number, found "NA"; <hint>
//   data.csv:18:6: outcome "visit" must lie within -1e+70 and 1e+70, found "2e300"
// `role`: what the column is for ("outcome", "weight", ...). `hint`: what to do, stands in the first line only; may be "".
// `largest`: the magnitude that is allowed instead of kLargestMagnitude.
Result<std::vector<double>> finite_numbers(const DataTable& table, const Column& column, std::string_view role,
                                           std::string_view hint = "", double largest = kLargestMagnitude);
// As numbers where the cell is a finite number, else NaN: for callers that drop or impute such rows. O(rows + levels).
std::vector<double> numbers_or_nan(const Column& column);

// A column read as categories, whatever its kind: numeric cells become their shortest text.
struct Categories {
  std::vector<std::int32_t> codes;  // Column::kMissing for an empty cell
  std::vector<std::string> levels;  // in order of first appearance
};
Categories as_categories(const Column& column);
// As above; an empty cell is a parse_error listing up to 20: `data.csv:17:6: action "segment" must not be empty`.
Result<Categories> require_categories(const DataTable& table, const Column& column, std::string_view role,
                                      std::string_view hint = "");

struct Duplicate {
  std::string value;
  std::size_t first_row = 0;  // where the value stands first
  std::size_t row = 0;        // where it stands again
};
// Every repetition of a non-empty value, in row order.
std::vector<Duplicate> find_duplicates(const Column& column);
// Error conflict listing up to 20: `data.csv:9:1: id "u7" stands already in line 3`.
Result<void> require_distinct(const DataTable& table, const Column& column, std::string_view role);

}  // namespace gimbal::data
