// Expressions of LaTeX and ASCII mathematics as a flat tree.
//
// Nodes stand in the order in which they can be evaluated (operands before operators), so evaluators are plain loops. The
// grammar: sums, products (also implied ones, which bind like written ones), quotients, powers, \frac, \sqrt[n]{}, |x|, x!,
// \binom, trigonometric functions and their inverses, \log_b, \ln, \exp, \pi, e, i, \infty, Greek and Latin letters with
// subscripts as variables. What is doubtful is refused: digits after a factor ("x2"), words of more than three letters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gimbal::reward {

enum class Op : std::uint8_t {
  kNumber,
  kVariable,
  kPi,
  kE,
  kI,
  kInfinity,
  kAdd,
  kSub,
  kMul,
  kDiv,
  kNeg,
  kPow,
  kSqrt,
  kRoot,  // a: index, b: radicand
  kAbs,
  kFactorial,
  kBinomial,
  kSin,
  kCos,
  kTan,
  kCot,
  kSec,
  kCsc,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kTanh,
  kExp,
  kLn,
  kLogBase,  // a: base, b: argument
};

struct MathNode {
  Op op = Op::kNumber;
  int a = -1;           // first operand
  int b = -1;           // second operand
  int variable = -1;    // index into `variables`
  std::string literal;  // of a number: digits with at most one point
};

struct Expression {
  std::vector<MathNode> nodes;         // the root is the last one
  std::vector<std::string> variables;  // in order of first appearance
};

inline constexpr std::size_t kMaxMathBytes = 2000;
inline constexpr std::size_t kMaxMathNodes = 500;
inline constexpr int kMaxMathDepth = 64;
inline constexpr std::size_t kMaxMathVariables = 16;

// Reads the output of clean_math. nullopt: not in the grammar, or beyond one of the limits above. O(length).
std::optional<Expression> parse_expression(std::string_view text);

}  // namespace gimbal::reward
