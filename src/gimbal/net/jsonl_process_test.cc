#include "gimbal/net/jsonl_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "gimbal/base/file.h"

namespace gimbal::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A request that is written back is an answer: it holds the id.
TEST(JsonlProcess, GivesEachCallTheAnswerWithItsId) {
  auto process = JsonlProcess::start("cat");
  ASSERT_TRUE(process) << process.error().text();
  const auto answer = process->call(R"({"op":"generate","n":2})");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->string("op").value(), "generate");
  EXPECT_EQ(answer->integer("n").value(), 2);
  EXPECT_TRUE(process->call("{}"));
}

TEST(JsonlProcess, TakesAnswersInAnyOrder) {
  // Two requests are read before the second and then the first is answered.
  auto process = JsonlProcess::start(R"(sh -c 'read a; read b; echo "$b"; echo "$a"; cat')");
  ASSERT_TRUE(process);
  Result<JsonView> first = fail(ErrorCode::kInternal, "unset"), second = first;
  std::thread one([&] { first = process->call(R"({"who":"first"})"); });
  std::thread two([&] { second = process->call(R"({"who":"second"})"); });
  one.join();
  two.join();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->string("who").value(), "first");
  EXPECT_EQ(second->string("who").value(), "second");
}

TEST(JsonlProcess, CarriesLinesLargerThanAnyPipe) {
  auto process = JsonlProcess::start("cat");
  ASSERT_TRUE(process);
  const std::string text(3'000'000, 'x');
  const auto answer = process->call("{\"text\":\"" + text + "\"}");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->string("text").value(), text);
}

TEST(JsonlProcess, ADeathFailsTheCallAndTheNextOneStartsTheProgramAgain) {
  JsonlProcessOptions options{.restart_waits_s = {0.01, 0.01, 0.01}};
  // Dies at its first request, naming a reason; the marker that it leaves makes the second life a good one.
  const auto folder = TemporaryFolder::create();
  ASSERT_TRUE(folder);
  const std::string marker = (folder->path() / "marker").string();
  auto process = JsonlProcess::start(
      fmt::format(R"(sh -c 'read a; if [ -e {0} ]; then echo "$a"; cat; fi; touch {0}; echo "out of memory" >&2; exit 7')",
                  marker),
      options);
  ASSERT_TRUE(process);
  const auto died = process->call("{}");
  ASSERT_FALSE(died);
  EXPECT_EQ(died.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(died.error().message, HasSubstr("ended with exit status 7 before it had answered"));
  EXPECT_THAT(died.error().notes, ElementsAre("its standard error: out of memory"));
  EXPECT_TRUE(process->call("{}"));
  EXPECT_TRUE(process->call("{}"));
}

TEST(JsonlProcess, GivesUpAfterThreeRestartsWithoutAnAnswer) {
  auto process = JsonlProcess::start("sh -c 'read a; exit 1'", {.restart_waits_s = {0.01, 0.01, 0.01}});
  ASSERT_TRUE(process);
  for (int life = 0; life < 4; ++life) EXPECT_THAT(process->call("{}").error().message, HasSubstr("before it had answered"));
  EXPECT_THAT(process->call("{}").error().message,
              HasSubstr("ended 4 times in a row without an answer, the last time with exit status 1"));
}

TEST(JsonlProcess, ACallThatTakesTooLongEndsAHungProgram) {
  auto process = JsonlProcess::start("sh -c 'sleep 1000'", {.timeout_s = 0.05, .restart_waits_s = {0.01, 0.01, 0.01}});
  ASSERT_TRUE(process);
  const auto late = process->call("{}");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimeLimit);
  EXPECT_THAT(late.error().message, HasSubstr("gave no answer within 50 ms"));
}

TEST(JsonlProcess, RefusesLinesThatAreNoneOfTheProtocol) {
  auto chatty = JsonlProcess::start("sh -c 'read a; echo loading the model; cat'");
  ASSERT_TRUE(chatty);
  const auto answer = chatty->call("{}");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kParseError);
  EXPECT_THAT(answer.error().message,
              HasSubstr("expected a JSON object with the \"id\" of a request on each line, found \"loading the model\""));
  auto stray = JsonlProcess::start(R"(sh -c 'read a; echo "{\"id\":99}"; cat')");
  ASSERT_TRUE(stray);
  EXPECT_THAT(stray->call("{}").error().message, HasSubstr("it answered id 99, which no request has"));
}

TEST(JsonlProcess, RefusesAnEndlessLine) {
  auto process = JsonlProcess::start("sh -c 'read a; yes | tr -d \"\\n\"'", {.max_line_bytes = 100'000});
  ASSERT_TRUE(process);
  EXPECT_THAT(process->call("{}").error().message, HasSubstr("wrote a line of more than"));
}

TEST(JsonlProcess, PassesStandardErrorLineByLine) {
  std::mutex mutex;
  std::vector<std::string> lines;
  {
    auto process =
        JsonlProcess::start("sh -c 'echo one >&2; echo two >&2; exec cat'", {.on_error_line = [&](std::string_view line) {
                              const std::lock_guard lock(mutex);
                              lines.emplace_back(line);
                            }});
    ASSERT_TRUE(process);
    ASSERT_TRUE(process->call("{}"));
  }
  EXPECT_THAT(lines, ElementsAre("one", "two"));
}

TEST(JsonlProcess, AnInterruptedCallReturnsAtOnce) {
  auto process = JsonlProcess::start("sleep 1000");
  ASSERT_TRUE(process);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(process->call("{}", stop.get_token()).error().code, ErrorCode::kInterrupted);
}

TEST(JsonlProcess, WritesABatchAtOnceWithAnEmptyLineBehindIt) {
  // Keeps every request until the empty line comes, then answers them in the other order.
  auto process = JsonlProcess::start(
      R"(sh -c 'while true; do all=""; while read -r a && [ -n "$a" ]; do all="$a
$all"; done; [ -n "$all" ] || exit; printf %s "$all"; done')");
  ASSERT_TRUE(process);
  const std::vector<std::string> members = {R"({"n":1})", R"({"n":2})", R"({"n":3})"};
  for (int batch = 0; batch < 2; ++batch) {
    const auto answers = process->call_batch(members);
    ASSERT_EQ(answers.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
      ASSERT_TRUE(answers[i]) << answers[i].error().text();
      EXPECT_EQ(answers[i]->integer("n").value(), static_cast<std::int64_t>(i) + 1);
    }
  }
  EXPECT_TRUE(process->call_batch({}).empty());
}

TEST(JsonlProcess, ABatchKeepsTheAnswersThatCameBeforeADeathOrSilence) {
  for (const char* end : {"exit 3", "sleep 1000"}) {
    auto process = JsonlProcess::start(fmt::format(R"(sh -c 'read a; read b; echo "$a"; {}')", end), {.timeout_s = 0.3});
    ASSERT_TRUE(process);
    const std::vector<std::string> members = {"{}", "{}"};
    const auto answers = process->call_batch(members);
    EXPECT_TRUE(answers[0]);
    ASSERT_FALSE(answers[1]);
    EXPECT_EQ(answers[1].error().code, *end == 'e' ? ErrorCode::kUnavailable : ErrorCode::kTimeLimit);
  }
}

TEST(JsonlProcess, ReadsNanAsNullWhenAsked) {
  auto process = JsonlProcess::start(
      R"json(sh -c 'read a; echo "{\"id\":1,\"x\":NaN,\"y\":-Infinity,\"z\":\"NaN\"}"; cat')json", {.accept_nan = true});
  ASSERT_TRUE(process) << process.error().text();
  const auto answer = process->call("{}");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_FALSE(answer->has("x"));
  EXPECT_FALSE(answer->has("y"));
  EXPECT_EQ(answer->string("z").value(), "NaN");
}

TEST(JsonlProcess, SaysThatAProgramIsNotThere) {
  EXPECT_THAT(JsonlProcess::start("no-such-program-here").error().message,
              HasSubstr("there is no program of this name in PATH"));
}

}  // namespace
}  // namespace gimbal::net
