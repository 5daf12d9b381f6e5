// Where a model is: the syntax of --model, the same for every command.
//
//   http(s)://HOST[:PORT]/v1#NAME[?key_env=VAR&timeout_s=60&max_concurrency=8]    an OpenAI-compatible server
//   replay:FILE.jsonl[?match=order]                                               recorded answers
//   exec:COMMAND                                                                  a program that answers JSON lines
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "gimbal/base/result.h"

namespace gimbal::lm {

struct RemoteEndpoint {
  std::string base_url;  // "https://host/v1", no slash at the end
  std::string model;
  std::string key_env = {};  // the variable that holds the key; empty: GIMBAL_API_KEY, if it is set
  double timeout_s = 60;     // of one request
  int max_concurrency = 8;
  bool send_seed = true;  // seed=off: for servers that refuse the parameter
};

struct ReplayEndpoint {
  std::string path;
  bool by_order = false;
};

struct ExecEndpoint {
  std::string command;
};

using Endpoint = std::variant<RemoteEndpoint, ReplayEndpoint, ExecEndpoint>;

// Errors: usage, naming the part that is wrong and the nearest parameter.
Result<Endpoint> parse_endpoint(std::string_view text);

// The text again without what does not identify the model (timeouts, name of the key's variable).
std::string endpoint_text(const Endpoint& endpoint);

}  // namespace gimbal::lm
