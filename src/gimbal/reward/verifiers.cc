#include "gimbal/reward/verifiers.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/reward/form.h"

namespace gimbal::reward {
namespace {

constexpr auto kVerifiers = std::to_array<VerifierInfo>({
    {"math", "", "mathematical answers: boxed LaTeX, compared as text, exactly, and as expressions",
     "--profile --from --loose --strict-one --round"},
    {"number", "", "the last number of a text, as an exact fraction (GSM8K)", "--tol"},
    {"exact", "", "equal text", "--normalize --any-of"},
    {"choice", "", "the letter of a multiple choice", ""},
    {"countdown", "", "an expression that uses each number once and equals the target", "--partial --compat"},
    {"regex", "PATTERN", "an RE2 pattern matches somewhere", ""},
    {"json", "KEY:TYPE,...", "one JSON document, with these keys", ""},
    {"format", "TAG,...", "tags in order, each once (think,answer without an argument)", ""},
    {"length", "MAX", "at most MAX characters; falls to 0 at twice as many", ""},
    {"code", "", "programs that pass the tests of their task, in the sandbox",
     "--tasks --challenge --partial --feedback --equiv --task-cache --workers --python --sandbox"},
    {"exec", "COMMAND", "what a program of yours says, by JSON lines", "--timeout-ms --range --workers"},
});

Result<std::unique_ptr<Verifier>> make_one(std::string_view name, std::string_view argument, const VerifierOptions& options) {
  if (name == "regex") return make_regex_verifier(argument);
  if (name == "json") return make_json_verifier(argument);
  if (name == "format") return make_format_verifier(argument);
  if (name == "length") return make_length_verifier(argument);
  if (name == "exec") return make_exec_verifier(argument, options.exec);
  const auto known = std::ranges::find(kVerifiers, name, &VerifierInfo::name);
  if (known == kVerifiers.end()) {
    std::vector<std::string> names;
    for (const VerifierInfo& info : kVerifiers) names.emplace_back(info.name);
    return fail(ErrorCode::kUsage, "no verifier is called {}{}", gimbal::quoted(name), did_you_mean(name, names));
  }
  if (!argument.empty()) return fail(ErrorCode::kUsage, "{} takes no argument, found {}", name, gimbal::quoted(argument));
  if (name == "math") return make_math_verifier(options.math);
  if (name == "number") return make_number_verifier(options.number);
  if (name == "exact") return make_exact_verifier(options.exact);
  if (name == "choice") return make_choice_verifier();
  if (name == "code") return make_code_verifier(options.code);
  return make_countdown_verifier(options.countdown);
}

struct Factor {
  std::unique_ptr<Verifier> verifier;
  bool gate = false;
};
struct Term {
  double weight = 1;
  std::vector<Factor> factors;
};

// The sum over terms of weight x product of factors. Each part scores the whole batch, so that parts that work in parallel or
// by batches do so here too.
class Combination final : public Verifier {
 public:
  Combination(std::string name, std::vector<Term> terms) : name_(std::move(name)), terms_(std::move(terms)) {}
  std::string_view name() const override { return name_; }
  Result<void> check(const Item& item) const override {
    for (const Term& term : terms_) {
      for (const Factor& factor : term.factors) GIMBAL_TRY(factor.verifier->check(item));
    }
    return {};
  }
  Result<std::vector<Score>> score(std::span<const Item> items, StopToken stop) override {
    for (const Item& item : items) GIMBAL_TRY(check(item));
    std::vector<std::vector<Score>> by_part;  // in the order of terms and factors
    for (const Term& term : terms_) {
      for (const Factor& factor : term.factors) {
        GIMBAL_TRY(std::vector<Score> scores, factor.verifier->score(items, stop));
        by_part.push_back(std::move(scores));
      }
    }
    std::vector<Score> out;
    out.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) out.push_back(combine(by_part, i));
    return out;
  }
  std::optional<bool> same_answer(std::string_view a, std::string_view b) const override {
    for (const Term& term : terms_) {
      for (const Factor& factor : term.factors) {
        if (const auto same = factor.verifier->same_answer(a, b)) return same;
      }
    }
    return std::nullopt;
  }
  std::optional<ExecutionFacts> execution_facts() const override {
    for (const Term& term : terms_) {
      for (const Factor& factor : term.factors) {
        if (auto facts = factor.verifier->execution_facts()) return facts;
      }
    }
    return std::nullopt;
  }

 private:
  Score combine(std::vector<std::vector<Score>>& by_part, std::size_t item) const {
    Score out;
    double total = 0;
    bool decided = true, failed = false;
    std::size_t at = 0;
    for (const Term& term : terms_) {
      double product = term.weight;
      for (const Factor& factor : term.factors) {
        Score& score = by_part[at][item];
        if (score.value) {
          product *= factor.gate ? (score.passed ? 1.0 : 0.0) : *score.value;
        } else {
          decided = false;
        }
        out.parts.push_back(
            {std::string(factor.verifier->name()), term.weight, factor.gate, score.value, score.reason, score.detail});
        // The reason is that of the first part that fails, else of the first.
        if (at == 0 || (!failed && !score.passed)) {
          out.reason = score.reason;
          out.detail = score.detail;
        }
        if (out.extracted.empty()) out.extracted = std::move(score.extracted);
        if (out.gold.empty()) out.gold = std::move(score.gold);
        if (!out.program) out.program = std::move(score.program);
        if (out.feedback.empty()) out.feedback = std::move(score.feedback);
        out.ambiguous = out.ambiguous || score.ambiguous;
        out.gold_unparsed = out.gold_unparsed || score.gold_unparsed;
        out.time_ms += score.time_ms;
        failed = failed || !score.passed;
        ++at;
      }
      total += product;
    }
    if (decided) out.value = total;
    out.passed = decided && !failed;
    return out;
  }

  std::string name_;
  std::vector<Term> terms_;
};

class Reader {
 public:
  Reader(std::string_view text, const VerifierOptions& options) : text_(text), options_(options) {}

  Result<std::unique_ptr<Verifier>> run() {
    std::vector<Term> terms;
    do {
      GIMBAL_TRY(Term next, term());
      terms.push_back(std::move(next));
    } while (accept('+'));
    if (at_ < text_.size()) return error(at_, fmt::format("expected + or *, found {}", gimbal::quoted(text_.substr(at_))));
    if (terms.size() == 1 && terms[0].weight == 1 && terms[0].factors.size() == 1 && !terms[0].factors[0].gate) {
      return std::move(terms[0].factors[0].verifier);
    }
    return std::unique_ptr<Verifier>(std::make_unique<Combination>(std::string(text_), std::move(terms)));
  }

 private:
  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  }
  void blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool accept(char c) {
    blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  tl::unexpected<Error> error(std::size_t at, const std::string& message) const {
    return fail(ErrorCode::kUsage, "{} (position {} of {})", message, at + 1, gimbal::quoted(text_));
  }

  Result<Term> term() {
    Term out;
    do {
      blanks();
      const std::size_t start = at_;
      const bool sign = at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+');
      const std::string_view word = read_word(sign);
      if (const auto weight = parse_double(word)) {
        if (!std::isfinite(*weight) || *weight < 0) {
          return error(start, fmt::format("expected a weight of at least 0, found {}", word));
        }
        out.weight *= *weight;
        continue;
      }
      GIMBAL_TRY(Factor next, factor(word, start));
      out.factors.push_back(std::move(next));
    } while (accept('*'));
    if (out.factors.empty()) return error(at_, "expected the name of a verifier after the weight");
    return out;
  }
  std::string_view read_word(bool sign) {
    const std::size_t begin = at_;
    if (sign) ++at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Result<Factor> factor(std::string_view name, std::size_t start) {
    Factor out;
    if (name == "gate" && at_ < text_.size() && text_[at_] == ':') {
      ++at_;
      out.gate = true;
      start = at_;
      name = read_word(false);
    }
    if (name.empty()) return error(start, "expected the name of a verifier");
    std::string argument;
    if (at_ < text_.size() && text_[at_] == ':') {
      ++at_;
      if (at_ < text_.size() && text_[at_] == '"') {
        const std::size_t close = text_.find('"', at_ + 1);
        if (close == std::string_view::npos) return error(at_, "the argument's quote is not closed");
        argument = std::string(text_.substr(at_ + 1, close - at_ - 1));
        at_ = close + 1;
      } else if (start == 0 && (name == "regex" || name == "exec")) {
        // Alone, a pattern or a command needs no quotes.
        argument = std::string(text_.substr(at_));
        at_ = text_.size();
      } else {
        const std::size_t stop = std::min(text_.find_first_of(" +*", at_), text_.size());
        argument = std::string(text_.substr(at_, stop - at_));
        at_ = stop;
      }
    }
    auto made = make_one(name, argument, options_);
    if (!made && name == "code" && made.error().code != ErrorCode::kUsage)
      return fail(std::move(made).error());  // a file, the sandbox
    if (!made) return error(start, made.error().message);
    out.verifier = std::move(*made);
    return out;
  }

  std::string_view text_;
  const VerifierOptions& options_;
  std::size_t at_ = 0;
};

}  // namespace

std::span<const VerifierInfo> verifier_list() { return kVerifiers; }

Result<std::unique_ptr<Verifier>> make_verifier(std::string_view expression, const VerifierOptions& options) {
  const std::string_view text = trim(expression);
  if (text.empty()) return fail(ErrorCode::kUsage, "expected a verifier such as math, number or \"0.9*math + 0.1*format\"");
  return Reader(text, options).run();
}

}  // namespace gimbal::reward
