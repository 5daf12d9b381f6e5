#include "gimbal/reward/number.h"

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/reward/boxed.h"
#include "gimbal/reward/rational.h"

namespace gimbal::reward {
namespace {

using BigInt = boost::multiprecision::cpp_int;
using BigRational = boost::multiprecision::cpp_rational;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The end of the digits that begin at `at`; with `commas`, thousands groups of three are part of them.
std::size_t digits_end(std::string_view text, std::size_t at, bool commas) {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  if (!commas || end - at > 3 || end == at) return end;
  while (end + 3 < text.size() && text[end] == ',' && is_digit(text[end + 1]) && is_digit(text[end + 2]) &&
         is_digit(text[end + 3]) && (end + 4 == text.size() || !is_digit(text[end + 4]))) {
    end += 4;
  }
  return end;
}

// The end of an unsigned number at `at`: digits, decimals, exponent.
std::size_t decimal_end(std::string_view text, std::size_t at) {
  std::size_t end = digits_end(text, at, true);
  const bool whole = end > at;
  if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
    end = digits_end(text, end + 1, false);
  } else if (!whole) {
    return at;
  }
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    std::size_t power = end + 1;
    if (power < text.size() && (text[power] == '+' || text[power] == '-')) ++power;
    const std::size_t stop = digits_end(text, power, false);
    if (stop > power) end = stop;
  }
  return end;
}

// A word character before a digit makes it part of a name ("x2"), and a minus after a digit or word is a subtraction or hyphen.
bool joins(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ')' || c == '_'; }

std::optional<std::string_view> last_number(std::string_view text) {
  std::optional<std::string_view> last;
  std::size_t i = 0;
  while (i < text.size()) {
    const bool starts = is_digit(text[i]) || (text[i] == '.' && i + 1 < text.size() && is_digit(text[i + 1]));
    if (!starts) {
      ++i;
      continue;
    }
    std::size_t end = decimal_end(text, i);
    // a/b with integers
    if (end < text.size() && text[end] == '/' && text.substr(i, end - i).find_first_of(".eE") == std::string_view::npos) {
      const std::size_t stop = digits_end(text, end + 1, true);
      const bool goes_on = stop + 1 < text.size() && (text[stop] == '/' || text[stop] == '.') && is_digit(text[stop + 1]);
      if (stop > end + 1 && !goes_on) end = stop;
    }
    std::size_t begin = i;
    if (begin > 0 && text[begin - 1] == '$') --begin;
    const std::size_t sign = begin > 0 && (text[begin - 1] == '-' || text[begin - 1] == '+') ? begin - 1 : begin;
    const bool has_sign = sign < begin && (sign == 0 || !joins(text[sign - 1]));
    last = text.substr(has_sign ? sign : i, end - (has_sign ? sign : i));
    i = end;
  }
  return last;
}

// sign, digits without point and commas, and a power of ten: the value is sign * digits * 10^exponent.
struct Decimal {
  bool negative = false;
  std::string_view text;  // the digits with point and commas
  int exponent = 0;
};

std::optional<Decimal> read_decimal(std::string_view text) {
  Decimal out;
  while (!text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == '$')) {
    if (text[0] == '-') out.negative = !out.negative;
    text.remove_prefix(1);
  }
  if (text.empty() || decimal_end(text, 0) != text.size()) return std::nullopt;
  const std::size_t e = text.find_first_of("eE");
  if (e != std::string_view::npos) {
    std::string_view power = text.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    const auto value = parse_int(power);
    // 4000 digits are more than any answer has; beyond, 1e999999999 would fill the memory.
    if (!value || *value > 4000 || *value < -4000) return std::nullopt;
    out.exponent = static_cast<int>(*value);
    text = text.substr(0, e);
  }
  const std::size_t point = text.find('.');
  if (point != std::string_view::npos)
    out.exponent -= static_cast<int>(std::min<std::size_t>(text.size() - point - 1, 1 << 20));
  out.text = text;
  return out;
}

std::optional<SmallRational> small_value(const Decimal& decimal) {
  std::int64_t digits = 0;
  for (const char c : decimal.text) {
    if (!is_digit(c)) continue;
    if (digits > (INT64_MAX - 9) / 10) return std::nullopt;
    digits = digits * 10 + (c - '0');
  }
  std::int64_t scale = 1;
  for (int i = std::abs(decimal.exponent); i > 0; --i) {
    if (scale > INT64_MAX / 10) return std::nullopt;
    scale *= 10;
  }
  SmallRational value = decimal.exponent < 0 ? SmallRational(digits, scale) : SmallRational(digits);
  if (decimal.exponent > 0) value *= SmallRational(scale);
  if (!value.valid()) return std::nullopt;
  return decimal.negative ? -value : value;
}

BigRational big_value(const Decimal& decimal) {
  std::string digits;
  for (const char c : decimal.text) {
    if (is_digit(c) && (!digits.empty() || c != '0')) digits += c;  // a leading zero would mean octal
  }
  BigRational value(digits.empty() ? BigInt(0) : BigInt(digits));
  const BigInt scale = boost::multiprecision::pow(BigInt(10), static_cast<unsigned>(std::abs(decimal.exponent)));
  if (decimal.exponent < 0) {
    value /= scale;
  } else {
    value *= scale;
  }
  return decimal.negative ? BigRational(-value) : value;
}

struct Fraction {
  Decimal num, den;
  bool has_den = false;
};

std::optional<Fraction> read_fraction(std::string_view text) {
  text = trim(text);
  if (text.ends_with('%')) text.remove_suffix(text.ends_with("\\%") ? 2 : 1);
  if (text.size() > 5000) return std::nullopt;  // as with exponents
  Fraction out;
  const std::size_t slash = text.find('/');
  const auto num = read_decimal(text.substr(0, slash));
  if (!num) return std::nullopt;
  out.num = *num;
  if (slash == std::string_view::npos) return out;
  const auto den = read_decimal(text.substr(slash + 1));
  if (!den || den->text.find_first_not_of("0.,") == std::string_view::npos) return std::nullopt;
  out.den = *den;
  out.has_den = true;
  return out;
}

std::optional<SmallRational> small_value(const Fraction& fraction) {
  auto value = small_value(fraction.num);
  if (value && fraction.has_den) {
    const auto den = small_value(fraction.den);
    if (!den) return std::nullopt;
    *value /= *den;
    if (!value->valid()) return std::nullopt;
  }
  return value;
}

BigRational big_value(const Fraction& fraction) {
  BigRational value = big_value(fraction.num);
  if (fraction.has_den) value /= big_value(fraction.den);
  return value;
}

bool big_equal(const Fraction& a, const Fraction& b, double tolerance) {
  const BigRational x = big_value(a), y = big_value(b);
  if (x == y) return true;
  if (tolerance <= 0) return false;
  const BigRational size = std::max(BigRational(abs(x)), BigRational(abs(y)));
  return BigRational(abs(BigRational(x - y))) <= BigRational(tolerance) * size;
}

class NumberVerifier final : public ItemVerifier {
 public:
  explicit NumberVerifier(const NumberOptions& options) : options_(options) {}
  std::string_view name() const override { return "number"; }

  Result<void> check(const Item& item) const override {
    GIMBAL_TRY(const auto golds, gold_values(item.record));
    for (const std::string& gold : golds) {
      if (!extract_number(gold))
        return fail(ErrorCode::kInvalidArgument, "the gold answer {} holds no number", gimbal::quoted(gold));
    }
    return {};
  }

  Score score_one(const Item& item) const override {
    const auto golds = gold_values(item.record);
    const auto answer = extract_number(item.completion);
    const std::string_view first = golds ? extract_number(golds->front()).value_or("") : "";
    if (!answer) return verdict(false, Reason::kNoAnswer, "", std::string(first));
    bool readable = false;
    for (const std::string& gold : *golds) {
      const std::string_view wanted = extract_number(gold).value_or("");
      const auto equal = numbers_equal(*answer, wanted, options_.tolerance);
      if (equal == true) return verdict(true, Reason::kEqualNumeric, std::string(*answer), std::string(wanted));
      readable = readable || equal.has_value();
    }
    return verdict(false, readable ? Reason::kDifferent : Reason::kUnparsable, std::string(*answer), std::string(first));
  }

  std::optional<bool> same_answer(std::string_view a, std::string_view b) const override {
    const auto x = extract_number(a), y = extract_number(b);
    if (!x || !y) return false;
    return numbers_equal(*x, *y, options_.tolerance).value_or(false);
  }

 private:
  NumberOptions options_;
};

}  // namespace

std::optional<std::string_view> extract_number(std::string_view text) {
  const std::size_t marks = text.rfind("####");
  if (marks != std::string_view::npos) {
    const std::string_view rest = text.substr(marks + 4);
    const std::string_view line = rest.substr(0, rest.find('\n', rest.find_first_not_of(" \t\r\n")));
    return last_number(line);
  }
  if (const auto box = find_last_box(text)) {
    if (const auto number = last_number(box->content)) return number;
  }
  return last_number(text);
}

std::optional<bool> numbers_equal(std::string_view a, std::string_view b, double tolerance) {
  const auto x = read_fraction(a), y = read_fraction(b);
  if (!x || !y) return std::nullopt;
  const auto small_x = small_value(*x), small_y = small_value(*y);
  if (small_x && small_y && (*small_x == *small_y || tolerance <= 0)) return *small_x == *small_y;
  return big_equal(*x, *y, tolerance);
}

std::unique_ptr<ItemVerifier> make_number_verifier(const NumberOptions& options) {
  return std::make_unique<NumberVerifier>(options);
}

}  // namespace gimbal::reward
