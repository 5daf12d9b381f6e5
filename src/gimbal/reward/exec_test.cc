#include "gimbal/reward/exec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "gimbal/base/file.h"
#include "gimbal/reward/verifiers.h"

namespace gimbal::reward {
namespace {

using ::testing::HasSubstr;

// A judge of its own for each test: `body` handles one request `r` and has `say(id, text)`.
class ExecVerifierTest : public ::testing::Test {
 protected:
  std::string judge(const std::string& body) {
    const std::string path = (folder_->path() / "judge.py").string();
    EXPECT_TRUE(write_atomic(path,
                             "import json, os, sys, time\n"
                             "def say(r, **f): print(json.dumps({'id': r['id'], **f}), flush=True)\n"
                             "for line in iter(sys.stdin.readline, ''):\n  if not line.strip(): continue\n"
                             "  r = json.loads(line)\n" +
                                 body));
    return "exec:python3 " + path;
  }
  Result<std::vector<Score>> score(const std::string& verifier, const std::vector<std::string>& completions,
                                   const ExecOptions& exec = {}) {
    VerifierOptions options;
    options.exec = exec;
    const auto made = make_verifier(verifier, options);
    if (!made) return fail(made.error());
    const Json record = *parse_json(R"({"answer":"4","level":2})", "record");
    std::vector<Item> items;
    for (const std::string& text : completions) {
      Item item;
      item.id = text;
      item.prompt = "2+2?";
      item.completion = text;
      item.record = &record;
      items.push_back(item);
    }
    return (*made)->score(items, {});
  }
  Result<TemporaryFolder> folder_ = TemporaryFolder::create();
};

TEST_F(ExecVerifierTest, GivesTheProgramPromptCompletionAndRecordAndTakesItsScore) {
  const auto scores =
      score(judge("  good = r['prompt'] == '2+2?' and r['completion'] == r['record']['answer']\n"
                  "  say(r, score=1 if good else 0.25, reason='right' if good else 'level %d' % r['record']['level'])\n"),
            {"4", "5"});
  ASSERT_TRUE(scores) << scores.error().text();
  EXPECT_EQ(scores->at(0).value, 1);
  EXPECT_TRUE(scores->at(0).passed);
  EXPECT_EQ(reason_text(scores->at(0)), "right");
  EXPECT_EQ(scores->at(1).value, 0.25);
  EXPECT_FALSE(scores->at(1).passed);
  EXPECT_EQ(reason_text(scores->at(1)), "level 2");
}

TEST_F(ExecVerifierTest, KeepsOrderOverManyBatchesAndPrograms) {
  ExecOptions options;
  options.workers = 3;
  std::vector<std::string> texts;
  for (int i = 0; i < 500; ++i) texts.push_back(std::to_string(i));
  const auto scores = score(judge("  say(r, score=int(r['completion']) / 1000)\n"), texts, options);
  ASSERT_TRUE(scores) << scores.error().text();
  for (int i = 0; i < 500; ++i) EXPECT_DOUBLE_EQ(scores->at(static_cast<std::size_t>(i)).value.value(), i / 1000.0);
}

TEST_F(ExecVerifierTest, NullNanAndMissingScoresAreUndecided) {
  const auto scores =
      score(judge("  say(r, **{'null': {'score': None}, 'nan': {'score': float('nan')}, 'none': {}}[r['completion']])\n"),
            {"null", "nan", "none"});
  ASSERT_TRUE(scores) << scores.error().text();
  for (const Score& one : *scores) {
    EXPECT_EQ(one.value, std::nullopt);
    EXPECT_FALSE(one.passed);
    EXPECT_EQ(reason_text(one), "undecided");
  }
}

TEST_F(ExecVerifierTest, AnItemThatBringsTheProgramDownAloneIsUndecidedAndTheOthersAreScored) {
  const auto scores = score(judge("  if r['completion'] == 'bad': os._exit(3)\n  say(r, score=1)\n"), {"a", "bad", "b", "c"});
  ASSERT_TRUE(scores) << scores.error().text();
  for (const std::size_t i : {0, 2, 3}) EXPECT_EQ(scores->at(i).value, 1) << i;
  EXPECT_EQ(scores->at(1).value, std::nullopt);
  EXPECT_EQ(reason_text(scores->at(1)), "crash");
}

TEST_F(ExecVerifierTest, AnItemWithoutAnAnswerInTimeIsUndecided) {
  ExecOptions options;
  options.timeout_s = 0.5;
  const auto scores = score(judge("  if r['completion'] != 'slow': say(r, score=1)\n"), {"a", "slow", "b"}, options);
  ASSERT_TRUE(scores) << scores.error().text();
  EXPECT_EQ(scores->at(0).value, 1);
  EXPECT_EQ(scores->at(1).value, std::nullopt);
  EXPECT_EQ(reason_text(scores->at(1)), "timeout");
  EXPECT_EQ(scores->at(2).value, 1);
}

TEST_F(ExecVerifierTest, ThreeCrashesInARowAreAnErrorWithTheLastWords) {
  const auto scores = score(judge("  print('no model here', file=sys.stderr)\n  sys.exit(7)\n"), {"a", "b", "c"});
  ASSERT_FALSE(scores);
  EXPECT_EQ(scores.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(scores.error().text(), HasSubstr("ended with exit status 7 before it had answered"));
  EXPECT_THAT(scores.error().text(), HasSubstr("3rd end in a row"));
  EXPECT_THAT(scores.error().notes, ::testing::Contains("its standard error: no model here"));
}

TEST_F(ExecVerifierTest, LinesOutsideTheProtocolAreErrors) {
  const auto error_of = [&](const std::string& body, const ExecOptions& options = {}) {
    const auto scores = score(judge(body), {"a"}, options);
    EXPECT_FALSE(scores);
    if (scores) return std::string();
    EXPECT_EQ(scores.error().code, ErrorCode::kUnavailable);
    return scores.error().message;
  };
  EXPECT_THAT(error_of("  print('loading', flush=True)\n"), HasSubstr("expected a JSON object with the \"id\""));
  EXPECT_THAT(error_of("  say(r, score='high')\n"), HasSubstr("expected a number or null as \"score\" in its answer to \"a\""));
  EXPECT_THAT(error_of("  say(r, score=1, reason=4)\n"), HasSubstr("expected a text as \"reason\""));
  EXPECT_THAT(error_of("  say(r, score=1.5)\n"), HasSubstr("expected a score from 0 to 1 (--range any takes others)"));
  ExecOptions any;
  any.any_range = true;
  const auto scores = score(judge("  say(r, score=-1.5)\n"), {"a"}, any);
  ASSERT_TRUE(scores);
  EXPECT_EQ(scores->at(0).value, -1.5);
}

TEST_F(ExecVerifierTest, AMissingProgramIsUnavailableAndABadCommandLineIsUsage) {
  EXPECT_EQ(score("exec:no-such-judge-here", {"a"}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(score("exec:", {"a"}).error().code, ErrorCode::kUsage);
  EXPECT_EQ(score("exec:judge | tee", {"a"}).error().code, ErrorCode::kUsage);
}

TEST_F(ExecVerifierTest, IsAPartOfACombinationAndUndecidedThereToo) {
  const std::string command = judge("  say(r, score=None if r['completion'] == '5' else 0.5)\n").substr(5);
  const auto scores = score("0.5*exec:\"" + command + "\" + 0.5*number", {"4", "5"});
  ASSERT_TRUE(scores) << scores.error().text();
  EXPECT_DOUBLE_EQ(scores->at(0).value.value(), 0.75);
  EXPECT_EQ(scores->at(1).value, std::nullopt);
  ASSERT_EQ(scores->at(0).parts.size(), 2U);
  EXPECT_EQ(scores->at(0).parts[0].value, 0.5);
}

TEST(FunctionVerifier, ChecksWhatTheFunctionGives) {
  const std::array<Item, 2> items = {};
  std::vector<Score> given(2);
  given[0].value = 0.5;
  const auto verifier = make_function_verifier("mine", [&](std::span<const Item>, const StopToken&) { return given; });
  EXPECT_EQ(verifier->name(), "mine");
  EXPECT_EQ(verifier->score(items, {}).value()[0].value, 0.5);
  given[1].value = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(verifier->score(items, {}).error().text(), HasSubstr("not finite"));
  given.pop_back();
  EXPECT_THAT(verifier->score(items, {}).error().text(), HasSubstr("1 scores for 2 items"));
}

}  // namespace
}  // namespace gimbal::reward
