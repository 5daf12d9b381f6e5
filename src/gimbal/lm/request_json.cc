#include "gimbal/lm/request_json.h"

#include <nlohmann/json.hpp>

#include "gimbal/base/check.h"

namespace gimbal::lm {

std::string_view finish_name(Finish finish) {
  switch (finish) {
    case Finish::kStop:
      return "stop";
    case Finish::kLength:
      return "length";
    case Finish::kOther:
      return "other";
  }
  return "";
}

Finish parse_finish(std::string_view word) {
  if (word == "stop" || word == "eos" || word == "end_turn" || word == "stop_sequence") return Finish::kStop;
  if (word == "length" || word == "max_tokens") return Finish::kLength;
  return Finish::kOther;
}

void write_prompt(JsonWriter& json, const Prompt& prompt) {
  if (const auto* text = std::get_if<std::string>(&prompt)) {
    json.field("prompt", *text);
    return;
  }
  json.key("messages").begin_array();
  for (const Message& message : std::get<std::vector<Message>>(prompt))
    json.begin_object().field("role", message.role).field("content", message.content).end_object();
  json.end_array();
}

void write_sampling(JsonWriter& json, const Sampling& sampling, bool all) {
  const Sampling standard;
  json.begin_object();
  if (all || sampling.temperature != standard.temperature) json.field("temperature", sampling.temperature);
  if (all || sampling.top_p != standard.top_p) json.field("top_p", sampling.top_p);
  if (all || sampling.top_k != standard.top_k) json.field("top_k", sampling.top_k);
  if (all || sampling.min_p != standard.min_p) json.field("min_p", sampling.min_p);
  if (all || sampling.max_new_tokens != standard.max_new_tokens) json.field("max_new_tokens", sampling.max_new_tokens);
  if (all || sampling.stop != standard.stop) json.field("stop", sampling.stop);
  json.end_object();
}

std::string sample_identity(const Request& request, int k) {
  JsonWriter json;
  json.begin_object().field("k", k);
  write_prompt(json, request.prompt);
  json.key("sampling");
  write_sampling(json, request.sampling, false);
  json.field("seed", request.seed).end_object();
  const auto parsed = parse_json(json.text(), "request");
  GIMBAL_CHECK(parsed.has_value());  // we wrote it
  return canonical(*parsed);
}

void write_answer(JsonWriter& json, const Output& output) {
  json.field("text", output.text).field("finish_reason", output.finish_word);
  if (!output.reasoning.empty()) json.field("reasoning", output.reasoning);
  json.key("usage").begin_object().field("prompt_tokens", output.usage.prompt_tokens);
  json.field("completion_tokens", output.usage.completion_tokens).end_object();
}

Result<Output> read_answer(const JsonView& object) {
  Output output;
  GIMBAL_TRY(output.text, object.string("text"));
  GIMBAL_TRY(output.finish_word, object.string_or("finish_reason", "stop"));
  output.finish = parse_finish(output.finish_word);
  GIMBAL_TRY(output.reasoning, object.string_or("reasoning", ""));
  if (const auto usage = object.find("usage")) {
    for (auto [key, target] : {std::pair{"prompt_tokens", &output.usage.prompt_tokens},
                               std::pair{"completion_tokens", &output.usage.completion_tokens}}) {
      if (!usage->has(key)) continue;
      GIMBAL_TRY(*target, usage->integer(key));
    }
  }
  return output;
}

}  // namespace gimbal::lm
