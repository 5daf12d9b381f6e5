#include "gimbal/diversity/id_table.h"

#include <algorithm>
#include <bit>

namespace gimbal::diversity {
namespace {

// Multiply-and-fold over pairs of words (the mixing step of wyhash): two multiplications for the usual key of two words.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t hash_words(std::span<const std::uint32_t> key) {
  std::uint64_t h = 0x9E3779B97F4A7C15ull ^ key.size();
  for (std::size_t i = 0; i < key.size(); i += 2) {
    const std::uint64_t pair = key[i] | (i + 1 < key.size() ? static_cast<std::uint64_t>(key[i + 1]) << 32 : 0);
    h = fold(h ^ pair, 0xE7037ED1A0B428DBull);
  }
  return fold(h, 0x8EBC6AF09C88C6E3ull);
}

}  // namespace

IdTable::IdTable(std::size_t expected) : slots_(std::bit_ceil(std::max<std::size_t>(16, 2 * expected))), begin_{0} {}

std::uint32_t IdTable::id(std::span<const std::uint32_t> key) {
  const std::uint64_t hash = hash_words(key);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; slots_[at].id != kEmpty; at = (at + 1) & mask) {
    if (slots_[at].hash != hash) continue;
    const std::size_t begin = begin_[slots_[at].id], size = begin_[slots_[at].id + 1] - begin;
    if (size == key.size() && std::equal(key.begin(), key.end(), words_.begin() + static_cast<std::ptrdiff_t>(begin)))
      return slots_[at].id;
  }
  const auto fresh = static_cast<std::uint32_t>(size());
  slots_[at] = {hash, fresh};
  words_.insert(words_.end(), key.begin(), key.end());
  begin_.push_back(words_.size());
  if (2 * size() > slots_.size()) grow();
  return fresh;
}

void IdTable::grow() {
  std::vector<Slot> larger(slots_.size() * 2);
  const std::size_t mask = larger.size() - 1;
  for (const Slot& slot : slots_) {
    if (slot.id == kEmpty) continue;
    std::size_t at = slot.hash & mask;
    while (larger[at].id != kEmpty) at = (at + 1) & mask;
    larger[at] = slot;
  }
  slots_ = std::move(larger);
}

}  // namespace gimbal::diversity
