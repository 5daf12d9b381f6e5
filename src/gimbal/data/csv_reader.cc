#include <utility>

#include "gimbal/data/csv.h"
#include "gimbal/data/csv_blocks.h"
#include "gimbal/data/csv_header.h"
#include "gimbal/data/csv_parse.h"

namespace gimbal::data {

struct CsvReader::State {
  State(BlockReader reader, const CsvOptions& options, char separator_in)
      : blocks(std::move(reader)), separator(separator_in), max_rows(options.max_rows) {}

  // The next block that is not empty into `block`; false at the end.
  Result<bool> advance() {
    GIMBAL_TRY(auto next_block, blocks.next());
    if (!next_block) return false;
    block = std::move(*next_block);
    enter(0);
    return true;
  }
  void enter(std::size_t skip) {
    at = block->text().data() + skip;
    end = block->text().data() + block->text().size();
  }

  BlockReader blocks;
  char separator;
  std::size_t max_rows;
  std::unique_ptr<std::string> owned_text;  // of from_text: stays where it is while the state moves
  CsvHeader header;
  std::shared_ptr<const TextBlock> block;
  const char* at = nullptr;
  const char* end = nullptr;
  std::size_t lines = 0;     // line feeds before `at`
  std::size_t row_line = 0;  // of the last row
  std::size_t rows = 0;
  SplitRow row;
};

CsvReader::CsvReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
CsvReader::CsvReader(CsvReader&&) noexcept = default;
CsvReader& CsvReader::operator=(CsvReader&&) noexcept = default;
CsvReader::~CsvReader() = default;

namespace {

// Reads the first block and its header.
template <typename State>
Result<void> begin(State& state) {
  GIMBAL_TRY(CsvStart start, read_start(state.blocks, state.separator));
  state.block = std::move(start.block);
  state.header = std::move(start.header);
  state.enter(state.header.bytes);
  state.lines = state.header.line_feeds;
  state.row_line = state.header.line;
  return {};
}

}  // namespace

Result<CsvReader> CsvReader::open(const std::string& path, const CsvOptions& options) {
  GIMBAL_TRY(BlockReader blocks, BlockReader::open(path, options.block_bytes));
  blocks.read_once();
  auto state = std::make_unique<State>(std::move(blocks), options, options.separator.value_or(separator_of(path)));
  GIMBAL_TRY(begin(*state));
  return CsvReader(std::move(state));
}

Result<CsvReader> CsvReader::from_text(std::string text, std::string name, const CsvOptions& options) {
  auto owned = std::make_unique<std::string>(std::move(text));
  auto state = std::make_unique<State>(BlockReader::from_text(*owned, name, options.block_bytes), options,
                                       options.separator.value_or(separator_of(name)));
  state->owned_text = std::move(owned);
  GIMBAL_TRY(begin(*state));
  return CsvReader(std::move(state));
}

const std::vector<std::string>& CsvReader::header() const { return state_->header.names; }
std::size_t CsvReader::line() const { return state_->row_line; }

Result<bool> CsvReader::next(std::vector<std::string_view>& fields) {
  State& s = *state_;
  const std::string& name = s.blocks.name();
  while (true) {
    if (s.rows >= s.max_rows) return false;
    if (s.at == s.end) {
      auto more = s.advance();
      if (!more) {
        if (more.error().code == ErrorCode::kParseError) more.error().where = fmt::format("{}:{}", name, s.lines + 1);
        return fail(std::move(more).error());
      }
      if (*more) continue;
      if (s.rows == 0) return no_rows_error(name, s.lines + 1, s.header.names.size());
      return false;
    }
    const std::size_t line = s.lines + 1;
    const char* const start = s.at;
    const bool good = split_row(s.at, s.end, s.separator, s.lines, s.row);
    const std::string_view text(start, static_cast<std::size_t>(s.at - start));
    if (good) {
      GIMBAL_TRY(require_utf8(text, name, line));
      if (s.row.fields.size() != s.header.names.size()) {
        return fail_at(fmt::format("{}:{}", name, line), ErrorCode::kParseError, "{}",
                       ragged_message(s.header.names.size(), s.row.fields.size()));
      }
      s.row_line = line;
      ++s.rows;
      fields = s.row.fields;
      return true;
    }
    if (!s.row.problem.message.empty()) {
      return fail_at(fmt::format("{}:{}:{}", name, line, s.row.problem.field), ErrorCode::kParseError, "{}",
                     s.row.problem.message);
    }
  }
}

}  // namespace gimbal::data
