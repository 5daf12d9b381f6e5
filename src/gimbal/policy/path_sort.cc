#include "gimbal/policy/path_sort.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>
#include <vector>

namespace gimbal::policy {

namespace {

constexpr int kBits = 11;   // 2048 counters a pass: 8 KB, which stay in the first-level cache
constexpr int kPasses = 3;  // bits 30 to 62
constexpr int kShift = 30;
constexpr std::size_t kBuckets = std::size_t{1} << kBits;
constexpr std::size_t kShortRun = 16;  // insertion sort up to here

std::uint64_t high_bits(double x) { return std::bit_cast<std::uint64_t>(x) >> kShift; }

// Orders a run of keys whose high bits agree.
void sort_run(double* key, std::uint32_t* value, std::size_t n) {
  if (n <= kShortRun) {
    for (std::size_t i = 1; i < n; ++i) {
      const double x = key[i];
      const std::uint32_t y = value[i];
      std::size_t j = i;
      for (; j > 0 && key[j - 1] > x; --j) key[j] = key[j - 1], value[j] = value[j - 1];
      key[j] = x, value[j] = y;
    }
    return;
  }
  if (std::is_sorted(key, key + n)) return;
  std::vector<std::pair<double, std::uint32_t>> run(n);
  for (std::size_t i = 0; i < n; ++i) run[i] = {key[i], value[i]};
  std::stable_sort(run.begin(), run.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < n; ++i) key[i] = run[i].first, value[i] = run[i].second;
}

}  // namespace

void sort_by_key(std::unique_ptr<double[]>& key, std::unique_ptr<std::uint32_t[]>& value, std::size_t n) {
  if (n < 2) return;
  if (n <= kShortRun) return sort_run(key.get(), value.get(), n);
  const auto digit = [](double x, int pass) {
    return static_cast<std::size_t>(high_bits(x) >> (pass * kBits)) & (kBuckets - 1);
  };
  std::vector<std::array<std::uint32_t, kBuckets>> counts(kPasses);
  for (std::size_t i = 0; i < n; ++i) {
    for (int pass = 0; pass < kPasses; ++pass) ++counts[pass][digit(key[i], pass)];
  }
  auto key_to = std::make_unique_for_overwrite<double[]>(n);
  auto value_to = std::make_unique_for_overwrite<std::uint32_t[]>(n);
  for (int pass = 0; pass < kPasses; ++pass) {
    std::array<std::uint32_t, kBuckets>& place = counts[pass];
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
  for (std::size_t begin = 0; begin < n;) {
    std::size_t end = begin + 1;
    while (end < n && high_bits(key[end]) == high_bits(key[begin])) ++end;
    if (end - begin > 1) sort_run(key.get() + begin, value.get() + begin, end - begin);
    begin = end;
  }
}

}  // namespace gimbal::policy
