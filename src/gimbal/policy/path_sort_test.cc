#include "gimbal/policy/path_sort.h"

#include <gtest/gtest.h>

#include "gimbal/base/random.h"

namespace gimbal::policy {
namespace {

void expect_sorted(const std::vector<double>& keys) {
  auto key = std::make_unique<double[]>(keys.size());
  auto value = std::make_unique<std::uint32_t[]>(keys.size());
  std::vector<std::uint32_t> order(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) key[i] = keys[i], value[i] = order[i] = static_cast<std::uint32_t>(i);
  sort_by_key(key, value, keys.size());
  std::ranges::stable_sort(order, [&](std::uint32_t a, std::uint32_t b) { return keys[a] < keys[b]; });
  for (std::size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(value[i], order[i]) << i;
    ASSERT_EQ(key[i], keys[order[i]]);
  }
}

TEST(SortByKey, AgreesWithAStableSort) {
  Stream stream(1, "policy.test_sort");
  for (const std::size_t n : {0u, 1u, 2u, 16u, 17u, 1000u, 50000u}) {
    std::vector<double> wide(n), few(n), close(n), ordered(n);
    for (std::size_t i = 0; i < n; ++i) {
      wide[i] = std::exp(200 * stream.normal());
      few[i] = static_cast<double>(stream.below(3));
      close[i] = 1 + 1e-12 * stream.uniform();  // equal in the bits that the passes look at
      ordered[i] = 1e-300 * static_cast<double>(i);
    }
    for (const auto& keys : {wide, few, close, ordered}) expect_sorted(keys);
  }
}

TEST(SortByKey, PutsInfinityLast) {
  expect_sorted({INFINITY, 3, 0, INFINITY, 1e308, 2, 5e-324, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
}

}  // namespace
}  // namespace gimbal::policy
