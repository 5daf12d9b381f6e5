// Text: UTF-8, trimming and splitting, and the "did you mean" of every error message. All functions are locale-free.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gimbal {

// The byte offset of the first byte that is not valid UTF-8 (overlong forms and surrogates are not valid), or nullopt.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);
inline bool is_utf8(std::string_view text) { return !find_invalid_utf8(text); }
// Every maximal invalid subsequence becomes U+FFFD.
std::string repair_utf8(std::string_view text);
// The 1-based column, in code points, of a byte offset within one line.
std::size_t code_point_column(std::string_view line, std::size_t byte_offset);
std::size_t code_point_count(std::string_view text);
// Terminal columns: wide characters count two, combining marks none.
std::size_t display_width(std::string_view text);
// Full Unicode case folding (utf8proc). Invalid bytes are kept.
std::string fold_case(std::string_view text);

std::string_view trim(std::string_view text);  // ASCII white space at both ends
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
// "a, b, c" or, of more than `most` parts, "a, b, c and 34 more".
std::string list_some(std::span<const std::string> parts, std::size_t most = 5);
std::string ascii_lower(std::string_view text);
// Splits "a,b,\"c,d\"" at commas as CSV does: an item that holds a comma stands in double quotes, a quote inside is doubled.
std::vector<std::string> split_list(std::string_view text);

// `pattern` with * (any run) and ? (one code point), over the whole text.
bool glob_match(std::string_view pattern, std::string_view text);

// Edit distance over code points: insertions, deletions, substitutions each cost 1. O(|a| |b|).
std::size_t levenshtein(std::string_view a, std::string_view b);
// Up to `count` candidates within distance max(2, length of `name` / 3) that share something with it (the distance is
// below the length), nearest first, ties in the order given.
std::vector<std::string> nearest(std::string_view name, std::span<const std::string> candidates, std::size_t count = 3);
// "; did you mean \"a\" or \"b\"?" or "" when nothing is near.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);
// The text in double quotes with control characters, quotes and invalid bytes escaped; longer than `limit` bytes: cut with
// "...".
std::string quoted(std::string_view text, std::size_t limit = 80);

// A difference for people, with `digits` significant digits: "+0.0347", "-12.3", "0"; non-finite values as format_significant.
// The minus is ASCII's, as in all text of a terminal; pages make it U+2212 themselves.
std::string signed_significant(double value, int digits = 3);
// Punctuation of pages as terminals have it: typographic quotes, minus and dashes become ", ' and -.
std::string plain_punctuation(std::string_view text);

}  // namespace gimbal
