#include "gimbal/diversity/lexical.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"
#include "gimbal/diversity/id_table.h"

namespace gimbal::diversity {
namespace {

// (n-1)-gram at i followed by token i + n - 1. `before` holds the (n-1)-grams in order of position, as this does of the
// n-grams.
std::vector<Bag> extend(std::span<const TokenSeq> programs, const std::vector<Bag>& before, std::size_t order) {
  std::size_t total = 0;
  for (const Bag& bag : before) total += bag.size();
  IdTable table(total);
  std::vector<Bag> out(programs.size());
  for (std::size_t p = 0; p < programs.size(); ++p) {
    const TokenSeq& tokens = programs[p];
    if (tokens.size() < order) continue;
    out[p].reserve(tokens.size() - order + 1);
    for (std::size_t i = 0; i + order <= tokens.size(); ++i) {
      const std::array<std::uint32_t, 2> key = {before[p][i], tokens[i + order - 1]};
      out[p].push_back(table.id(key));
    }
  }
  return out;
}

std::vector<Bag> unigrams(std::span<const TokenSeq> programs) { return {programs.begin(), programs.end()}; }

std::uint32_t id_bound(const std::vector<Bag>& bags) {
  std::uint32_t bound = 0;
  for (const Bag& bag : bags) {
    for (const std::uint32_t id : bag) bound = std::max(bound, id + 1);
  }
  return bound;
}

// For each program the clipped matches of its n-grams: sum over n-grams of min(count here, largest count in any other program).
std::vector<double> clipped_matches(const std::vector<Bag>& bags) {
  struct Top {
    std::uint32_t largest = 0, second = 0, holder = 0;
  };
  std::vector<Top> top(id_bound(bags));
  std::vector<std::uint32_t> count(top.size(), 0);
  const auto each_count = [&](std::size_t p, const auto& use) {
    for (const std::uint32_t id : bags[p]) ++count[id];
    for (const std::uint32_t id : bags[p]) {
      if (count[id] > 0) use(id, std::exchange(count[id], 0));
    }
  };
  for (std::size_t p = 0; p < bags.size(); ++p) {
    each_count(p, [&](std::uint32_t id, std::uint32_t n) {
      Top& t = top[id];
      if (n > t.largest) {
        t = {n, t.largest, static_cast<std::uint32_t>(p)};
      } else {
        t.second = std::max(t.second, n);
      }
    });
  }
  std::vector<double> matches(bags.size(), 0);
  for (std::size_t p = 0; p < bags.size(); ++p) {
    each_count(p, [&](std::uint32_t id, std::uint32_t n) {
      const Top& t = top[id];
      matches[p] += std::min(n, t.holder == p ? t.second : t.largest);
    });
  }
  return matches;
}

// exp(1 - r/c) for a hypothesis of c tokens that is shorter than the closest of the other lengths, r.
double brevity_penalty(const std::vector<std::size_t>& sorted_lengths, std::size_t c) {
  const auto at = std::ranges::lower_bound(sorted_lengths, c);
  // Another program of the same length is as close as can be.
  if (at + 1 != sorted_lengths.end() && at[1] == c) return 1;
  const bool shorter = at != sorted_lengths.begin(), longer = at + 1 != sorted_lengths.end();
  const std::size_t below = shorter ? c - at[-1] : 0, above = longer ? at[1] - c : 0;
  if (!longer || (shorter && below <= above)) return 1;
  if (c == 0) return 0;
  return std::exp(1 - static_cast<double>(at[1]) / static_cast<double>(c));
}

}  // namespace

std::vector<std::vector<Bag>> all_gram_bags(std::span<const TokenSeq> programs, int highest) {
  GIMBAL_CHECK(highest >= 1 && highest <= kMaxGram, "n-grams of 1 to 8 tokens");
  std::vector<std::vector<Bag>> out;
  out.push_back(unigrams(programs));
  for (int n = 2; n <= highest; ++n) out.push_back(extend(programs, out.back(), static_cast<std::size_t>(n)));
  return out;
}

std::vector<Bag> gram_bags(std::span<const TokenSeq> programs, int order) {
  return std::move(all_gram_bags(programs, order).back());
}

std::vector<std::optional<double>> self_bleu(std::span<const TokenSeq> programs, std::span<const int> orders) {
  std::vector<std::optional<double>> out(orders.size());
  const std::size_t m = programs.size();
  if (m < 2 || orders.empty()) return out;
  const std::vector<std::vector<Bag>> grams = all_gram_bags(programs, *std::ranges::max_element(orders));
  std::vector<std::size_t> lengths(m);
  for (std::size_t p = 0; p < m; ++p) lengths[p] = programs[p].size();
  std::ranges::sort(lengths);
  // log_precision[p]: the sum over orders 1..n of log p_n.
  std::vector<double> log_precision(m, 0), penalty(m);
  for (std::size_t p = 0; p < m; ++p) penalty[p] = brevity_penalty(lengths, programs[p].size());
  for (std::size_t n = 1; n <= grams.size(); ++n) {
    const std::vector<double> matches = clipped_matches(grams[n - 1]);
    NeumaierSum sum;
    for (std::size_t p = 0; p < m; ++p) {
      const double grams_here = static_cast<double>(std::max<std::size_t>(1, grams[n - 1][p].size()));
      log_precision[p] += std::log((matches[p] > 0 ? matches[p] : 0.1) / grams_here);
      sum += penalty[p] * std::exp(log_precision[p] / static_cast<double>(n));
    }
    for (std::size_t i = 0; i < orders.size(); ++i) {
      if (orders[i] == static_cast<int>(n)) out[i] = sum.value() / static_cast<double>(m);
    }
  }
  return out;
}

std::optional<double> self_bleu(std::span<const TokenSeq> programs, int order) {
  return self_bleu(programs, std::span<const int>(&order, 1)).front();
}

std::optional<double> compression_ratio(std::span<const std::string> texts) {
  std::string joined;
  for (const std::string& text : texts) {
    if (&text != texts.data()) joined += '\n';
    joined += text;
  }
  if (joined.empty()) return std::nullopt;
  uLongf size = compressBound(static_cast<uLong>(joined.size()));
  std::vector<Bytef> packed(size);
  const int status =
      compress2(packed.data(), &size, reinterpret_cast<const Bytef*>(joined.data()), static_cast<uLong>(joined.size()), 9);
  GIMBAL_CHECK(status == Z_OK, "zlib refuses to compress");
  return static_cast<double>(size) / static_cast<double>(joined.size());
}

void append_bag_measures(Measures& out, const BagScores& scores, const std::string& prefix, const std::string& suffix,
                         bool distinct, bool jaccard, bool ead) {
  if (distinct) {
    out.push_back({prefix + "distinct" + suffix, scores.distinct});
    out.push_back({prefix + "distinct" + suffix + "_pair", scores.distinct_pair});
  }
  if (jaccard) out.push_back({prefix + "jaccard" + suffix, scores.jaccard});
  if (ead) {
    out.push_back({prefix + "ead" + suffix, scores.ead});
    out.push_back({prefix + "ead" + suffix + "_pair", scores.ead_pair});
  }
}

Measures lexical_measures(std::span<const TokenSeq> programs, const LexicalOptions& options) {
  Measures out;
  if (!options.orders.empty() && (options.distinct || options.ead || options.jaccard)) {
    const auto grams = all_gram_bags(programs, *std::ranges::max_element(options.orders));
    for (const int n : options.orders) {
      append_bag_measures(out, score_bags(grams[static_cast<std::size_t>(n - 1)], options.vocabulary), "",
                          "_" + std::to_string(n), options.distinct, options.jaccard, options.ead);
    }
  }
  const auto bleu = self_bleu(programs, options.bleu_orders);
  for (std::size_t i = 0; i < bleu.size(); ++i) out.push_back({"self_bleu_" + std::to_string(options.bleu_orders[i]), bleu[i]});
  return out;
}

}  // namespace gimbal::diversity
