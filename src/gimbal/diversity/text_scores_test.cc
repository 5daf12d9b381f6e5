#include "gimbal/diversity/text_scores.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace gimbal::diversity {
namespace {

std::optional<double> value(const Measures& measures, std::string_view name) {
  for (const Measure& m : measures) {
    if (m.name == name) return m.value;
  }
  ADD_FAILURE() << "no measure " << name;
  return std::nullopt;
}

TEST(TextMeasures, HaveTheKeysOfDocuments) {
  const TextPrompt prompt{"p1", {"the cat sat on the mat", "the cat sat on a dog", "a dog sat on the mat today"}};
  const Measures found = text_measures(prompt, {.vendi = true, .hill = true, .at = {2}});
  EXPECT_NEAR(value(found, "self_bleu_2").value(), .8544090, 5e-8);
  EXPECT_NEAR(value(found, "distinct_1").value(), 8. / 19, 1e-12);
  EXPECT_NEAR(value(found, "hill_1").value(), 3, 1e-12);  // three different texts
  EXPECT_NEAR(value(found, "distinct_at_2").value(), 2, 1e-12);
  EXPECT_GT(value(found, "vendi_1").value(), 1);
  EXPECT_LT(value(found, "vendi_1").value(), 3);
  EXPECT_GT(value(found, "compression").value(), 0);
}

TEST(TextMeasures, VendiCountsTextsThatShareNothingAndTakesCopiesForOne) {
  const TextOptions only{.orders = {}, .self_bleu = false, .compression = false, .vendi = true};
  EXPECT_NEAR(value(text_measures({"p", {"a b", "c d", "e"}}, only), "vendi_1").value(), 3, 1e-12);
  EXPECT_NEAR(value(text_measures({"p", {"a b", "a b", ""}}, only), "vendi_1").value(), 1, 1e-12);
  EXPECT_EQ(value(text_measures({"p", {""}}, only), "vendi_1"), std::nullopt);
}

TEST(TextMeasures, TakeAPartitionFromOutside) {
  TextPrompt prompt{"p", {"a", "b", "c", "d"}};
  prompt.partition = partition_of(std::vector<int>{0, 0, 1, 1}, {true, true, true, false});
  const Measures found = text_measures(prompt, {.hill = true});
  EXPECT_EQ(value(found, "validity"), .75);
  EXPECT_EQ(value(found, "div_fixed"), .5);
}

TEST(MeanMeasures, CountThePromptsForWhichAMeasureIsDefined) {
  const std::vector<Measures> prompts = {
      {{"x", 1.0}, {"y", std::nullopt}}, {{"x", 3.0}, {"y", std::nullopt}}, {{"x", std::nullopt}, {"y", 5.0}}};
  const auto means = mean_measures(prompts, {.seed = 1}).value();
  ASSERT_EQ(means.size(), 2u);
  EXPECT_EQ(means[0].name, "x");
  EXPECT_EQ(means[0].mean, 2);
  EXPECT_EQ(means[0].n, 2u);
  EXPECT_EQ(means[0].lo, 1);  // two prompts: a quarter of the draws are both the same one
  EXPECT_EQ(means[0].hi, 3);
  EXPECT_EQ(means[1].mean, 5);
  EXPECT_EQ(means[1].n, 1u);
  EXPECT_EQ(means[1].lo, std::nullopt);
  EXPECT_EQ(mean_measures(prompts, {.draws = 0}).value()[0].lo, std::nullopt);
}

}  // namespace
}  // namespace gimbal::diversity
