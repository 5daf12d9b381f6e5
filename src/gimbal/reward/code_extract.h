// Which part of a model's answer is the program.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gimbal::reward {

// The last Markdown block that is tagged python (py, python3), else the last block, else the text if one of its lines starts
// with def, import, from, class, async def or a decorator; nullopt: there is no code.
std::optional<std::string> extract_code(std::string_view text);

// Whether some line in column 0 defines `name`: def, async def, class, an assignment, or an import of it.
bool defines_name(std::string_view code, std::string_view name);

// The program of an answer to a task that begins with `prompt` (imports, helpers, the signature of `entry`) as HumanEval's do.
// Code that defines `entry` stands behind what precedes the signature in the prompt; anything else is read as a completion:
// prompt + text, cut at the first line that begins in column 0 with something that is no definition, import, decorator, comment
// or blank. nullopt: an empty answer.
std::optional<std::string> complete_program(std::string_view prompt, std::string_view entry, std::string_view text);

}  // namespace gimbal::reward
