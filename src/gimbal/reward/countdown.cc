#include "gimbal/reward/countdown.h"

#include <algorithm>
#include <array>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "gimbal/base/text.h"
#include "gimbal/reward/rational.h"

namespace gimbal::reward {
namespace {

using BigInt = boost::multiprecision::cpp_int;
using BigRational = boost::multiprecision::cpp_rational;

constexpr std::size_t kMaxBytes = 4096;
constexpr int kMaxDepth = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

SmallRational integer_value(std::string_view digits, const SmallRational*) {
  std::int64_t value = 0;
  for (const char c : digits) {
    if (value > (INT64_MAX - 9) / 10) return SmallRational(0, 0);  // not valid
    value = value * 10 + (c - '0');
  }
  return value;
}
BigRational integer_value(std::string_view digits, const BigRational*) { return BigRational(BigInt(std::string(digits))); }

bool is_zero(const SmallRational& x) { return x.valid() && x.is_zero(); }
bool is_zero(const BigRational& x) { return x.is_zero(); }
bool is_valid(const SmallRational& x) { return x.valid(); }
bool is_valid(const BigRational&) { return true; }
double to_double(const SmallRational& x) { return x.to_double(); }
double to_double(const BigRational& x) { return x.convert_to<double>(); }

// Whether x = y, for y the text of a number after the equals sign.
bool equals_decimal(const SmallRational& x, double y) { return std::abs(x.to_double() - y) < 1e-5; }
bool equals_decimal(const BigRational& x, double y) { return std::abs(to_double(x) - y) < 1e-5; }

// Recursive descent over the text. `form` is false after a violation of the grammar; `finite` after a division by zero.
template <typename T>
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  T parse() {
    T value = sum(0);
    blanks();
    if (form_ && accept("=")) {
      blanks();
      stated_ = number();
    }
    blanks();
    if (at_ != text_.size()) form_ = false;
    return value;
  }
  bool form() const { return form_; }
  bool finite() const { return finite_; }
  std::optional<double> stated() const { return stated_; }
  std::span<const std::string_view> used() const { return {used_.data(), used_.size()}; }

 private:
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }
  bool accept(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  bool accept_minus() { return accept("-") || accept("\u2212"); }

  T sum(int depth) {
    T value = product(depth);
    while (form_) {
      blanks();
      if (accept("+")) {
        value += product(depth);
      } else if (accept_minus()) {
        value -= product(depth);
      } else {
        break;
      }
    }
    return value;
  }
  T product(int depth) {
    T value = unary(depth);
    while (form_) {
      blanks();
      if (accept("*") || accept("\u00d7")) {
        value *= unary(depth);
      } else if (accept("/") || accept("\u00f7")) {
        const T divisor = unary(depth);
        if (is_zero(divisor)) {
          finite_ = false;
        } else if (form_) {
          value /= divisor;
        }
      } else {
        break;
      }
    }
    return value;
  }
  T unary(int depth) {
    blanks();
    if (depth > kMaxDepth || at_ >= text_.size()) return bad();
    if (is_digit(text_[at_])) return integer();
    if (accept("(")) {
      T value = sum(depth + 1);
      blanks();
      if (!accept(")")) return bad();
      return value;
    }
    if (accept_minus()) return -unary(depth + 1);
    return bad();
  }
  T integer() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    const std::string_view digits = text_.substr(begin, at_ - begin);
    if (digits.size() > 1 && digits[0] == '0') return bad();
    used_.push_back(digits);
    return integer_value(digits, static_cast<const T*>(nullptr));
  }
  // After "=": an integer, decimal or fraction.
  std::optional<double> number() {
    const bool negative = accept_minus();
    const auto decimal = [&]() -> std::optional<double> {
      const std::size_t begin = at_;
      while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
      if (at_ == begin) return std::nullopt;
      if (at_ + 1 < text_.size() && text_[at_] == '.' && is_digit(text_[at_ + 1])) {
        ++at_;
        while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
      }
      return std::stod(std::string(text_.substr(begin, std::min<std::size_t>(at_ - begin, 300))));
    };
    auto value = decimal();
    if (value && accept("/")) {
      const auto divisor = decimal();
      if (divisor && *divisor != 0) {
        *value /= *divisor;
      } else {
        value.reset();
      }
    }
    if (!value) form_ = false;
    if (value && negative) *value = -*value;
    return value;
  }
  T bad() {
    form_ = false;
    return T(0);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool form_ = true;
  bool finite_ = true;
  std::optional<double> stated_;
  std::vector<std::string_view> used_;
};

template <typename T>
struct Outcome {
  bool form = false, right_numbers = false, right_value = false, exact = true;
};

template <typename T>
Outcome<T> judge(std::string_view expression, std::span<const std::int64_t> numbers, double target) {
  Parser<T> parser(expression);
  const T value = parser.parse();
  Outcome<T> out;
  out.form = parser.form();
  if (!out.form) return out;
  out.exact = is_valid(value);
  if (parser.used().size() == numbers.size()) {
    // Few numbers: crossing off is quicker than sorting. Numbers beyond 19 digits are never given.
    std::vector<bool> crossed(numbers.size(), false);
    out.right_numbers = true;
    for (const std::string_view digits : parser.used()) {
      const SmallRational number = integer_value(digits, static_cast<const SmallRational*>(nullptr));
      bool found = false;
      for (std::size_t i = 0; i < numbers.size() && number.valid() && !found; ++i) {
        if (crossed[i] || numbers[i] != number.num()) continue;
        crossed[i] = found = true;
      }
      out.right_numbers = out.right_numbers && found;
    }
  }
  if (!out.exact || !parser.finite()) return out;
  out.right_value = std::abs(to_double(value) - target) < 1e-5;
  if (parser.stated() && !equals_decimal(value, *parser.stated())) out.right_value = false;
  return out;
}

// The numbers and the target of a record.
struct Task {
  std::vector<std::int64_t> numbers;
  double target = 0;
};
Result<Task> read_task(const Json* record) {
  Task task;
  const auto bad = [](std::string_view what) {
    return fail(ErrorCode::kInvalidArgument, "a countdown record is {{\"numbers\":[3,5,7],\"target\":26}}: {}", what);
  };
  if (record == nullptr || !record->is_object()) return bad("expected an object");
  const auto numbers = record->find("numbers");
  const auto target = record->find("target");
  if (numbers == record->end() || !numbers->is_array() || numbers->empty()) return bad("\"numbers\" is missing or no list");
  for (const Json& number : *numbers) {
    if (!number.is_number_integer() || number.get<std::int64_t>() < 0) return bad("\"numbers\" are integers of at least 0");
    task.numbers.push_back(number.get<std::int64_t>());
  }
  if (target == record->end() || !target->is_number()) return bad("\"target\" is missing or no number");
  task.target = target->get<double>();
  return task;
}

class CountdownVerifier final : public ItemVerifier {
 public:
  explicit CountdownVerifier(const CountdownOptions& options) : options_(options) {}
  std::string_view name() const override { return "countdown"; }
  Result<void> check(const Item& item) const override {
    GIMBAL_TRY(read_task(item.record));
    return {};
  }
  Score score_one(const Item& item) const override {
    const auto task = read_task(item.record);
    std::optional<std::string_view> expression = extract_answer_tag(item.completion, options_.last_line);
    if (!expression && item.bare) expression = trim(item.completion);
    std::string gold = to_text(item.record->at("target"));
    if (!expression) return verdict(false, Reason::kNoAnswer, "", std::move(gold));
    Score score = countdown_score(*expression, task->numbers, task->target, options_);
    score.gold = std::move(gold);
    return score;
  }

 private:
  CountdownOptions options_;
};

}  // namespace

std::optional<std::string_view> extract_answer_tag(std::string_view text, bool last_line) {
  if (last_line) {
    const std::string_view trimmed = trim(text);
    const std::size_t newline = trimmed.rfind('\n');
    text = newline == std::string_view::npos ? trimmed : trimmed.substr(newline + 1);
  }
  static constexpr std::string_view kOpen = "<answer>", kClose = "</answer>";
  const std::size_t close = text.rfind(kClose);
  if (close == std::string_view::npos) return std::nullopt;
  const std::size_t open = text.substr(0, close).rfind(kOpen);
  if (open == std::string_view::npos) return std::nullopt;
  return trim(text.substr(open + kOpen.size(), close - open - kOpen.size()));
}

Score countdown_score(std::string_view expression, std::span<const std::int64_t> numbers, double target,
                      const CountdownOptions& options) {
  std::string extracted(expression.substr(0, kMaxBytes));
  if (trim(expression).empty()) return verdict(false, Reason::kNoAnswer);
  if (expression.size() > kMaxBytes) return verdict(false, Reason::kFormat, std::move(extracted));
  const auto small = judge<SmallRational>(expression, numbers, target);
  bool form = small.form, right = small.right_numbers && small.right_value;
  if (form && !small.exact) {
    const auto big = judge<BigRational>(expression, numbers, target);
    right = big.right_numbers && big.right_value;
  }
  if (!form) return verdict(false, Reason::kFormat, std::move(extracted));
  Score score = verdict(right, right ? Reason::kEqualNumeric : Reason::kDifferent, std::move(extracted));
  if (!right) score.value = options.partial;
  return score;
}

std::unique_ptr<ItemVerifier> make_countdown_verifier(const CountdownOptions& options) {
  return std::make_unique<CountdownVerifier>(options);
}

}  // namespace gimbal::reward
