#include "gimbal/lm/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gimbal::lm {
namespace {

using ::testing::HasSubstr;

TEST(Endpoint, ReadsAServerWithItsParameters) {
  const auto plain = parse_endpoint("http://localhost:8080/v1/#meta/llama:1b");
  ASSERT_TRUE(plain) << plain.error().text();
  const auto& remote = std::get<RemoteEndpoint>(*plain);
  EXPECT_EQ(remote.base_url, "http://localhost:8080/v1");
  EXPECT_EQ(remote.model, "meta/llama:1b");
  EXPECT_TRUE(remote.send_seed);
  const auto full = parse_endpoint("https://host/v1#m?key_env=KEY&timeout_s=2.5&max_concurrency=3&seed=off");
  ASSERT_TRUE(full) << full.error().text();
  const auto& all = std::get<RemoteEndpoint>(*full);
  EXPECT_EQ(all.key_env, "KEY");
  EXPECT_EQ(all.timeout_s, 2.5);
  EXPECT_EQ(all.max_concurrency, 3);
  EXPECT_FALSE(all.send_seed);
  EXPECT_EQ(endpoint_text(*full), "https://host/v1#m");
}

TEST(Endpoint, ReadsFilesAndPrograms) {
  const auto replay = parse_endpoint("replay:a?b.jsonl?match=order");
  ASSERT_TRUE(replay) << replay.error().text();
  EXPECT_EQ(std::get<ReplayEndpoint>(*replay).path, "a?b.jsonl");
  EXPECT_TRUE(std::get<ReplayEndpoint>(*replay).by_order);
  EXPECT_FALSE(std::get<ReplayEndpoint>(parse_endpoint("replay:a.jsonl").value()).by_order);
  EXPECT_EQ(std::get<ExecEndpoint>(parse_endpoint("exec: python3 model.py").value()).command, "python3 model.py");
}

TEST(Endpoint, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"http://localhost:8080/v1", "model's name behind a #"},
      {"http://localhost:8080/v1#", "model's name"},
      {"http:///v1#m", "names no host"},
      {"https://user:secret@host/v1#m", "environment variable"},
      {"http://host/v1?timeout_s=3#m", "behind the model's name"},
      {"http://host/v1#m?timeout=3", "did you mean \"timeout_s\""},
      {"http://host/v1#m?timeout_s=0", "above 0"},
      {"http://host/v1#m?timeout_s=nan", "above 0"},
      {"http://host/v1#m?max_concurrency=0", "from 1 to 256"},
      {"http://host/v1#m?max_concurrency=1.5", "from 1 to 256"},
      {"http://host/v1#m?seed", "expected seed=VALUE"},
      {"http://host/v1#m?seed=1", "on or off"},
      {"http://host/v1#m?key_env=", "environment variable"},
      {"replay:", "a file behind replay:"},
      {"replay:a.jsonl?match=hash", "order or request"},
      {"exec:", "a command behind exec:"},
      {"smollm2", "runs no models itself"},
      {"model.gguf", "runs no models itself"},
      {"ftp://host/v1#m", "http(s)://"},
      {"", "http(s)://"},
  };
  for (const auto& [text, message] : cases) {
    const auto parsed = parse_endpoint(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().message, HasSubstr(message)) << text;
    EXPECT_EQ(exit_code(parsed.error().code), 2) << text;
    EXPECT_THAT(parsed.error().message, ::testing::Not(HasSubstr("secret"))) << text;
  }
}

}  // namespace
}  // namespace gimbal::lm
