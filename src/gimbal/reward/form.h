// Verifiers that look at the form of an answer alone: a regular expression, JSON, tags in order, length.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/reward/types.h"

namespace gimbal::reward {

// Passes where `pattern` (RE2 syntax, linear time) matches somewhere in the completion; `extracted` is the first group, or the
// match. Errors: usage with RE2's own message.
Result<std::unique_ptr<ItemVerifier>> make_regex_verifier(std::string_view pattern);

// Passes where the completion, without a Markdown fence around it, is one JSON document. `required`: "key" or "key:type" with
// type string, number, integer, boolean, array, object or null; the document is then an object that has them. Errors: usage.
Result<std::unique_ptr<ItemVerifier>> make_json_verifier(std::string_view required);

// Passes where each of the tags stands exactly once, opened and closed, in this order and one after the other. `tags`: names
// separated by commas; empty: think, answer. Errors: usage for a name that is none.
Result<std::unique_ptr<ItemVerifier>> make_format_verifier(std::string_view tags);

// 1 up to `most` code points, then a line that reaches 0 at twice as many. Errors: usage unless `most` is an integer of at
// least 1.
Result<std::unique_ptr<ItemVerifier>> make_length_verifier(std::string_view most);

}  // namespace gimbal::reward
