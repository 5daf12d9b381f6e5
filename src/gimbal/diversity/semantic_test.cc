#include "gimbal/diversity/semantic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "gimbal/base/random.h"

namespace gimbal::diversity {
namespace {

using Sizes = std::vector<int>;
constexpr double kPrinted = 5e-8;  // the worked examples are printed to seven digits

std::optional<double> value(const Measures& measures, std::string_view name) {
  for (const Measure& m : measures) {
    if (m.name == name) return m.value;
  }
  ADD_FAILURE() << "no measure " << name;
  return std::nullopt;
}

struct Expected {
  std::string_view name;
  double value;
};

void expect_measures(const Sizes& sizes, int k, const Sizes& at, const std::vector<Expected>& expected) {
  const Measures found = semantic_measures(partition_of_sizes(sizes, k).value(), at);
  for (const Expected& e : expected) EXPECT_NEAR(value(found, e.name).value(), e.value, kPrinted) << e.name;
}

TEST(Semantic, ReproducesTheFirstWorkedExample) {
  expect_measures({5, 3, 1, 1}, 16, {4, 8, 16},
                  {{"validity", .625},
                   {"div_fixed", .25},
                   {"distinct_valid", .4},
                   {"pair_valid", .7111111},
                   {"pair_effective", .2666667},
                   {"distinct_at_4", 1.9258242},
                   {"distinct_at_8", 2.8871795},
                   {"distinct_at_16", 4},
                   {"hill_0", 4},
                   {"hill_1", 3.2164635},
                   {"hill_2", 2.7777778},
                   {"hill_inf", 2},
                   {"coverage", .8},
                   {"chao1", 5},
                   {"largest_share", .5}});
}

TEST(Semantic, ReproducesTheSecondWorkedExample) {
  expect_measures({6, 2, 2, 1}, 20, {4, 8, 16},
                  {{"validity", .55},
                   {"div_fixed", .2},
                   {"distinct_valid", .3636364},
                   {"pair_valid", .6909091},
                   {"pair_effective", .2},
                   {"distinct_at_4", 1.7302374},
                   {"distinct_at_8", 2.6814241},
                   {"distinct_at_16", 3.7368421},
                   {"hill_1", 3.2172225},
                   {"hill_2", 2.6888889},
                   {"coverage", .9090909},
                   {"chao1", 4}});
}

TEST(Semantic, OfEqualGenerationsIsZeroAndOfDifferentOnesIsFull) {
  expect_measures({9}, 9, {},
                  {{"pair_valid", 0}, {"pair_effective", 0}, {"hill_1", 1}, {"hill_inf", 1}, {"div_fixed", 1. / 9}});
  expect_measures(Sizes(9, 1), 9, {},
                  {{"pair_valid", 1}, {"pair_effective", 1}, {"hill_1", 9}, {"hill_2", 9}, {"div_fixed", 1}, {"coverage", 0}});
}

TEST(Semantic, HasNoConditionalValueWhereNothingIsValid) {
  const SemanticScores s = semantic(partition_of_sizes({}, 4).value());
  EXPECT_EQ(s.validity, 0);
  EXPECT_EQ(s.div_fixed, 0);
  EXPECT_EQ(s.pair_effective, 0);
  EXPECT_FALSE(std::signbit(*s.pair_effective));  // documents do not print -0
  EXPECT_EQ(s.distinct_valid, std::nullopt);
  EXPECT_EQ(s.pair_valid, std::nullopt);
  EXPECT_EQ(s.hill_1, std::nullopt);
  EXPECT_EQ(s.coverage, std::nullopt);
  const SemanticScores none = semantic(partition_of_sizes({}, 0).value());
  EXPECT_EQ(none.validity, std::nullopt);
  EXPECT_EQ(none.pair_effective, std::nullopt);
  const SemanticScores one = semantic(partition_of_sizes(Sizes{1}, 3).value());
  EXPECT_EQ(one.distinct_valid, std::nullopt);
  EXPECT_EQ(one.pair_valid, std::nullopt);
  EXPECT_EQ(one.hill_1, 1);
}

TEST(Semantic, RefusesSizesThatCannotBe) {
  EXPECT_EQ(partition_of_sizes(Sizes{3, 2}, 4).error().message, "the class sizes sum to 5, more than the 4 generations");
  EXPECT_FALSE(partition_of_sizes(Sizes{3, -2}, 4));
  EXPECT_FALSE(partition_of_sizes(Sizes{}, -1));
}

TEST(DistinctAt, HasNoValueBeyondTheGenerationsAndIsZeroForNone) {
  EXPECT_EQ(distinct_at(Sizes{2}, 4, 5), std::nullopt);
  EXPECT_EQ(pass_at(2, 4, 5), std::nullopt);
  EXPECT_EQ(distinct_at(Sizes{2}, 4, 0), 0);
}

// A random partition: up to nine classes, and some invalid generations.
Sizes random_sizes(Stream& s, int& k) {
  Sizes sizes(s.below(9));
  for (int& n : sizes) n = 1 + static_cast<int>(s.below(6));
  k = std::accumulate(sizes.begin(), sizes.end(), 0) + static_cast<int>(s.below(10));
  return sizes;
}

// Terms are sums of at most 64 products of factors near 1: 1e-12 leaves room for the rounding of all of them.
constexpr double kRounding = 1e-12;

TEST(Semantic, KeepsItsIdentitiesOnRandomPartitions) {
  Stream s(1, "test.semantic");
  for (int repeat = 0; repeat < 1000; ++repeat) {
    int k = 0;
    const Sizes sizes = random_sizes(s, k);
    const Partition partition = partition_of_sizes(sizes, k).value();
    const SemanticScores score = semantic(partition);
    const double c = static_cast<double>(sizes.size());
    const double valid = std::accumulate(sizes.begin(), sizes.end(), 0);
    EXPECT_NEAR(distinct_at(sizes, k, k).value(), c, kRounding);
    if (k >= 1) {
      EXPECT_NEAR(distinct_at(sizes, k, 1).value(), score.validity.value(), kRounding);
    }
    if (k >= 2 && valid >= 2) {
      EXPECT_NEAR(score.pair_effective.value(), score.pair_valid.value() * valid * (valid - 1) / (k * (k - 1.)), kRounding);
    }
    if (valid > 0) {
      EXPECT_GE(*score.hill_0, *score.hill_1 - kRounding);
      EXPECT_GE(*score.hill_1, *score.hill_2 - kRounding);
      EXPECT_GE(*score.hill_2, *score.hill_inf - kRounding);
      EXPECT_GE(*score.chao1, c - kRounding);
    }
    // Non-decreasing and concave in the budget.
    double before = 0, gain = 1e9;
    for (int budget = 1; budget <= k; ++budget) {
      const double now = distinct_at(sizes, k, budget).value();
      EXPECT_GE(now - before, -kRounding);
      EXPECT_LE(now - before, gain + kRounding);
      gain = now - before;
      before = now;
    }
    if (sizes.size() == 1) {
      for (int budget = 1; budget <= k; ++budget) {
        EXPECT_NEAR(distinct_at(sizes, k, budget).value(), pass_at(sizes[0], k, budget).value(), kRounding);
      }
    }
  }
}

// All subsets of k of up to 12 generations, counted.
TEST(DistinctAt, EqualsTheMeanOverAllSubsets) {
  Stream s(2, "test.semantic");
  for (int repeat = 0; repeat < 12; ++repeat) {
    std::vector<int> labels(1 + s.below(12));
    for (int& label : labels) label = static_cast<int>(s.below(5)) - 1;
    std::vector<bool> valid;
    for (const int label : labels) valid.push_back(label >= 0);
    const Partition partition = partition_of(labels, valid);
    const int k_total = static_cast<int>(labels.size());
    std::vector<double> distinct(labels.size() + 1), passed(labels.size() + 1), subsets(labels.size() + 1);
    for (std::uint32_t subset = 0; subset < 1u << labels.size(); ++subset) {
      std::uint32_t seen = 0;
      for (std::size_t i = 0; i < labels.size(); ++i) {
        if (subset >> i & 1 && labels[i] >= 0) seen |= 1u << labels[i];
      }
      const auto k = static_cast<std::size_t>(std::popcount(subset));
      distinct[k] += std::popcount(seen);
      passed[k] += seen != 0;
      ++subsets[k];
    }
    const int good = std::accumulate(partition.sizes.begin(), partition.sizes.end(), 0);
    for (int k = 0; k <= k_total; ++k) {
      const auto at = static_cast<std::size_t>(k);
      EXPECT_NEAR(distinct_at(partition.sizes, k_total, k).value(), distinct[at] / subsets[at], kRounding);
      EXPECT_NEAR(pass_at(good, k_total, k).value(), passed[at] / subsets[at], kRounding);
    }
  }
}

TEST(Semantic, PairMeasuresEqualTheirDefinitions) {
  Stream s(3, "test.semantic");
  for (int repeat = 0; repeat < 200; ++repeat) {
    std::vector<int> labels(2 + s.below(20));
    for (int& label : labels) label = static_cast<int>(s.below(6)) - 2;
    std::vector<bool> valid;
    std::vector<std::string> outcomes;
    for (const int label : labels) {
      valid.push_back(label >= 0);
      outcomes.push_back(std::to_string(label));
    }
    double pairs = 0, both_valid = 0, differ = 0, effective = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        ++pairs;
        both_valid += valid[i] && valid[j];
        effective += valid[i] && valid[j] && labels[i] != labels[j];
        differ += labels[i] != labels[j];
      }
    }
    const SemanticScores score = semantic(partition_of(labels, valid));
    EXPECT_NEAR(score.pair_effective.value(), effective / pairs, kRounding);
    EXPECT_NEAR(pair_all(outcomes).value(), differ / pairs, kRounding);
    if (both_valid > 0) {
      EXPECT_NEAR(score.pair_valid.value(), effective / both_valid, kRounding);
    }
  }
}

TEST(Partition, NumbersClassesByFirstAppearance) {
  const std::vector<std::optional<std::string>> labels = {"b", std::nullopt, "a", "b", "c"};
  const Partition p = partition_of(labels);
  EXPECT_EQ(p.k, 5);
  EXPECT_EQ(p.cls, (std::vector<int>{0, -1, 1, 0, 2}));
  EXPECT_EQ(p.sizes, (std::vector<int>{2, 1, 1}));
}

TEST(Partition, DoesNotDependOnTheOrderButForTheNamesOfClasses) {
  Stream s(4, "test.semantic");
  for (int repeat = 0; repeat < 100; ++repeat) {
    std::vector<int> labels(1 + s.below(30));
    for (int& label : labels) label = static_cast<int>(s.below(6));
    Sizes sizes = partition_of(labels).sizes;
    s.shuffle(std::span<int>(labels));
    Sizes shuffled = partition_of(labels).sizes;
    std::ranges::sort(sizes);
    std::ranges::sort(shuffled);
    EXPECT_EQ(sizes, shuffled);
  }
}

// p = .5: weights 1, .5, .25, .125; the new classes stand at 0 and 2.
TEST(PatienceUtility, CountsNewClassesInTheOrderOfGeneration) {
  const std::vector<int> labels = {7, 7, 3, 7};
  EXPECT_DOUBLE_EQ(patience_utility(partition_of(labels), std::vector<double>{1, .4}, .5).value(), (1 + .25 * .4) / 1.875);
  const std::vector<bool> valid = {true, false, false, true};
  EXPECT_DOUBLE_EQ(patience_utility(partition_of(labels, valid), std::vector<double>{.6}, 1).value(), .6 / 4);
  EXPECT_EQ(patience_utility(partition_of(std::vector<int>{}), std::vector<double>{}), std::nullopt);
}

}  // namespace
}  // namespace gimbal::diversity
