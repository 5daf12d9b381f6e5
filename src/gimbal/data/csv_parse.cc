// A row is parsed field by field with one pass over its bytes. In a numeric column the number is read where it stands, and only
// if that fails is the field's end looked for; in a text column and in fields that are not loaded the end is looked for at
// once. When a cell of a column that was tried as numbers turns out to be text, the pass goes on to find all such columns of
// the block, and the block is parsed once more.
#include "gimbal/data/csv_parse.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "gimbal/base/number.h"
#include "gimbal/base/result.h"
#include "gimbal/base/text.h"
#include "gimbal/data/number_scan.h"

namespace gimbal::data {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kStrayQuote =
    "a quote inside a field that does not begin with one; put the field in quotes and double it";
constexpr const char* kAfterQuote = "text after the closing quote; a quote inside a quoted field is written twice";
constexpr const char* kOpenQuote = "the quote that opens this field is not closed";

// Ends of unquoted fields: the separator, a line feed, or a quote (which is a mistake there).
class FieldEnds {
 public:
  explicit FieldEnds(char separator) {
    ends_[static_cast<unsigned char>(separator)] = ends_[static_cast<unsigned char>('\n')] =
        ends_[static_cast<unsigned char>('"')] = true;
  }
  const char* find(const char* at) const {
    while (!ends_[static_cast<unsigned char>(*at)]) ++at;
    return at;
  }

 private:
  std::array<bool, 256> ends_{};
};

struct QuotedField {
  std::string_view value;
  const char* next = nullptr;     // the separator or line feed that ends the field; where to go on after a problem
  const char* problem = nullptr;  // message
  std::size_t line_feeds = 0;     // inside the field
};

// `at`: the opening quote. Doubled quotes are resolved into `scratch`, behind what it holds (its capacity must suffice: views
// into it live on).
QuotedField scan_quoted(const char* at, const char* end, char separator, std::string& scratch) {
  QuotedField field;
  const char* const first = at + 1;
  const char* from = first;
  const std::size_t scratch_start = scratch.size();
  bool doubled = false;
  while (true) {
    const auto* quote = static_cast<const char*>(std::memchr(from, '"', static_cast<std::size_t>(end - from)));
    if (!quote) {
      field.problem = kOpenQuote;
      field.next = end - 1;
      field.line_feeds = static_cast<std::size_t>(std::count(first, end - 1, '\n'));
      return field;
    }
    if (quote[1] == '"' && quote + 1 < end) {
      scratch.append(from, quote + 1);
      doubled = true;
      from = quote + 2;
      continue;
    }
    if (doubled) {
      scratch.append(from, quote);
      field.value = std::string_view(scratch).substr(scratch_start);
    } else {
      field.value = std::string_view(first, static_cast<std::size_t>(quote - first));
    }
    field.line_feeds = static_cast<std::size_t>(std::count(first, quote, '\n'));
    field.next = quote + 1;
    if (*field.next == '\r' && field.next[1] == '\n') ++field.next;
    if (*field.next != separator && *field.next != '\n') {
      field.problem = kAfterQuote;
      field.next = static_cast<const char*>(std::memchr(field.next, '\n', static_cast<std::size_t>(end - field.next)));
    }
    return field;
  }
}

// An unquoted field from `at` to `stop`, without the carriage return of a line end.
std::string_view unquoted_field(const char* at, const char* stop) {
  const char* last = stop;
  if (*stop == '\n' && last > at && last[-1] == '\r') --last;
  return {at, static_cast<std::size_t>(last - at)};
}

struct TextFacts {
  std::size_t line_feeds = 0;
  bool ascii = true;
};

TextFacts facts_of(std::string_view text) {
  TextFacts facts;
  std::uint64_t high = 0;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    high |= word;
    // A byte is zero in `x` where the word has a line feed; its top bit in `zero` is then set, exactly (no carries between
    // bytes).
    const std::uint64_t x = word ^ 0x0A0A0A0A0A0A0A0Au;
    const std::uint64_t zero = ~(((x & 0x7F7F7F7F7F7F7F7Fu) + 0x7F7F7F7F7F7F7F7Fu) | x | 0x7F7F7F7F7F7F7F7Fu);
    facts.line_feeds += ((zero >> 7) * 0x0101010101010101u) >> 56;
  }
  for (; i < text.size(); ++i) {
    high |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i]));
    facts.line_feeds += text[i] == '\n';
  }
  facts.ascii = (high & 0x8080808080808080u) == 0;
  return facts;
}

// One problem a line that is not UTF-8.
template <typename Report>
void check_utf8(std::string_view text, const Report& report) {
  std::size_t line = 0;
  std::size_t line_start = 0;
  std::size_t from = 0;
  while (const auto bad = find_invalid_utf8(text.substr(from))) {
    const std::size_t at = from + *bad;
    for (std::size_t feed; (feed = text.find('\n', line_start)) < at; line_start = feed + 1) ++line;
    report(CsvProblem{line, 0, not_utf8_message(text.substr(line_start), at - line_start)});
    const std::size_t feed = text.find('\n', at);
    if (feed == std::string_view::npos) return;
    from = line_start = feed + 1;
    ++line;
  }
}

class BlockParser {
 public:
  BlockParser(std::string_view text, const BlockPlan& plan, std::size_t max_rows)
      : text_(text), plan_(plan), ends_(plan.separator), max_rows_(max_rows), slot_of_field_(plan.field_count, -1) {
    for (std::size_t k = 0; k < plan.fields.size(); ++k)
      if (plan.modes[k] != Mode::kSkip) slot_of_field_[plan.fields[k]] = static_cast<int>(k);
  }

  ParsedBlock run() {
    const TextFacts facts = facts_of(text_);
    std::vector<Mode> modes = plan_.modes;
    while (true) {
      start(modes, std::min(facts.line_feeds, max_rows_));
      parse_rows();
      bool again = false;
      for (std::size_t k = 0; k < modes.size(); ++k) {
        if (!failed_[k]) continue;
        modes[k] = Mode::kText;
        again = true;
      }
      if (!again) break;
    }
    out_.lines = facts.line_feeds;
    if (!facts.ascii) {
      check_utf8(text_.substr(0, consumed_), [this](CsvProblem problem) { report(std::move(problem)); });
      std::stable_sort(out_.problems.begin(), out_.problems.end(),
                       [](const CsvProblem& a, const CsvProblem& b) { return a.line < b.line; });
    }
    for (BlockColumn& column : out_.columns) {
      column.numbers.resize(std::min(column.numbers.size(), out_.rows));
      column.codes.resize(std::min(column.codes.size(), out_.rows));
    }
    return std::move(out_);
  }

 private:
  using Mode = BlockPlan::Mode;

  void start(const std::vector<Mode>& modes, std::size_t row_bound) {
    out_ = {};
    failed_.assign(modes.size(), 0);
    out_.columns.resize(modes.size());
    for (std::size_t k = 0; k < modes.size(); ++k) {
      BlockColumn& column = out_.columns[k];
      column.text = modes[k] == Mode::kText;
      if (modes[k] == Mode::kText) column.codes.resize(row_bound);
      if (modes[k] == Mode::kTryNumbers) column.numbers.resize(row_bound);
    }
  }

  void report(CsvProblem problem) {
    ++out_.problem_count;
    if (out_.problems.size() <= 2 * Diagnostics::kKept) out_.problems.push_back(std::move(problem));
  }

  void parse_rows() {
    const char* at = text_.data();
    const char* const end = at + text_.size();
    std::size_t line = 0;
    std::size_t expected_line = 0;
    while (at < end && out_.rows < max_rows_) {
      if (skip_blank_line(at)) {
        ++line;
        continue;
      }
      const std::size_t row_line = line;
      if (!parse_row(at, end, line)) continue;
      if (row_line != expected_line) out_.breaks.push_back({out_.rows, row_line});
      expected_line = row_line + 1;
      ++out_.rows;
    }
    consumed_ = static_cast<std::size_t>(at - text_.data());
  }

  // Returns whether the row is good. Cells of a bad row are overwritten by the next one.
  bool parse_row(const char*& at, const char* end, std::size_t& line) {
    const char separator = plan_.separator;
    const std::size_t row_line = line;
    const std::size_t row = out_.rows;
    const std::size_t field_count = plan_.field_count;
    for (std::size_t field = 0;; ++field) {
      const int slot = field < field_count ? slot_of_field_[field] : -1;
      const char* stop;
      if (*at == '"') {
        scratch_.clear();
        const QuotedField quoted = scan_quoted(at, end, separator, scratch_);
        line += quoted.line_feeds;
        if (quoted.problem) {
          report({row_line, field + 1, quoted.problem});
          at = quoted.next + 1;
          ++line;
          return false;
        }
        if (slot >= 0) store(static_cast<std::size_t>(slot), row, quoted.value);
        stop = quoted.next;
      } else {
        if (slot >= 0 && !out_.columns[static_cast<std::size_t>(slot)].text) {
          BlockColumn& column = out_.columns[static_cast<std::size_t>(slot)];
          double value;
          const char* after = scan_short_number(at, value);
          if (after && (*after == separator || *after == '\n' || (*after == '\r' && after[1] == '\n'))) {
            column.numbers[row] = value;
            column.any_number = true;
            stop = after + (*after == '\r');
          } else {
            stop = ends_.find(at);
            if (*stop != '"') store(static_cast<std::size_t>(slot), row, unquoted_field(at, stop));
          }
        } else {
          stop = ends_.find(at);
          if (slot >= 0 && *stop != '"') store(static_cast<std::size_t>(slot), row, unquoted_field(at, stop));
        }
        if (*stop == '"') {
          report({row_line, field + 1, kStrayQuote});
          at = static_cast<const char*>(std::memchr(stop, '\n', static_cast<std::size_t>(end - stop))) + 1;
          ++line;
          return false;
        }
      }
      at = stop + 1;
      if (*stop == '\n') {
        ++line;
        if (field + 1 == field_count) return true;
        report({row_line, 0, ragged_message(field_count, field + 1)});
        return false;
      }
    }
  }

  void store(std::size_t slot, std::size_t row, std::string_view cell) {
    BlockColumn& column = out_.columns[slot];
    if (column.text) {
      column.codes[row] = cell.empty() ? Column::kMissing : column.dictionary.code_of(cell);
    } else if (cell.empty()) {
      column.numbers[row] = kNan;
    } else if (const auto number = parse_finite(cell)) {
      column.numbers[row] = *number;
      column.any_number = true;
    } else {
      failed_[slot] = 1;
    }
  }

  std::string_view text_;
  const BlockPlan& plan_;
  FieldEnds ends_;
  std::size_t max_rows_;
  std::vector<int> slot_of_field_;
  std::vector<char> failed_;  // columns in which a cell of this block is not a number
  std::size_t consumed_ = 0;
  std::string scratch_;
  ParsedBlock out_;
};

}  // namespace

bool skip_blank_line(const char*& at) {
  if (*at == '\n')
    ++at;
  else if (*at == '\r' && at[1] == '\n')
    at += 2;
  else
    return false;
  return true;
}

bool split_row(const char*& at, const char* end, char separator, std::size_t& line, SplitRow& row) {
  row.fields.clear();
  row.unquoted.clear();
  row.problem = {line, 0, ""};
  if (skip_blank_line(at)) {
    ++line;
    return false;
  }
  const FieldEnds ends(separator);
  while (true) {
    const char* stop;
    const char* problem = nullptr;
    if (*at == '"') {
      // Views into `unquoted` must stay valid: it never needs more than what is left of the text.
      const auto left = static_cast<std::size_t>(end - at);
      if (row.unquoted.capacity() < left) row.unquoted.reserve(left);
      const QuotedField quoted = scan_quoted(at, end, separator, row.unquoted);
      line += quoted.line_feeds;
      row.fields.push_back(quoted.value);
      problem = quoted.problem;
      stop = quoted.next;
    } else {
      stop = ends.find(at);
      if (*stop == '"') {
        problem = kStrayQuote;
        stop = static_cast<const char*>(std::memchr(stop, '\n', static_cast<std::size_t>(end - stop)));
      }
      row.fields.push_back(unquoted_field(at, stop));
    }
    at = stop + 1;
    if (problem) {
      row.problem.field = row.fields.size();
      row.problem.message = problem;
      ++line;
      return false;
    }
    if (*stop == '\n') {
      ++line;
      return true;
    }
  }
}

std::string not_utf8_message(std::string_view line, std::size_t at) {
  return fmt::format("expected UTF-8, found byte 0x{:02X} at column {}", static_cast<unsigned char>(line[at]),
                     code_point_column(line, at));
}

std::string ragged_message(std::size_t expected, std::size_t found) {
  return fmt::format("expected {} field{}, found {}", expected, expected == 1 ? "" : "s", found);
}

ParsedBlock parse_block(std::string_view text, const BlockPlan& plan, std::size_t max_rows) {
  return BlockParser(text, plan, max_rows).run();
}

}  // namespace gimbal::data
