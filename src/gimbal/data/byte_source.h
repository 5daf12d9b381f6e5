// Bytes that arrive piece by piece: a file, standard input, a gzip stream, or text in memory. What the streaming readers of
// this folder stand on; whole files are read with base/file.h.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "gimbal/base/result.h"

namespace gimbal::data {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Up to `n` bytes to `to`; 0 at the end alone. n >= 1. Errors: corrupted (bad gzip data), permission, internal (read fails).
  virtual Result<std::size_t> read(char* to, std::size_t n) = 0;
};

struct OpenedSource {
  std::unique_ptr<ByteSource> bytes;
  bool repeatable = false;  // opening the same path again gives the same bytes: not so for pipes and standard input
};

// "-" is standard input, decompressed when it begins with gzip's magic bytes; a name that ends in .gz is decompressed.
// Errors: not_found, permission, invalid_argument for a folder.
Result<OpenedSource> open_bytes(const std::string& path);

// Reads `text`, which must outlive the source.
std::unique_ptr<ByteSource> bytes_of(std::string_view text);
// gzip (several members one after the other) from another source; `name` stands in messages.
std::unique_ptr<ByteSource> gunzip(std::unique_ptr<ByteSource> compressed, std::string name);

// What messages call a path: "standard input" for "-".
std::string display_name(const std::string& path);

}  // namespace gimbal::data
