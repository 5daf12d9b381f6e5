#include "gimbal/reward/exact.h"

#include <array>

#include "gimbal/base/text.h"
#include "gimbal/reward/boxed.h"

namespace gimbal::reward {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_choice(char c) { return c >= 'A' && c <= 'J'; }

std::string single_blanks(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    if (!is_blank(c)) {
      out += c;
    } else if (!out.ends_with(' ')) {
      out += ' ';
    }
  }
  return out;
}

class ExactVerifier final : public ItemVerifier {
 public:
  explicit ExactVerifier(const ExactOptions& options) : options_(options) {}
  std::string_view name() const override { return "exact"; }

  Result<void> check(const Item& item) const override {
    GIMBAL_TRY(const auto golds, gold_values(item.record));
    if (golds.size() > 1 && !options_.any_of) {
      return fail(ErrorCode::kInvalidArgument, "the gold answer is a list of {}: --any-of accepts each of them", golds.size());
    }
    return {};
  }
  Score score_one(const Item& item) const override {
    const auto golds = gold_values(item.record);
    std::string answer = normalize_text(item.completion, options_.normalize);
    if (answer.empty()) return verdict(false, Reason::kNoAnswer, "", golds->front());
    for (const std::string& gold : *golds) {
      if (normalize_text(gold, options_.normalize) == answer) {
        return verdict(true, Reason::kEqualString, std::move(answer), gold);
      }
    }
    return verdict(false, Reason::kDifferent, std::move(answer), golds->front());
  }
  std::optional<bool> same_answer(std::string_view a, std::string_view b) const override {
    return normalize_text(a, options_.normalize) == normalize_text(b, options_.normalize);
  }

 private:
  ExactOptions options_;
};

class ChoiceVerifier final : public ItemVerifier {
 public:
  std::string_view name() const override { return "choice"; }
  Result<void> check(const Item& item) const override {
    GIMBAL_TRY(const auto golds, gold_values(item.record));
    for (const std::string& gold : golds) {
      if (!gold_letter(gold))
        return fail(ErrorCode::kInvalidArgument, "expected a letter A to J, found {}", gimbal::quoted(gold));
    }
    return {};
  }
  Score score_one(const Item& item) const override {
    const auto golds = gold_values(item.record);
    const std::string wanted(1, *gold_letter(golds->front()));
    std::optional<char> letter;
    if (item.bare) letter = gold_letter(item.completion);
    if (!letter) letter = extract_choice(item.completion);
    if (!letter) return verdict(false, Reason::kNoAnswer, "", wanted);
    for (const std::string& gold : *golds) {
      if (gold_letter(gold) == letter) return verdict(true, Reason::kEqual, std::string(1, *letter), std::string(1, *letter));
    }
    return verdict(false, Reason::kDifferent, std::string(1, *letter), wanted);
  }
  std::optional<bool> same_answer(std::string_view a, std::string_view b) const override {
    const auto x = extract_choice(a), y = extract_choice(b);
    return x.has_value() && x == y;
  }

 private:
  // "C", "(C)", "\text{(C)}", "c".
  static std::optional<char> gold_letter(std::string_view gold) {
    gold = trim(gold);
    if (gold.size() == 1 && gold[0] >= 'a' && gold[0] <= 'j') return static_cast<char>(gold[0] - 'a' + 'A');
    return extract_choice(gold);
  }
};

// The letter of a short text such as a box's content: the only stand-alone capital.
std::optional<char> only_letter(std::string_view text) {
  std::optional<char> found;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {  // a command such as \text
      while (i + 1 < text.size() && ((text[i + 1] >= 'a' && text[i + 1] <= 'z') || (text[i + 1] >= 'A' && text[i + 1] <= 'Z')))
        ++i;
      continue;
    }
    const bool alone = (i == 0 || !is_word(text[i - 1])) && (i + 1 == text.size() || !is_word(text[i + 1]));
    if (!is_choice(text[i]) || !alone) continue;
    if (found && *found != text[i]) return std::nullopt;
    found = text[i];
  }
  return found;
}

}  // namespace

Result<Normalize> parse_normalize(std::string_view word) {
  static constexpr std::array<std::string_view, 5> kWords = {"none", "trim", "ws", "case", "punct"};
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (word == kWords[i]) return static_cast<Normalize>(i);
  }
  return fail(ErrorCode::kUsage, "expected none, trim, ws, case or punct, found {}", gimbal::quoted(word));
}

std::string normalize_text(std::string_view text, Normalize level) {
  switch (level) {
    case Normalize::kNone:
      return std::string(text);
    case Normalize::kTrim:
      return std::string(trim(text));
    case Normalize::kWhitespace:
      return single_blanks(text);
    case Normalize::kCase:
      return single_blanks(fold_case(text));
    case Normalize::kPunctuation:
      break;
  }
  std::string kept;
  for (const char c : fold_case(text)) {
    if (is_word(c) || is_blank(c)) kept += c;
  }
  return single_blanks(kept);
}

std::optional<char> extract_choice(std::string_view text) {
  if (const auto box = find_last_box(text)) {
    if (const auto letter = only_letter(box->content)) return letter;
  }
  const std::string lower = ascii_lower(text);
  for (std::size_t at = lower.rfind("answer is"); at != std::string::npos;
       at = at == 0 ? std::string::npos : lower.rfind("answer is", at - 1)) {
    std::size_t i = at + 9;
    while (i < text.size() && (is_blank(text[i]) || text[i] == ':' || text[i] == '*' || text[i] == '(' || text[i] == '$')) ++i;
    if (i < text.size() && is_choice(text[i]) && (i + 1 == text.size() || !is_word(text[i + 1]))) return text[i];
  }
  // From the end: "(C)" anywhere, or a bare capital that ends the text.
  std::string_view rest = trim(text);
  while (!rest.empty() && (rest.back() == '.' || rest.back() == '*' || rest.back() == '}' || rest.back() == '$'))
    rest.remove_suffix(1);
  if (!rest.empty() && is_choice(rest.back()) && (rest.size() == 1 || !is_word(rest[rest.size() - 2]))) return rest.back();
  for (std::size_t i = rest.size(); i-- > 2;) {
    if (rest[i] == ')' && is_choice(rest[i - 1]) && rest[i - 2] == '(') return rest[i - 1];
  }
  return std::nullopt;
}

std::unique_ptr<ItemVerifier> make_exact_verifier(const ExactOptions& options) {
  return std::make_unique<ExactVerifier>(options);
}
std::unique_ptr<ItemVerifier> make_choice_verifier() { return std::make_unique<ChoiceVerifier>(); }

}  // namespace gimbal::reward
