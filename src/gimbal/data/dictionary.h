// Text to dense codes 0, 1, 2, ... in order of first appearance: an open-addressing hash table over the levels it owns.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gimbal::data {

class Dictionary {
 public:
  // The code of `text`, a new one if it has not been seen. O(|text|) expected.
  std::int32_t code_of(std::string_view text) {
    if (levels_.size() * 2 >= slots_.size()) grow();
    const std::uint32_t hash = hash_of(text);
    for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
      Slot& slot = slots_[at];
      if (slot.code < 0) {
        slot = {hash, static_cast<std::int32_t>(levels_.size())};
        levels_.emplace_back(text);
        return slot.code;
      }
      if (slot.hash == hash && levels_[static_cast<std::size_t>(slot.code)] == text) return slot.code;
    }
  }

  const std::vector<std::string>& levels() const { return levels_; }
  std::vector<std::string> take_levels() { return std::move(levels_); }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t code = -1;  // free
  };

  static std::uint32_t hash_of(std::string_view text) {
    const std::uint64_t h = std::hash<std::string_view>{}(text);
    return static_cast<std::uint32_t>(h ^ (h >> 32));
  }

  void grow() {
    const std::size_t size = slots_.empty() ? 16 : slots_.size() * 2;
    std::vector<Slot> old(size);
    old.swap(slots_);
    mask_ = size - 1;
    for (const Slot& slot : old) {
      if (slot.code < 0) continue;
      std::size_t at = slot.hash & mask_;
      while (slots_[at].code >= 0) at = (at + 1) & mask_;
      slots_[at] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  std::vector<std::string> levels_;
};

}  // namespace gimbal::data
