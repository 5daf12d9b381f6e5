#include "gimbal/lm/remote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>

#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/lm/open_model.h"
#include "gimbal/net/http_test_server.h"

namespace gimbal::lm {
namespace {

using net::TestHttpRequest;
using net::TestHttpServer;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kKey = "sk-very-secret-key";

const std::string kAnswer =
    R"({"choices":[{"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}})";

RemoteEndpoint endpoint_at(const TestHttpServer& server) { return {.base_url = server.url("/v1"), .model = "m"}; }

tl::expected<Output, Failure> ask(const TestHttpServer& server, const Request& request, int k = 0) {
  auto backend = make_remote(endpoint_at(server), kKey, Log::silent());
  if (!backend) return tl::unexpected(Failure{backend.error()});
  return (*backend)->call(request, k, {});
}

Request chat() { return {.id = "a", .prompt = std::vector<Message>{{"user", "hello"}}}; }

TEST(Remote, AsksAsTheProtocolSays) {
  TestHttpRequest seen;
  const TestHttpServer server([&](const TestHttpRequest& request) {
    seen = request;
    return TestHttpServer::respond(200, kAnswer);
  });
  Request request = chat();
  request.sampling = {.temperature = 0.5, .top_p = 0.9, .max_new_tokens = 7, .stop = {"END"}};
  request.seed = 3;
  const auto answer = ask(server, request, 2);
  ASSERT_TRUE(answer) << answer.error().error.text();
  EXPECT_EQ(answer->text, "hi");
  EXPECT_EQ(answer->usage.prompt_tokens, 3);
  EXPECT_EQ(seen.path, "/v1/chat/completions");
  EXPECT_EQ(seen.headers.at("authorization"), std::string("Bearer ") + kKey);
  EXPECT_EQ(seen.body, fmt::format(R"({{"model":"m","messages":[{{"role":"user","content":"hello"}}],"temperature":0.5,)"
                                   R"("max_tokens":7,"top_p":0.9,"stop":["END"],"seed":{}}})",
                                   sample_seed(request, 2)));
  EXPECT_LT(sample_seed(request, 2), std::uint64_t{1} << 31);
  EXPECT_NE(sample_seed(request, 2), sample_seed(request, 3));
}

TEST(Remote, ContinuesTextsWithTheOtherAddress) {
  std::string path;
  const TestHttpServer server([&](const TestHttpRequest& request) {
    path = request.path;
    return TestHttpServer::respond(200, R"({"choices":[{"text":" world","finish_reason":"length"}]})");
  });
  const auto answer = ask(server, {.id = "a", .prompt = "hello"});
  ASSERT_TRUE(answer) << answer.error().error.text();
  EXPECT_EQ(path, "/v1/completions");
  EXPECT_EQ(answer->text, " world");
  EXPECT_EQ(answer->finish, Finish::kLength);
  EXPECT_FALSE(answer->usage.prompt_tokens);
}

TEST(Remote, UsesTheNewNameOfTheLimitWhereTheOldOneIsRefused) {
  std::vector<std::string> bodies;
  const TestHttpServer server([&](const TestHttpRequest& request) {
    bodies.push_back(request.body);
    if (request.body.find("\"max_tokens\"") != std::string::npos)
      return TestHttpServer::respond(
          400, R"({"error":{"message":"Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}})");
    return TestHttpServer::respond(200, kAnswer);
  });
  auto backend = make_remote(endpoint_at(server), "", Log::silent());
  ASSERT_TRUE(backend);
  ASSERT_TRUE((*backend)->call(chat(), 0, {}));
  ASSERT_TRUE((*backend)->call(chat(), 1, {}));
  ASSERT_EQ(bodies.size(), 3U);  // asked once, remembered
  EXPECT_THAT(bodies[2], HasSubstr("max_completion_tokens"));
}

TEST(Remote, SaysWhatAnAnswerOfAnErrorMeans) {
  struct Case {
    int status;
    std::string body, headers, message;
    ErrorCode code;
    bool transient, limited;
    double wait;
  };
  const Case cases[] = {
      {401, fmt::format(R"({{"error":{{"message":"Incorrect API key provided: {}"}}}})", kKey), "", "[redacted]",
       ErrorCode::kPermission, false, false, 0},
      {404, R"({"error":"no such model"})", "", "no such model", ErrorCode::kNotFound, false, false, 0},
      {422, R"({"detail":"bad seed"})", "", "bad seed", ErrorCode::kInvalidArgument, false, false, 0},
      {429, "", "Retry-After: 7\r\n", "(nothing)", ErrorCode::kUnavailable, true, true, 7},
      {503, "<html>busy</html>", "", "<html>busy", ErrorCode::kUnavailable, true, false, 0},
      {529, R"({"detail":[{"msg":"x"}]})", "x-ratelimit-reset-requests: 1m2s\r\n", "msg", ErrorCode::kUnavailable, true, false,
       62},
      {302, "", "Location: http://evil/\r\n", "302", ErrorCode::kUnavailable, false, false, 0},
  };
  for (const Case& c : cases) {
    const TestHttpServer server([&](const TestHttpRequest&) { return TestHttpServer::respond(c.status, c.body, c.headers); });
    const auto answer = ask(server, chat());
    ASSERT_FALSE(answer) << c.status;
    const Failure& failure = answer.error();
    EXPECT_THAT(failure.error.text(), HasSubstr(c.message));
    EXPECT_THAT(failure.error.text(), Not(HasSubstr(kKey)));
    EXPECT_EQ(failure.error.code, c.code) << c.status;
    EXPECT_EQ(failure.transient, c.transient) << c.status;
    EXPECT_EQ(failure.rate_limited, c.limited) << c.status;
    EXPECT_EQ(failure.wait_s, c.wait) << c.status;
  }
}

TEST(Remote, AConnectionThatBreaksIsTransient) {
  const TestHttpServer server([](const TestHttpRequest&) { return std::string(); });
  const auto answer = ask(server, chat());
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().transient);
}

TEST(RemoteAnswer, AcceptsWhatServersReallySend) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"choices":[{"message":{"content":null,"reasoning_content":"hm"},"finish_reason":null}],"usage":null})", ""},
      {R"({"choices":[{"message":{"role":"assistant"}}]})", ""},
      {R"({"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}]}}]})",
       "ab"},
      {R"({"id":"x","object":"o","choices":[{"index":0,"text":"t","logprobs":null}],"usage":{"prompt_tokens":null}})", "t"},
  };
  for (const auto& [body, text] : cases) {
    const auto output = parse_remote_answer(body);
    ASSERT_TRUE(output) << body << output.error().text();
    EXPECT_EQ(output->text, text);
  }
  EXPECT_EQ(parse_remote_answer(R"({"choices":[{"text":"t","finish_reason":"content_filter"}]})")->finish, Finish::kOther);
}

TEST(RemoteAnswer, NamesWhatIsNoAnswer) {
  for (const char* body :
       {"", "null", "[]", "{}", R"({"choices":[]})", R"({"choices":{}})", R"({"choices":[3]})",
        R"({"choices":[{"message":{"content":7}}]})", R"({"choices":[{"text":1}]})", "<html>", "{\"choices\":[{"}) {
    const auto output = parse_remote_answer(body);
    ASSERT_FALSE(output) << body;
  }
  EXPECT_THAT(parse_remote_answer(R"({"error":{"message":"overloaded"}})").error().text(), HasSubstr("overloaded"));
}

TEST(RetryAfter, ReadsSecondsDatesAndResets) {
  EXPECT_EQ(retry_after("3", std::nullopt, 0), 3);
  EXPECT_EQ(retry_after("Thu, 01 Jan 1970 00:01:40 GMT", std::nullopt, 40), 60);
  EXPECT_EQ(retry_after("soon", std::nullopt, 0), 0);
  EXPECT_EQ(retry_after("-5", std::nullopt, 0), 0);
  EXPECT_EQ(retry_after(std::nullopt, "250ms", 0), 0.25);
  EXPECT_EQ(retry_after("1", "6m0s", 0), 360);
  EXPECT_EQ(retry_after(std::nullopt, "1x", 0), 0);
  EXPECT_EQ(retry_after(std::nullopt, "", 0), 0);
}

TEST(OpenModel, RetriesCachesRecordsAndMeters) {
  std::mutex mutex;
  std::map<std::string, int> asked;
  const TestHttpServer server([&](const TestHttpRequest& request) {
    const std::lock_guard lock(mutex);
    return asked[request.body]++ == 0 ? TestHttpServer::respond(503, "busy") : TestHttpServer::respond(200, kAnswer);
  });
  const auto folder = TemporaryFolder::create();
  ASSERT_TRUE(folder);
  ModelOptions options;
  options.cache = (folder->path() / "cache").string();
  options.record = (folder->path() / "record.jsonl").string();
  options.prices = {.input_usd = 2, .output_usd = 4};
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    return name == "GIMBAL_API_KEY" ? std::optional<std::string>(kKey) : std::nullopt;
  };
  const Endpoint endpoint = endpoint_at(server);
  Request request = chat();
  request.samples = {0, 1, 2};
  const std::vector requests = {request};
  const auto draw = [&](MeteredModel& model) {
    std::map<int, std::string> texts;
    const auto done = model.generate(requests,
                                     [&](Output&& output) -> Result<void> {
                                       texts[output.k] = output.text;
                                       return {};
                                     },
                                     {});
    EXPECT_TRUE(done) << done.error().text();
    return texts;
  };
  const std::map<int, std::string> expected = {{0, "hi"}, {1, "hi"}, {2, "hi"}};

  auto first = open_model(endpoint, options, Log::silent());
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(draw(**first), expected);
  EXPECT_EQ((*first)->spending().requests, 6);
  EXPECT_EQ((*first)->spending().retries, 3);
  EXPECT_EQ((*first)->spending().prompt_tokens, 9);
  EXPECT_DOUBLE_EQ((*first)->cost_usd().value(), (9 * 2 + 3 * 4) / 1e6);

  auto second = open_model(endpoint, options, Log::silent());
  ASSERT_TRUE(second);
  EXPECT_EQ(draw(**second), expected);
  EXPECT_EQ(server.requests(), 6);
  EXPECT_EQ((*second)->spending().cached, 3);
  EXPECT_EQ((*second)->cost_usd(), 0);

  // The recording serves without any server.
  auto third = open_model(parse_endpoint("replay:" + *options.record).value(), {}, Log::silent());
  ASSERT_TRUE(third) << third.error().text();
  EXPECT_EQ(draw(**third), expected);
  EXPECT_THAT(read_file(*options.record).value(), Not(HasSubstr(kKey)));
}

TEST(OpenModel, RefusesWhatCannotWork) {
  const Endpoint remote = RemoteEndpoint{.base_url = "http://127.0.0.1:1/v1", .model = "m", .key_env = "NO_SUCH_KEY"};
  ModelOptions options;
  options.environment = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  const auto no_key = open_model(remote, options, Log::silent());
  ASSERT_FALSE(no_key);
  EXPECT_THAT(no_key.error().text(), HasSubstr("NO_SUCH_KEY"));
  options.budget.usd = 1;
  const auto no_price = open_model(remote, options, Log::silent());
  ASSERT_FALSE(no_price);
  EXPECT_THAT(no_price.error().text(), HasSubstr("--price-in"));
}

}  // namespace
}  // namespace gimbal::lm
