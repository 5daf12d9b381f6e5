// What an answer is before its numbers are looked at: a scalar, an equation, a point or interval, a set, a list, a union of
// intervals, a matrix, a numeral in another base, or words.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/reward/math_evaluate.h"
#include "gimbal/reward/math_expression.h"

namespace gimbal::reward {

enum class Shape {
  kScalar,    // `expression`
  kInfinite,  // +-infinity; `negative`
  kText,      // words: `text` folded
  kBased,     // digits `text` in base `base`
  kSequence,  // items between `open` and `close`: a point, vector or interval
  kList,      // items with commas and nothing around them, or both values of +-
  kSet,       // items between \{ and \}
  kUnion,     // items joined by \cup
  kMatrix,    // items row by row, `columns` a row
  kEquation,  // two items
  kOpaque,    // nothing of these: compared as text alone
};

struct MathValue {
  Shape shape = Shape::kOpaque;
  std::string key;   // the normalised text: equal keys are equal values
  std::string text;  // of kText and kBased
  std::string base;
  char open = 0, close = 0;
  bool negative = false;
  bool determinant = false;  // vmatrix
  bool named = false;        // an equation whose left side is a name of at most 2 characters or one variable
  std::size_t columns = 0;
  std::vector<MathValue> items;
  std::optional<Expression> expression;
  ExactValues exact;
};

// Reads the output of clean_math. Never fails: what is not understood is kOpaque. O(length), nesting limited to 16.
MathValue parse_value(std::string_view clean);

}  // namespace gimbal::reward
