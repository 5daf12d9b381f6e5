#include "gimbal/lm/remote.h"

#include <array>
#include <atomic>
#include <ctime>

#include "gimbal/base/json.h"
#include "gimbal/base/number.h"
#include "gimbal/base/random.h"
#include "gimbal/base/text.h"
#include "gimbal/lm/request_json.h"
#include "gimbal/net/http_client.h"

namespace gimbal::lm {
namespace {

constexpr std::size_t kShownBytes = 200;

// Text of a message: a string, null, or a list of {"type":"text","text":...}.
Result<std::string> content_text(const JsonView& message) {
  const auto content = message.find("content");
  if (!content) return std::string();
  if (content->is_string()) return content->string();
  std::string text;
  GIMBAL_TRY(const auto parts, content->items());
  for (const JsonView& part : parts) {
    GIMBAL_TRY(const std::string type, part.string_or("type", "text"));
    if (type != "text" && type != "output_text") continue;
    GIMBAL_TRY(const std::string piece, part.string_or("text", ""));
    text += piece;
  }
  return text;
}

Result<Output> read_choice(const JsonView& root) {
  GIMBAL_TRY(const JsonView list, root.get("choices"));
  GIMBAL_TRY(const auto choices, list.items());
  if (choices.empty()) return fail(ErrorCode::kParseError, "\"choices\" is empty");
  const JsonView& choice = choices.front();
  Output output;
  if (const auto message = choice.find("message")) {
    GIMBAL_TRY(output.text, content_text(*message));
    GIMBAL_TRY(output.reasoning, message->string_or("reasoning_content", ""));
  } else {
    GIMBAL_TRY(output.text, choice.string("text"));
  }
  GIMBAL_TRY(output.finish_word, choice.string_or("finish_reason", "stop"));
  output.finish = parse_finish(output.finish_word);
  if (const auto usage = root.find("usage"); usage && usage->is_object()) {
    for (auto [key, target] : {std::pair{"prompt_tokens", &output.usage.prompt_tokens},
                               std::pair{"completion_tokens", &output.usage.completion_tokens}}) {
      const auto count = usage->find(key);
      if (!count || !count->is_number()) continue;
      GIMBAL_TRY(*target, count->integer());
    }
  }
  return output;
}

// "Wed, 21 Oct 2015 07:28:00 GMT" in seconds since the epoch.
std::optional<double> http_date(std::string_view text) {
  std::tm time{};
  const std::string copy(text);
  const char* rest = strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time);
  if (!rest || *rest != 0) return std::nullopt;
  return static_cast<double>(timegm(&time));
}

// "6m0s", "1.5s", "250ms", "2"; nullopt when it is something else.
std::optional<double> reset_seconds(std::string_view text) {
  double total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::size_t digits = 0;
    while (digits < text.size() && (text[digits] == '.' || (text[digits] >= '0' && text[digits] <= '9'))) ++digits;
    const auto number = parse_finite(text.substr(0, digits));
    if (!number) return std::nullopt;
    text.remove_prefix(digits);
    double unit = 1;
    if (text.starts_with("ms")) {
      unit = 0.001;
      text.remove_prefix(2);
    } else if (!text.empty()) {
      if (text[0] == 'h')
        unit = 3600;
      else if (text[0] == 'm')
        unit = 60;
      else if (text[0] != 's')
        return std::nullopt;
      text.remove_prefix(1);
    }
    total += *number * unit;
  }
  return total;
}

bool retryable(int status) {
  constexpr std::array kStatuses = {408, 409, 429, 500, 502, 503, 504, 529};
  return std::find(kStatuses.begin(), kStatuses.end(), status) != kStatuses.end();
}

class Remote final : public Backend {
 public:
  Remote(RemoteEndpoint endpoint, std::string key, const Log& log, net::HttpClient client)
      : endpoint_(std::move(endpoint)), key_(std::move(key)), log_(log), client_(std::move(client)) {
    if (!key_.empty()) log_.redactor().add(key_);
  }

  ModelInfo info() const override { return {endpoint_.base_url, endpoint_.model}; }

  tl::expected<Output, Failure> call(const Request& request, int k, const StopToken& stop) override {
    const bool other_name = max_completion_tokens_;
    auto answer = send(request, k, other_name, stop);
    if (answer || other_name) return answer;
    // Newer models of some servers refuse the old name of the limit; every later request then uses the new one.
    const std::string& said = answer.error().error.message;
    if (said.find("max_tokens") == std::string::npos || said.find("max_completion_tokens") == std::string::npos) return answer;
    max_completion_tokens_ = true;
    return send(request, k, true, stop);
  }

 private:
  tl::expected<Output, Failure> send(const Request& request, int k, bool other_name, const StopToken& stop) {
    const bool chat = std::holds_alternative<std::vector<Message>>(request.prompt);
    net::HttpRequest http;
    http.method = "POST";
    http.url = endpoint_.base_url + (chat ? "/chat/completions" : "/completions");
    http.headers = {{"Content-Type", "application/json"}};
    if (!key_.empty()) http.headers.emplace_back("Authorization", "Bearer " + key_);
    http.body = remote_body(endpoint_, request, k, other_name);
    http.timeout_s = endpoint_.timeout_s;
    auto sent = client_.send(http, stop);
    if (!sent) {
      const ErrorCode code = sent.error().code;
      Failure failure{clean(std::move(sent).error())};
      failure.transient = code == ErrorCode::kUnavailable || code == ErrorCode::kTimeLimit;
      if (code == ErrorCode::kTimeLimit) failure.error.code = ErrorCode::kUnavailable;  // of the server, not of this command
      return tl::unexpected(std::move(failure));
    }
    const std::string body = log_.redactor().apply(sent->body);
    if (sent->status == 200) {
      auto output = parse_remote_answer(body);
      if (output) return std::move(*output);
      Error error = std::move(output).error();
      error.message = fmt::format("{} answered what is no completion: {}", http.url, error.message);
      return tl::unexpected(Failure{std::move(error)});
    }
    return tl::unexpected(refusal(*sent, body, http.url));
  }

  Failure refusal(const net::HttpResponse& response, const std::string& body, const std::string& url) const {
    Failure failure;
    Error& error = failure.error;
    error.code = ErrorCode::kUnavailable;
    error.message = fmt::format("{} answered {}: {}", url, response.status, remote_complaint(body));
    failure.transient = retryable(response.status);
    failure.rate_limited = response.status == 429;
    const double now = std::chrono::duration<double>(RealClock().now().time_since_epoch()).count();
    failure.wait_s = retry_after(response.header("retry-after"), response.header("x-ratelimit-reset-requests"), now);
    const std::string said = ascii_lower(body);
    if (response.status == 401 || response.status == 403) {
      error.code = ErrorCode::kPermission;
      error.notes.push_back(key_.empty() ? "no key was sent: set GIMBAL_API_KEY, or name another variable with ?key_env=VAR"
                                         : "the key that was sent is not accepted");
    } else if (response.status == 404) {
      error.code = ErrorCode::kNotFound;
      error.notes.push_back(
          fmt::format("is \"{}\" the name of a model there, and does the address end in /v1?", endpoint_.model));
    } else if (response.status >= 300 && response.status < 400) {
      const auto target = response.header("location");
      error.notes.push_back(fmt::format("redirects are not followed, since the key would go along{}{}",
                                        target ? "; it points to " : "", target.value_or("")));
    } else if (response.status == 400 || response.status == 422) {
      error.code = ErrorCode::kInvalidArgument;
      if (said.find("seed") != std::string::npos)
        error.notes.push_back("when the server takes no seeds, put seed=off behind the model's name (#NAME?seed=off)");
    }
    return failure;
  }

  Error clean(Error error) const {
    error.message = log_.redactor().apply(error.message);
    return error;
  }

  RemoteEndpoint endpoint_;
  std::string key_;
  Log log_;
  net::HttpClient client_;
  std::atomic<bool> max_completion_tokens_ = false;
};

}  // namespace

std::uint64_t sample_seed(const Request& request, int k) {
  JsonWriter prompt;
  prompt.begin_object();
  write_prompt(prompt, request.prompt);
  prompt.end_object();
  return Stream(request.seed, "sample", prompt.text(), k).key() >> 33;
}

std::string remote_body(const RemoteEndpoint& endpoint, const Request& request, int k, bool max_completion_tokens) {
  const Sampling& sampling = request.sampling;
  JsonWriter json;
  json.begin_object().field("model", endpoint.model);
  write_prompt(json, request.prompt);
  json.field("temperature", sampling.temperature);
  json.field(max_completion_tokens ? "max_completion_tokens" : "max_tokens", sampling.max_new_tokens);
  if (sampling.top_p != 1) json.field("top_p", sampling.top_p);
  if (sampling.top_k != 0) json.field("top_k", sampling.top_k);
  if (sampling.min_p != 0) json.field("min_p", sampling.min_p);
  if (!sampling.stop.empty()) json.field("stop", sampling.stop);
  if (endpoint.send_seed) json.field("seed", sample_seed(request, k));
  json.end_object();
  return json.take();
}

Result<Output> parse_remote_answer(std::string_view body) {
  const auto shown = [&] { return quoted(body, kShownBytes); };
  auto root = JsonView::parse(body, "answer");
  if (!root) return fail(ErrorCode::kParseError, "{} in {}", root.error().text(), shown());
  if (root->has("error") && !root->has("choices"))
    return fail(ErrorCode::kUnavailable, "an error came with status 200: {}", remote_complaint(body));
  auto output = read_choice(*root);
  if (!output) return fail(ErrorCode::kParseError, "{} in {}", output.error().text(), shown());
  return std::move(*output);
}

std::string remote_complaint(std::string_view body) {
  if (const auto root = JsonView::parse(body, "answer"); root && root->is_object()) {
    for (const char* key : {"error", "detail", "message"}) {
      const auto found = root->find(key);
      if (!found) continue;
      if (found->is_string()) return found->string().value();
      if (found->is_object()) {
        if (const auto message = found->find("message"); message && message->is_string()) return message->string().value();
      }
      return found->text().substr(0, kShownBytes);
    }
  }
  const std::string_view text = trim(body);
  return text.empty() ? "(nothing)" : quoted(text, kShownBytes);
}

double retry_after(std::optional<std::string_view> retry_after_header, std::optional<std::string_view> reset_header,
                   double now_unix_s) {
  double wait = 0;
  if (retry_after_header) {
    if (const auto seconds = parse_finite(*retry_after_header))
      wait = std::max(wait, *seconds);
    else if (const auto date = http_date(*retry_after_header))
      wait = std::max(wait, *date - now_unix_s);
  }
  if (reset_header) wait = std::max(wait, reset_seconds(*reset_header).value_or(0));
  return wait;
}

Result<std::unique_ptr<Backend>> make_remote(const RemoteEndpoint& endpoint, const std::string& key, const Log& log) {
  GIMBAL_TRY(net::HttpClient client, net::HttpClient::create());
  return std::unique_ptr<Backend>(std::make_unique<Remote>(endpoint, key, log, std::move(client)));
}

}  // namespace gimbal::lm
