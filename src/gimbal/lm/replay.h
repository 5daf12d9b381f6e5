// Recorded answers: the model that gives them again, and the decorator that records. docs/formats/exchanges.md states the
// lines.
//
//   {"schema":"gimbal.lm.exchange/1","request":{"k":0,"messages":[...],"sampling":{...},"seed":0},"text":"...","finish_reason":"stop",
//    "usage":{...}}
//
// Lines written by hand may leave out schema and request, and have "choices": ["a", "b"] instead of "text"; without a request
// they serve by their order alone.
#pragma once

#include <memory>
#include <string>

#include "gimbal/base/file.h"
#include "gimbal/lm/language_model.h"

namespace gimbal::lm {

// `by_order`: a request that is not recorded gets the next line that nothing has used. A recorded request serves any number of
// times. Errors: of the file and its lines (up to 20); a miss names the first difference from the nearest recorded request.
Result<std::unique_ptr<LanguageModel>> make_replay(const std::string& path, bool by_order);

// Appends every answer of `base` to the file at `path` (a torn last line of an interrupted run is ended first).
Result<std::unique_ptr<LanguageModel>> make_recorded(std::unique_ptr<LanguageModel> base, const std::string& path);

}  // namespace gimbal::lm
