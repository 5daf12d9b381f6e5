// Numbers for keys made of 32-bit words: equal keys get equal ids, 0, 1, 2, ... in order of first appearance. The n-grams of
// lexical.h and the subtrees of ast.h are numbered by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gimbal::diversity {

// Open addressing with linear probing at a load of at most one half; keys lie one after the other in an arena, and a hit is
// confirmed by comparing the words.
class IdTable {
 public:
  explicit IdTable(std::size_t expected = 16);
  std::uint32_t id(std::span<const std::uint32_t> key);
  std::size_t size() const { return begin_.size() - 1; }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t id = kEmpty;
  };
  static constexpr std::uint32_t kEmpty = ~std::uint32_t{0};
  void grow();
  std::vector<Slot> slots_;         // a power of two
  std::vector<std::size_t> begin_;  // of key i in words_; one more at the end
  std::vector<std::uint32_t> words_;
};

}  // namespace gimbal::diversity
