#include "gimbal/diversity/lexical.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/data/jsonl.h"
#include "gimbal/diversity/parso_tokens.h"

namespace gimbal::diversity {
namespace {

std::vector<TokenSeq> words(const std::vector<std::string>& texts) {
  TokenInterner interner;
  std::vector<TokenSeq> out;
  for (const std::string& text : texts) out.push_back(tokenize(text, TokenMode::kWords, interner));
  return out;
}

std::vector<TokenSeq> random_programs(Stream& s, std::size_t most_programs) {
  std::vector<TokenSeq> out(s.below(most_programs + 1));
  for (TokenSeq& program : out) {
    program.resize(s.below(12));
    for (std::uint32_t& token : program) token = static_cast<std::uint32_t>(s.below(4));
  }
  return out;
}

constexpr double kPrinted = 5e-8;    // printed to seven digits
constexpr double kRounding = 1e-12;  // sums of at most a few hundred terms of order 1

TEST(Lexical, ReproducesTheWorkedExampleOfTwoTexts) {
  const auto programs = words({"a b c a b", "a b d"});
  EXPECT_EQ(score_bags(gram_bags(programs, 1), 10).distinct, .5);
  const BagScores two = score_bags(gram_bags(programs, 2), 10);
  EXPECT_EQ(two.total, 6);
  EXPECT_EQ(two.distinct_count, 4);
  EXPECT_NEAR(two.distinct.value(), .6666667, kPrinted);
  EXPECT_NEAR(two.ead.value(), .8536812, kPrinted);  // 4 / 4.68559; the page rounds it up
  EXPECT_EQ(two.jaccard, .75);
  EXPECT_NEAR(two.distinct_pair.value(), .5520833, kPrinted);
}

TEST(Lexical, ReproducesTheWorkedSelfBleu) {
  const auto programs = words({"the cat sat on the mat", "the cat sat on a dog", "a dog sat on the mat today"});
  EXPECT_NEAR(self_bleu(programs, 2).value(), .8544090, kPrinted);
  EXPECT_NEAR(self_bleu(programs, 3).value(), .7630879, kPrinted);
  EXPECT_NEAR(self_bleu(programs, 4).value(), .6521794, kPrinted);
}

TEST(Lexical, ReproducesTheTwentyHumanEvalPrograms) {
  const auto records = data::read_jsonl("data/diversity/humaneval-40-59.jsonl.gz").value();
  ASSERT_EQ(records.records.size(), 20u);
  TokenInterner interner;
  std::vector<TokenSeq> programs;
  for (const JsonView& r : records.records)
    programs.push_back(tokenize(r.string("program").value(), TokenMode::kParso, interner));
  const auto grams = all_gram_bags(programs, 6);
  const std::vector<std::pair<int, int>> counts = {{140, 1115}, {453, 1095}, {627, 1075},
                                                   {744, 1055}, {825, 1035}, {866, 1015}};
  const std::vector<double> ead = {.126957, .418218, .589510, .712634, .805330, .861838};
  for (std::size_t n = 0; n < 6; ++n) {
    const BagScores scores = score_bags(grams[n], kDefaultVocabulary);
    EXPECT_EQ(scores.distinct_count, counts[n].first) << n + 1;
    EXPECT_EQ(scores.total, counts[n].second) << n + 1;
    EXPECT_NEAR(scores.ead.value(), ead[n], 5e-7) << n + 1;
  }
}

TEST(Lexical, HasNoValueWhereNothingIsThere) {
  const BagScores none = score_bags(gram_bags(words({"a", ""}), 2), 100);
  EXPECT_EQ(none.usable, 0u);
  EXPECT_EQ(none.distinct, std::nullopt);
  EXPECT_EQ(none.distinct_pair, std::nullopt);
  EXPECT_EQ(none.ead, std::nullopt);
  EXPECT_EQ(none.jaccard, std::nullopt);
  const BagScores one = score_bags(gram_bags(words({"a b"}), 2), 100);
  EXPECT_EQ(one.distinct, std::nullopt);  // one bigram
  EXPECT_EQ(one.distinct_pair, .5);       // drawn twice
  EXPECT_EQ(one.jaccard, std::nullopt);
  EXPECT_EQ(self_bleu(words({"a b"}), 2), std::nullopt);
}

// The definitions with sets and maps of n-grams, pair by pair.
using Gram = std::vector<std::uint32_t>;
std::map<Gram, int> grams_of(const TokenSeq& program, std::size_t n) {
  std::map<Gram, int> out;
  for (std::size_t i = 0; i + n <= program.size(); ++i) {
    ++out[Gram(program.begin() + static_cast<std::ptrdiff_t>(i), program.begin() + static_cast<std::ptrdiff_t>(i + n))];
  }
  return out;
}
double total_of(const std::map<Gram, int>& grams) {
  double sum = 0;
  for (const auto& [gram, count] : grams) sum += count;
  return sum;
}

TEST(Lexical, BagMeasuresEqualTheirDefinitions) {
  Stream s(1, "test.lexical");
  constexpr double kVocabulary = 7;
  for (int repeat = 0; repeat < 200; ++repeat) {
    const auto programs = random_programs(s, 8);
    const int order = 1 + static_cast<int>(s.below(3));
    std::vector<std::map<Gram, int>> usable;
    for (const TokenSeq& p : programs) {
      auto grams = grams_of(p, static_cast<std::size_t>(order));
      if (!grams.empty()) usable.push_back(std::move(grams));
    }
    const BagScores found = score_bags(gram_bags(programs, order), kVocabulary);
    ASSERT_EQ(found.usable, usable.size());
    std::set<Gram> all;
    double total = 0, pair = 0, ead_pair = 0, jaccard = 0, m = static_cast<double>(usable.size());
    for (std::size_t i = 0; i < usable.size(); ++i) {
      total += total_of(usable[i]);
      for (const auto& [gram, count] : usable[i]) all.insert(gram);
      for (std::size_t j = 0; j < usable.size(); ++j) {
        double both = 0;
        for (const auto& [gram, count] : usable[i]) both += usable[j].contains(gram);
        const double either = static_cast<double>(usable[i].size() + usable[j].size()) - both;
        const double tokens = total_of(usable[i]) + total_of(usable[j]);
        pair += either / tokens;
        ead_pair += either / (kVocabulary * (1 - std::pow((kVocabulary - 1) / kVocabulary, tokens)));
        if (j < i) jaccard += 1 - both / either;
      }
    }
    EXPECT_EQ(found.distinct_count, static_cast<std::int64_t>(all.size()));
    EXPECT_EQ(found.total, static_cast<std::int64_t>(total));
    if (m >= 1) {
      EXPECT_NEAR(found.distinct_pair.value(), pair / (m * m), kRounding);
      EXPECT_NEAR(found.ead_pair.value(), ead_pair / (m * m), kRounding);
    }
    if (m >= 2) {
      EXPECT_NEAR(found.jaccard.value(), jaccard / (m * (m - 1) / 2), kRounding);
    }
  }
}

// BLEU with every reference looked at.
double bleu(const std::vector<TokenSeq>& programs, std::size_t hypothesis, int order) {
  const double c = static_cast<double>(programs[hypothesis].size());
  double log_sum = 0;
  for (int n = 1; n <= order; ++n) {
    const auto here = grams_of(programs[hypothesis], static_cast<std::size_t>(n));
    double matches = 0;
    for (const auto& [gram, count] : here) {
      int most = 0;
      for (std::size_t r = 0; r < programs.size(); ++r) {
        if (r == hypothesis) continue;
        const auto there = grams_of(programs[r], static_cast<std::size_t>(n));
        if (const auto at = there.find(gram); at != there.end()) most = std::max(most, at->second);
      }
      matches += std::min(count, most);
    }
    log_sum += std::log((matches > 0 ? matches : .1) / std::max(1.0, total_of(here)));
  }
  double closest = 1e9;
  for (std::size_t r = 0; r < programs.size(); ++r) {
    const double length = static_cast<double>(programs[r].size());
    if (r == hypothesis) continue;
    if (std::abs(length - c) < std::abs(closest - c) || (std::abs(length - c) == std::abs(closest - c) && length < closest))
      closest = length;
  }
  const double penalty = c >= closest ? 1 : c == 0 ? 0 : std::exp(1 - closest / c);
  return penalty * std::exp(log_sum / order);
}

TEST(Lexical, SelfBleuEqualsItsDefinition) {
  Stream s(2, "test.lexical");
  for (int repeat = 0; repeat < 200; ++repeat) {
    const auto programs = random_programs(s, 7);
    for (const int order : {1, 2, 3, 4}) {
      const auto found = self_bleu(programs, order);
      ASSERT_EQ(found.has_value(), programs.size() >= 2);
      if (!found) continue;
      double sum = 0;
      for (std::size_t i = 0; i < programs.size(); ++i) sum += bleu(programs, i, order);
      EXPECT_NEAR(*found, sum / static_cast<double>(programs.size()), kRounding);
    }
  }
}

TEST(Lexical, CompressionIsSmallForCopiesAndAboutOneForNoise) {
  const std::string line(200, 'a');
  EXPECT_LT(compression_ratio(std::vector<std::string>(20, line)).value(), .05);
  Stream s(3, "test.lexical");
  std::string noise;
  for (int i = 0; i < 4000; ++i) noise += static_cast<char>(s.below(256));
  EXPECT_NEAR(compression_ratio(std::vector<std::string>{noise}).value(), 1, .02);
  EXPECT_EQ(compression_ratio(std::vector<std::string>{""}), std::nullopt);
  EXPECT_EQ(compression_ratio(std::vector<std::string>{}), std::nullopt);
}

TEST(ExpectationAdjustedDistinct, KeepsItsDigitsForLargeVocabularies) {
  // V (1 - (1 - 1/V)^C) tends to C.
  EXPECT_NEAR(expectation_adjusted_distinct(3, 4, 1e15), .75, 1e-12);
}

TEST(Tokens, OfCodeHaveMarksThatNoTextEquals) {
  EXPECT_EQ(token_texts("if x:\n  y\n", TokenMode::kCode),
            (std::vector<std::string>{"if", "x", ":", "\n", "\n>", "y", "\n", "\n<"}));
  EXPECT_EQ(token_texts(" a  b\tc\n", TokenMode::kWords), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(token_texts("ab", TokenMode::kBytes), (std::vector<std::string>{"a", "b"}));
}

TEST(ParsoTokens, AreThoseOfThePackage) {
  const auto records = data::read_jsonl("data/diversity/parso-tokens.jsonl").value();
  ASSERT_GE(records.records.size(), 150u);
  for (const JsonView& r : records.records) {
    const std::string source = r.string("source").value();
    EXPECT_EQ(parso_tokens(source), r.strings("tokens").value()) << source;
  }
}

TEST(ParsoTokens, ReproduceTheWorkedExample) {
  EXPECT_EQ(parso_tokens("def add(x: int, y: int):\n    \"\"\"D\"\"\"\n    return x + y\n"),
            (std::vector<std::string>{"def", "add",           "(",  "x",      ":", "int", ",", "y",  ":", "int", ")", ":", "\n",
                                      "",    "\"\"\"D\"\"\"", "\n", "return", "x", "+",   "y", "\n", "",  ""}));
}

}  // namespace
}  // namespace gimbal::diversity
