// Code out of an answer: the heuristic for texts in which sentences, fences and code are mixed.
//
// Blocks (def, class, loops, conditions, ...) are taken with what is indented below them; single lines outside blocks stay when
// they are imports, decorators, or parse as Python statements and are not bare names. Natural-language lines vanish because
// they do not parse. The idea is that of the effective-diversity study (arXiv 2504.12522), restated in docs and spec;
// indentation of a whole script is taken away, which the study's code keeps.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal::diversity {

// What one line is by itself to Python's parser.
enum class LineKind : std::uint8_t {
  kNone,        // does not parse
  kBareName,    // an expression statement that is one name
  kExpression,  // another expression statement
  kStatement,   // any other statement
};

// Asks a Python parser; an implementation starts a process, so lines come in one batch.
class LineParser {
 public:
  virtual ~LineParser() = default;
  // One kind a line, in their order. Errors: unavailable (no interpreter).
  virtual Result<std::vector<LineKind>> classify(std::span<const std::string> lines) const = 0;
};

// The code of each text, trimmed; "" where nothing is left. One call of the parser for all texts. O(bytes).
Result<std::vector<std::string>> extract_heuristic(std::span<const std::string> texts, const LineParser& parser);

}  // namespace gimbal::diversity
