#include "gimbal/diversity/perturb.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "gimbal/data/jsonl.h"
#include "gimbal/diversity/lexical.h"

namespace gimbal::diversity {
namespace {

std::vector<std::string> variants() {
  const auto records = data::read_jsonl("data/diversity/variants.jsonl.gz").value();
  return records.records.front().strings("programs").value();
}

TEST(Perturb, ChangesNothingAtProbabilityZero) {
  const auto programs = variants();
  auto made = emulate_model(programs, programs.size(), 0, 7, "p").value();
  std::ranges::sort(made);
  auto sorted = programs;
  std::ranges::sort(sorted);
  EXPECT_EQ(made, sorted);  // all of them, in another order
}

TEST(Perturb, DeletesReplacesAndDuplicatesOneThirdEach) {
  // One-token programs: what became of the token is plain to see.
  const std::vector<std::string> pool = {"new"};
  Stream s(1, "test.perturb");
  int deleted = 0, replaced = 0, duplicated = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string out = perturb("old", 1, pool, s);
    deleted += out.empty();
    replaced += out == "new";
    duplicated += out == "old old";
  }
  EXPECT_EQ(deleted + replaced + duplicated, 3000);
  // Four binomial standard deviations of 3000 draws at 1/3: 103.
  for (const int n : {deleted, replaced, duplicated}) EXPECT_NEAR(n, 1000, 103);
}

TEST(Perturb, KeepsWordsApart) {
  const std::vector<std::string> pool = {"not"};
  Stream s(2, "test.perturb");
  std::set<std::string> seen;
  for (int i = 0; i < 4000; ++i) seen.insert(perturb("a+b", .5, pool, s));
  EXPECT_TRUE(seen.contains("a b"));      // + deleted
  EXPECT_TRUE(seen.contains("a not b"));  // + replaced
  EXPECT_TRUE(seen.contains("a+b"));
  EXPECT_FALSE(seen.contains("ab"));
}

TEST(Perturb, RepeatsItselfForASeedAndNotForAnother) {
  const auto programs = variants();
  const auto a = emulate_model(programs, 10, .05, 7, "p02").value();
  EXPECT_EQ(a, emulate_model(programs, 10, .05, 7, "p02").value());
  EXPECT_NE(a, emulate_model(programs, 10, .05, 8, "p02").value());
  EXPECT_NE(a, emulate_model(programs, 10, .05, 7, "p03").value());
}

TEST(Perturb, RefusesMorePromptsThanThereAre) {
  EXPECT_EQ(emulate_model(std::vector<std::string>{"a"}, 2, 0, 0, "p").error().code, ErrorCode::kInsufficientData);
}

// The mechanism of the study, lexical half: wording gets more diverse with p. The published steps of p; the rank correlation
// over prompts' means is 1 when the sequence rises throughout.
TEST(Perturb, RaisesLexicalDiversityWithTheProbability) {
  const auto records = data::read_jsonl("data/diversity/variants.jsonl.gz").value();
  double before = 0;
  for (const double p : {0.0, .002, .005, .01, .02, .05, .1}) {
    double sum = 0;
    for (const JsonView& r : records.records) {
      const auto programs = emulate_model(r.strings("programs").value(), 40, p, 0, r.string("problem_id").value()).value();
      TokenInterner interner;
      std::vector<TokenSeq> tokens;
      for (const std::string& program : programs) tokens.push_back(tokenize(program, TokenMode::kCode, interner));
      sum += score_bags(gram_bags(tokens, 4), kDefaultVocabulary).distinct.value();
    }
    EXPECT_GT(sum, before) << p;
    before = sum;
  }
}

}  // namespace
}  // namespace gimbal::diversity
