#include "gimbal/data/csv_header.h"

#include <map>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/data/csv_parse.h"

namespace gimbal::data {
namespace {

// Names that are all numbers are data, unless they count the columns (0,1,2,... or 1,2,3,...) as a matrix written by other
// tools does.
bool looks_like_data(const std::vector<std::string>& names) {
  bool counts = true;
  double first = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto number = parse_finite(names[i]);
    if (!number) return false;
    if (i == 0) first = *number;
    counts = counts && *number == first + static_cast<double>(i);
  }
  return !(counts && (first == 0 || first == 1) && names.size() > 1);
}

}  // namespace

tl::unexpected<Error> no_rows_error(std::string_view name, std::size_t line, std::size_t field_count) {
  return fail_at(fmt::format("{}:{}", name, line), ErrorCode::kParseError,
                 "expected rows of {} field{} below the header, found the end of the file", field_count,
                 field_count == 1 ? "" : "s");
}

Result<void> require_utf8(std::string_view row, std::string_view name, std::size_t line) {
  const auto bad = find_invalid_utf8(row);
  if (!bad) return {};
  std::size_t start = 0;
  for (std::size_t feed; (feed = row.find('\n', start)) < *bad; start = feed + 1) ++line;
  return fail_at(fmt::format("{}:{}", name, line), ErrorCode::kParseError, "{}",
                 not_utf8_message(row.substr(start), *bad - start));
}

namespace {

// `line`: line feeds before `text`, which begins with blank lines or the header.
Result<CsvHeader> read_header(std::string_view text, std::string_view name, char separator, std::size_t line) {
  const char* at = text.data();
  SplitRow row;
  CsvHeader header;
  while (skip_blank_line(at)) ++line;
  header.line = line + 1;
  const char* const start = at;
  const bool good = split_row(at, text.data() + text.size(), separator, line, row);
  GIMBAL_TRY(require_utf8({start, static_cast<std::size_t>(at - start)}, name, header.line));
  if (!good) {
    return fail_at(fmt::format("{}:{}:{}", name, header.line, row.problem.field), ErrorCode::kParseError, "{}",
                   row.problem.message);
  }
  header.line_feeds = line;
  header.bytes = static_cast<std::size_t>(at - text.data());
  for (const std::string_view field : row.fields) {
    header.names.push_back(field.empty() ? fmt::format("unnamed_{}", header.names.size() + 1) : std::string(field));
  }
  if (looks_like_data(header.names)) {
    return fail_at(fmt::format("{}:{}", name, header.line), ErrorCode::kParseError,
                   "expected a header line with {} column name{}, found numbers only; add a header line", header.names.size(),
                   header.names.size() == 1 ? "" : "s");
  }
  Diagnostics diagnostics;
  std::map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < header.names.size(); ++i) {
    const auto [first, added] = seen.try_emplace(header.names[i], i + 1);
    if (added) continue;
    diagnostics.add(fmt::format("{}:{}:{}", name, header.line, i + 1),
                    fmt::format("column name {} stands already in field {}", gimbal::quoted(header.names[i]), first->second));
  }
  if (!diagnostics.empty()) return fail(diagnostics.to_error(ErrorCode::kParseError));
  return header;
}

}  // namespace

Result<CsvStart> read_start(BlockReader& blocks, char separator) {
  std::size_t lines = 0;
  while (true) {
    GIMBAL_TRY(auto block, blocks.next());
    if (!block) {
      return fail_at(fmt::format("{}:1", blocks.name()), ErrorCode::kParseError,
                     "expected a header line with column names, found an empty file");
    }
    const std::string_view text = (*block)->text();
    if (lines == 0 && (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))) {
      return fail_at(fmt::format("{}:1", blocks.name()), ErrorCode::kParseError,
                     "expected UTF-8, found UTF-16; save the file as UTF-8");
    }
    const char* at = text.data();
    const char* const end = at + text.size();
    std::size_t blank = 0;
    while (at < end && skip_blank_line(at)) ++blank;
    if (at == end) {
      lines += blank;
      continue;
    }
    GIMBAL_TRY(CsvHeader header, read_header(text, blocks.name(), separator, lines));
    return CsvStart{std::move(*block), std::move(header)};
  }
}

}  // namespace gimbal::data
