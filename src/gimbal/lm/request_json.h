// Requests and answers as JSON: the identity of a sample, and the lines of recorded exchanges.
#pragma once

#include <string>
#include <string_view>

#include "gimbal/base/json.h"
#include "gimbal/lm/language_model.h"

namespace gimbal::lm {

inline constexpr std::string_view kExchangeSchema = "gimbal.lm.exchange/1";

// What identifies sample k of a request, canonically: {"k":0,"messages":[...],"sampling":{...},"seed":0}; "sampling" holds the
// parameters that are not default. Id and other samples are not part of it.
std::string sample_identity(const Request& request, int k);

// {"temperature":...} with all parameters, or with those that are not default.
void write_sampling(JsonWriter& json, const Sampling& sampling, bool all);
// "prompt" or "messages", as a member of an open object.
void write_prompt(JsonWriter& json, const Prompt& prompt);

// The members of an answer: text, finish_reason, reasoning (if any), usage. Inside an open object.
void write_answer(JsonWriter& json, const Output& output);
// Reads them: "text" must be there, the rest may be absent. Errors: parse_error.
Result<Output> read_answer(const JsonView& object);

// "stop", "length", and whatever servers say instead: "eos", "end_turn", "max_tokens".
Finish parse_finish(std::string_view word);

}  // namespace gimbal::lm
