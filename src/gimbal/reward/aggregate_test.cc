#include "gimbal/reward/aggregate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gimbal/base/file.h"
#include "gimbal/reward/answers.h"
#include "gimbal/reward/verifiers.h"

namespace gimbal::reward {
namespace {

using ::testing::HasSubstr;

Score answer(std::string text, bool passed) {
  return verdict(passed, passed ? Reason::kEqual : Reason::kDifferent, std::move(text));
}

TEST(Aggregate, UsesWilsonForOneSampleAPrompt) {
  std::vector<Score> scores;
  std::vector<std::int64_t> prompt;
  for (int i = 0; i < 10; ++i) {
    scores.push_back(answer("1", i < 7));
    prompt.push_back(i);
  }
  const auto out = aggregate(scores, prompt, **make_verifier("math"));
  ASSERT_TRUE(out);
  EXPECT_DOUBLE_EQ(*out->mean, 0.7);
  EXPECT_NEAR(*out->lo, .3967781, 5e-8);
  EXPECT_NEAR(*out->hi, .8922087, 5e-8);
  EXPECT_EQ(out->passed, 7U);
  EXPECT_EQ(out->pass_at.at(1), 0.7);
  EXPECT_EQ(out->majority, std::nullopt);
}

TEST(Aggregate, AveragesPassAtKOverPromptsAndLeavesUndecidedOut) {
  std::vector<Score> scores;
  std::vector<std::int64_t> prompt;
  for (int i = 0; i < 10; ++i) scores.push_back(answer(i < 3 ? "5" : "6", i < 3)), prompt.push_back(0);
  for (int i = 0; i < 10; ++i) scores.push_back(answer("5", true)), prompt.push_back(1);
  Score undecided;
  scores.push_back(undecided);
  prompt.push_back(1);
  AggregateOptions options;
  options.k = {1, 2, 5, 11};
  const auto out = aggregate(scores, prompt, **make_verifier("math"), options);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->undecided, 1U);
  EXPECT_NEAR(*out->pass_at.at(2), (.5333333 + 1) / 2, 5e-8);  // the digits that are given
  EXPECT_EQ(out->pass_at.at(11), std::nullopt);
  EXPECT_DOUBLE_EQ(*out->mean, 13.0 / 20);
  // Clusters: prompts with means .3 and 1 are resampled whole.
  EXPECT_DOUBLE_EQ(*out->lo, 0.3);
  EXPECT_DOUBLE_EQ(*out->hi, 1.0);
  EXPECT_EQ(out->majority, 0.5) << "the first prompt's majority is wrong";
}

TEST(Majority, TakesTheLargestClassAndOfTiesTheEarlier) {
  const auto math = *make_verifier("math");
  std::vector<Score> scores = {answer("1/2", false), answer("3", true), answer("0.5", false), answer("3.0", true)};
  EXPECT_EQ(majority_choice(scores, *math), 0U);
  scores.push_back(answer("\\frac{6}{2}", true));
  EXPECT_EQ(majority_choice(scores, *math), 1U);
  EXPECT_EQ(majority_choice(std::vector<Score>{answer("", false)}, *math), std::nullopt);
  EXPECT_EQ(majority_choice(scores, **make_verifier("format")), std::nullopt);
}

TEST(Answers, ReadsTextSamplesAndChats) {
  const auto folder = TemporaryFolder::create();
  const std::string path = (folder->path() / "a.jsonl").string(), gold = (folder->path() / "g.jsonl").string();
  ASSERT_TRUE(write_atomic(
      path,
      "{\"id\":\"p1\",\"completions\":[\"a\",null]}\n"
      "{\"id\":\"p2\",\"completion\":[{\"role\":\"assistant\",\"content\":\"x\"},{\"role\":\"user\",\"content\":\"y\"}]}\n"
      "{\"id\":\"p1\",\"completion\":\"c\"}\n"));
  ASSERT_TRUE(write_atomic(gold, "{\"id\":\"p1\",\"final\":4}\n{\"id\":\"p2\",\"final\":\"5\"}\n"));
  const auto file = read_answers(path, {.gold_file = gold, .gold_field = "final"});
  ASSERT_TRUE(file) << file.error().text();
  ASSERT_EQ(file->answers.size(), 4U);
  EXPECT_EQ(file->answers[1].text, "");
  EXPECT_EQ(file->answers[2].text, "x");
  EXPECT_EQ(file->answers[3].sample, 2U) << "a third sample of p1";
  EXPECT_EQ(gold_values(&file->records[0])->front(), "4");
  EXPECT_TRUE(check_answers(*file, **make_verifier("math")));
}

TEST(Answers, NamesTheLinesOfBadRecords) {
  const auto folder = TemporaryFolder::create();
  const std::string path = (folder->path() / "a.jsonl").string();
  ASSERT_TRUE(write_atomic(path, "{\"id\":1,\"completion\":\"a\"}\n{\"id\":2,\"text\":\"b\"}\n"));
  EXPECT_THAT(read_answers(path).error().text(),
              HasSubstr("a.jsonl:2: no \"completion\" or \"completions\"; found \"id\", \"text\""));
  ASSERT_TRUE(write_atomic(path, "{\"id\":1,\"completion\":\"a\",\"answer\":\"1\"}\n{\"id\":2,\"completion\":\"b\"}\n"));
  const auto file = read_answers(path);
  EXPECT_THAT(check_answers(*file, **make_verifier("math")).error().text(), HasSubstr("a.jsonl:2: no gold answer"));
  EXPECT_THAT(check_answers(*file, **make_verifier("countdown")).error().text(), HasSubstr("a.jsonl:1: a countdown record is"));
}

}  // namespace
}  // namespace gimbal::reward
