// Cuts CSV text into blocks of whole rows without parsing it: a row ends at a line feed with an even number of quotes before
// it.
//
// That is exact for text that follows RFC 4180; for text that does not, the cut is still a function of the text alone, and the
// parser reports the first misplaced quote.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/data/byte_source.h"

namespace gimbal::data {

// Whole rows, each ended by '\n' (added after the last one if need be), followed by padding that may be read.
struct TextBlock {
  std::string bytes;
  std::size_t size = 0;   // without the padding
  std::size_t start = 0;  // where the rows begin: behind a BOM or a header that has been taken off
  std::string_view text() const { return std::string_view(bytes).substr(start, size - start); }
};

class BlockReader {
 public:
  // `block_bytes`: about the size of a block, at least kMinBlockBytes; longer rows make longer blocks, up to kMaxRowBytes.
  static Result<BlockReader> open(const std::string& path, std::size_t block_bytes);
  // `text` must outlive the reader.
  static BlockReader from_text(std::string_view text, std::string name, std::size_t block_bytes);

  // The next block, or nullopt at the end. Errors: of the source; parse_error for a row longer than kMaxRowBytes, whose line
  // the caller knows and puts into `where`.
  Result<std::optional<std::shared_ptr<const TextBlock>>> next();
  // Starts again at the beginning. What cannot be read twice (a pipe) has been kept.
  Result<void> rewind();
  // Promises that rewind() will not be called, so that nothing is kept.
  void read_once() { keep_ = false; }
  const std::string& name() const { return name_; }

  static constexpr std::size_t kMinBlockBytes = 4;  // the first read must hold a BOM
  static constexpr std::size_t kMaxRowBytes = std::size_t{1} << 28;

 private:
  using Opener = std::function<Result<OpenedSource>()>;
  BlockReader(Opener opener, std::string name, std::size_t block_bytes)
      : opener_(std::move(opener)), name_(std::move(name)), block_bytes_(std::max(block_bytes, kMinBlockBytes)) {}
  // Looks on in buffer_ for row ends, from scanned_.
  void scan();
  Result<std::optional<std::shared_ptr<const TextBlock>>> cut_next();

  Opener opener_;
  std::string name_;
  std::size_t block_bytes_;
  std::unique_ptr<ByteSource> source_;
  std::string buffer_;       // begins at a row's begin
  std::size_t scanned_ = 0;  // quotes up to here are counted
  bool in_quotes_ = false;   // at scanned_
  std::size_t row_end_ = 0;  // behind the last row end seen in buffer_; 0: none
  bool at_start_ = true;
  bool at_end_ = false;
  bool keep_ = false;
  std::vector<std::shared_ptr<const TextBlock>> kept_;
  std::optional<std::size_t> replay_;  // index into kept_ after rewind()
};

}  // namespace gimbal::data
