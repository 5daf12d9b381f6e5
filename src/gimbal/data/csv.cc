// The columnar reader. A batch of blocks is parsed on the pool while the next batch is read; then the blocks are appended to
// the table in order. What a column is (numbers or text) may change on the way:
//   numbers so far, all of them empty cells  -> becomes text at once;
//   numbers so far, and now text             -> the original text of earlier cells is gone: the column is left out of this
//   pass,
//                                               and a second pass over the file reads such columns as text;
//   text so far, a block parsed as numbers   -> (parsed before the change was known) the block is parsed again.
#include "gimbal/data/csv.h"

#include <algorithm>
#include <utility>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"
#include "gimbal/data/csv_blocks.h"
#include "gimbal/data/csv_header.h"
#include "gimbal/data/csv_parse.h"

namespace gimbal::data {
namespace {

using BlockPtr = std::shared_ptr<const TextBlock>;

struct PassColumn {
  enum class State { kNumbers, kText, kLate };
  State state = State::kNumbers;
  bool any_number = false;
  std::vector<double> numbers;
  std::vector<std::int32_t> codes;
  Dictionary dictionary;
};

// One pass over a file: some of its columns, all of its problems.
class Pass {
 public:
  // `fields`: the 0-based fields to load, ascending; `text`: which of them are text from the start.
  Pass(BlockReader& blocks, const CsvOptions& options, char separator, std::vector<std::size_t> fields,
       const std::vector<char>& text)
      : blocks_(blocks),
        max_rows_(options.max_rows),
        separator_(separator),
        fields_(std::move(fields)),
        columns_(fields_.size()) {
    for (std::size_t k = 0; k < columns_.size(); ++k)
      if (text[k]) columns_[k].state = PassColumn::State::kText;
  }

  // `first`: the file's first block, `header` what stands at its begin.
  Result<void> run(BlockPtr first, const CsvHeader& header) {
    field_count_ = header.names.size();
    next_line_ = header.line_feeds + 1;
    // The first block alone decides what most columns are, so that few blocks are parsed twice.
    std::vector<BlockPtr> batch = {std::move(first)};
    std::size_t skip = header.bytes;
    const std::size_t batch_size = 2 * static_cast<std::size_t>(std::max(1, thread_count()));
    while (!batch.empty() && rows_ < max_rows_) {
      const BlockPlan plan = current_plan();
      std::vector<ParsedBlock> parsed(batch.size());
      Result<std::vector<BlockPtr>> next = std::vector<BlockPtr>();
      parallel_for(batch.size() + 1, 1, [&](std::size_t begin, std::size_t) {
        if (begin == 0)
          next = read_batch(batch_size);
        else
          parsed[begin - 1] = parse_block(batch[begin - 1]->text().substr(begin == 1 ? skip : 0), plan, max_rows_);
      });
      for (std::size_t i = 0; i < batch.size() && rows_ < max_rows_; ++i)
        append(batch[i]->text().substr(i == 0 ? skip : 0), std::move(parsed[i]));
      if (!next) {
        if (rows_ >= max_rows_) break;
        if (!diagnostics_.empty()) break;
        if (next.error().code == ErrorCode::kParseError) next.error().where = fmt::format("{}:{}", blocks_.name(), next_line_);
        return fail(std::move(next).error());
      }
      batch = std::move(*next);
      skip = 0;
    }
    if (!diagnostics_.empty()) return fail(diagnostics_.to_error(ErrorCode::kParseError));
    return {};
  }

  std::size_t rows() const { return rows_; }
  std::size_t next_line() const { return next_line_; }
  LineMap take_lines() { return std::move(lines_); }
  bool is_late(std::size_t k) const { return columns_[k].state == PassColumn::State::kLate; }
  Column take_column(std::size_t k, std::string name) {
    PassColumn& from = columns_[k];
    Column to;
    to.name = std::move(name);
    to.field = fields_[k] + 1;
    if (from.state == PassColumn::State::kText) {
      to.kind = ColumnKind::kText;
      to.codes = std::move(from.codes);
      to.levels = from.dictionary.take_levels();
    } else {
      to.numbers = std::move(from.numbers);
    }
    return to;
  }

 private:
  Result<std::vector<BlockPtr>> read_batch(std::size_t count) {
    std::vector<BlockPtr> batch;
    while (batch.size() < count) {
      GIMBAL_TRY(auto block, blocks_.next());
      if (!block) break;
      batch.push_back(std::move(*block));
    }
    return batch;
  }

  BlockPlan current_plan() const {
    BlockPlan plan;
    plan.separator = separator_;
    plan.field_count = field_count_;
    plan.fields = fields_;
    for (const PassColumn& column : columns_) {
      switch (column.state) {
        case PassColumn::State::kNumbers:
          plan.modes.push_back(BlockPlan::Mode::kTryNumbers);
          break;
        case PassColumn::State::kText:
          plan.modes.push_back(BlockPlan::Mode::kText);
          break;
        case PassColumn::State::kLate:
          plan.modes.push_back(BlockPlan::Mode::kSkip);
          break;
      }
    }
    return plan;
  }

  void append(std::string_view text, ParsedBlock block) {
    const std::size_t left = max_rows_ - rows_;
    bool again = block.rows > left;
    for (std::size_t k = 0; k < columns_.size(); ++k)
      again = again || (columns_[k].state == PassColumn::State::kText && !block.columns[k].text);
    if (again) block = parse_block(text, current_plan(), left);

    for (CsvProblem& problem : block.problems) add_problem(std::move(problem));
    for (std::size_t i = block.problems.size(); i < block.problem_count; ++i) diagnostics_.add("", "");
    lines_of(block);
    for (std::size_t k = 0; k < columns_.size(); ++k) append_column(columns_[k], block.columns[k]);
    rows_ += block.rows;
    next_line_ += block.lines;
  }

  void add_problem(CsvProblem problem) {
    std::string where = fmt::format("{}:{}", blocks_.name(), next_line_ + problem.line);
    if (problem.field != 0) where += fmt::format(":{}", problem.field);
    diagnostics_.add(std::move(where), std::move(problem.message));
  }

  void lines_of(const ParsedBlock& block) {
    if (block.rows == 0) return;
    if (block.breaks.empty() || block.breaks[0].row != 0) lines_.set(rows_, next_line_);
    for (const auto& at : block.breaks) lines_.set(rows_ + at.row, next_line_ + at.line);
  }

  static void append_column(PassColumn& column, const BlockColumn& from) {
    using State = PassColumn::State;
    if (column.state == State::kLate) return;
    if (column.state == State::kNumbers && from.text) {
      if (column.any_number) {
        column = {};
        column.state = State::kLate;
        return;
      }
      column.state = State::kText;
      column.codes.assign(column.numbers.size(), Column::kMissing);
      column.numbers = {};
    }
    if (column.state == State::kNumbers) {
      column.any_number = column.any_number || from.any_number;
      column.numbers.insert(column.numbers.end(), from.numbers.begin(), from.numbers.end());
      return;
    }
    std::vector<std::int32_t> code_here;
    code_here.reserve(from.dictionary.levels().size());
    for (const std::string& level : from.dictionary.levels()) code_here.push_back(column.dictionary.code_of(level));
    for (const std::int32_t code : from.codes)
      column.codes.push_back(code == Column::kMissing ? code : code_here[static_cast<std::size_t>(code)]);
  }

  BlockReader& blocks_;
  std::size_t max_rows_;
  char separator_;
  std::vector<std::size_t> fields_;
  std::vector<PassColumn> columns_;
  std::size_t field_count_ = 0;
  std::size_t rows_ = 0;
  std::size_t next_line_ = 1;  // physical line at which the next block begins
  LineMap lines_;
  Diagnostics diagnostics_;
};

Result<DataTable> read_blocks(BlockReader& blocks, const CsvOptions& options, char separator) {
  GIMBAL_TRY(CsvStart start, read_start(blocks, separator));
  const CsvHeader header = std::move(start.header);

  std::vector<std::size_t> fields;
  std::vector<char> text;
  for (std::size_t i = 0; i < header.names.size(); ++i) {
    if (options.only && !options.only->contains(header.names[i])) continue;
    fields.push_back(i);
    text.push_back(options.text_columns.contains(header.names[i]));
  }
  Pass pass(blocks, options, separator, fields, text);
  GIMBAL_TRY(pass.run(std::exchange(start.block, nullptr), header));
  if (pass.rows() == 0) return no_rows_error(blocks.name(), pass.next_line(), header.names.size());

  std::vector<Column> columns(fields.size());
  std::vector<std::size_t> late;
  for (std::size_t k = 0; k < fields.size(); ++k) {
    if (pass.is_late(k))
      late.push_back(fields[k]);
    else
      columns[k] = pass.take_column(k, header.names[fields[k]]);
  }
  if (!late.empty()) {
    GIMBAL_TRY(blocks.rewind());
    GIMBAL_TRY(CsvStart again, read_start(blocks, separator));
    Pass second(blocks, options, separator, late, std::vector<char>(late.size(), 1));
    GIMBAL_TRY(second.run(std::move(again.block), again.header));
    if (second.rows() != pass.rows() || again.header.names != header.names) {
      return fail_at(blocks.name(), ErrorCode::kConflict, "the file changed while it was read: {} rows, then {}", pass.rows(),
                     second.rows());
    }
    for (std::size_t j = 0, k = 0; j < late.size(); ++j) {
      while (fields[k] != late[j]) ++k;
      columns[k] = second.take_column(j, header.names[late[j]]);
    }
  }
  DataTable table(blocks.name());
  for (Column& column : columns) table.add_column(std::move(column));
  table.set_source(header.names, pass.take_lines(), pass.rows());
  return table;
}

}  // namespace

char separator_of(std::string_view path) {
  if (path.ends_with(".gz")) path.remove_suffix(3);
  return path.ends_with(".tsv") ? '\t' : ',';
}

Result<DataTable> read_table(const std::string& path, const CsvOptions& options) {
  GIMBAL_TRY(BlockReader blocks, BlockReader::open(path, options.block_bytes));
  return read_blocks(blocks, options, options.separator.value_or(separator_of(path)));
}

Result<DataTable> parse_table(std::string_view text, std::string_view name, const CsvOptions& options) {
  BlockReader blocks = BlockReader::from_text(text, std::string(name), options.block_bytes);
  return read_blocks(blocks, options, options.separator.value_or(separator_of(name)));
}

}  // namespace gimbal::data
