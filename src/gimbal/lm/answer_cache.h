// Answers kept in a folder, one file each, shared by processes: asking the same again costs nothing and gives the same.
//
// The key is the SHA-256 of endpoint, model and what identifies the sample (request_json.h); the file holds the key's text,
// which is compared on reading. Also samples that are drawn at random are kept, each under its index: the same command twice
// gives the same answers. Errors are never kept. The folder may be deleted at any time.
#pragma once

#include <memory>
#include <string>

#include "gimbal/lm/language_model.h"

namespace gimbal::lm {

// Makes the folder. Errors: those of making it.
Result<std::unique_ptr<LanguageModel>> make_cached(std::unique_ptr<LanguageModel> base, const std::string& folder);

}  // namespace gimbal::lm
