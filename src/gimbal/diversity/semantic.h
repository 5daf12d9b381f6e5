// Semantic measures of one prompt: how many different valid behaviours its K generations show.
//
// Two valid generations are the same if and only if they behave identically, so all that matters of them are the sizes n_1..n_C
// of the classes of equal behaviour (sum N_v) and K. The headline is div_fixed = C / K, the effective semantic diversity of
// Shypula et al., Evaluating the diversity and quality of LLM generated content (2025, arXiv 2504.12522); pair measures are its
// pairwise ones, distinct_at is the exact rarefaction curve (Hurlbert 1971), hill are Hill numbers (1973), coverage is
// Good-Turing's (1953) and chao1 the bias-corrected estimate of Chao (1984).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/diversity/measure.h"

namespace gimbal::diversity {

// The generations of one prompt in classes.
struct Partition {
  int k = 0;                     // generations
  std::vector<int> cls = {};     // class of each generation, -1: invalid; empty where only the sizes are known
  std::vector<int> sizes = {};   // by class number; classes are numbered in order of first appearance
  bool order_dependent = false;  // the equivalence was not transitive: members were compared with the first of each class
};

// `labels`: what distinguishes classes, one a generation; nullopt: invalid. Classes are numbered in order of first appearance.
Partition partition_of(std::span<const std::optional<std::string>> labels);
// The same for integer labels; `valid` has the size of `labels`, or is empty for all valid.
Partition partition_of(std::span<const int> labels, const std::vector<bool>& valid = {});
// From class sizes alone. Errors: invalid_argument (a size below 1, k below 0, sizes that sum to more than k).
Result<Partition> partition_of_sizes(std::span<const int> sizes, int k);

struct SemanticScores {
  std::optional<double> validity;                          // N_v / K;                        K = 0: none
  std::optional<double> div_fixed;                         // C / K;                          K = 0: none
  std::optional<double> distinct_valid;                    // C / N_v;                        N_v <= 1: none
  std::optional<double> pair_valid;                        // two random valid ones differ;   N_v < 2: none
  std::optional<double> pair_effective;                    // two random ones are both valid and differ; K < 2: none
  std::optional<double> hill_0, hill_1, hill_2, hill_inf;  // effective number of classes; N_v = 0: none
  std::optional<double> coverage;                          // 1 - f1 / N_v; N_v = 0: none
  std::optional<double> chao1;                             // C + f1 (f1 - 1) / (2 (f2 + 1)); N_v = 0: none
  std::optional<double> largest_share;                     // max n_c / N_v; N_v = 0: none
};
SemanticScores semantic(const Partition& partition);

// Expected number of distinct classes in a random subset of k of the k_total generations:
// sum_c [1 - binom(K - n_c, k) / binom(K, k)], by products. None when k > k_total; k >= 0. O(C k).
std::optional<double> distinct_at(std::span<const int> sizes, int k_total, int k);
// Probability that a random subset of k holds one of the `good` generations: pass@k of Chen et al. (2021).
std::optional<double> pass_at(int good, int k_total, int k);

// Two random generations differ, invalid ones too: `pair_all`. `outcomes`: a label for what each generation showed (the outputs
// before a failure, then its status). Fewer than 2: none.
std::optional<double> pair_all(std::span<const std::string> outcomes);

// All of the above under the names of documents: validity, div_fixed, distinct_valid, pair_valid, pair_effective,
// distinct_at_<k> and pass_at_<k> for each of `at`, hill_0, hill_1, hill_2, hill_inf, coverage, chao1, largest_share.
Measures semantic_measures(const Partition& partition, std::span<const int> at);

// The patience-weighted utility of an ordered list of generations: sum_i p^i u_i / sum_i p^i, where u_i is the utility of
// generation i's class if it is the first of that class and 0 otherwise (also when invalid). p in (0, 1]. `class_utility`: one
// a class. None for K = 0. Zhang et al., NoveltyBench (2025).
std::optional<double> patience_utility(const Partition& partition, std::span<const double> class_utility,
                                       double patience = 0.8);

}  // namespace gimbal::diversity
