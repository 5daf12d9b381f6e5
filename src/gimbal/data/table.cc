#include "gimbal/data/table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/data/dictionary.h"

namespace gimbal::data {

std::string Column::text(std::size_t row) const {
  if (is_missing(row)) return "";
  return is_numeric() ? shortest(numbers[row]) : levels[static_cast<std::size_t>(codes[row])];
}

void LineMap::set(std::size_t row, std::size_t line) {
  GIMBAL_CHECK(breaks_.empty() || row > breaks_.back().row, "rows of a line map come in order");
  if (!breaks_.empty() && line_of(row) == line) return;
  breaks_.push_back({row, line});
}

std::size_t LineMap::line_of(std::size_t row) const {
  const auto after =
      std::upper_bound(breaks_.begin(), breaks_.end(), row, [](std::size_t r, const Break& b) { return r < b.row; });
  if (after == breaks_.begin()) return row + 2;  // the first row lies below the header
  const Break& at = *(after - 1);
  return at.line + (row - at.row);
}

DataTable::DataTable(std::string path) : path_(std::move(path)) {}

DataTable& DataTable::add_numbers(std::string name, std::vector<double> values) {
  Column column;
  column.name = std::move(name);
  column.numbers = std::move(values);
  return add_column(std::move(column));
}

DataTable& DataTable::add_text(std::string name, std::span<const std::string> cells) {
  Column column;
  column.name = std::move(name);
  column.kind = ColumnKind::kText;
  column.codes.reserve(cells.size());
  Dictionary dictionary;
  for (const std::string& cell : cells) column.codes.push_back(cell.empty() ? Column::kMissing : dictionary.code_of(cell));
  column.levels = dictionary.take_levels();
  return add_column(std::move(column));
}

DataTable& DataTable::add_column(Column column) {
  GIMBAL_CHECK(find(column.name) == nullptr, "column names of a table are distinct");
  GIMBAL_CHECK(columns_.empty() || column.rows() == rows_, "columns of a table have one length");
  rows_ = column.rows();
  if (column.field == 0) column.field = columns_.empty() ? 1 : columns_.back().field + 1;
  names_.push_back(column.name);
  columns_.push_back(std::move(column));
  return *this;
}

void DataTable::set_source(std::vector<std::string> all_names, LineMap lines, std::size_t rows) {
  GIMBAL_CHECK(columns_.empty() || rows == rows_, "a table's columns have its rows");
  rows_ = rows;
  names_ = std::move(all_names);
  lines_ = std::make_shared<const LineMap>(std::move(lines));
}

const Column* DataTable::find(std::string_view name) const {
  for (const Column& column : columns_)
    if (column.name == name) return &column;
  return nullptr;
}

std::size_t DataTable::line_of(std::size_t row) const {
  const std::size_t source = source_rows_.empty() ? row : source_rows_[row];
  return lines_ ? lines_->line_of(source) : source + 2;
}

std::string DataTable::where(std::size_t row) const { return fmt::format("{}:{}", path_, line_of(row)); }

std::string DataTable::where(std::size_t row, const Column& column) const {
  return fmt::format("{}:{}:{}", path_, line_of(row), column.field);
}

DataTable DataTable::select_rows(std::span<const std::size_t> index) const {
  DataTable out(path_);
  out.rows_ = index.size();
  out.names_ = names_;
  out.lines_ = lines_;
  out.columns_.reserve(columns_.size());
  for (const Column& from : columns_) {
    Column to;
    to.name = from.name;
    to.kind = from.kind;
    to.field = from.field;
    to.levels = from.levels;
    if (from.is_numeric()) {
      to.numbers.reserve(index.size());
      for (const std::size_t row : index) to.numbers.push_back(from.numbers[row]);
    } else {
      to.codes.reserve(index.size());
      for (const std::size_t row : index) to.codes.push_back(from.codes[row]);
    }
    out.columns_.push_back(std::move(to));
  }
  out.source_rows_.reserve(index.size());
  for (const std::size_t row : index) out.source_rows_.push_back(source_rows_.empty() ? row : source_rows_[row]);
  return out;
}

DataTable DataTable::select_columns(const std::set<std::string, std::less<>>& keep) const {
  DataTable out(path_);
  out.rows_ = rows_;
  out.names_ = names_;
  out.lines_ = lines_;
  out.source_rows_ = source_rows_;
  for (const Column& column : columns_)
    if (keep.contains(column.name)) out.columns_.push_back(column);
  return out;
}

Result<const Column*> require_column(const DataTable& table, std::string_view name, std::string_view flag) {
  if (const Column* column = table.find(name)) return column;
  const std::vector<std::string>& names = table.names();
  const std::string near = did_you_mean(name, names);
  Error error{ErrorCode::kNotFound,
              fmt::format("{} has no column {}{}", table.path(), gimbal::quoted(name), near),
              {},
              std::string(flag)};
  if (near.empty()) {
    constexpr std::size_t kListed = 40;
    std::vector<std::string> listed(names.begin(),
                                    names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kListed)));
    if (names.size() > kListed) listed.push_back(fmt::format("... and {} more", names.size() - kListed));
    error.notes.push_back(fmt::format("columns: {}", join(listed, ", ")));
  }
  if (names.size() == 1 && names[0].find_first_of(";\t|") != std::string::npos) {
    error.notes.push_back("the file has a single column: fields are separated by commas (tabs in a .tsv file)");
  }
  return fail(std::move(error));
}

Result<std::vector<double>> finite_numbers(const DataTable& table, const Column& column, std::string_view role,
                                           std::string_view hint, double largest) {
  std::vector<double> values = numbers_or_nan(column);
  Diagnostics diagnostics;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (std::fabs(values[row]) <= largest) continue;
    if (std::isfinite(values[row])) {
      diagnostics.add(table.where(row, column),
                      fmt::format("{} {} must lie within -{} and {}, found {}", role, gimbal::quoted(column.name),
                                  shortest(largest), shortest(largest), gimbal::quoted(column.text(row))));
      continue;
    }
    const bool first = diagnostics.empty();
    diagnostics.add(
        table.where(row, column),
        fmt::format("{} {} must be a finite number, found {}{}{}", role, gimbal::quoted(column.name),
                    gimbal::quoted(column.text(row)), first && !hint.empty() ? "; " : "", first ? hint : std::string_view()));
  }
  if (!diagnostics.empty()) return fail(diagnostics.to_error(ErrorCode::kParseError));
  return values;
}

std::vector<double> numbers_or_nan(const Column& column) {
  if (column.is_numeric()) return column.numbers;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> of_level;
  of_level.reserve(column.levels.size());
  for (const std::string& level : column.levels) of_level.push_back(parse_finite(level).value_or(kNan));
  std::vector<double> values;
  values.reserve(column.codes.size());
  for (const std::int32_t code : column.codes)
    values.push_back(code == Column::kMissing ? kNan : of_level[static_cast<std::size_t>(code)]);
  return values;
}

Categories as_categories(const Column& column) {
  if (!column.is_numeric()) return {column.codes, column.levels};
  Categories out;
  out.codes.reserve(column.numbers.size());
  std::unordered_map<double, std::int32_t> code_of;  // -0.0 and 0.0 are one key: the first one names the level
  for (const double number : column.numbers) {
    if (std::isnan(number)) {
      out.codes.push_back(Column::kMissing);
      continue;
    }
    const auto [at, added] = code_of.try_emplace(number, static_cast<std::int32_t>(out.levels.size()));
    if (added) out.levels.push_back(shortest(number == 0 ? 0.0 : number));
    out.codes.push_back(at->second);
  }
  return out;
}

Result<Categories> require_categories(const DataTable& table, const Column& column, std::string_view role,
                                      std::string_view hint) {
  Categories out = as_categories(column);
  Diagnostics diagnostics;
  for (std::size_t row = 0; row < out.codes.size(); ++row) {
    if (out.codes[row] != Column::kMissing) continue;
    const bool first = diagnostics.empty();
    diagnostics.add(table.where(row, column),
                    fmt::format("{} {} must not be empty{}{}", role, gimbal::quoted(column.name),
                                first && !hint.empty() ? "; " : "", first ? hint : std::string_view()));
  }
  if (!diagnostics.empty()) return fail(diagnostics.to_error(ErrorCode::kParseError));
  return out;
}

std::vector<Duplicate> find_duplicates(const Column& column) {
  const Categories values = as_categories(column);
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> first(values.levels.size(), kNone);
  std::vector<Duplicate> out;
  for (std::size_t row = 0; row < values.codes.size(); ++row) {
    if (values.codes[row] == Column::kMissing) continue;
    const auto code = static_cast<std::size_t>(values.codes[row]);
    if (first[code] == kNone)
      first[code] = row;
    else
      out.push_back({values.levels[code], first[code], row});
  }
  return out;
}

Result<void> require_distinct(const DataTable& table, const Column& column, std::string_view role) {
  Diagnostics diagnostics;
  for (const Duplicate& duplicate : find_duplicates(column)) {
    diagnostics.add(table.where(duplicate.row, column),
                    fmt::format("{} {} stands already in line {}", role, gimbal::quoted(duplicate.value),
                                table.line_of(duplicate.first_row)));
  }
  if (!diagnostics.empty()) return fail(diagnostics.to_error(ErrorCode::kConflict));
  return {};
}

}  // namespace gimbal::data
