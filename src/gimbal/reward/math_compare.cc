#include "gimbal/reward/math_compare.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <vector>

#include "gimbal/reward/math_precise.h"

namespace gimbal::reward {
namespace {

using Complex = std::complex<double>;

constexpr double kAgree = 1e-9;      // relative, at one point
constexpr double kClear = 1e-6;      // beyond it doubles decide that values differ
constexpr double kRounding = 1e-12;  // below it doubles decide that values agree
constexpr double kDecimal = 1e-8;    // a decimal against an exact value that is none
constexpr int kNeeded = 8;           // points of kTestPoints that must agree
// Units of 0.1 us (precise_cost): 30 ms, which leaves room below 50 ms on a slow machine.
constexpr long kBudget = 300'000;

enum class Match { kNo, kNumeric, kSymbolic, kUnknown };

bool is_match(Match m) { return m == Match::kNumeric || m == Match::kSymbolic; }

// A literal with a decimal point, perhaps negative.
const MathNode* decimal_literal(const Expression& e) {
  const MathNode* root = &e.nodes.back();
  if (root->op == Op::kNeg) root = &e.nodes[static_cast<std::size_t>(root->a)];
  return root->op == Op::kNumber && root->literal.find('.') != std::string::npos ? root : nullptr;
}

// Whether a fraction can be written with finitely many decimals.
bool is_finite_decimal(const ExactValues& exact) {
  std::int64_t den = exact.root().den();
  while (den % 2 == 0) den /= 2;
  while (den % 5 == 0) den /= 5;
  return den == 1;
}

std::vector<std::string> sorted_union(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> names = a;
  names.insert(names.end(), b.begin(), b.end());
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// The values of an expression's variables at test point k; their ranks are those among `names`.
std::vector<Complex> point_of(const Expression& e, const std::vector<std::string>& names, int k) {
  std::vector<Complex> at;
  for (const std::string& name : e.variables) {
    const auto rank = std::ranges::lower_bound(names, name) - names.begin();
    at.push_back(test_point(static_cast<std::size_t>(rank), k));
  }
  return at;
}

bool finite(Complex z) { return std::isfinite(z.real()) && std::isfinite(z.imag()); }

class Comparison {
 public:
  explicit Comparison(const MathOptions& options) : options_(options) {}

  Match compare(const MathValue& a, const MathValue& b) {
    if (!a.key.empty() && a.key == b.key) return Match::kNumeric;
    budget_ -= 2;
    if (budget_ < 0) return Match::kUnknown;
    if (a.shape == Shape::kEquation || b.shape == Shape::kEquation) return equations(a, b);
    const auto either = [&](Shape s, Shape t) { return (a.shape == s && b.shape == t) || (a.shape == t && b.shape == s); };
    if (either(Shape::kList, Shape::kSet)) return as_multisets(a.items, b.items);
    if (either(Shape::kList, Shape::kSequence)) {
      const MathValue& sequence = a.shape == Shape::kSequence ? a : b;
      return sequence.open == '(' && sequence.close == ')' ? in_order(a.items, b.items) : Match::kNo;
    }
    if (either(Shape::kBased, Shape::kScalar)) {
      return a.shape == Shape::kBased ? based_and_plain(a, b) : based_and_plain(b, a);
    }
    if (either(Shape::kText, Shape::kScalar)) return text_and_letter(a, b);
    if (a.shape == Shape::kOpaque || b.shape == Shape::kOpaque) return Match::kUnknown;
    if (a.shape != b.shape) return Match::kNo;
    switch (a.shape) {
      case Shape::kScalar:
        return scalars(a, b);
      case Shape::kInfinite:
        return a.negative == b.negative ? Match::kNumeric : Match::kNo;
      case Shape::kText:
        return !a.text.empty() && a.text == b.text ? Match::kSymbolic : Match::kNo;
      case Shape::kBased:
        return a.text == b.text && a.base == b.base ? Match::kNumeric : Match::kNo;
      case Shape::kSequence:
        return sequences(a, b);
      case Shape::kList:
      case Shape::kSet:
      case Shape::kUnion:
        return as_multisets(a.items, b.items);
      case Shape::kMatrix:
        if (a.columns != b.columns || a.determinant != b.determinant) return Match::kNo;
        return in_order(a.items, b.items);
      default:
        return Match::kUnknown;
    }
  }

 private:
  Match in_order(const std::vector<MathValue>& a, const std::vector<MathValue>& b) {
    if (a.size() != b.size()) return Match::kNo;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const Match m = compare(a[i], b[i]);
      if (!is_match(m)) return m;
    }
    return Match::kSymbolic;
  }
  // Each item of one takes an item of the other; equality is as good as transitive, so the first fit will do.
  Match as_multisets(const std::vector<MathValue>& a, const std::vector<MathValue>& b) {
    if (a.size() != b.size()) return Match::kNo;
    std::vector<bool> taken(b.size(), false);
    for (const MathValue& item : a) {
      bool found = false, unknown = false;
      for (std::size_t j = 0; j < b.size() && !found; ++j) {
        if (taken[j]) continue;
        const Match m = compare(item, b[j]);
        unknown = unknown || m == Match::kUnknown;
        if (is_match(m)) taken[j] = found = true;
      }
      if (!found) return unknown ? Match::kUnknown : Match::kNo;
    }
    return Match::kSymbolic;
  }
  Match sequences(const MathValue& a, const MathValue& b) {
    // Two entries may be an interval, so brackets count; three or more are a vector, which some write with square ones.
    const bool same = a.open == b.open && a.close == b.close;
    const auto vector = [](const MathValue& v) {
      return v.items.size() > 2 && ((v.open == '(' && v.close == ')') || (v.open == '[' && v.close == ']'));
    };
    if (!same && !(vector(a) && vector(b))) return Match::kNo;
    return in_order(a.items, b.items);
  }
  // A numeral without base equals one with, if the digits do.
  Match based_and_plain(const MathValue& based, const MathValue& plain) const {
    const MathNode& root = plain.expression->nodes.back();
    return root.op == Op::kNumber && root.literal == based.text ? Match::kNumeric : Match::kNo;
  }
  // "\text{C}" against C or (C); "\text{pi}" is no number.
  Match text_and_letter(const MathValue& a, const MathValue& b) const {
    const MathValue& text = a.shape == Shape::kText ? a : b;
    const MathValue& scalar = a.shape == Shape::kText ? b : a;
    std::string key = fold_key(scalar.key);
    std::string word = fold_key(text.text);
    return !word.empty() && key == word && std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; })
               ? Match::kSymbolic
               : Match::kNo;
  }
  static std::string fold_key(const std::string& key) {
    std::string out;
    for (const char c : key) {
      if (c == '(' || c == ')' || c == ' ') continue;
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
  }

  Match equations(const MathValue& a, const MathValue& b) {
    if (a.shape != b.shape) {  // "x = 5" against "5"
      const MathValue& equation = a.shape == Shape::kEquation ? a : b;
      const MathValue& plain = a.shape == Shape::kEquation ? b : a;
      return equation.named ? compare(equation.items[1], plain) : Match::kNo;
    }
    if (a.named && b.named && a.items[0].key == b.items[0].key) {
      const Match m = compare(a.items[1], b.items[1]);
      if (is_match(m)) return m;
    }
    for (const MathValue* value : {&a.items[0], &a.items[1], &b.items[0], &b.items[1]}) {
      if (value->shape != Shape::kScalar) return value->shape == Shape::kOpaque ? Match::kUnknown : Match::kNo;
    }
    return proportional(a, b);
  }

  // lhs - rhs of both are the same but for a constant factor other than 0.
  Match proportional(const MathValue& a, const MathValue& b) {
    const auto names_a = sorted_union(a.items[0].expression->variables, a.items[1].expression->variables);
    const auto names_b = sorted_union(b.items[0].expression->variables, b.items[1].expression->variables);
    if (names_a != names_b) return Match::kNo;
    if (names_a.empty()) return Match::kUnknown;  // 2 = 2: only the text could say something
    if (names_a.size() > kMaxMathVariables) return Match::kUnknown;
    Complex ratio = 0;
    int agree = 0;
    for (int k = 0; k < kTestPoints; ++k) {
      const auto value = [&](const MathValue& v) {
        Complex sides[2];
        for (int s = 0; s < 2; ++s) {
          const MathValue& side = v.items[static_cast<std::size_t>(s)];
          double size = 0;
          charge(*side.expression);
          sides[s] = evaluate(*side.expression, side.exact, point_of(*side.expression, names_a, k), size);
        }
        return sides[0] - sides[1];
      };
      const Complex x = value(a), y = value(b);
      if (!finite(x) || !finite(y)) continue;
      if (std::abs(x) < 1e-7 && std::abs(y) < 1e-7) continue;  // near a solution of both: says nothing
      if (std::abs(x) < 1e-9 || std::abs(y) < 1e-9) return Match::kNo;
      const Complex r = x / y;
      if (agree == 0) {
        ratio = r;
      } else if (std::abs(r - ratio) > 1e-7 * std::abs(ratio)) {  // differences lose digits: 1e-9 would refuse equal ones
        return Match::kNo;
      }
      ++agree;
    }
    return agree >= kNeeded ? Match::kSymbolic : Match::kUnknown;
  }

  Match scalars(const MathValue& a, const MathValue& b) {
    const Expression &x = *a.expression, &y = *b.expression;
    const bool constant = x.variables.empty() && y.variables.empty();
    if (!constant) return x.variables.empty() || y.variables.empty() ? Match::kNo : identity(a, b);
    const MathNode *decimal_x = decimal_literal(x), *decimal_y = decimal_literal(y);
    const bool one_decimal = (decimal_x != nullptr) != (decimal_y != nullptr);
    if (options_.round && one_decimal && rounds_to(decimal_x ? a : b, decimal_x ? *decimal_x : *decimal_y, decimal_x ? b : a)) {
      return Match::kNumeric;
    }
    bool rational = false, terminating = true;
    if (!a.exact.overflow && !b.exact.overflow) {
      rational = a.exact.root_known() && b.exact.root_known();
      if (rational && a.exact.root() == b.exact.root()) return Match::kNumeric;
      if (rational && one_decimal) terminating = is_finite_decimal(decimal_x ? b.exact : a.exact);
    } else {
      charge_precise(x, y);
      if (budget_ < 0) return Match::kUnknown;
      const Answer answer = exact_equal(x, y);
      if (answer == Answer::kYes) return Match::kNumeric;
      rational = answer == Answer::kNo;
    }
    if (rational && (!one_decimal || terminating)) return Match::kNo;
    return constants(a, b, one_decimal);
  }

  // A decimal of d digits against a value that it might be rounded from.
  bool rounds_to(const MathValue& decimal, const MathNode& literal, const MathValue& other) {
    double size = 0;
    const Complex x = evaluate(*decimal.expression, decimal.exact, {}, size),
                  y = evaluate(*other.expression, other.exact, {}, size);
    if (!finite(x) || !finite(y) || y.imag() != 0) return false;
    const auto digits = static_cast<double>(literal.literal.size() - literal.literal.find('.') - 1);
    return std::abs(x.real() - y.real()) <= 0.5 * std::pow(10.0, -digits) * (1 + 1e-9);
  }

  Match constants(const MathValue& a, const MathValue& b, bool one_decimal) {
    const Expression &x = *a.expression, &y = *b.expression;
    double size_x = 0, size_y = 0;
    const Complex u = evaluate(x, a.exact, {}, size_x), v = evaluate(y, b.exact, {}, size_y);
    if (!finite(u) || !finite(v)) return Match::kUnknown;
    if (std::abs(u - v) > kClear * std::max(size_x, size_y)) return Match::kNo;
    charge_precise(x, y);
    if (budget_ < 0) return Match::kUnknown;
    const double absolute = one_decimal ? kDecimal * std::max(1.0, std::abs(v)) : 0;
    switch (precise_equal(x, {}, y, {}, one_decimal ? 0 : kRounding, absolute)) {
      case Answer::kYes:
        return Match::kNumeric;
      case Answer::kNo:
        return Match::kNo;
      case Answer::kUnknown:
        return Match::kUnknown;
    }
    return Match::kUnknown;
  }

  Match identity(const MathValue& a, const MathValue& b) {
    const Expression &x = *a.expression, &y = *b.expression;
    const auto names = sorted_union(x.variables, y.variables);
    if (names.size() != x.variables.size() || names.size() != y.variables.size()) return Match::kNo;
    int agree = 0;
    for (int k = 0; k < kTestPoints; ++k) {
      const auto at_x = point_of(x, names, k), at_y = point_of(y, names, k);
      double size_x = 0, size_y = 0;
      charge(x);
      charge(y);
      const Complex u = evaluate(x, a.exact, at_x, size_x), v = evaluate(y, b.exact, at_y, size_y);
      if (!finite(u) || !finite(v)) continue;
      const double difference = std::abs(u - v), scale = std::max(std::abs(u), std::abs(v)), size = std::max(size_x, size_y);
      if (difference > kClear * size) return Match::kNo;
      if (difference > kRounding * scale) {
        charge_precise(x, y);
        if (budget_ < 0) return Match::kUnknown;
        const Answer answer = precise_equal(x, at_x, y, at_y, kAgree, 0);
        if (answer == Answer::kNo || (answer == Answer::kUnknown && difference > kAgree * scale)) return Match::kNo;
      }
      ++agree;
    }
    return agree >= kNeeded ? Match::kSymbolic : Match::kUnknown;
  }

  void charge(const Expression& e) { budget_ -= static_cast<long>(e.nodes.size()); }
  void charge_precise(const Expression& x, const Expression& y) { budget_ -= precise_cost(x) + precise_cost(y); }

  const MathOptions& options_;
  long budget_ = kBudget;
};

}  // namespace

MathVerdict compare_values(const MathValue& a, const MathValue& b, const MathOptions& options) {
  switch (Comparison(options).compare(a, b)) {
    case Match::kNumeric:
      return {true, Reason::kEqualNumeric};
    case Match::kSymbolic:
      return {true, Reason::kEqualSymbolic};
    case Match::kNo:
      return {false, Reason::kDifferent};
    case Match::kUnknown:
      break;
  }
  return {false, Reason::kUnparsable};
}

}  // namespace gimbal::reward
