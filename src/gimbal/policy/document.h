// The JSON documents that the commands of the system write for each other: how one is read, and how a wrong one is refused. Who
// gives a model where a policy is due has forgotten a step, so the message says which command makes what.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "gimbal/base/json.h"
#include "gimbal/base/result.h"

namespace gimbal::policy {

// Reads `path` ("-": standard input) as a document of one of `schemas`. Errors: those of the file; kParseError for a file that
// is no JSON object, which it shows by its first line; kVersion for another document, with the command that writes what is
// expected.
Result<JsonView> read_document(const std::string& path, std::initializer_list<std::string_view> schemas);

// The same for a document that is there already.
Result<void> expect_document(const JsonView& document, std::initializer_list<std::string_view> schemas);

}  // namespace gimbal::policy
