#include "gimbal/policy/tree_search.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "gimbal/base/parallel.h"

namespace gimbal::policy::trees {
namespace {

// Sums of rows per bin of one feature: bins x width.
using Histogram = std::vector<std::int64_t>;

// How the two objectives compare leaves. Rewards are integers, so equal partitions are exactly equal.
struct RewardRule {
  using Value = std::int64_t;
  std::size_t arms;
  Value value(const std::int64_t* sums) const { return *std::max_element(sums, sums + arms); }
  bool better(Value a, Value b) const { return a > b; }
};
struct RewardRule2 {
  using Value = std::int64_t;
  Value value(const std::int64_t* sums) const { return std::max(sums[0], sums[1]); }
  bool better(Value a, Value b) const { return a > b; }
};
struct RewardRule3 {
  using Value = std::int64_t;
  Value value(const std::int64_t* sums) const { return std::max(std::max(sums[0], sums[1]), sums[2]); }
  bool better(Value a, Value b) const { return a > b; }
};
struct FrontierRule {
  using Value = double;
  const QuadraticLeaf* leaf;
  Value value(const std::int64_t* sums) const { return leaf->value(sums); }
  bool better(Value a, Value b) const { return a > b + leaf->tie; }
};

// The best single split of one side of a root split (or of all rows), so far.
template <typename Rule>
struct Child {
  typename Rule::Value value{};
  std::optional<Split> split;
};

template <typename Rule>
struct Candidate {
  typename Rule::Value value{};
  int leaves = 1;
  Splits splits;
};

template <typename Rule>
bool replaces(const Rule& rule, const Candidate<Rule>& a, const Candidate<Rule>& b) {
  if (rule.better(a.value, b.value)) return true;
  return !rule.better(b.value, a.value) && a.leaves < b.leaves;
}

void add(std::int64_t* to, const std::int64_t* from, std::size_t width) {
  for (std::size_t w = 0; w < width; ++w) to[w] += from[w];
}

// Tries every threshold of one feature on rows whose sums per bin are `histogram` and altogether `total`.
template <typename Rule>
void improve(const Rule& rule, const std::int64_t* histogram, const std::int64_t* total, std::size_t bins, std::size_t width,
             std::size_t min_leaf, std::size_t feature, std::vector<std::int64_t>& scratch, Child<Rule>& best) {
  const auto fewest = static_cast<std::int64_t>(min_leaf);
  std::int64_t* left = scratch.data();
  std::int64_t* right = scratch.data() + width;
  std::fill_n(left, width, 0);
  std::copy_n(total, width, right);
  for (std::size_t s = 0; s + 1 < bins; ++s) {
    const std::int64_t* row = histogram + s * width;
    if (row[width - 1] == 0) continue;  // nobody here: the same partition as the threshold before
    for (std::size_t w = 0; w < width; ++w) {
      left[w] += row[w];
      right[w] -= row[w];
    }
    if (left[width - 1] < fewest) continue;
    if (right[width - 1] < fewest) return;
    const typename Rule::Value value = rule.value(left) + rule.value(right);
    if (rule.better(value, best.value)) best = {value, Split{feature, s}};
  }
}

// The histogram of `rows` over one feature.
Histogram histogram_of(const SearchData& data, std::span<const std::uint32_t> rows, std::size_t feature) {
  Histogram out(data.features[feature].bins() * data.width, 0);
  for (const std::uint32_t i : rows)
    add(out.data() + data.features[feature].bin[i] * data.width, data.sums.data() + i * data.width, data.width);
  return out;
}

// The best tree whose root splits on `root`.
template <typename Rule>
Candidate<Rule> best_below(const SearchData& data, const Rule& rule, std::span<const std::uint32_t> rows, std::size_t root,
                           const std::vector<Histogram>& histograms, const Candidate<Rule>& leaf) {
  const std::size_t width = data.width, bins = data.features[root].bins();
  Candidate<Rule> best = leaf;
  if (bins < 2) return best;

  // Rows in the order of the root's bins, and the sums left of each root threshold.
  std::vector<std::size_t> first(bins + 1, 0);
  for (const std::uint32_t i : rows) ++first[data.features[root].bin[i] + std::size_t{1}];
  for (std::size_t t = 0; t < bins; ++t) first[t + 1] += first[t];
  std::vector<std::uint32_t> order(rows.size());
  {
    std::vector<std::size_t> next(first.begin(), first.end() - 1);
    for (const std::uint32_t i : rows) order[next[data.features[root].bin[i]]++] = i;
  }
  std::vector<std::int64_t> ordered(rows.size() * width);  // the rows' sums in that order: each child feature reads them again
  for (std::size_t r = 0; r < rows.size(); ++r)
    std::copy_n(data.sums.data() + order[r] * width, width, ordered.data() + r * width);
  std::vector<std::int64_t> total(width, 0);
  for (std::size_t t = 0; t < bins; ++t) add(total.data(), histograms[root].data() + t * width, width);
  std::vector<std::int64_t> left(bins * width), right(bins * width);
  std::vector<Child<Rule>> best_left(bins), best_right(bins);
  for (std::size_t t = 0; t < bins; ++t) {
    std::int64_t* here = left.data() + t * width;
    if (t > 0) std::copy_n(here - width, width, here);
    add(here, histograms[root].data() + t * width, width);
    for (std::size_t w = 0; w < width; ++w) right[t * width + w] = total[w] - here[w];
    best_left[t].value = rule.value(here);
    best_right[t].value = rule.value(right.data() + t * width);
  }
  const auto fewest = static_cast<std::int64_t>(data.min_leaf);
  const auto allowed = [&](std::size_t t) {
    return first[t + 1] > first[t] && left[t * width + width - 1] >= fewest && right[t * width + width - 1] >= fewest;
  };

  // For each child feature: its histogram of the rows left of the threshold grows as the threshold moves, and what it lacks of
  // all rows is the right side.
  std::vector<std::int64_t> scratch(2 * width);
  for (std::size_t child = 0; child < data.features.size(); ++child) {
    const std::size_t child_bins = data.features[child].bins();
    const std::uint16_t* bin = data.features[child].bin.data();
    Histogram left_of(child_bins * width, 0), right_of = histograms[child];
    for (std::size_t t = 0; t + 1 < bins; ++t) {
      for (std::size_t r = first[t]; r < first[t + 1]; ++r)
        add(left_of.data() + bin[order[r]] * width, ordered.data() + r * width, width);
      if (!allowed(t)) continue;
      for (std::size_t k = 0; k < right_of.size(); ++k) right_of[k] = histograms[child][k] - left_of[k];
      improve(rule, left_of.data(), left.data() + t * width, child_bins, width, data.min_leaf, child, scratch, best_left[t]);
      improve(rule, right_of.data(), right.data() + t * width, child_bins, width, data.min_leaf, child, scratch, best_right[t]);
    }
  }
  for (std::size_t t = 0; t + 1 < bins; ++t) {
    if (!allowed(t)) continue;
    Candidate<Rule> candidate;
    candidate.value = best_left[t].value + best_right[t].value;
    candidate.leaves = 2 + best_left[t].split.has_value() + best_right[t].split.has_value();
    candidate.splits = {Split{root, t}, best_left[t].split, best_right[t].split};
    if (replaces(rule, candidate, best)) best = candidate;
  }
  return best;
}

template <typename Rule>
Splits search(const SearchData& data, const Rule& rule, std::span<const std::uint32_t> rows, int depth) {
  const std::size_t features = data.features.size();
  std::vector<Histogram> histograms(features);
  parallel_for(features, 1, [&](std::size_t begin, std::size_t) { histograms[begin] = histogram_of(data, rows, begin); });
  std::vector<std::int64_t> total(data.width, 0);
  for (const std::uint32_t i : rows) add(total.data(), data.sums.data() + i * data.width, data.width);
  Candidate<Rule> leaf;
  leaf.value = rule.value(total.data());

  if (depth == 1) {
    Child<Rule> best{leaf.value, std::nullopt};
    std::vector<std::int64_t> scratch(2 * data.width);
    for (std::size_t f = 0; f < features; ++f)
      improve(rule, histograms[f].data(), total.data(), data.features[f].bins(), data.width, data.min_leaf, f, scratch, best);
    return {best.split, std::nullopt, std::nullopt};
  }
  std::vector<Candidate<Rule>> per_root(features);
  parallel_for(features, 1, [&](std::size_t begin, std::size_t) {
    per_root[begin] = best_below(data, rule, rows, begin, histograms, leaf);
  });
  Candidate<Rule> best = leaf;
  for (const Candidate<Rule>& candidate : per_root)
    if (replaces(rule, candidate, best)) best = candidate;
  return best.splits;
}

}  // namespace

double separating_threshold(double low, double high) {
  const double middle = low + (high - low) / 2;
  for (int digits = 3; digits <= std::numeric_limits<double>::max_digits10; ++digits) {
    std::array<char, 32> text;
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), middle, std::chars_format::scientific, digits - 1).ptr;
    double rounded = middle;
    std::from_chars(text.data(), end, rounded);
    if (low < rounded && rounded < high) return rounded;
  }
  return low;
}

BinnedFeature bin_feature(const Matrix& x, std::size_t feature, std::size_t most) {
  const std::size_t n = x.rows();
  std::vector<double> sorted;
  sorted.reserve(n);
  for (std::size_t i = 0; i < n; ++i)
    if (!std::isnan(x(i, feature))) sorted.push_back(x(i, feature));
  std::sort(sorted.begin(), sorted.end());
  std::size_t distinct = 0;
  for (std::size_t k = 0; k < sorted.size(); ++k) distinct += k == 0 || sorted[k] != sorted[k - 1];

  BinnedFeature out;
  const bool exact = distinct <= most;
  for (std::size_t k = 0; k + 1 < sorted.size(); ++k) {
    if (sorted[k] == sorted[k + 1]) continue;
    // A bin closes when the values up to here fill their quota of `most` equal ones.
    const bool close = exact || static_cast<double>(k + 1) * static_cast<double>(most) >=
                                    static_cast<double>(out.threshold.size() + 1) * static_cast<double>(sorted.size());
    if (!close) continue;
    out.threshold.push_back(separating_threshold(sorted[k], sorted[k + 1]));
  }
  if (!sorted.empty() && sorted.size() < n) out.threshold.push_back(sorted.back());
  out.bin.resize(n);
  // How many thresholds lie below a value, by halving without branches: random values would be mispredicted at every step.
  std::vector<double> padded(std::bit_ceil(out.threshold.size() + 1) - 1, std::numeric_limits<double>::infinity());
  std::copy(out.threshold.begin(), out.threshold.end(), padded.begin());
  const std::size_t half = (padded.size() + 1) / 2;
  for (std::size_t i = 0; i < n; ++i) {
    const double value = x(i, feature);
    std::size_t at = 0;
    for (std::size_t step = half; step > 0; step /= 2) at += padded[at + step - 1] < value ? step : 0;
    out.bin[i] = static_cast<std::uint16_t>(std::isnan(value) ? out.threshold.size() : at);
  }
  return out;
}

double QuadraticLeaf::shift(const std::int64_t* sums) const {
  if (sums[3] <= 0) return 0;
  const double baseline = static_cast<double>(sums[2]) / static_cast<double>(sums[3]);
  const double effect = static_cast<double>(sums[0]) * effect_unit, cost = static_cast<double>(sums[1]) * cost_unit;
  if (effect == 0) return 0;
  const double wanted =
      std::isinf(lambda) || cost <= 0 ? std::copysign(std::numeric_limits<double>::infinity(), effect) : lambda * effect / cost;
  return lambda == 0 ? 0 : std::clamp(wanted, -baseline, 1 - baseline);
}

double QuadraticLeaf::value(const std::int64_t* sums) const {
  const double d = shift(sums);
  const double effect = static_cast<double>(sums[0]) * effect_unit, cost = static_cast<double>(sums[1]) * cost_unit;
  return std::isinf(lambda) ? effect * d : lambda * effect * d - 0.5 * cost * d * d;
}

Splits best_splits(const SearchData& data, std::span<const std::uint32_t> rows, int depth) {
  if (data.quadratic) return search(data, FrontierRule{&*data.quadratic}, rows, depth);
  // Two and three arms are what most tables have: with a fixed number the comparison of leaves stays in registers.
  if (data.width == 3) return search(data, RewardRule2{}, rows, depth);
  if (data.width == 4) return search(data, RewardRule3{}, rows, depth);
  return search(data, RewardRule{data.width - 1}, rows, depth);
}

}  // namespace gimbal::policy::trees
