#include "gimbal/policy/path_sort.h"

#include <array>
#include <bit>
#include <utility>

namespace gimbal::policy {

void sort_by_key(std::unique_ptr<double[]>& key, std::unique_ptr<std::uint32_t[]>& value, std::size_t n) {
  constexpr int kBits = 11;  // 2048 counters a pass: 8 KB, which stay in the first-level cache; 6 x 11 >= 63 bits
  constexpr int kPasses = 6;
  constexpr std::size_t kBuckets = std::size_t{1} << kBits;
  if (n < 2) return;
  const auto digit = [](double x, int pass) {
    return static_cast<std::size_t>(std::bit_cast<std::uint64_t>(x) >> (pass * kBits)) & (kBuckets - 1);
  };
  auto counts = std::make_unique<std::array<std::array<std::uint32_t, kBuckets>, kPasses>>();
  for (std::size_t i = 0; i < n; ++i) {
    for (int pass = 0; pass < kPasses; ++pass) ++(*counts)[pass][digit(key[i], pass)];
  }
  auto key_to = std::make_unique_for_overwrite<double[]>(n);
  auto value_to = std::make_unique_for_overwrite<std::uint32_t[]>(n);
  for (int pass = 0; pass < kPasses; ++pass) {
    std::array<std::uint32_t, kBuckets>& place = (*counts)[pass];
    if (place[digit(key[0], pass)] == n) continue;
    std::uint32_t sum = 0;
    for (std::uint32_t& entry : place) entry = std::exchange(sum, sum + entry);
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint32_t to = place[digit(key[i], pass)]++;
      key_to[to] = key[i];
      value_to[to] = value[i];
    }
    std::swap(key, key_to);
    std::swap(value, value_to);
  }
}

}  // namespace gimbal::policy
