#include "gimbal/reward/verifiers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gimbal/reward/form.h"

namespace gimbal::reward {
namespace {

using ::testing::HasSubstr;

Score score_of(std::string_view verifier, std::string_view completion, const std::string& record = "{}",
               const VerifierOptions& options = {}) {
  const auto made = make_verifier(verifier, options);
  EXPECT_TRUE(made) << made.error().text();
  const Json json = *parse_json(record, "record");
  Item item;
  item.completion = completion;
  item.record = &json;
  auto scores = (*made)->score(std::span(&item, 1), {});
  EXPECT_TRUE(scores) << scores.error().text();
  return scores->front();
}
std::string error_of(std::string_view verifier) { return make_verifier(verifier).error().text(); }

TEST(Number, ReadsTheSpellingsOfTwelve) {
  for (const std::string_view text :
       {"12", "12.0", "12.00", "$12", "24/2", "It is 12.", "so 12%", "1.2e1", "+12", "\\boxed{12}"}) {
    const auto number = extract_number(text);
    ASSERT_TRUE(number) << text;
    EXPECT_EQ(numbers_equal(*number, "12"), true) << text << " gives " << *number;
  }
}

TEST(Number, FollowsTheRulesOfCommasSignsAndStops) {
  EXPECT_EQ(extract_number("1,200 apples"), "1,200");
  EXPECT_EQ(numbers_equal("1,200", "1200"), true);
  EXPECT_EQ(extract_number("1,2"), "2");
  EXPECT_EQ(extract_number("1,2345"), "2345");
  EXPECT_EQ(extract_number("it falls to -3."), "-3");
  EXPECT_EQ(extract_number("10-3"), "3") << "a subtraction, not a sign";
  EXPECT_EQ(extract_number("costs -$5 today"), "-$5");
  EXPECT_EQ(numbers_equal("-$5", "-5"), true);
  EXPECT_EQ(extract_number("3/4 of it"), "3/4");
  EXPECT_EQ(extract_number("none"), std::nullopt);
  EXPECT_EQ(extract_number("first 7\n#### 18\n"), "18");
  EXPECT_EQ(extract_number("#### 1\nthen \\boxed{5} and 9"), "1");
  EXPECT_EQ(extract_number("\\boxed{5} and 9"), "5");
}

TEST(Number, ComparesExactlyWhateverTheSize) {
  EXPECT_EQ(numbers_equal("0.1", "1/10"), true);
  EXPECT_EQ(numbers_equal("0.3333333333333333", "1/3"), false);
  EXPECT_EQ(numbers_equal("123456789012345678901234567890", "123,456,789,012,345,678,901,234,567,890"), true);
  EXPECT_EQ(numbers_equal("123456789012345678901234567890", "123456789012345678901234567891"), false);
  EXPECT_EQ(numbers_equal("1e300", "1e301"), false);
  EXPECT_EQ(numbers_equal("1e999999", "1"), std::nullopt);
  EXPECT_EQ(numbers_equal("3/0", "1"), std::nullopt);
  EXPECT_EQ(numbers_equal("101", "100", 0.01), true);
  EXPECT_EQ(numbers_equal("102.1", "100", 0.02), false);
}

TEST(Number, ScoresAMissingAnswerAsWrong) {
  const Score score = score_of("number", "I do not know", R"({"answer":"#### 5"})");
  EXPECT_EQ(score.value, 0);
  EXPECT_EQ(score.reason, Reason::kNoAnswer);
  EXPECT_EQ(score.gold, "5");
}

TEST(Verifier, RefusesARecordWithoutGoldAndNamesItsFields) {
  const auto verifier = make_verifier("exact");
  const Json record = *parse_json(R"({"id":"a","prompt":"?"})", "r");
  Item item;
  item.record = &record;
  EXPECT_EQ((*verifier)->check(item).error().text(),
            "no gold answer: expected one of answer, solution, ground_truth, target, gold; found \"id\", \"prompt\"");
}

TEST(Exact, NormalisesAsFarAsAsked) {
  const std::string gold = R"({"answer":"New York."})";
  EXPECT_EQ(score_of("exact", " New York. ", gold).value, 1);
  EXPECT_EQ(score_of("exact", "new york", gold).value, 0);
  VerifierOptions options;
  options.exact.normalize = Normalize::kPunctuation;
  EXPECT_EQ(score_of("exact", "new\n york", gold, options).value, 1);
  EXPECT_EQ(score_of("exact", "", R"({"answer":"x"})").reason, Reason::kNoAnswer);
  EXPECT_EQ(normalize_text(" A  b ", Normalize::kWhitespace), "A b");
  EXPECT_EQ(normalize_text(" A  b ", Normalize::kNone), " A  b ");
}

TEST(Exact, AcceptsAnyOfAListOnlyWhenAsked) {
  VerifierOptions options;
  options.exact.any_of = true;
  EXPECT_EQ(score_of("exact", "b", R"({"answer":["a","b"]})", options).value, 1);
  const auto strict = make_verifier("exact");
  const Json record = *parse_json(R"({"answer":["a","b"]})", "r");
  Item item;
  item.record = &record;
  EXPECT_THAT((*strict)->check(item).error().text(), HasSubstr("--any-of"));
}

TEST(Choice, FindsTheLetterInTheOrderOfTheRules) {
  EXPECT_EQ(extract_choice("(A) no, \\boxed{\\text{(C)}}"), 'C');
  EXPECT_EQ(extract_choice("The answer is (B), not (D)"), 'B');
  EXPECT_EQ(extract_choice("The answer is **D**."), 'D');
  EXPECT_EQ(extract_choice("between (A) and (E) I take the latter"), 'E');
  EXPECT_EQ(extract_choice("so we choose C."), 'C');
  EXPECT_EQ(extract_choice("MIB"), std::nullopt) << "a letter of a word";
  EXPECT_EQ(extract_choice("The answer is K"), std::nullopt);
  EXPECT_EQ(score_of("choice", "Answer is (C)", R"({"answer":"\\text{(C)}"})").value, 1);
}

TEST(Countdown, GivesTheScoresOfTheWorkedCases) {
  const std::string record = R"({"numbers":[3,5,7],"target":26})";
  const auto one = [&](std::string_view expression) {
    return *score_of("countdown", fmt::format("<think>..</think><answer>{}</answer>", expression), record).value;
  };
  EXPECT_EQ(one("(3*7)+5"), 1);
  EXPECT_EQ(one("3*7+5=26"), 1);
  EXPECT_EQ(one("7 \u00d7 3 \u2212 -5"), 1);
  for (const char* wrong : {"3*7+5=27", "26", "3+5+7", "7*3+5+0", "3/(5-5)", "3/(5-5)+7", "3*7+5=26.1"}) {
    EXPECT_EQ(one(wrong), 0.1) << wrong;
  }
  for (const char* bad : {"7 3 5", "3**5-7", "7//2", "3*7+05", "3.0*7+5", "3*7+5,", "x", "(3*7+5", "", "3*7+5==26",
                          "3*7+5=", "+3", "3%5", "3_0", "3*7+5=26=26"}) {
    EXPECT_EQ(one(bad), 0) << bad;
  }
}

TEST(Countdown, TakesTheLastCompleteAnswer) {
  EXPECT_EQ(extract_answer_tag("<answer>1</answer> <answer>2</answer> <answer>3"), "2");
  EXPECT_EQ(extract_answer_tag("<answer>1</answer>\nthat was it", true), std::nullopt);
  EXPECT_EQ(extract_answer_tag("x\n<answer>1</answer>", true), "1");
  EXPECT_EQ(extract_answer_tag("none"), std::nullopt);
}

TEST(Countdown, EvaluatesExactlyBeyondMachineWords) {
  const std::vector<std::int64_t> numbers = {999999999999, 999999999999, 999999999999, 999999999999, 7};
  const std::string e = "999999999999*999999999999/999999999999/999999999999+7";
  EXPECT_EQ(countdown_score(e, numbers, 8).value, 1);
  std::string deep(100, '(');
  deep += '7';
  deep.append(100, ')');
  const std::vector<std::int64_t> seven = {7};
  EXPECT_EQ(countdown_score(deep, seven, 7).reason, Reason::kFormat);
}

TEST(Form, ChecksPatternsJsonTagsAndLength) {
  EXPECT_EQ(score_of("regex:^[0-9]+ (a+)$", "12 aaa").extracted, "aaa");
  EXPECT_EQ(score_of("regex:^[0-9]+$", "12a").value, 0);
  EXPECT_EQ(score_of("json:a:integer,b", R"({"a":1,"b":null})").value, 1);
  EXPECT_EQ(score_of("json:a:integer", "```json\n{\"a\":1}\n```").value, 1);
  EXPECT_EQ(score_of("json:a:integer", R"({"a":1.5})").reason, Reason::kFormat);
  EXPECT_EQ(score_of("json", "{").reason, Reason::kUnparsable);
  EXPECT_EQ(score_of("format", "<think>a</think> <answer>b</answer>").value, 1);
  EXPECT_EQ(score_of("format", "<answer>b</answer><think>a</think>").value, 0);
  EXPECT_EQ(score_of("format", "<think>a</think><answer>b</answer><answer>c</answer>").value, 0);
  EXPECT_EQ(score_of("format", "<think>a<answer>b</think></answer>").value, 0) << "tags follow each other";
  EXPECT_EQ(score_of("length:4", "abcd").value, 1);
  EXPECT_EQ(score_of("length:4", "abcdef").value, 0.5);
  EXPECT_EQ(score_of("length:4", "\u00e9\u00e9\u00e9\u00e9").value, 1) << "code points";
  EXPECT_EQ(score_of("length:4", "123456789").value, 0);
}

TEST(Combination, WeighsAndGatesAndReportsEachPart) {
  const std::string record = R"({"answer":"4"})";
  const Score both = score_of("0.9*number + 0.1*format", "<think>x</think><answer>4</answer>", record);
  EXPECT_DOUBLE_EQ(*both.value, 1);
  EXPECT_TRUE(both.passed);
  const Score half = score_of("0.9*number + 0.1*format", "4", record);
  EXPECT_DOUBLE_EQ(*half.value, 0.9);
  EXPECT_FALSE(half.passed);
  EXPECT_EQ(half.reason, Reason::kFormat);
  ASSERT_EQ(half.parts.size(), 2U);
  EXPECT_EQ(half.parts[0].name, "number");
  EXPECT_EQ(half.parts[0].value, 1);
  EXPECT_EQ(half.parts[1].value, 0);
  EXPECT_EQ(score_of("gate:format * number", "4", record).value, 0);
  EXPECT_EQ(score_of("gate:length:9*number", "4", record).value, 1);
  EXPECT_EQ(score_of("0.5*regex:\"4+ *\" + 0.5*number", "4", record).value, 1);
}

TEST(Combination, ErrorsNameThePosition) {
  EXPECT_EQ(error_of("mth"), "no verifier is called \"mth\"; did you mean \"math\"? (position 1 of \"mth\")");
  EXPECT_EQ(error_of("0.9*math + -0.1*format"),
            "expected a weight of at least 0, found -0.1 (position 12 of \"0.9*math + -0.1*format\")");
  EXPECT_EQ(error_of("0.9"), "expected the name of a verifier after the weight (position 4 of \"0.9\")");
  EXPECT_THAT(error_of("math number"), HasSubstr("expected + or *, found \"number\" (position 6"));
  EXPECT_THAT(error_of("math:x"), HasSubstr("math takes no argument"));
  EXPECT_THAT(error_of("regex:("), HasSubstr("does not compile"));
  EXPECT_THAT(error_of("length:many"), HasSubstr("expected length:MAX"));
  EXPECT_THAT(error_of("json:a:text"), HasSubstr("expected string, number"));
  EXPECT_THAT(error_of(""), HasSubstr("expected a verifier"));
}

}  // namespace
}  // namespace gimbal::reward
