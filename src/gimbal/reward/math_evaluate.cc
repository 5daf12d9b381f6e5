#include "gimbal/reward/math_evaluate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "gimbal/base/check.h"
#include "gimbal/base/random.h"

namespace gimbal::reward {
namespace {

using Complex = std::complex<double>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// digits[.digits] as a fraction; not valid when it needs more than 63 bits.
SmallRational literal_value(std::string_view literal) {
  std::int64_t digits = 0, scale = 1;
  bool after_point = false;
  for (const char c : literal) {
    if (!is_digit(c)) {
      after_point = true;
      continue;
    }
    if (digits > (INT64_MAX - 9) / 10 || scale > INT64_MAX / 10) return SmallRational(0, 0);
    digits = digits * 10 + (c - '0');
    if (after_point) scale *= 10;
  }
  return SmallRational(digits, scale);
}

// x^n by squaring; not valid on overflow. |n| is bounded by the caller.
SmallRational power(SmallRational x, std::int64_t n) {
  if (n < 0) {
    SmallRational one(1);
    one /= x;
    x = one;
    n = -n;
  }
  SmallRational out(1);
  while (n > 0 && out.valid()) {
    if (n & 1) out *= x;
    n >>= 1;
    if (n > 0) x *= x;
    if (!x.valid() && n > 0) return x;
  }
  return out;
}

std::optional<std::int64_t> integer_root(std::int64_t x) {
  if (x < 0) return std::nullopt;
  auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(x)));
  for (std::int64_t r = std::max<std::int64_t>(0, root - 1); r <= root + 1; ++r) {
    if (static_cast<__int128>(r) * r == x) return r;
  }
  return std::nullopt;
}

// One node of the exact pass.
class ExactPass {
 public:
  explicit ExactPass(const Expression& expression, ExactValues& out) : expression_(expression), out_(out) {}

  void run() {
    const std::size_t n = expression_.nodes.size();
    out_.value.resize(n);
    out_.known.assign(n, 0);
    for (std::size_t i = 0; i < n; ++i) {
      const std::optional<SmallRational> value = node(expression_.nodes[i]);
      if (!value) continue;
      if (!value->valid()) {
        out_.overflow = true;
        continue;
      }
      out_.value[i] = *value;
      out_.known[i] = 1;
    }
  }

 private:
  std::optional<SmallRational> node(const MathNode& n) const {
    if (n.op == Op::kNumber) return literal_value(n.literal);
    if (n.a < 0 || !out_.known[static_cast<std::size_t>(n.a)]) return std::nullopt;
    SmallRational a = out_.value[static_cast<std::size_t>(n.a)];
    switch (n.op) {
      case Op::kNeg:
        return -a;
      case Op::kAbs:
        return a.num() < 0 ? -a : a;
      case Op::kSqrt: {
        const auto num = integer_root(a.num()), den = integer_root(a.den());
        if (!num || !den) return std::nullopt;
        return SmallRational(*num, *den);
      }
      case Op::kFactorial: {
        if (a.den() != 1 || a.num() < 0) return std::nullopt;
        SmallRational out(1);
        for (std::int64_t k = 2; k <= a.num() && out.valid(); ++k) out *= SmallRational(k);
        return out;
      }
      default:
        break;
    }
    if (n.b < 0 || !out_.known[static_cast<std::size_t>(n.b)]) return std::nullopt;
    const SmallRational& b = out_.value[static_cast<std::size_t>(n.b)];
    switch (n.op) {
      case Op::kAdd:
        return a += b;
      case Op::kSub:
        return a -= b;
      case Op::kMul:
        return a *= b;
      case Op::kDiv:
        if (b.is_zero()) return std::nullopt;
        return a /= b;
      case Op::kPow:
        if (b.den() != 1 || (a.is_zero() && b.num() <= 0)) return std::nullopt;
        return power(a, b.num());
      case Op::kBinomial: {
        if (a.den() != 1 || b.den() != 1 || b.num() < 0 || a.num() < b.num()) return std::nullopt;
        SmallRational out(1);
        const std::int64_t k = std::min(b.num(), a.num() - b.num());
        for (std::int64_t i = 0; i < k && out.valid(); ++i) {
          out *= SmallRational(a.num() - i);
          out /= SmallRational(i + 1);
        }
        return out;
      }
      default:
        return std::nullopt;
    }
  }

  const Expression& expression_;
  ExactValues& out_;
};

Complex power(Complex base, Complex exponent, const SmallRational* exact) {
  if (exact != nullptr && exact->den() == 1 && std::abs(exact->num()) <= 64) {
    Complex out = 1, x = base;
    for (std::int64_t n = std::abs(exact->num()); n > 0; n >>= 1) {
      if (n & 1) out *= x;
      x *= x;
    }
    return exact->num() < 0 ? 1.0 / out : out;
  }
  if (base.imag() == 0 && exponent.imag() == 0) {
    if (base.real() >= 0) return std::pow(base.real(), exponent.real());
    if (exact != nullptr && exact->den() % 2 == 1) {
      const double size = std::pow(-base.real(), exponent.real());
      return exact->num() % 2 == 0 ? size : -size;
    }
  }
  return std::pow(base, exponent);
}

Complex factorial(Complex x) {
  if (x.imag() != 0) return kNan;
  if (x.real() < 0 && x.real() == std::floor(x.real())) return kNan;
  return std::tgamma(x.real() + 1);
}

}  // namespace

ExactValues exact_values(const Expression& expression) {
  ExactValues out;
  ExactPass(expression, out).run();
  return out;
}

Complex evaluate(const Expression& expression, const ExactValues& exact, std::span<const Complex> at, double& size) {
  thread_local std::vector<Complex> values;  // keeps its memory: this runs a dozen times a comparison
  values.resize(expression.nodes.size());
  size = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const MathNode& n = expression.nodes[i];
    if (exact.known[i]) {
      values[i] = exact.value[i].to_double();
      size = std::max(size, std::abs(values[i].real()));
      continue;
    }
    const Complex a = n.a >= 0 ? values[static_cast<std::size_t>(n.a)] : Complex();
    const Complex b = n.b >= 0 ? values[static_cast<std::size_t>(n.b)] : Complex();
    const auto exact_of = [&](int node) {
      return node >= 0 && exact.known[static_cast<std::size_t>(node)] ? &exact.value[static_cast<std::size_t>(node)] : nullptr;
    };
    Complex& v = values[i];
    switch (n.op) {
      case Op::kNumber:
        v = std::strtod(n.literal.c_str(), nullptr);
        break;
      case Op::kVariable:
        v = at[static_cast<std::size_t>(n.variable)];
        break;
      case Op::kPi:
        v = std::numbers::pi;
        break;
      case Op::kE:
        v = std::numbers::e;
        break;
      case Op::kI:
        v = Complex(0, 1);
        break;
      case Op::kInfinity:
        v = kNan;
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
        v = b == Complex() ? Complex(kNan) : a / b;
        break;
      case Op::kNeg:
        v = -a;
        break;
      case Op::kPow:
        v = a == Complex() && b.real() <= 0 ? Complex(kNan) : power(a, b, exact_of(n.b));
        break;
      case Op::kSqrt:
        v = a.imag() == 0 && a.real() >= 0 ? Complex(std::sqrt(a.real())) : std::sqrt(a);
        break;
      case Op::kRoot: {
        const SmallRational* index = exact_of(n.a);
        if (index == nullptr || index->den() != 1 || index->num() < 2) {
          v = kNan;
        } else {
          const SmallRational inverse(1, index->num());
          v = b == Complex() ? Complex() : power(b, 1.0 / a, &inverse);
        }
        break;
      }
      case Op::kAbs:
        v = a.imag() == 0 || expression.variables.empty() ? Complex(std::abs(a)) : Complex(kNan);
        break;
      case Op::kFactorial:
        v = factorial(a);
        break;
      case Op::kBinomial:
        v = factorial(a) / (factorial(b) * factorial(a - b));
        break;
      case Op::kSin:
        v = std::sin(a);
        break;
      case Op::kCos:
        v = std::cos(a);
        break;
      case Op::kTan:
        v = std::tan(a);
        break;
      case Op::kCot:
        v = std::cos(a) / std::sin(a);
        break;
      case Op::kSec:
        v = 1.0 / std::cos(a);
        break;
      case Op::kCsc:
        v = 1.0 / std::sin(a);
        break;
      case Op::kAsin:
        v = std::asin(a);
        break;
      case Op::kAcos:
        v = std::acos(a);
        break;
      case Op::kAtan:
        v = std::atan(a);
        break;
      case Op::kSinh:
        v = std::sinh(a);
        break;
      case Op::kCosh:
        v = std::cosh(a);
        break;
      case Op::kTanh:
        v = std::tanh(a);
        break;
      case Op::kExp:
        v = std::exp(a);
        break;
      case Op::kLn:
        v = a == Complex() ? Complex(kNan) : std::log(a);
        break;
      case Op::kLogBase:
        v = a == Complex() || b == Complex() ? Complex(kNan) : std::log(b) / std::log(a);
        break;
    }
    const double magnitude = std::abs(v.real()) + std::abs(v.imag());
    if (!(magnitude < 1e300)) return kNan;  // not defined, or beyond what doubles can tell apart
    size = std::max(size, magnitude);
  }
  return values.back();
}

Complex test_point(std::size_t rank, int k) {
  GIMBAL_CHECK(rank < kMaxMathVariables && k >= 0 && k < kTestPoints, "a test point has a variable and a number");
  using Table = std::array<std::array<Complex, kTestPoints>, kMaxMathVariables>;
  static const Table kTable = [] {
    Table table;
    for (std::size_t v = 0; v < table.size(); ++v) {
      Stream stream(0, "reward.math.points", v);
      for (int point = 0; point < kTestPoints; ++point) {
        const double u = stream.uniform(), w = stream.uniform();
        Complex& z = table[v][static_cast<std::size_t>(point)];
        if (point < 5) {
          z = 0.5 + 2 * u;
        } else if (point < 9) {
          z = -2 + 4 * u;
        } else {
          z = Complex(-2 + 4 * u, -2 + 4 * w);
        }
      }
    }
    return table;
  }();
  return kTable[rank][static_cast<std::size_t>(k)];
}

}  // namespace gimbal::reward
