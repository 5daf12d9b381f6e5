#include "gimbal/net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <latch>
#include <thread>

#include "gimbal/base/file.h"
#include "gimbal/net/http_test_server.h"

namespace gimbal::net {
namespace {

using ::testing::HasSubstr;

class Http : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = HttpClient::create();
    ASSERT_TRUE(made) << made.error().text();
    client.emplace(std::move(*made));
  }
  std::optional<HttpClient> client;
};

TEST_F(Http, SendsMethodHeadersAndBodyAndReadsTheAnswer) {
  TestHttpRequest seen;
  const TestHttpServer server([&](const TestHttpRequest& request) {
    seen = request;
    return TestHttpServer::respond(201, "made", "X-Two: a\r\nx-two: b\r\n");
  });
  const auto response = client->send({.method = "POST",
                                      .url = server.url("/v1/things?a=b"),
                                      .headers = {{"Authorization", "Bearer k"}, {"Content-Type", "application/json"}},
                                      .body = std::string("{\"x\":\0}", 7)});
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "made");
  EXPECT_EQ(response->header("x-two"), "b");
  EXPECT_FALSE(response->header("x-three"));
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/v1/things?a=b");
  EXPECT_EQ(seen.headers.at("authorization"), "Bearer k");
  EXPECT_EQ(seen.body, std::string("{\"x\":\0}", 7));
  EXPECT_FALSE(seen.headers.contains("expect"));
}

TEST_F(Http, UnpacksCompressedBodies) {
  const TestHttpServer server([](const TestHttpRequest&) {
    return TestHttpServer::respond(200, compress_gzip("hello hello"), "Content-Encoding: gzip\r\n");
  });
  const auto response = client->send({.url = server.url("/")});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "hello hello");
}

TEST_F(Http, DoesNotFollowRedirects) {
  const TestHttpServer server(
      [](const TestHttpRequest&) { return TestHttpServer::respond(302, "", "Location: http://127.0.0.1:1/\r\n"); });
  const auto response = client->send({.url = server.url("/"), .headers = {{"Authorization", "Bearer k"}}});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 302);
}

TEST_F(Http, ManyRequestsRunAtOnce) {
  // Each answer waits until all eight requests have come.
  std::latch all(8);
  const TestHttpServer server([&](const TestHttpRequest& request) {
    all.arrive_and_wait();
    return TestHttpServer::respond(200, request.path);
  });
  std::vector<std::jthread> callers;
  std::array<std::string, 8> bodies;
  for (std::size_t i = 0; i < 8; ++i) {
    callers.emplace_back([&, i] {
      const auto response = client->send({.url = server.url("/" + std::to_string(i))});
      bodies[i] = response ? response->body : response.error().text();
    });
  }
  callers.clear();
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(bodies[i], "/" + std::to_string(i));
}

TEST_F(Http, NamesWhatWentWrong) {
  const TestHttpServer silent([](const TestHttpRequest&) { return std::string(); });
  const auto broken = client->send({.url = silent.url("/")});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(broken.error().message, HasSubstr(silent.url("/")));

  const auto nobody = client->send({.url = "http://127.0.0.1:1/"});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::kUnavailable);

  for (const char* url : {"ftp://127.0.0.1/", "127.0.0.1", "http://", "file:///etc/passwd"}) {
    const auto wrong = client->send({.url = url});
    ASSERT_FALSE(wrong) << url;
    EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidArgument) << url << ": " << wrong.error().text();
  }

  const TestHttpServer large([](const TestHttpRequest&) { return TestHttpServer::respond(200, std::string(100'000, 'x')); });
  const auto limited = client->send({.url = large.url("/"), .max_body_bytes = 1000});
  ASSERT_FALSE(limited);
  EXPECT_EQ(limited.error().code, ErrorCode::kLimit);

  // Half of what it promised.
  const TestHttpServer torn([](const TestHttpRequest&) { return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"; });
  const auto half = client->send({.url = torn.url("/")});
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().code, ErrorCode::kUnavailable);
}

TEST_F(Http, EndsAtItsTimeLimitAndAtAStop) {
  std::atomic<bool> release = false;
  const TestHttpServer slow([&](const TestHttpRequest&) {
    while (!release) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return TestHttpServer::respond(200, "late");
  });
  const auto late = client->send({.url = slow.url("/"), .timeout_s = 0.05});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimeLimit);

  std::stop_source source;
  Result<HttpResponse> stopped = fail(ErrorCode::kInternal, "unset");
  std::jthread caller([&] { stopped = client->send({.url = slow.url("/")}, source.get_token()); });
  while (slow.requests() < 2) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  source.request_stop();
  caller.join();
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);

  const auto before = client->send({.url = slow.url("/")}, source.get_token());
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().code, ErrorCode::kInterrupted);
  release = true;
}

}  // namespace
}  // namespace gimbal::net
