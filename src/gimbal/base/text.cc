#include "gimbal/base/text.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <utility>

#include "gimbal/base/number.h"

namespace gimbal {

namespace {

struct Decoded {
  char32_t code_point;
  std::size_t length;  // bytes; of an invalid sequence: its maximal subpart, at least 1
  bool valid;
};

// The sequence that begins at `i` (Unicode 15, table 3-7). Of an ill-formed one, the longest prefix that could have begun a
// well-formed sequence is taken, which is what U+FFFD stands for in browsers and in Python.
Decoded decode(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char lead = byte(i);
  if (lead < 0x80) return {lead, 1, true};
  std::size_t length = 0;
  unsigned char low = 0x80, high = 0xBF;  // range of the second byte; excludes overlong forms, surrogates, above U+10FFFF
  char32_t code_point = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    code_point = lead & 0x1Fu;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    code_point = lead & 0x0Fu;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    code_point = lead & 0x07u;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {0xFFFD, 1, false};
  }
  for (std::size_t k = 1; k < length; ++k) {
    if (i + k >= text.size() || byte(i + k) < low || byte(i + k) > high) return {0xFFFD, k, false};
    code_point = (code_point << 6) | (byte(i + k) & 0x3Fu);
    low = 0x80;
    high = 0xBF;
  }
  return {code_point, length, true};
}

void append_utf8(std::string& out, char32_t code_point) {
  utf8proc_uint8_t bytes[4];
  const auto n = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
}

// Bytes that are not part of a valid sequence count one code point each.
std::vector<char32_t> code_points(std::string_view text) {
  std::vector<char32_t> out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Decoded d = decode(text, i);
    // An invalid byte gets a number outside Unicode, so that it equals the same byte only.
    out.push_back(d.valid ? d.code_point : 0x110000u + static_cast<unsigned char>(text[i]));
    i += d.valid ? d.length : 1;
  }
  return out;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    // Eight ASCII bytes at a time: nearly all of a data file.
    while (i + 8 <= text.size()) {
      std::uint64_t word;
      std::memcpy(&word, text.data() + i, 8);
      if (word & 0x8080808080808080u) break;
      i += 8;
    }
    if (i >= text.size()) break;
    const Decoded d = decode(text, i);
    if (!d.valid) return i;
    i += d.length;
  }
  return std::nullopt;
}

std::string repair_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Decoded d = decode(text, i);
    if (d.valid)
      out.append(text.substr(i, d.length));
    else
      out += "\xEF\xBF\xBD";
    i += d.length;
  }
  return out;
}

std::size_t code_point_column(std::string_view line, std::size_t byte_offset) {
  return code_point_count(line.substr(0, std::min(byte_offset, line.size()))) + 1;
}

std::size_t code_point_count(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    const Decoded d = decode(text, i);
    i += d.valid ? d.length : 1;
  }
  return count;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Decoded d = decode(text, i);
    width += d.valid ? static_cast<std::size_t>(utf8proc_charwidth(static_cast<utf8proc_int32_t>(d.code_point))) : 1;
    i += d.length;
  }
  return width;
}

std::string fold_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Decoded d = decode(text, i);
    if (!d.valid) {
      out.append(text.substr(i, d.length));
    } else if (d.code_point < 0x80) {
      const char c = text[i];
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    } else {
      utf8proc_int32_t folded[8];  // the longest folding has three code points
      int boundary = 0;
      const auto n =
          utf8proc_decompose_char(static_cast<utf8proc_int32_t>(d.code_point), folded, 8, UTF8PROC_CASEFOLD, &boundary);
      for (utf8proc_ssize_t k = 0; k < n; ++k) append_utf8(out, static_cast<char32_t>(folded[k]));
    }
    i += d.length;
  }
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  for (std::size_t end = text.find(separator); end != std::string_view::npos; end = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::string list_some(std::span<const std::string> parts, std::size_t most) {
  if (parts.size() <= most) return join(parts, ", ");
  return fmt::format("{} and {} more", join(parts.first(most), ", "), parts.size() - most);
}

std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  if (text.empty()) return items;
  std::size_t i = 0;
  while (true) {
    std::string item;
    if (i < text.size() && text[i] == '"') {
      ++i;
      while (i < text.size()) {
        if (text[i] != '"') {
          item += text[i++];
        } else if (i + 1 < text.size() && text[i + 1] == '"') {
          item += '"';
          i += 2;
        } else {
          ++i;
          break;
        }
      }
    }
    while (i < text.size() && text[i] != ',') item += text[i++];
    items.push_back(std::move(item));
    if (i >= text.size()) return items;
    ++i;
  }
}

bool glob_match(std::string_view pattern, std::string_view text) {
  // Greedy with one point to return to, the last star: O(|pattern| |text|), no recursion.
  std::size_t p = 0, t = 0;
  std::size_t star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    const Decoded d = decode(text, t);
    const std::size_t step = d.valid ? d.length : 1;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t += step;
    } else if (p < pattern.size() && pattern.substr(p, step) == text.substr(t, step)) {
      p += step;
      t += step;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      const Decoded skipped = decode(text, star_text);
      star_text += skipped.valid ? skipped.length : 1;
      t = star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::size_t levenshtein(std::string_view a, std::string_view b) {
  const std::vector<char32_t> x = code_points(a), y = code_points(b);
  std::vector<std::size_t> row(y.size() + 1);  // row[j]: distance of x[0..i) and y[0..j)
  for (std::size_t j = 0; j <= y.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= x.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= y.size(); ++j) {
      const std::size_t substituted = diagonal + (x[i - 1] == y[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[y.size()];
}

std::vector<std::string> nearest(std::string_view name, std::span<const std::string> candidates, std::size_t count) {
  const std::size_t length = code_point_count(name);
  const std::size_t limit = std::max<std::size_t>(2, length / 3);
  std::vector<std::pair<std::size_t, std::size_t>> found;  // distance, index
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::size_t other = code_point_count(candidates[i]);
    if ((other > length ? other - length : length - other) > limit) continue;  // the difference of lengths bounds the distance
    const std::size_t distance = levenshtein(name, candidates[i]);
    if (distance <= limit && distance < length) found.emplace_back(distance, i);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> out;
  for (std::size_t i = 0; i < std::min(count, found.size()); ++i) out.push_back(candidates[found[i].second]);
  return out;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates) {
  const std::vector<std::string> near = nearest(name, candidates);
  if (near.empty()) return "";
  std::string out = "; did you mean ";
  for (std::size_t i = 0; i < near.size(); ++i) {
    if (i > 0) out += i + 1 == near.size() ? " or " : ", ";
    out += gimbal::quoted(near[i]);
  }
  return out + "?";
}

std::string quoted(std::string_view text, std::size_t limit) {
  std::string out = "\"";
  const bool cut = text.size() > limit;
  for (std::size_t i = 0; i < text.size();) {
    const Decoded d = decode(text, i);
    if (cut && i + d.length > limit) break;
    const char c = text[i];
    if (!d.valid) {
      for (std::size_t k = 0; k < d.length; ++k) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i + k]));
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (d.code_point < 0x20 || d.code_point == 0x7F) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(d.code_point));
    } else if (d.code_point >= 0x80 && d.code_point < 0xA0) {  // C1 controls move the cursor of some terminals
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(d.code_point));
    } else {
      out.append(text.substr(i, d.length));
    }
    i += d.length;
  }
  return out + (cut ? "...\"" : "\"");
}

std::string signed_significant(double value, int digits) {
  const std::string text = format_significant(value, digits);
  return value > 0 ? "+" + text : text;
}

std::string plain_punctuation(std::string_view text) {
  static constexpr std::pair<std::string_view, char> kPlain[] = {
      {"\u201c", '"'}, {"\u201d", '"'}, {"\u2018", '\''}, {"\u2019", '\''}, {"\u2212", '-'}, {"\u2013", '-'}, {"\u2014", '-'}};
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto at = std::ranges::find_if(kPlain, [&](const auto& pair) { return text.substr(i).starts_with(pair.first); });
    if (at == std::end(kPlain)) {
      out += text[i++];
    } else {
      out += at->second;
      i += at->first.size();
    }
  }
  return out;
}

}  // namespace gimbal
