// Replayed, recorded, cached and metered models, and programs that answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "gimbal/base/file.h"
#include "gimbal/lm/answer_cache.h"
#include "gimbal/lm/budget.h"
#include "gimbal/lm/exec_model.h"
#include "gimbal/lm/fake_model.h"
#include "gimbal/lm/replay.h"
#include "gimbal/lm/request_json.h"

namespace gimbal::lm {
namespace {

using ::testing::HasSubstr;

using Texts = std::map<std::pair<std::size_t, int>, std::string>;

Result<Texts> draw(LanguageModel& model, const std::vector<Request>& requests) {
  Texts texts;
  GIMBAL_TRY(model.generate(requests,
                            [&](Output&& output) -> Result<void> {
                              texts[{output.request, output.k}] = output.text;
                              return {};
                            },
                            {}));
  return texts;
}

Request request_of(std::string prompt, std::vector<int> samples) {
  return {.id = prompt, .prompt = prompt, .samples = std::move(samples)};
}

class Models : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryFolder::create();
    ASSERT_TRUE(made);
    folder.emplace(std::move(*made));
  }
  std::string path(const std::string& name) const { return (folder->path() / name).string(); }
  std::unique_ptr<LanguageModel> replay(const std::string& text, bool by_order = false) {
    EXPECT_TRUE(write_atomic(path("r.jsonl"), text));
    auto model = make_replay(path("r.jsonl"), by_order);
    EXPECT_TRUE(model) << model.error().text();
    return std::move(*model);
  }
  std::optional<TemporaryFolder> folder;
};

TEST(RequestJson, IdentityHoldsWhatDecidesTheAnswerAndNothingElse) {
  Request request{.id = "x", .prompt = "p", .samples = {0, 1}};
  EXPECT_EQ(sample_identity(request, 1), R"({"k":1,"prompt":"p","sampling":{},"seed":0})");
  Request same = request;
  same.id = "y";
  same.samples = {1};
  EXPECT_EQ(sample_identity(same, 1), sample_identity(request, 1));
  same.sampling.temperature = 0.8;
  EXPECT_EQ(sample_identity(same, 1), R"({"k":1,"prompt":"p","sampling":{"temperature":0.8},"seed":0})");
  request.prompt = std::vector<Message>{{"user", "p"}};
  EXPECT_EQ(sample_identity(request, 0), R"({"k":0,"messages":[{"content":"p","role":"user"}],"sampling":{},"seed":0})");
}

TEST_F(Models, ARecordingIsReplayedWhateverTheOrder) {
  const std::vector<Request> requests = {request_of("a", {0, 1}), request_of("b", {0})};
  {
    auto recorded = make_recorded(std::make_unique<FakeModel>(FakeModel::echo()), path("x.jsonl"));
    ASSERT_TRUE(recorded) << recorded.error().text();
    ASSERT_TRUE(draw(**recorded, requests));
  }
  auto model = make_replay(path("x.jsonl"), false);
  ASSERT_TRUE(model) << model.error().text();
  EXPECT_EQ(draw(**model, {requests[1], requests[0]}).value(), (Texts{{{0, 0}, "b#0"}, {{1, 0}, "a#0"}, {{1, 1}, "a#1"}}));
}

TEST_F(Models, AMissNamesTheFirstDifferenceFromTheNearestRecording) {
  const auto model = replay(R"({"request":{"k":0,"prompt":"far","sampling":{"top_k":3},"seed":9},"text":"x"})"
                            "\n"
                            R"({"request":{"k":0,"prompt":"a","sampling":{"temperature":0.5},"seed":0},"text":"y"})"
                            "\n");
  const auto missed = draw(*model, {request_of("a", {0})});
  ASSERT_FALSE(missed);
  EXPECT_EQ(missed.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missed.error().text(), HasSubstr("sampling.temperature: asked nothing, recorded 0.5"));
}

TEST_F(Models, HandWrittenLinesServeByTheirOrder) {
  const std::string lines =
      "{\"choices\":[\"one\",\"two\"]}\n{\"text\":\"three\"}\n"
      R"({"request":{"k":0,"prompt":"b","sampling":{},"seed":0},"text":"mine"})"
      "\n";
  const auto model = replay(lines, true);
  EXPECT_EQ(draw(*model, {request_of("a", {0}), request_of("b", {0}), request_of("c", {0, 1})}).value(),
            (Texts{{{0, 0}, "one"}, {{1, 0}, "mine"}, {{2, 0}, "two"}, {{2, 1}, "three"}}));
  const auto more = draw(*model, {request_of("d", {0})});
  ASSERT_FALSE(more);
  EXPECT_THAT(more.error().text(), HasSubstr("all 4 recorded answers are used"));

  const auto without_order = draw(*replay(lines.substr(0, lines.find("{\"request\""))), {request_of("a", {0})});
  ASSERT_FALSE(without_order);
  EXPECT_THAT(without_order.error().text(), HasSubstr("match=order"));
}

TEST_F(Models, BadRecordingsAreNamedByLine) {
  ASSERT_TRUE(write_atomic(path("bad.jsonl"),
                           "{\"text\":3}\n{\"choices\":[1]}\n{}\n{\"schema\":\"other/1\",\"text\":\"a\"}\n"
                           "{\"request\":3,\"text\":\"a\"}\n{\"request\":{},\"choices\":[]}\n"));
  const auto model = make_replay(path("bad.jsonl"), false);
  ASSERT_FALSE(model);
  for (int line = 1; line <= 6; ++line) EXPECT_THAT(model.error().text(), HasSubstr(fmt::format("bad.jsonl:{}", line)));
  ASSERT_TRUE(write_atomic(path("empty.jsonl"), ""));
  EXPECT_FALSE(make_replay(path("empty.jsonl"), false));
  EXPECT_FALSE(make_replay(path("none.jsonl"), false));
}

TEST_F(Models, TheCacheAsksOnlyForWhatItDoesNotHold) {
  auto fake = std::make_unique<FakeModel>(FakeModel::echo());
  FakeModel* asked = fake.get();
  auto cached = make_cached(std::move(fake), path("cache"));
  ASSERT_TRUE(cached);
  ASSERT_TRUE(draw(**cached, {request_of("a", {0, 2})}));
  EXPECT_TRUE((*cached)->holds(request_of("a", {}), 2));
  EXPECT_FALSE((*cached)->holds(request_of("a", {}), 1));
  asked->asked.clear();
  EXPECT_EQ(draw(**cached, {request_of("b", {0}), request_of("a", {0, 1, 2})}).value(),
            (Texts{{{0, 0}, "b#0"}, {{1, 0}, "a#0"}, {{1, 1}, "a#1"}, {{1, 2}, "a#2"}}));
  EXPECT_EQ(asked->asked, (std::vector<std::pair<std::string, int>>{{"b", 0}, {"a", 1}}));
  // A damaged entry is no answer.
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path("cache"))) {
    if (entry.is_regular_file()) {
      ASSERT_TRUE(write_atomic(entry.path().string(), "{"));
    }
  }
  EXPECT_EQ(draw(**cached, {request_of("a", {0})}).value(), (Texts{{{0, 0}, "a#0"}}));
}

TEST_F(Models, ABudgetIsNeverExceededAndFinishedWorkIsKept) {
  // Echo says 10 + 5 tokens; the bound is 1 (three bytes or fewer) + 128.
  const auto run = [](Budget budget, std::vector<int> samples) {
    MeteredModel model(std::make_unique<FakeModel>(FakeModel::echo()), {.input_usd = 1e4, .output_usd = 1e4}, budget);
    const auto done = model.generate(std::vector<Request>{request_of("a", std::move(samples))},
                                     [](Output&&) -> Result<void> { return {}; }, {});
    return std::pair(model.spending(), done ? std::string() : done.error().text());
  };
  const std::vector<int> ten = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(run({}, ten).first.samples, 10);
  const auto [by_requests, why_requests] = run({.requests = 4}, ten);
  EXPECT_EQ(by_requests.samples, 4);
  EXPECT_THAT(why_requests, HasSubstr("--budget-requests 4"));
  // 129 fits; then 15 are used and 129 fit again while 15 n + 129 <= 200: n = 0..4.
  const auto [by_tokens, why_tokens] = run({.tokens = 200}, ten);
  EXPECT_EQ(by_tokens.samples, 5);
  EXPECT_LE(by_tokens.prompt_tokens + by_tokens.completion_tokens, 200);
  EXPECT_THAT(why_tokens, HasSubstr("of --budget-tokens 200 only 125 are left"));
  const auto [by_usd, why_usd] = run({.usd = 2}, ten);
  EXPECT_EQ(by_usd.samples, 5);
  EXPECT_THAT(why_usd, HasSubstr("--budget-usd 2"));
}

TEST_F(Models, CachedAnswersCostNothing) {
  const auto open = [&](Budget budget) {
    return MeteredModel(make_cached(std::make_unique<FakeModel>(FakeModel::echo()), path("cache")).value(), {}, budget);
  };
  MeteredModel first = open({});
  ASSERT_TRUE(draw(first, {request_of("a", {0, 1})}));
  EXPECT_EQ(first.cost_usd(), std::nullopt);
  MeteredModel second = open({.requests = 1});
  EXPECT_TRUE(draw(second, {request_of("a", {0, 1, 2})}));
  EXPECT_EQ(second.spending().cached, 2);
  EXPECT_EQ(second.spending().requests, 1);
  MeteredModel third = open({.requests = 0});
  EXPECT_TRUE(draw(third, {request_of("a", {0, 1, 2})}));
  EXPECT_FALSE(draw(third, {request_of("a", {3})}));
}

TEST_F(Models, AnErrorReleasesWhatWasReserved) {
  int calls = 0;
  MeteredModel model(std::make_unique<FakeModel>([&](const Request&, int) -> Result<Output> {
                       if (++calls == 1) return fail(ErrorCode::kUnavailable, "gone");
                       return Output{.text = "x", .usage = {.prompt_tokens = 1, .completion_tokens = 1}};
                     }),
                     {}, {.tokens = 130});
  EXPECT_FALSE(draw(model, {request_of("a", {0})}));
  EXPECT_TRUE(draw(model, {request_of("a", {0})}));
}

TEST_F(Models, AProgramAnswersLines) {
  ASSERT_TRUE(write_atomic(path("model.py"), R"(import json, sys
for line in sys.stdin:
    r = json.loads(line)
    if r["prompt"] == "bad": out = {"id": r["id"], "error": "do not like it"}
    elif r["prompt"] == "odd": out = {"id": r["id"], "answer": 3}
    else: out = {"id": r["id"], "text": f"{r['prompt']}{r['k']}{r['sampling']['max_new_tokens']}", "usage": {"prompt_tokens": 2, "completion_tokens": 1}}
    print(json.dumps(out), flush=True)
)"));
  auto backend = make_exec("python3 " + path("model.py"), Log::silent());
  ASSERT_TRUE(backend) << backend.error().text();
  const auto answer = (*backend)->call(request_of("p", {0}), 4, {});
  ASSERT_TRUE(answer) << answer.error().error.text();
  EXPECT_EQ(answer->text, "p4128");
  EXPECT_EQ(answer->usage.completion_tokens, 1);
  EXPECT_THAT((*backend)->call(request_of("bad", {0}), 0, {}).error().error.text(), HasSubstr("do not like it"));
  EXPECT_THAT((*backend)->call(request_of("odd", {0}), 0, {}).error().error.text(), HasSubstr("text"));
  EXPECT_FALSE(make_exec("no-such-program-at-all", Log::silent()));
}

}  // namespace
}  // namespace gimbal::lm
