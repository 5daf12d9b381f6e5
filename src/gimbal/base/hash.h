// Hashes. SHA-256 wherever a hash is stored or decides something: it is the same for ever, on every machine. hash128 is fast
// and lives inside a process only.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gimbal/base/result.h"

namespace gimbal {

using Sha256Digest = std::array<std::uint8_t, 32>;

Sha256Digest sha256(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);
// Of the file's bytes as they are (a .gz file is not decompressed).
Result<std::string> sha256_file(const std::string& path);

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256& update(std::string_view bytes);
  Sha256Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hex(std::string_view bytes);
std::string base64_encode(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);

// First 8 bytes of SHA-256, little-endian. hash64("37+58=") = 0x5e0199db9dd3020f.
std::uint64_t hash64(std::string_view bytes);

// XXH3, 128 bits: for tables inside a process, never stored, never sent. It is not made against an adversary: where a collision
// would be wrong and not only slow, confirm a hit by comparing the bytes. About 10 GB/s.
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Hash128&) const = default;
  auto operator<=>(const Hash128&) const = default;
};
Hash128 hash128(std::string_view bytes);
// For std::unordered_map: the low word is as good as any.
struct Hash128Key {
  std::size_t operator()(const Hash128& h) const { return static_cast<std::size_t>(h.low); }
};

}  // namespace gimbal
