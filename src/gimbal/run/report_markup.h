// The small mark-up of report texts, as HTML: paragraphs, lists, *emphasis*, **strong**, `code`. Everything else is data and is
// escaped; there is no way from a text to a tag or an attribute of its own.
#pragma once

#include <string>
#include <string_view>

namespace gimbal::run {

// One line of text with emphasis. A mark that finds no partner, or stands beside a blank ("2 * 3"), is an ordinary character.
std::string inline_markup(std::string_view text);

// Paragraphs (<p>) and lists (<ul>).
std::string block_markup(std::string_view text);

}  // namespace gimbal::run
