// An OpenAI-compatible server as a Backend: POST /chat/completions for conversations, /completions for texts.
//
// The key is sent as Authorization: Bearer and nowhere else; whatever a server says about it is redacted. Servers differ from
// the standard in many ways, and what they really send is accepted: content as null, text or a list of parts; no usage; other
// finish words; errors as objects, texts or pages; max_completion_tokens instead of max_tokens (asked once, then remembered).
#pragma once

#include <memory>
#include <string>

#include "gimbal/base/log.h"
#include "gimbal/lm/backend.h"
#include "gimbal/lm/endpoint.h"

namespace gimbal::lm {

// `key` may be empty. It is registered with `log`'s redactor. Errors: unavailable when libcurl cannot be loaded.
Result<std::unique_ptr<Backend>> make_remote(const RemoteEndpoint& endpoint, const std::string& key, const Log& log);

// --- the protocol, for tests

// The body of sample k of a request. `seed`: derived from the request's seed, its prompt and k, 31 bits (servers that are less
// generous than 64 bits are common).
std::string remote_body(const RemoteEndpoint& endpoint, const Request& request, int k, bool max_completion_tokens);
std::uint64_t sample_seed(const Request& request, int k);
// The answer of a body with status 200. Errors: parse_error naming what is wrong with it, and its beginning.
Result<Output> parse_remote_answer(std::string_view body);
// What an error body says: {"error":{"message":...}}, {"error":"..."}, {"detail":...}, {"message":...}, or its first 200
// characters.
std::string remote_complaint(std::string_view body);
// Seconds to wait by Retry-After (seconds or an HTTP date) or x-ratelimit-reset-requests ("1s", "6m0s", "250ms"); 0 when there
// is none or it cannot be read. `now_unix_s`: for dates.
double retry_after(std::optional<std::string_view> retry_after_header, std::optional<std::string_view> reset_header,
                   double now_unix_s);

}  // namespace gimbal::lm
