#include "gimbal/diversity/bags.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"

namespace gimbal::diversity {
namespace {

// The usable programs' sets over dense ids, and for each id the programs that have it.
struct SetIndex {
  std::vector<std::vector<std::uint32_t>> sets;   // of each program
  std::vector<std::vector<std::uint32_t>> users;  // of each id, ascending
  std::vector<double> totals;
};

SetIndex index_bags(std::span<const Bag> bags) {
  SetIndex index;
  std::uint32_t largest = 0;
  for (const Bag& bag : bags) {
    for (const std::uint32_t id : bag) largest = std::max(largest, id);
  }
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::vector<std::uint32_t> dense(std::size_t{largest} + 1, kNone);
  for (const Bag& bag : bags) {
    if (bag.empty()) continue;
    const auto program = static_cast<std::uint32_t>(index.sets.size());
    std::vector<std::uint32_t> set;
    for (const std::uint32_t id : bag) {
      if (dense[id] == kNone) {
        dense[id] = static_cast<std::uint32_t>(index.users.size());
        index.users.emplace_back();
      }
      auto& users = index.users[dense[id]];
      if (!users.empty() && users.back() == program) continue;
      users.push_back(program);
      set.push_back(dense[id]);
    }
    index.totals.push_back(static_cast<double>(bag.size()));
    index.sets.push_back(std::move(set));
  }
  return index;
}

}  // namespace

double expectation_adjusted_distinct(double distinct, double total, double vocabulary) {
  return distinct / (vocabulary * -std::expm1(total * std::log1p(-1 / vocabulary)));
}

BagScores score_bags(std::span<const Bag> bags, double vocabulary) {
  GIMBAL_CHECK(vocabulary >= 2, "a vocabulary of one symbol has nothing distinct");
  const SetIndex index = index_bags(bags);
  BagScores out;
  out.usable = index.sets.size();
  out.distinct_count = static_cast<std::int64_t>(index.users.size());
  double total = 0;
  for (const double t : index.totals) total += t;
  out.total = static_cast<std::int64_t>(total);
  const double distinct = static_cast<double>(out.distinct_count);
  if (out.total > 1) out.distinct = distinct / total;
  if (out.total > 0) out.ead = expectation_adjusted_distinct(distinct, total, vocabulary);
  if (out.usable == 0) return out;

  const std::size_t m = out.usable;
  NeumaierSum distinct_pair, ead_pair, jaccard;
  std::vector<std::uint32_t> shared(m);
  for (std::size_t i = 0; i < m; ++i) {
    // Each program with itself, once; each pair i < j twice.
    const double size_i = static_cast<double>(index.sets[i].size());
    distinct_pair += size_i / (2 * index.totals[i]);
    ead_pair += expectation_adjusted_distinct(size_i, 2 * index.totals[i], vocabulary);
    std::fill(shared.begin() + static_cast<std::ptrdiff_t>(i), shared.end(), 0u);
    for (const std::uint32_t id : index.sets[i]) {
      const auto& users = index.users[id];
      for (std::size_t u = users.size(); u-- > 0 && users[u] > i;) ++shared[users[u]];
    }
    for (std::size_t j = i + 1; j < m; ++j) {
      const double both = shared[j], either = size_i + static_cast<double>(index.sets[j].size()) - both;
      const double tokens = index.totals[i] + index.totals[j];
      distinct_pair += 2 * either / tokens;
      ead_pair += 2 * expectation_adjusted_distinct(either, tokens, vocabulary);
      jaccard += 1 - both / either;
    }
  }
  const double pairs = static_cast<double>(m) * static_cast<double>(m);
  out.distinct_pair = distinct_pair.value() / pairs;
  out.ead_pair = ead_pair.value() / pairs;
  if (m >= 2) out.jaccard = jaccard.value() / ((pairs - static_cast<double>(m)) / 2);
  return out;
}

}  // namespace gimbal::diversity
