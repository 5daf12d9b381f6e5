#include "gimbal/diversity/semantic.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>

#include "gimbal/base/check.h"

namespace gimbal::diversity {
namespace {

template <typename Label, typename Table, typename Get>
Partition number_classes(std::size_t k, const Get& get) {
  Partition out;
  out.k = static_cast<int>(k);
  out.cls.assign(k, -1);
  Table number;
  for (std::size_t i = 0; i < k; ++i) {
    const Label* label = get(i);
    if (label == nullptr) continue;
    const auto [at, fresh] = number.try_emplace(*label, static_cast<int>(out.sizes.size()));
    if (fresh) out.sizes.push_back(0);
    ++out.sizes[static_cast<std::size_t>(at->second)];
    out.cls[i] = at->second;
  }
  return out;
}

// 1 - binom(total - n, k) / binom(total, k): the chance that a k-subset holds one of n marked items.
double hit_probability(int n, int total, int k) {
  if (n <= 0 || k <= 0) return 0;
  double miss = 1;
  for (int i = 0; i < k && miss > 0; ++i) miss *= static_cast<double>(std::max(0, total - n - i)) / (total - i);
  return 1 - miss;
}

// Ordered pairs of distinct members of one class.
double same_pairs(const std::vector<int>& sizes) {
  double sum = 0;
  for (const int n : sizes) sum += static_cast<double>(n) * (n - 1);
  return sum;
}

}  // namespace

Partition partition_of(std::span<const std::optional<std::string>> labels) {
  return number_classes<std::string, std::unordered_map<std::string, int>>(
      labels.size(), [&](std::size_t i) { return labels[i] ? &*labels[i] : nullptr; });
}

Partition partition_of(std::span<const int> labels, const std::vector<bool>& valid) {
  GIMBAL_CHECK(valid.empty() || valid.size() == labels.size(), "a flag for each generation");
  return number_classes<int, std::map<int, int>>(
      labels.size(), [&](std::size_t i) { return valid.empty() || valid[i] ? &labels[i] : nullptr; });
}

Result<Partition> partition_of_sizes(std::span<const int> sizes, int k) {
  if (k < 0) return fail(ErrorCode::kInvalidArgument, "the number of generations must not be negative, found {}", k);
  std::int64_t sum = 0;
  for (const int n : sizes) {
    if (n < 1) return fail(ErrorCode::kInvalidArgument, "a class has at least one member, found size {}", n);
    sum += n;
  }
  if (sum > k)
    return fail(ErrorCode::kInvalidArgument, "the class sizes sum to {}, more than the {} generation{}", sum, k,
                k == 1 ? "" : "s");
  Partition out;
  out.k = k;
  out.sizes.assign(sizes.begin(), sizes.end());
  return out;
}

SemanticScores semantic(const Partition& partition) {
  SemanticScores out;
  const double k = partition.k, c = static_cast<double>(partition.sizes.size());
  double valid = 0, largest = 0, once = 0, twice = 0;
  for (const int n : partition.sizes) {
    valid += n;
    largest = std::max<double>(largest, n);
    once += n == 1;
    twice += n == 2;
  }
  if (k > 0) {
    out.validity = valid / k;
    out.div_fixed = c / k;
  }
  const double same = same_pairs(partition.sizes), valid_pairs = valid * std::max(0.0, valid - 1);
  if (valid >= 2) {
    out.distinct_valid = c / valid;
    out.pair_valid = 1 - same / valid_pairs;
  }
  if (k >= 2) out.pair_effective = (valid_pairs - same) / (k * (k - 1));
  if (valid == 0) return out;
  double entropy = 0, squares = 0;
  for (const int n : partition.sizes) {
    const double p = n / valid;
    entropy -= p * std::log(p);
    squares += p * p;
  }
  out.hill_0 = c;
  out.hill_1 = std::exp(entropy);
  out.hill_2 = 1 / squares;
  out.hill_inf = valid / largest;
  out.coverage = 1 - once / valid;
  out.chao1 = c + once * (once - 1) / (2 * (twice + 1));
  out.largest_share = largest / valid;
  return out;
}

std::optional<double> distinct_at(std::span<const int> sizes, int k_total, int k) {
  GIMBAL_CHECK(k >= 0, "a subset has no negative size");
  if (k > k_total) return std::nullopt;
  double sum = 0;
  for (const int n : sizes) sum += hit_probability(n, k_total, k);
  return sum;
}

std::optional<double> pass_at(int good, int k_total, int k) {
  GIMBAL_CHECK(k >= 0 && good >= 0 && good <= k_total);
  if (k > k_total) return std::nullopt;
  return hit_probability(good, k_total, k);
}

std::optional<double> pair_all(std::span<const std::string> outcomes) {
  const double k = static_cast<double>(outcomes.size());
  if (outcomes.size() < 2) return std::nullopt;
  std::unordered_map<std::string_view, int> count;
  for (const std::string& outcome : outcomes) ++count[outcome];
  std::vector<int> sizes;
  for (const auto& [label, n] : count) sizes.push_back(n);
  return 1 - same_pairs(sizes) / (k * (k - 1));
}

Measures semantic_measures(const Partition& partition, std::span<const int> at) {
  const SemanticScores s = semantic(partition);
  Measures out = {{"validity", s.validity},
                  {"div_fixed", s.div_fixed},
                  {"distinct_valid", s.distinct_valid},
                  {"pair_valid", s.pair_valid},
                  {"pair_effective", s.pair_effective}};
  int valid = 0;
  for (const int n : partition.sizes) valid += n;
  for (const int k : at) out.push_back({"distinct_at_" + std::to_string(k), distinct_at(partition.sizes, partition.k, k)});
  for (const int k : at) out.push_back({"pass_at_" + std::to_string(k), pass_at(valid, partition.k, k)});
  out.insert(out.end(), {{"hill_0", s.hill_0},
                         {"hill_1", s.hill_1},
                         {"hill_2", s.hill_2},
                         {"hill_inf", s.hill_inf},
                         {"coverage", s.coverage},
                         {"chao1", s.chao1},
                         {"largest_share", s.largest_share}});
  return out;
}

std::optional<double> patience_utility(const Partition& partition, std::span<const double> class_utility, double patience) {
  GIMBAL_CHECK(patience > 0 && patience <= 1, "patience lies in (0, 1]");
  GIMBAL_CHECK(class_utility.size() == partition.sizes.size(), "a utility for each class");
  GIMBAL_CHECK(partition.cls.size() == static_cast<std::size_t>(partition.k), "the order of generations is needed");
  if (partition.k == 0) return std::nullopt;
  std::vector<bool> seen(class_utility.size(), false);
  double weight = 1, sum = 0, total = 0;
  for (const int c : partition.cls) {
    if (c >= 0 && !seen[static_cast<std::size_t>(c)]) {
      seen[static_cast<std::size_t>(c)] = true;
      sum += weight * class_utility[static_cast<std::size_t>(c)];
    }
    total += weight;
    weight *= patience;
  }
  return sum / total;
}

}  // namespace gimbal::diversity
