// Any bytes: the table and the row reader agree on header, cells and the first error, at any block size; what was read is
// written and read back.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/text.h"
#include "gimbal/data/csv.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

std::string all_cells(const gimbal::data::DataTable& table) {
  std::string out;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    out += std::to_string(table.line_of(row));
    for (const auto& column : table.columns()) out += "|" + column.text(row);
    out += "\n";
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gimbal::data;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CsvOptions options;
  options.block_bytes = 4096;
  const auto table = parse_table(text, "fuzz.csv", options);
  options.block_bytes = 5;
  const auto in_blocks = parse_table(text, "fuzz.csv", options);
  require(table.has_value() == in_blocks.has_value());
  if (!table) {
    // Behind a misplaced quote the blocks may be cut elsewhere: the first error is the one that is certain.
    require(table.error().where == in_blocks.error().where && table.error().message == in_blocks.error().message);
    require(gimbal::is_utf8(table.error().text()));
  } else {
    require(all_cells(*table) == all_cells(*in_blocks));
  }

  auto reader = CsvReader::from_text(std::string(text), "fuzz.csv", options);
  bool good = reader.has_value();
  std::size_t rows = 0;
  std::vector<std::string> as_text;
  while (good) {
    std::vector<std::string_view> fields;
    const auto more = reader->next(fields);
    good = more.has_value();
    if (!good || !*more) break;
    require(fields.size() == reader->header().size());
    if (table) {
      require(reader->line() == table->line_of(rows));
      for (std::size_t c = 0; c < fields.size(); ++c) {
        const Column& column = table->columns()[c];
        require(column.is_missing(rows) == fields[c].empty());
        require(column.is_numeric() || column.text(rows) == fields[c]);
      }
    }
    ++rows;
  }
  require(good == table.has_value());
  if (!table) return 0;
  require(rows == table->rows());

  const std::string written = to_csv(*table);
  const auto back = parse_table(written, "fuzz.csv", {.block_bytes = 4096});
  require(back.has_value() && back->names() == table->names());
  require(to_csv(*back) == written);
  return 0;
}
