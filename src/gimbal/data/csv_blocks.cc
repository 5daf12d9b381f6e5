#include "gimbal/data/csv_blocks.h"

#include <algorithm>
#include <cstring>

#include "gimbal/base/number.h"
#include "gimbal/data/number_scan.h"

namespace gimbal::data {

Result<BlockReader> BlockReader::open(const std::string& path, std::size_t block_bytes) {
  BlockReader reader([path] { return open_bytes(path); }, display_name(path), block_bytes);
  GIMBAL_TRY(OpenedSource opened, reader.opener_());
  reader.source_ = std::move(opened.bytes);
  reader.keep_ = !opened.repeatable;
  return reader;
}

BlockReader BlockReader::from_text(std::string_view text, std::string name, std::size_t block_bytes) {
  BlockReader reader([text]() -> Result<OpenedSource> { return OpenedSource{bytes_of(text), true}; }, std::move(name),
                     block_bytes);
  reader.source_ = bytes_of(text);
  return reader;
}

Result<void> BlockReader::rewind() {
  if (keep_) {
    replay_ = 0;
    return {};
  }
  GIMBAL_TRY(OpenedSource opened, opener_());
  source_ = std::move(opened.bytes);
  buffer_.clear();
  scanned_ = row_end_ = 0;
  in_quotes_ = at_end_ = false;
  at_start_ = true;
  return {};
}

Result<std::optional<std::shared_ptr<const TextBlock>>> BlockReader::next() {
  if (replay_) {
    if (*replay_ < kept_.size()) return kept_[(*replay_)++];
    if (at_end_) return std::nullopt;
    replay_.reset();
  }
  GIMBAL_TRY(auto block, cut_next());
  if (keep_ && block) kept_.push_back(*block);
  return block;
}

void BlockReader::scan() {
  const char* const begin = buffer_.data();
  const char* const end = begin + buffer_.size();
  const char* at = begin + scanned_;
  while (at < end) {
    const auto* quote = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
    const char* const stop = quote ? quote : end;
    if (!in_quotes_) {
      if (const void* feed = memrchr(at, '\n', static_cast<std::size_t>(stop - at)))
        row_end_ = static_cast<std::size_t>(static_cast<const char*>(feed) - begin) + 1;
    }
    if (!quote) break;
    in_quotes_ = !in_quotes_;
    at = quote + 1;
  }
  scanned_ = buffer_.size();
}

Result<std::optional<std::shared_ptr<const TextBlock>>> BlockReader::cut_next() {
  while (!at_end_ && (buffer_.size() < block_bytes_ || row_end_ == 0)) {
    if (buffer_.size() > kMaxRowBytes) {
      return fail_at(name_, ErrorCode::kParseError, "a row of more than {}: is a quote left open?", format_bytes(kMaxRowBytes));
    }
    // Whole blocks at a time; a buffer that already holds an unfinished long row grows in proportion.
    const std::size_t have = buffer_.size();
    const std::size_t want = std::max(block_bytes_ > have ? block_bytes_ - have : 1, have / 2);
    buffer_.resize(have + want);
    std::size_t filled = have;
    while (filled < buffer_.size()) {
      GIMBAL_TRY(const std::size_t got, source_->read(buffer_.data() + filled, buffer_.size() - filled));
      if (got == 0) {
        at_end_ = true;
        break;
      }
      filled += got;
    }
    buffer_.resize(filled);
    if (at_start_) {
      at_start_ = false;
      if (std::string_view(buffer_).starts_with("\xEF\xBB\xBF")) buffer_.erase(0, 3);
    }
    scan();
  }
  if (at_end_ && !buffer_.empty() && row_end_ != buffer_.size()) {
    // A last row without a line feed, or one whose quote is never closed: the parser says which.
    if (buffer_.size() < block_bytes_ || row_end_ == 0) {
      buffer_.push_back('\n');
      row_end_ = buffer_.size();
    }
  }
  if (buffer_.empty()) return std::nullopt;
  auto block = std::make_shared<TextBlock>();
  const std::size_t size = row_end_;
  std::string rest;
  rest.reserve(std::max(block_bytes_, buffer_.size() - size) + kScanPadding + 1);
  rest.assign(buffer_, size, std::string::npos);
  buffer_.resize(size);
  buffer_.append(kScanPadding, '\0');
  block->bytes = std::move(buffer_);
  block->size = size;
  buffer_ = std::move(rest);
  scanned_ = buffer_.size();  // the rest begins at a row and holds no row end; its quotes are in in_quotes_
  row_end_ = 0;
  return block;
}

}  // namespace gimbal::data
