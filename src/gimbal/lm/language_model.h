// The interface that everything which asks a language model uses: requests in, samples out.
//
// The unit of work is one sample: request and index k. What comes back for it depends on the request's content, its seed and k
// alone (where the model can hold that), so results do not change with how samples are batched, cached or resumed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"

namespace gimbal::lm {

struct Message {
  std::string role;  // "system", "user", "assistant"
  std::string content;
  bool operator==(const Message&) const = default;
};

// A text that is continued, or a conversation that is answered.
using Prompt = std::variant<std::string, std::vector<Message>>;

// A parameter that a model does not take is an error, never ignored. Values other than the defaults are part of a request's
// identity (request_json.h).
struct Sampling {
  double temperature = 1;  // 0: the most probable token
  double top_p = 1;        // 1: off
  int top_k = 0;           // 0: off
  double min_p = 0;        // 0: off
  int max_new_tokens = 128;
  std::vector<std::string> stop = {};  // an answer ends before the first of these
  bool operator==(const Sampling&) const = default;
};

struct Request {
  std::string id;  // of the caller; not part of the identity
  Prompt prompt;
  std::vector<int> samples = {0};  // the indices k that are wanted
  Sampling sampling = {};
  std::uint64_t seed = 0;
};

enum class Finish { kStop, kLength, kOther };
std::string_view finish_name(Finish finish);  // "stop"

struct Usage {
  std::optional<std::int64_t> prompt_tokens = {}, completion_tokens = {};  // nullopt: the model did not say
  int attempts = 1;                                                        // requests that were sent for it
  bool cached = false;                                                     // nothing was sent
};

struct Output {
  std::size_t request = 0;  // index into the requests of the call
  int k = 0;
  std::string text;
  Finish finish = Finish::kStop;
  std::string finish_word = "stop";  // verbatim
  std::string reasoning = {};        // where a server keeps it apart
  Usage usage = {};
};

// Called for every finished sample, in any order, never by two threads at once. An error ends the call with it.
using OutputSink = std::function<Result<void>(Output&&)>;

struct ModelInfo {
  std::string endpoint;  // without credentials; part of the identity of cached answers
  std::string name;      // of the model: "llama-3.2-1b"
};

class LanguageModel {
 public:
  virtual ~LanguageModel() = default;
  virtual ModelInfo info() const = 0;
  // Draws every sample of every request. What was finished before an error has reached the sink. Errors: those of the model;
  // interrupted.
  virtual Result<void> generate(std::span<const Request> requests, const OutputSink& sink, const StopToken& stop) = 0;
  // Whether this sample would be answered without asking the model.
  virtual bool holds(const Request&, int /*k*/) const { return false; }
};

}  // namespace gimbal::lm
