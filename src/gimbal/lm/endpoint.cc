#include "gimbal/lm/endpoint.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::lm {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kForms = "http(s)://HOST[:PORT]/v1#NAME, replay:FILE.jsonl or exec:COMMAND";

Result<Parameters> read_parameters(std::string_view text, const std::vector<std::string>& known) {
  Parameters parameters;
  for (const std::string_view part : split(text, '&')) {
    const std::size_t equals = part.find('=');
    const std::string name(part.substr(0, equals));
    if (std::find(known.begin(), known.end(), name) == known.end())
      return fail(ErrorCode::kUsage, "this endpoint has no parameter {} (it has {}){}", quoted(name), join(known, ", "),
                  did_you_mean(name, known));
    if (equals == std::string_view::npos) return fail(ErrorCode::kUsage, "expected {}=VALUE, found {}", name, quoted(part));
    parameters.emplace_back(name, std::string(part.substr(equals + 1)));
  }
  return parameters;
}

Result<Endpoint> parse_remote(std::string_view text) {
  const std::size_t hash = text.find('#');
  if (hash == std::string_view::npos)
    return fail(ErrorCode::kUsage, "expected the model's name behind a #, as in {}#NAME, found {}",
                text.ends_with("/v1") ? text : "http://localhost:8080/v1", quoted(text));
  RemoteEndpoint endpoint;
  std::string_view base = text.substr(0, hash), rest = text.substr(hash + 1);
  if (base.find('?') != std::string_view::npos)
    return fail(ErrorCode::kUsage, "parameters stand behind the model's name: expected URL#NAME?..., found {}", quoted(text));
  const std::string_view authority = base.substr(base.find("//") + 2);
  if (authority.empty() || authority.front() == '/') return fail(ErrorCode::kUsage, "{} names no host", quoted(text));
  if (authority.substr(0, authority.find('/')).find('@') != std::string_view::npos)
    return fail(ErrorCode::kUsage,
                "an endpoint holds no user name or password: put the key into an environment variable (GIMBAL_API_KEY, or "
                "?key_env=VAR)");
  while (base.ends_with('/')) base.remove_suffix(1);
  endpoint.base_url = base;
  const std::size_t question = rest.find('?');
  endpoint.model = rest.substr(0, question);
  if (endpoint.model.empty()) return fail(ErrorCode::kUsage, "expected a model's name behind the #, found {}", quoted(text));
  if (question == std::string_view::npos) return endpoint;
  GIMBAL_TRY(const Parameters parameters,
             read_parameters(rest.substr(question + 1), {"key_env", "timeout_s", "max_concurrency", "seed"}));
  for (const auto& [name, value] : parameters) {
    if (name == "key_env") {
      if (value.empty()) return fail(ErrorCode::kUsage, "key_env: expected the name of an environment variable");
      endpoint.key_env = value;
    } else if (name == "timeout_s") {
      const auto seconds = parse_finite(value);
      if (!seconds || !(*seconds > 0 && *seconds <= 86'400))
        return fail(ErrorCode::kUsage, "timeout_s: expected seconds above 0 and at most 86400, found {}", quoted(value));
      endpoint.timeout_s = *seconds;
    } else if (name == "max_concurrency") {
      const auto count = parse_int(value);
      if (!count || *count < 1 || *count > 256)
        return fail(ErrorCode::kUsage, "max_concurrency: expected a number from 1 to 256, found {}", quoted(value));
      endpoint.max_concurrency = static_cast<int>(*count);
    } else {
      if (value != "on" && value != "off") return fail(ErrorCode::kUsage, "seed: expected on or off, found {}", quoted(value));
      endpoint.send_seed = value == "on";
    }
  }
  return endpoint;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with("http://") || text.starts_with("https://")) return parse_remote(text);
  if (text.starts_with("exec:")) {
    const std::string_view command = trim(text.substr(5));
    if (command.empty()) return fail(ErrorCode::kUsage, "expected a command behind exec:, as in exec:\"python3 model.py\"");
    return ExecEndpoint{std::string(command)};
  }
  if (text.starts_with("replay:")) {
    ReplayEndpoint endpoint;
    std::string_view rest = text.substr(7);
    if (const std::size_t question = rest.rfind('?'); question != std::string_view::npos) {
      GIMBAL_TRY(const Parameters parameters, read_parameters(rest.substr(question + 1), {"match"}));
      for (const auto& [name, value] : parameters) {
        if (value != "order" && value != "request")
          return fail(ErrorCode::kUsage, "match: expected order or request, found {}", quoted(value));
        endpoint.by_order = value == "order";
      }
      rest = rest.substr(0, question);
    }
    if (rest.empty()) return fail(ErrorCode::kUsage, "expected a file behind replay:, as in replay:answers.jsonl");
    endpoint.path = rest;
    return endpoint;
  }
  if (text.ends_with(".gguf") || text.find("://") == std::string_view::npos)
    return fail(ErrorCode::kUnsupported, "expected {}, found {}: this version runs no models itself", kForms, quoted(text));
  return fail(ErrorCode::kUsage, "expected {}, found {}", kForms, quoted(text));
}

std::string endpoint_text(const Endpoint& endpoint) {
  if (const auto* remote = std::get_if<RemoteEndpoint>(&endpoint)) return remote->base_url + "#" + remote->model;
  if (const auto* replay = std::get_if<ReplayEndpoint>(&endpoint)) return "replay:" + replay->path;
  return "exec:" + std::get<ExecEndpoint>(endpoint).command;
}

}  // namespace gimbal::lm
