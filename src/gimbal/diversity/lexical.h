// Lexical measures: how much of the wording of a prompt's programs differs, without running them.
//
// n-grams never cross programs. The bag measures (bags.h) are computed for each n; self-BLEU (Zhu et al., Texygen, SIGIR 2018)
// scores each program against all others as references, and compression is how far zlib shrinks all of them together.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/diversity/bags.h"
#include "gimbal/diversity/measure.h"
#include "gimbal/diversity/tokens.h"

namespace gimbal::diversity {

inline constexpr int kMaxGram = 8;
inline constexpr double kDefaultVocabulary = 50257;  // of the GPT-2 tokenizer, as in the study

// The n-grams of each sequence as ids that are shared by all sequences. order in 1..kMaxGram. O(order x tokens).
std::vector<Bag> gram_bags(std::span<const TokenSeq> programs, int order);
// The same for orders 1..highest, each made from the one before: element n - 1 holds the n-grams.
std::vector<std::vector<Bag>> all_gram_bags(std::span<const TokenSeq> programs, int highest);

// Mean over programs of BLEU-n with all others as references: clipped counts, the closest reference length (of two equally
// close ones the shorter), brevity penalty, weights 1/n, and a zero numerator counted as 0.1 over a denominator of at least 1
// (Chen and Cherry 2014, smoothing 1). High values mean little diversity. Fewer than 2 programs: none. For each n-gram only its
// largest and second-largest count over programs are kept, so all scores together cost O(total n-grams), not O(m^2).
std::optional<double> self_bleu(std::span<const TokenSeq> programs, int order);
// For each of `orders` (1..kMaxGram), with the tables made once.
std::vector<std::optional<double>> self_bleu(std::span<const TokenSeq> programs, std::span<const int> orders);

// Compressed / uncompressed bytes of all texts joined by newlines, zlib level 9. No bytes: none.
std::optional<double> compression_ratio(std::span<const std::string> texts);

// What to compute.
struct LexicalOptions {
  std::vector<int> orders = {1, 2, 3, 4, 5, 6};  // of the bag measures
  std::vector<int> bleu_orders = {2, 3, 4};
  double vocabulary = kDefaultVocabulary;
  bool distinct = true, ead = true, jaccard = true;
};
// Under the names of documents, in this order: distinct_<n>, distinct_<n>_pair, jaccard_<n>, ead_<n>, ead_<n>_pair for each n,
// then self_bleu_<n>.
Measures lexical_measures(std::span<const TokenSeq> programs, const LexicalOptions& options);

// A bag measure's numbers under `prefix` and `suffix`: prefix + "distinct" + suffix and so on.
void append_bag_measures(Measures& out, const BagScores& scores, const std::string& prefix, const std::string& suffix,
                         bool distinct, bool jaccard, bool ead);

}  // namespace gimbal::diversity
