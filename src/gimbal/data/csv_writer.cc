#include <charconv>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"
#include "gimbal/data/csv.h"

namespace gimbal::data {

CsvWriter::CsvWriter(const std::vector<std::string>& header, char separator) : separator_(separator), columns_(header.size()) {
  GIMBAL_CHECK(!header.empty(), "a CSV file needs a column");
  for (const std::string& name : header) cell(std::string_view(name));
  end_row();
}

void CsvWriter::begin_cell() {
  GIMBAL_CHECK(at_ < columns_, "a row has more cells than the header");
  if (at_++ > 0) out_ += separator_;
}

CsvWriter& CsvWriter::cell(double number) {
  if (std::isnan(number)) return empty();
  GIMBAL_CHECK(std::isfinite(number), "CSV cells hold finite numbers");
  begin_cell();
  append_shortest(out_, number);
  return *this;
}

CsvWriter& CsvWriter::cell(std::int64_t number) {
  begin_cell();
  char digits[24];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  return *this;
}

CsvWriter& CsvWriter::cell(std::uint64_t number) {
  begin_cell();
  char digits[24];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  return *this;
}

CsvWriter& CsvWriter::cell(std::string_view text) {
  begin_cell();
  const char special[] = {separator_, '"', '\n', '\r'};
  const bool lone_empty = columns_ == 1 && text.empty();  // without quotes it would read as a blank line
  // A first cell that begins with a byte order mark would lose it.
  const bool mark = out_.empty() && text.starts_with("\xEF\xBB\xBF");
  if (!lone_empty && !mark && text.find_first_of(std::string_view(special, sizeof special)) == std::string_view::npos) {
    out_ += text;
    return *this;
  }
  out_ += '"';
  for (const char c : text) {
    if (c == '"') out_ += '"';
    out_ += c;
  }
  out_ += '"';
  return *this;
}

CsvWriter& CsvWriter::end_row() {
  GIMBAL_CHECK(at_ == columns_, "a row has fewer cells than the header");
  at_ = 0;
  out_ += '\n';
  return *this;
}

std::string to_csv(const DataTable& table, char separator) {
  std::vector<std::string> names;
  for (const Column& column : table.columns()) names.push_back(column.name);
  CsvWriter writer(names, separator);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (const Column& column : table.columns()) {
      if (column.is_missing(row))
        writer.empty();
      else if (column.is_numeric())
        writer.cell(column.numbers[row]);
      else
        writer.cell(column.levels[static_cast<std::size_t>(column.codes[row])]);
    }
    writer.end_row();
  }
  return writer.take();
}

}  // namespace gimbal::data
