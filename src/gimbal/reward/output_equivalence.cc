#include "gimbal/reward/output_equivalence.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "gimbal/base/json.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::reward {
namespace {

constexpr std::size_t kMaxPoints = 5000;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

// The bytes of the first `count` code points; each byte that is not valid UTF-8 counts as one.
std::string_view first_points(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (std::size_t points = 0; at < text.size() && points < count; ++points) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    at += length > 1 && is_utf8(text.substr(at, length)) && at + length <= text.size() ? length : 1;
  }
  return text.substr(0, at);
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < text.size();) {
    while (i < text.size() && is_blank(text[i])) ++i;
    const std::size_t begin = i;
    while (i < text.size() && !is_blank(text[i])) ++i;
    if (i > begin) words.push_back(text.substr(begin, i - begin));
  }
  return words;
}

std::string joined_words(std::string_view text) {
  std::string out;
  for (const std::string_view word : words_of(text)) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

// Runs of white space become one blank, those at the ends too.
std::string single_blanks(std::string_view text) {
  std::string out;
  bool blank = false;
  for (const char c : text) {
    if (is_blank(c) && blank) continue;
    blank = is_blank(c);
    out += blank ? ' ' : c;
  }
  return out;
}

std::string stripped_lines(std::string_view text) {
  std::vector<std::string> lines;
  for (std::string_view line : split(text, '\n')) {
    while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
    lines.emplace_back(line);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return join(lines, "\n");
}

// Every word that is a number, rounded; white space stays.
std::string rounded(std::string_view text, int digits) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (is_blank(text[i])) {
      out += text[i++];
      continue;
    }
    const std::size_t begin = i;
    while (i < text.size() && !is_blank(text[i])) ++i;
    const std::string_view word = text.substr(begin, i - begin);
    if (const auto number = parse_finite(word)) {
      std::string fixed = fmt::format("{:.{}f}", *number, digits);
      if (fixed.find_first_not_of("-0.") == std::string::npos && fixed.starts_with('-')) fixed.erase(0, 1);  // no -0.00
      out += fixed;
    } else {
      out += word;
    }
  }
  return out;
}

}  // namespace

Result<OutputEquivalence> OutputEquivalence::parse(std::string_view rules) {
  OutputEquivalence out;
  if (trim(rules).empty()) rules = "trim";
  for (const std::string_view item : split(rules, ',')) {
    const std::string_view rule = trim(item);
    const std::size_t colon = rule.find(':');
    const std::string_view name = rule.substr(0, colon);
    const std::string_view parameter = colon == std::string_view::npos ? "" : rule.substr(colon + 1);
    static constexpr std::pair<std::string_view, Kind> kPlain[] = {
        {"exact", Kind::kExact},   {"trim", Kind::kTrim}, {"ws", Kind::kWhitespace}, {"lines", Kind::kLines},
        {"tokens", Kind::kTokens}, {"json", Kind::kJson}, {"case", Kind::kCase}};
    bool known = false;
    for (const auto& [word, kind] : kPlain) {
      if (name != word || colon != std::string_view::npos) continue;
      out.rules_.push_back({kind, 0});
      known = true;
    }
    if (name == "num") {
      const auto tolerance = parse_finite(parameter);
      if (!tolerance || *tolerance < 0) {
        return fail(ErrorCode::kUsage, "expected num:EPS with EPS of at least 0, found {}", gimbal::quoted(rule));
      }
      out.tolerance_ = *tolerance;
      known = true;
    } else if (name == "float") {
      const auto digits = parse_int(parameter);
      if (!digits || *digits < 0 || *digits > 17) {
        return fail(ErrorCode::kUsage, "expected float:D with D from 0 to 17, found {}", gimbal::quoted(rule));
      }
      out.rules_.push_back({Kind::kFloat, static_cast<int>(*digits)});
      known = true;
    }
    if (!known) {
      static const std::vector<std::string> kNames = {"exact", "trim", "ws",      "lines",  "tokens",
                                                      "json",  "case", "num:EPS", "float:D"};
      return fail(ErrorCode::kUsage, "expected a list of {}, found {}{}", join(kNames, ", "), gimbal::quoted(rule),
                  did_you_mean(name, kNames));
    }
  }
  return out;
}

std::string OutputEquivalence::key(std::string_view output) const {
  std::string text(output);
  for (const Rule& rule : rules_) {
    switch (rule.kind) {
      case Kind::kExact:
        break;
      case Kind::kTrim:
        text = std::string(first_points(trim(text), kMaxPoints));
        break;
      case Kind::kWhitespace:
        text = single_blanks(text);
        break;
      case Kind::kLines:
        text = stripped_lines(text);
        break;
      case Kind::kTokens:
        text = joined_words(text);
        break;
      case Kind::kCase:
        text = fold_case(text);
        break;
      case Kind::kFloat:
        text = rounded(text, rule.digits);
        break;
      case Kind::kJson:
        if (const auto value = parse_json(text, "output")) text = canonical(*value);
        break;
    }
  }
  return text;
}

bool OutputEquivalence::equal_keys(std::string_view a, std::string_view b) const {
  if (a == b) return true;
  if (!tolerance_) return false;
  const auto x = words_of(a), y = words_of(b);
  if (x.size() != y.size()) return false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] == y[i]) continue;
    const auto u = parse_finite(x[i]), v = parse_finite(y[i]);
    if (!u || !v || !(std::abs(*u - *v) <= *tolerance_ * std::max({1.0, std::abs(*u), std::abs(*v)}))) return false;
  }
  return true;
}

bool OutputEquivalence::equal(std::string_view a, std::string_view b) const { return equal_keys(key(a), key(b)); }

std::vector<std::size_t> OutputEquivalence::classes(std::span<const std::string> outputs) const {
  std::vector<std::size_t> out;
  std::vector<std::string> first;  // keys of the first members
  std::unordered_map<std::string, std::size_t> known;
  for (const std::string& output : outputs) {
    std::string own = key(output);
    std::size_t found = first.size();
    if (tolerance_) {
      for (std::size_t c = 0; c < first.size() && found == first.size(); ++c) {
        if (equal_keys(first[c], own)) found = c;
      }
    } else if (const auto at = known.find(own); at != known.end()) {
      found = at->second;
    }
    if (found == first.size()) {
      if (!tolerance_) known.emplace(own, found);
      first.push_back(std::move(own));
    }
    out.push_back(found);
  }
  return out;
}

}  // namespace gimbal::reward
