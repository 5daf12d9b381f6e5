#include "gimbal/lm/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace gimbal::lm {
namespace {

using ::testing::HasSubstr;

using Answer = std::function<tl::expected<Output, Failure>(const Request&, int k, int attempt)>;

class ScriptedBackend final : public Backend {
 public:
  explicit ScriptedBackend(Answer answer) : answer_(std::move(answer)) {}
  ModelInfo info() const override { return {"scripted", "scripted"}; }
  tl::expected<Output, Failure> call(const Request& request, int k, const StopToken&) override {
    int attempt = 0;
    {
      const std::lock_guard lock(mutex_);
      attempt = attempts_[{request.id, k}]++;
    }
    ++calls;
    return answer_(request, k, attempt);
  }
  static std::atomic<int> calls;

 private:
  Answer answer_;
  std::mutex mutex_;
  std::map<std::pair<std::string, int>, int> attempts_;
};
std::atomic<int> ScriptedBackend::calls = 0;

Failure transient(double wait_s = 0, bool rate_limited = false) {
  return {Error{ErrorCode::kUnavailable, "busy", {}, {}}, true, rate_limited, wait_s};
}

PooledModel pool(Answer answer, std::vector<double>& waits, int concurrency = 4) {
  ScriptedBackend::calls = 0;
  static std::mutex mutex;
  return {std::make_unique<ScriptedBackend>(std::move(answer)),
          {.max_concurrency = concurrency, .sleep = [&waits](double seconds, const StopToken&) {
             const std::lock_guard lock(mutex);
             waits.push_back(seconds);
           }}};
}

Request request_of(std::string id, int n) {
  Request request{.id = id, .prompt = "p" + id};
  request.samples.clear();
  for (int k = 0; k < n; ++k) request.samples.push_back(k);
  return request;
}

TEST(PooledModel, DrawsEverySampleOnce) {
  std::vector<double> waits;
  PooledModel model = pool([](const Request& r, int k, int) { return Output{.text = r.id + std::to_string(k)}; }, waits);
  const std::vector requests = {request_of("a", 5), request_of("b", 0), request_of("c", 7)};
  std::multiset<std::string> texts;
  ASSERT_TRUE(model.generate(requests,
                             [&](Output&& output) -> Result<void> {
                               EXPECT_EQ(output.text, requests[output.request].id + std::to_string(output.k));
                               texts.insert(output.text);
                               return {};
                             },
                             {}));
  EXPECT_EQ(texts.size(), 12U);
  EXPECT_EQ(std::set<std::string>(texts.begin(), texts.end()).size(), 12U);
}

TEST(PooledModel, TriesAgainWhatMaySucceed) {
  std::vector<double> waits;
  PooledModel model = pool(
      [](const Request&, int, int attempt) -> tl::expected<Output, Failure> {
        if (attempt < 3) return tl::unexpected(transient(attempt == 2 ? 30 : 0));
        return Output{.text = "at last"};
      },
      waits);
  const std::vector requests = {request_of("a", 1)};
  ASSERT_TRUE(model.generate(requests,
                             [](Output&& output) -> Result<void> {
                               EXPECT_EQ(output.usage.attempts, 4);
                               return {};
                             },
                             {}));
  ASSERT_EQ(waits.size(), 3U);
  EXPECT_TRUE(waits[0] >= 0.25 && waits[0] <= 0.5) << waits[0];
  EXPECT_TRUE(waits[1] >= 0.5 && waits[1] <= 1) << waits[1];
  EXPECT_EQ(waits[2], 30);  // what the server asked for
}

TEST(PooledModel, ADeadServerEndsTheBatchAfterTheAttemptsOfAFewSamples) {
  std::vector<double> waits;
  PooledModel model = pool([](const Request&, int, int) { return tl::unexpected(transient()); }, waits, 4);
  const std::vector requests = {request_of("a", 1000)};
  const auto done = model.generate(requests, [](Output&&) -> Result<void> { return {}; }, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(done.error().text(), HasSubstr("tried 6 times"));
  EXPECT_LE(ScriptedBackend::calls, 4 * 6);
}

TEST(PooledModel, WhatIsFinalIsNotTriedAgainAndFinishedSamplesAreKept) {
  std::vector<double> waits;
  PooledModel model = pool(
      [](const Request&, int k, int) -> tl::expected<Output, Failure> {
        if (k == 5) return tl::unexpected(Failure{Error{ErrorCode::kPermission, "no key", {}, {}}});
        return Output{.text = "x"};
      },
      waits, 1);
  const std::vector requests = {request_of("a", 100)};
  int finished = 0;
  const auto done = model.generate(requests,
                                   [&](Output&&) -> Result<void> {
                                     ++finished;
                                     return {};
                                   },
                                   {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kPermission);
  EXPECT_EQ(finished, 5);
  EXPECT_TRUE(waits.empty());
}

TEST(PooledModel, AsksLessAtOnceWhenTheServerSaysSo) {
  std::vector<double> waits;
  std::atomic<int> running = 0, together = 0;
  PooledModel model = pool(
      [&](const Request&, int k, int attempt) -> tl::expected<Output, Failure> {
        const int now = ++running;
        if (k >= 8 && now > 1) ++together;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        --running;
        if (k < 8 && attempt == 0) return tl::unexpected(transient(0, true));
        return Output{};
      },
      waits, 8);
  // Eight refusals halve eight calls to one, and twenty answers would be needed for a second.
  const std::vector requests = {request_of("a", 20)};
  ASSERT_TRUE(model.generate(requests, [](Output&&) -> Result<void> { return {}; }, {}));
  EXPECT_EQ(together, 0);
  EXPECT_EQ(waits.size(), 8U);
}

TEST(PooledModel, StopsWhenAskedAndWhenTheSinkFails) {
  std::vector<double> waits;
  std::stop_source source;
  PooledModel model = pool([](const Request&, int, int) { return Output{.text = "x"}; }, waits, 2);
  const std::vector requests = {request_of("a", 1000)};
  int finished = 0;
  const auto stopped =
      model.generate(requests,
                     [&](Output&&) -> Result<void> {
                       ++finished;
                       return finished == 3 ? Result<void>(fail(ErrorCode::kDiskFull, "full")) : Result<void>();
                     },
                     {});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kDiskFull);
  EXPECT_LT(finished, 10);

  source.request_stop();
  const auto interrupted = model.generate(requests, [](Output&&) -> Result<void> { return {}; }, source.get_token());
  ASSERT_FALSE(interrupted);
  EXPECT_EQ(interrupted.error().code, ErrorCode::kInterrupted);
}

TEST(RetryDelay, DoublesIsBoundedAndGivesWayToTheServer) {
  EXPECT_EQ(retry_delay(0, 1, 0), 0.5);
  EXPECT_EQ(retry_delay(0, 0, 0), 0.25);
  EXPECT_EQ(retry_delay(3, 1, 0), 4);
  EXPECT_EQ(retry_delay(50, 1, 0), 60);
  EXPECT_EQ(retry_delay(0, 1, 7), 7);
  EXPECT_EQ(retry_delay(0, 1, 1e9), 120);
}

}  // namespace
}  // namespace gimbal::lm
