// A program of the user's as a Backend: one JSON request a line on its standard input, one answer a line on its standard
// output.
//
//   {"id":7,"op":"generate","k":0,"prompt"|"messages":...,"sampling":{all parameters},"seed":0}
//   {"id":7,"text":"...","finish_reason":"stop","usage":{"prompt_tokens":12,"completion_tokens":80}}    or
//   {"id":7,"error":"why"}
#pragma once

#include <memory>
#include <string>

#include "gimbal/base/log.h"
#include "gimbal/lm/backend.h"

namespace gimbal::lm {

// Starts the program. Errors: as net::JsonlProcess::start.
Result<std::unique_ptr<Backend>> make_exec(const std::string& command, const Log& log);

}  // namespace gimbal::lm
