// Form measures over bags: how much of what a prompt's programs are made of is different. A bag is the multiset of a program's
// n-grams (lexical.h) or of its truncated subtrees (ast.h), as integers; the measures are the same for both.
//
// For programs i with bags G_i (total T_i, set A_i), m of them usable (not empty):
//   distinct       |union of A_i| / sum T_i
//   distinct_pair  (1/m^2) sum_{i,j} |A_i + A_j| / (T_i + T_j), + the union: the exact expectation over pairs drawn with
//                  replacement, so that the number of programs has no effect on it
//   jaccard        mean over i < j of 1 - |A_i & A_j| / |A_i + A_j|
//   ead            N / (V (1 - ((V-1)/V)^C)): distinct divided by what C draws from V symbols would give (Liu et al.,
//   Rethinking
//                  and refining the distinct metric, ACL 2022); ead_pair: its expectation over pairs
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace gimbal::diversity {

using Bag = std::vector<std::uint32_t>;  // ids in any order, with repetition

struct BagScores {
  std::int64_t total = 0;               // sum T_i
  std::int64_t distinct_count = 0;      // |union of A_i|
  std::size_t usable = 0;               // m
  std::optional<double> distinct;       // total <= 1: none
  std::optional<double> distinct_pair;  // m = 0: none
  std::optional<double> jaccard;        // m < 2: none
  std::optional<double> ead;            // total = 0: none
  std::optional<double> ead_pair;       // m = 0: none
};

// `vocabulary`: V >= 2. O(sum of ids x how many programs share each), memory O(ids).
BagScores score_bags(std::span<const Bag> bags, double vocabulary);

// N / (V (1 - ((V-1)/V)^C)), without cancellation. total >= 1, vocabulary >= 2.
double expectation_adjusted_distinct(double distinct, double total, double vocabulary);

}  // namespace gimbal::diversity
