// From a generation to the program that is run: the modes of extraction over many generations at once.
//
//   raw        the text as it is
//   fenced     a fenced Markdown block whose info is python, py, python3 or empty
//   heuristic  extract.h
//   auto       raw where the whole text compiles, else fenced where there is such a block, else heuristic
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/diversity/python_helper.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::diversity {

enum class ExtractMode { kAuto, kFenced, kHeuristic, kRaw };
std::string_view extract_mode_name(ExtractMode mode);  // "auto"

// Which block where there are several. kBest: the last one with a `def`, else the longest.
enum class FenceChoice { kBest, kFirst, kLast, kLongest };

struct ProgramText {
  sandbox::Status status = sandbox::Status::kOk;  // kOk: there is a program; else kEmpty, kNotText, kNoCode
  ExtractMode mode = ExtractMode::kRaw;           // what was applied
  std::string code = {};
};

// The chosen block's content; nullopt without a candidate.
std::optional<std::string> fenced_code(std::string_view text, FenceChoice choice);

// One program a generation; nullopt is a generation that is no text. `helper` is not needed for raw and fenced; at most two
// calls of it are made. Errors: those of the helper.
Result<std::vector<ProgramText>> extract_programs(std::span<const std::optional<std::string>> generations, ExtractMode mode,
                                                  FenceChoice fence, const PythonHelper* helper);

}  // namespace gimbal::diversity
