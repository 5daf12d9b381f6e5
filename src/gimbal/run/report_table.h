// A table of ready-made texts: what a report prints as a table and a chart carries as its numbers.
#pragma once

#include <string>
#include <vector>

namespace gimbal::run {

enum class Align {
  kAuto,  // right, at the decimal point, when every cell that is not empty or a dash reads as a number; left otherwise
  kLeft,
  kRight,
  kCentre,
};

struct TableColumn {
  std::string title = {};
  std::string unit = {};  // printed under the title, muted; may be empty
  Align align = Align::kAuto;
};

// Every row has as many cells as there are columns (checked when it is written). Cells are plain text, escaped on output;
// numbers come formatted (format_significant, format_count): "12.3", "-0.0012", "1,234", "16.0 %", "< 1e-9".
struct ReportTable {
  std::string caption = {};
  std::vector<TableColumn> columns = {};
  std::vector<std::vector<std::string>> rows = {};
  std::vector<std::string> notes = {};        // small print below the table
  std::vector<std::size_t> strong_rows = {};  // rows in bold: totals, the chosen point
};

}  // namespace gimbal::run
