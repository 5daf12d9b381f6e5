#include "gimbal/reward/math.h"

#include <algorithm>
#include <vector>

#include "gimbal/base/text.h"
#include "gimbal/reward/boxed.h"
#include "gimbal/reward/math_compare.h"
#include "gimbal/reward/math_structure.h"
#include "gimbal/reward/number.h"

namespace gimbal::reward {
namespace {

// Something to compare: a letter or a digit, or a sign of other scripts.
bool has_substance(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
  });
}

std::string_view last_lines(std::string_view text, int count) {
  if (count <= 0) return text;
  text = trim(text);
  std::size_t at = text.size();
  for (int i = 0; i < count && at != std::string_view::npos; ++i)
    at = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  return at == std::string_view::npos ? text : text.substr(at + 1);
}

// Without a box: "answer is ...", the last $...$, the last number.
std::optional<std::string> loose_answer(std::string_view text) {
  const std::string lower = ascii_lower(text);
  const std::size_t phrase = lower.rfind("answer is");
  if (phrase != std::string::npos) {
    std::string_view rest = text.substr(phrase + 9);
    rest = trim(rest.substr(0, rest.find('\n')));
    if (rest.starts_with(':')) rest = trim(rest.substr(1));
    const std::size_t sentence = rest.find(". ");
    if (sentence != std::string_view::npos) rest = rest.substr(0, sentence);
    if (rest.ends_with('.')) rest.remove_suffix(1);
    const std::size_t open = rest.find('$'), close = rest.rfind('$');
    if (open != std::string_view::npos && close > open + 1) rest = rest.substr(open + 1, close - open - 1);
    if (has_substance(rest)) return std::string(trim(rest));
  }
  const std::size_t close = text.rfind('$');
  if (close != std::string_view::npos && close > 0) {
    const std::size_t open = text.rfind('$', close - 1);
    if (open != std::string_view::npos && has_substance(text.substr(open + 1, close - open - 1))) {
      return std::string(trim(text.substr(open + 1, close - open - 1)));
    }
  }
  if (const auto number = extract_number(text)) return std::string(*number);
  return std::nullopt;
}

class MathVerifier final : public ItemVerifier {
 public:
  explicit MathVerifier(const MathOptions& options) : options_(options) {}
  std::string_view name() const override { return "math"; }
  Result<void> check(const Item& item) const override {
    GIMBAL_TRY(gold_values(item.record));
    return {};
  }
  Score score_one(const Item& item) const override {
    const auto golds = gold_values(item.record);
    std::vector<std::string> wanted;
    for (const std::string& gold : *golds) wanted.push_back(bare_gold(gold));
    std::optional<MathExtraction> found = extract_math(item.completion, options_);
    if (!found && item.bare && has_substance(item.completion)) found = MathExtraction{std::string(trim(item.completion))};
    if (!found) return verdict(false, Reason::kNoAnswer, "", wanted.front());
    Score score;
    if (options_.strict_one && found->several) {
      score = verdict(false, Reason::kAmbiguous, found->answer, wanted.front());
    } else {
      MathVerdict best;
      std::string_view gold = wanted.front();
      for (std::size_t i = 0; i < wanted.size() && !best.equal; ++i) {
        const MathVerdict one = math_equal(found->answer, wanted[i], options_);
        if (i == 0 || one.equal) best = one, gold = wanted[i];
      }
      score = verdict(best.equal, best.reason, found->answer, std::string(gold));
      if (!best.equal && best.reason == Reason::kUnparsable) score.gold_unparsed = !is_readable_math(gold);
    }
    score.ambiguous = found->ambiguous;
    return score;
  }
  std::optional<bool> same_answer(std::string_view a, std::string_view b) const override {
    return math_equal(a, b, options_).equal;
  }

 private:
  // A gold value may be a whole solution with a box.
  static std::string bare_gold(const std::string& gold) {
    if (const auto box = last_boxed(gold)) return *box;
    return gold;
  }
  MathOptions options_;
};

}  // namespace

MathVerdict math_equal(std::string_view a, std::string_view b, const MathOptions& options) {
  if (!has_substance(a) || !has_substance(b)) return {false, Reason::kNoAnswer};
  if (a.size() > kMaxMathBytes || b.size() > kMaxMathBytes) {
    return trim(a) == trim(b) ? MathVerdict{true, Reason::kEqualString} : MathVerdict{false, Reason::kUnparsable};
  }
  const std::string key_a = normalize_math(a, options.profile), key_b = normalize_math(b, options.profile);
  if (key_a.empty() || key_b.empty()) return {false, Reason::kNoAnswer};
  if (key_a == key_b) return {true, Reason::kEqualString};
  if (options.profile == MathProfile::kHendrycks) return {false, Reason::kDifferent};
  return compare_values(parse_value(clean_math(a)), parse_value(clean_math(b)), options);
}

bool is_readable_math(std::string_view answer) {
  return answer.size() <= kMaxMathBytes && parse_value(clean_math(answer)).shape != Shape::kOpaque;
}

std::optional<MathExtraction> extract_math(std::string_view text, const MathOptions& options) {
  text = last_lines(text, options.last_lines);
  const std::vector<Box> boxes = find_boxes(text);
  if (boxes.empty()) {
    if (!options.loose) return std::nullopt;
    auto answer = loose_answer(text);
    if (!answer) return std::nullopt;
    return MathExtraction{std::move(*answer)};
  }
  MathExtraction out;
  out.answer = std::string(trim(boxes.back().content));
  if (boxes.size() > 1) {
    const std::size_t line = text.rfind('\n', boxes.back().begin);
    const std::size_t line_start = line == std::string_view::npos ? 0 : line + 1;
    for (std::size_t i = 0; i + 1 < boxes.size(); ++i) {
      // The first 32 others are enough to know that there are several.
      if (i >= 32 && out.several) break;
      const std::string_view other = trim(boxes[i].content);
      if (other == out.answer || math_equal(other, out.answer, options).equal) continue;
      out.several = true;
      if (boxes[i].begin >= line_start) out.ambiguous = true;
    }
  }
  if (!has_substance(out.answer)) return std::nullopt;
  return out;
}

std::unique_ptr<ItemVerifier> make_math_verifier(const MathOptions& options) { return std::make_unique<MathVerifier>(options); }

}  // namespace gimbal::reward
