#include "gimbal/reward/math_precise.h"

#include <algorithm>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <boost/multiprecision/cpp_complex.hpp>
#include <boost/multiprecision/cpp_int.hpp>
#include <optional>
#include <string>
#include <vector>

namespace gimbal::reward {
namespace {

namespace mp = boost::multiprecision;
using Real = mp::cpp_bin_float_50;
using Complex = mp::cpp_complex_50;
using BigInt = mp::cpp_int;
using BigRational = mp::cpp_rational;

constexpr unsigned kMaxBits = 4096;
constexpr long kMaxArgument = 500;  // of factorials: 500! has 3767 bits

unsigned bits(const BigInt& x) { return x.is_zero() ? 0 : mp::msb(mp::abs(x)) + 1; }
bool fits(const BigRational& x) { return bits(mp::numerator(x)) <= kMaxBits && bits(mp::denominator(x)) <= kMaxBits; }
bool is_integer(const BigRational& x) { return mp::denominator(x) == 1; }

BigRational literal_value(const std::string& literal) {
  std::string digits;
  unsigned decimals = 0;
  bool after_point = false;
  for (const char c : literal) {
    if (c == '.') {
      after_point = true;
      continue;
    }
    if (!digits.empty() || c != '0') digits += c;  // a leading zero would mean octal
    if (after_point) ++decimals;
  }
  const BigInt number = digits.empty() ? BigInt(0) : BigInt(digits);
  return BigRational(number, mp::pow(BigInt(10), decimals));
}

std::optional<BigRational> power(const BigRational& x, const BigRational& exponent) {
  if (!is_integer(exponent)) return std::nullopt;
  const BigInt e = mp::numerator(exponent);
  if (mp::abs(e) > kMaxBits || (x.is_zero() && e <= 0)) return std::nullopt;
  const auto n = static_cast<unsigned>(mp::abs(e));
  if ((bits(mp::numerator(x)) - 1) * n > kMaxBits || (bits(mp::denominator(x)) - 1) * n > kMaxBits) {
    if (!x.is_zero()) return std::nullopt;
  }
  const BigInt num = mp::pow(mp::numerator(x), n), den = mp::pow(mp::denominator(x), n);
  return e < 0 ? BigRational(den, num) : BigRational(num, den);
}

std::optional<BigRational> square_root(const BigRational& x) {
  if (x < 0) return std::nullopt;
  const BigInt num = mp::sqrt(mp::numerator(x)), den = mp::sqrt(mp::denominator(x));
  if (num * num != mp::numerator(x) || den * den != mp::denominator(x)) return std::nullopt;
  return BigRational(num, den);
}

std::optional<BigRational> operate(const MathNode& n, const std::vector<std::optional<BigRational>>& values) {
  if (n.op == Op::kNumber) return literal_value(n.literal);
  if (n.a < 0 || !values[static_cast<std::size_t>(n.a)]) return std::nullopt;
  const BigRational& a = *values[static_cast<std::size_t>(n.a)];
  switch (n.op) {
    case Op::kNeg:
      return BigRational(-a);
    case Op::kAbs:
      return BigRational(mp::abs(a));
    case Op::kSqrt:
      return square_root(a);
    case Op::kFactorial: {
      if (!is_integer(a) || a < 0 || a > kMaxArgument) return std::nullopt;
      BigInt out = 1;
      for (long k = 2; k <= static_cast<long>(mp::numerator(a)); ++k) out *= k;
      return BigRational(out);
    }
    default:
      break;
  }
  if (n.b < 0 || !values[static_cast<std::size_t>(n.b)]) return std::nullopt;
  const BigRational& b = *values[static_cast<std::size_t>(n.b)];
  switch (n.op) {
    case Op::kAdd:
      return BigRational(a + b);
    case Op::kSub:
      return BigRational(a - b);
    case Op::kMul:
      return BigRational(a * b);
    case Op::kDiv:
      if (b.is_zero()) return std::nullopt;
      return BigRational(a / b);
    case Op::kPow:
      return power(a, b);
    case Op::kBinomial: {
      if (!is_integer(a) || !is_integer(b) || b < 0 || a < b || a > 2000) return std::nullopt;
      const long top = static_cast<long>(mp::numerator(a));
      const long k = std::min(static_cast<long>(mp::numerator(b)), top - static_cast<long>(mp::numerator(b)));
      BigInt out = 1;
      for (long i = 0; i < k; ++i) out = out * (top - i) / (i + 1);
      return BigRational(out);
    }
    default:
      return std::nullopt;
  }
}

std::vector<std::optional<BigRational>> exact_nodes(const Expression& expression) {
  std::vector<std::optional<BigRational>> values;
  values.reserve(expression.nodes.size());
  for (const MathNode& n : expression.nodes) {
    std::optional<BigRational> value = operate(n, values);
    if (value && !fits(*value)) value.reset();
    values.push_back(std::move(value));
  }
  return values;
}

Real pi() { return mp::default_ops::get_constant_pi<Real::backend_type>(); }

bool finite(const Complex& z) { return mp::isfinite(z.real()) && mp::isfinite(z.imag()); }

std::optional<Complex> power_of(const Complex& base, const Complex& exponent, const BigRational* exact) {
  if (exact != nullptr && is_integer(*exact) && mp::abs(mp::numerator(*exact)) <= 4096) {
    const auto n = static_cast<unsigned>(mp::abs(mp::numerator(*exact)));
    Complex out = Real(1), x = base;
    for (unsigned k = n; k > 0; k >>= 1) {
      if (k & 1U) out *= x;
      if (k > 1) x *= x;
    }
    return mp::numerator(*exact) < 0 ? Complex(Complex(Real(1)) / out) : out;
  }
  if (base.imag() == 0 && exponent.imag() == 0) {
    const Real power = exponent.real();
    if (base.real() > 0) return Complex(Real(mp::pow(base.real(), power)));
    if (exact != nullptr && mp::denominator(*exact) % 2 == 1) {
      const Real size = mp::pow(Real(-base.real()), power);
      return Complex(mp::numerator(*exact) % 2 == 0 ? size : Real(-size));
    }
  }
  return Complex(mp::exp(exponent * mp::log(base)));
}

struct Value {
  Complex value;
  Real size;
};

std::optional<Value> precise(const Expression& expression, std::span<const std::complex<double>> at) {
  const auto exact = exact_nodes(expression);
  std::vector<Complex> values(expression.nodes.size());
  Value out{Complex(), Real(0)};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const MathNode& n = expression.nodes[i];
    Complex& v = values[i];
    const Complex a = n.a >= 0 ? values[static_cast<std::size_t>(n.a)] : Complex();
    const Complex b = n.b >= 0 ? values[static_cast<std::size_t>(n.b)] : Complex();
    const auto is_zero = [](const Complex& z) { return z.real() == 0 && z.imag() == 0; };
    if (exact[i]) {
      v = Complex(Real(Real(mp::numerator(*exact[i])) / Real(mp::denominator(*exact[i]))));
    } else {
      switch (n.op) {
        case Op::kVariable: {
          const std::complex<double> z = at[static_cast<std::size_t>(n.variable)];
          v = Complex(Real(z.real()), Real(z.imag()));
          break;
        }
        case Op::kPi:
          v = Complex(pi());
          break;
        case Op::kE:
          v = Complex(Real(mp::exp(Real(1))));
          break;
        case Op::kI:
          v = Complex(Real(0), Real(1));
          break;
        case Op::kAdd:
          v = a + b;
          break;
        case Op::kSub:
          v = a - b;
          break;
        case Op::kMul:
          v = a * b;
          break;
        case Op::kDiv:
          if (is_zero(b)) return std::nullopt;
          v = a / b;
          break;
        case Op::kNeg:
          v = -a;
          break;
        case Op::kPow: {
          if (is_zero(a)) {
            if (b.real() <= 0) return std::nullopt;
            break;
          }
          const auto& power = exact[static_cast<std::size_t>(n.b)];
          v = *power_of(a, b, power ? &*power : nullptr);
          break;
        }
        case Op::kSqrt:
          v = a.imag() == 0 && a.real() >= 0 ? Complex(Real(mp::sqrt(a.real()))) : Complex(mp::sqrt(a));
          break;
        case Op::kRoot: {
          const auto& index = exact[static_cast<std::size_t>(n.a)];
          if (!index || !is_integer(*index) || *index < 2) return std::nullopt;
          const BigRational inverse = 1 / *index;
          if (!is_zero(b)) v = *power_of(b, Complex(Real(Real(1) / a.real())), &inverse);
          break;
        }
        case Op::kAbs:
          if (a.imag() == 0) {
            v = Complex(Real(mp::abs(a.real())));
          } else if (expression.variables.empty()) {
            v = Complex(Real(mp::sqrt(Real(a.real() * a.real() + a.imag() * a.imag()))));
          } else {
            return std::nullopt;
          }
          break;
        case Op::kSin:
          v = mp::sin(a);
          break;
        case Op::kCos:
          v = mp::cos(a);
          break;
        case Op::kTan:
          v = mp::sin(a) / mp::cos(a);
          break;
        case Op::kCot:
          v = mp::cos(a) / mp::sin(a);
          break;
        case Op::kSec:
          v = Complex(Real(1)) / mp::cos(a);
          break;
        case Op::kCsc:
          v = Complex(Real(1)) / mp::sin(a);
          break;
        case Op::kAsin:
          v = mp::asin(a);
          break;
        case Op::kAcos:
          v = mp::acos(a);
          break;
        case Op::kAtan:
          v = mp::atan(a);
          break;
        case Op::kSinh:
          v = mp::sinh(a);
          break;
        case Op::kCosh:
          v = mp::cosh(a);
          break;
        case Op::kTanh:
          v = mp::tanh(a);
          break;
        case Op::kExp:
          v = mp::exp(a);
          break;
        case Op::kLn:
          if (is_zero(a)) return std::nullopt;
          v = mp::log(a);
          break;
        case Op::kLogBase:
          if (is_zero(a) || is_zero(b)) return std::nullopt;
          v = mp::log(b) / mp::log(a);
          break;
        default:
          return std::nullopt;  // a number that needs more than 4096 bits, infinity, factorials of fractions
      }
    }
    if (!finite(v)) return std::nullopt;
    out.size = std::max(out.size, Real(mp::abs(v.real()) + mp::abs(v.imag())));
  }
  out.value = values.back();
  return out;
}

Real magnitude(const Complex& z) { return Real(mp::sqrt(Real(z.real() * z.real() + z.imag() * z.imag()))); }

}  // namespace

Answer exact_equal(const Expression& a, const Expression& b) {
  const auto x = exact_nodes(a), y = exact_nodes(b);
  if (!x.back() || !y.back()) return Answer::kUnknown;
  return *x.back() == *y.back() ? Answer::kYes : Answer::kNo;
}

Answer precise_equal(const Expression& a, std::span<const std::complex<double>> at_a, const Expression& b,
                     std::span<const std::complex<double>> at_b, double relative, double absolute) {
  const auto x = precise(a, at_a), y = precise(b, at_b);
  if (!x || !y) return Answer::kUnknown;
  const Real difference = magnitude(Complex(x->value - y->value));
  const Real scale = std::max(magnitude(x->value), magnitude(y->value));
  const Real rounding = Real(1e-40) * std::max(x->size, y->size);
  const Real allowed = std::max(std::max(Real(Real(relative) * scale), Real(absolute)), rounding);
  return difference <= allowed ? Answer::kYes : Answer::kNo;
}

long precise_cost(const Expression& expression) {
  long cost = 0;
  for (const MathNode& n : expression.nodes) {
    switch (n.op) {
      case Op::kNumber:
      case Op::kAdd:
      case Op::kSub:
      case Op::kNeg:
      case Op::kVariable:
        cost += 10;
        break;
      case Op::kMul:
      case Op::kDiv:
        cost += 40;
        break;
      default:
        cost += 2000;
    }
  }
  return cost;
}

}  // namespace gimbal::reward
