// The parser of expressions: tokens first, then recursive descent over them.
#include "gimbal/reward/math_expression.h"

#include <algorithm>
#include <array>

#include "gimbal/base/text.h"

namespace gimbal::reward {
namespace {

enum class Kind : std::uint8_t {
  kEnd,
  kNumber,
  kVariable,
  kConstant,
  kFunction,
  kFrac,
  kSqrt,
  kBinom,
  kPlus,
  kMinus,
  kTimes,
  kDivide,
  kCaret,
  kSubscript,
  kBang,
  kBar,
  kOpen,
  kClose,
  kOpenBracket,
  kCloseBracket,
  kOpenBrace,
  kCloseBrace,
};

struct Token {
  Kind kind = Kind::kEnd;
  Op op = Op::kNumber;    // of constants and functions
  std::string_view text;  // of numbers and variables
  bool blank = false;     // white space before it
  bool ascii = false;     // a word without backslash
};

struct Word {
  std::string_view name;
  Kind kind;
  Op op;
  bool bare = true;  // also without a backslash
};

// Longer names first, so that the first match is the longest.
constexpr auto kWords = std::to_array<Word>({
    {"infinity", Kind::kConstant, Op::kInfinity},
    {"arcsin", Kind::kFunction, Op::kAsin},
    {"arccos", Kind::kFunction, Op::kAcos},
    {"arctan", Kind::kFunction, Op::kAtan},
    {"infty", Kind::kConstant, Op::kInfinity},
    {"dbinom", Kind::kBinom, Op::kBinomial, false},
    {"tbinom", Kind::kBinom, Op::kBinomial, false},
    {"binom", Kind::kBinom, Op::kBinomial, false},
    {"times", Kind::kTimes, Op::kMul, false},
    {"sqrt", Kind::kSqrt, Op::kSqrt},
    {"frac", Kind::kFrac, Op::kDiv, false},
    {"cdot", Kind::kTimes, Op::kMul, false},
    {"sinh", Kind::kFunction, Op::kSinh},
    {"cosh", Kind::kFunction, Op::kCosh},
    {"tanh", Kind::kFunction, Op::kTanh},
    {"asin", Kind::kFunction, Op::kAsin},
    {"acos", Kind::kFunction, Op::kAcos},
    {"atan", Kind::kFunction, Op::kAtan},
    {"ast", Kind::kTimes, Op::kMul, false},
    {"div", Kind::kDivide, Op::kDiv, false},
    {"sin", Kind::kFunction, Op::kSin},
    {"cos", Kind::kFunction, Op::kCos},
    {"tan", Kind::kFunction, Op::kTan},
    {"cot", Kind::kFunction, Op::kCot},
    {"sec", Kind::kFunction, Op::kSec},
    {"csc", Kind::kFunction, Op::kCsc},
    {"exp", Kind::kFunction, Op::kExp},
    {"log", Kind::kFunction, Op::kLn},
    {"ln", Kind::kFunction, Op::kLn},
    {"pi", Kind::kConstant, Op::kPi},
});

constexpr auto kGreek = std::to_array<std::string_view>(
    {"alpha",  "beta",  "gamma", "delta", "epsilon", "varepsilon", "zeta",  "eta",     "theta", "vartheta", "iota",  "kappa",
     "lambda", "mu",    "nu",    "xi",    "rho",     "sigma",      "tau",   "upsilon", "phi",   "varphi",   "chi",   "psi",
     "omega",  "Gamma", "Delta", "Theta", "Lambda",  "Xi",         "Sigma", "Upsilon", "Phi",   "Psi",      "Omega", "ell"});

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Token letter_token(std::string_view letter) {
  Token token{Kind::kVariable, Op::kVariable, letter, false, false};
  if (letter == "e") token = {Kind::kConstant, Op::kE, letter, false, false};
  if (letter == "i") token = {Kind::kConstant, Op::kI, letter, false, false};
  return token;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  bool run(std::vector<Token>& out) {
    while (true) {
      const std::size_t before = at_;
      while (at_ < text_.size() && text_[at_] == ' ') ++at_;
      if (at_ == text_.size()) break;
      const std::size_t first = out.size();
      if (!one(out)) return false;
      if (first < out.size()) out[first].blank = at_ > before && text_[before] == ' ';
    }
    out.push_back({});
    return true;
  }

 private:
  bool one(std::vector<Token>& out) {
    const char c = text_[at_];
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number(out);
    if (is_letter(c)) return letters(out);
    if (c == '\\') return command(out);
    if (c == '*' && at_ + 1 < text_.size() && text_[at_ + 1] == '*') {
      out.push_back({Kind::kCaret, Op::kPow, {}, false, false});
      at_ += 2;
      return true;
    }
    static constexpr std::string_view kSigns = "+-*/^_!|()[]{}";
    static constexpr std::array<Kind, 14> kKinds = {
        Kind::kPlus, Kind::kMinus, Kind::kTimes, Kind::kDivide,      Kind::kCaret,        Kind::kSubscript, Kind::kBang,
        Kind::kBar,  Kind::kOpen,  Kind::kClose, Kind::kOpenBracket, Kind::kCloseBracket, Kind::kOpenBrace, Kind::kCloseBrace};
    const std::size_t sign = kSigns.find(c);
    if (sign == std::string_view::npos) return false;
    out.push_back({kKinds[sign], Op::kNumber, text_.substr(at_, 1), false, false});
    ++at_;
    return true;
  }

  bool number(std::vector<Token>& out) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    }
    out.push_back({Kind::kNumber, Op::kNumber, text_.substr(begin, at_ - begin), false, false});
    return true;
  }

  // A run of letters: known words and single variables. More than three variables in a row are a word of a language.
  bool letters(std::vector<Token>& out) {
    std::size_t end = at_;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    int singles = 0;
    while (at_ < end) {
      const std::string_view rest = text_.substr(at_, end - at_);
      const auto word = std::ranges::find_if(kWords, [&](const Word& w) { return w.bare && rest.starts_with(w.name); });
      if (word != kWords.end()) {
        out.push_back({word->kind, word->op, {}, false, true});
        at_ += word->name.size();
        continue;
      }
      if (rest.size() > 3 && std::ranges::find(kGreek, rest) != kGreek.end()) {
        out.push_back({Kind::kVariable, Op::kVariable, rest, false, true});
        at_ = end;
        continue;
      }
      if (++singles > 3) return false;
      out.push_back(letter_token(text_.substr(at_, 1)));
      ++at_;
    }
    return true;
  }

  bool command(std::vector<Token>& out) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    const std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end;
    const auto word = std::ranges::find_if(kWords, [&](const Word& w) { return w.name == name; });
    if (word != kWords.end()) {
      out.push_back({word->kind, word->op, {}, false, false});
      return true;
    }
    if (std::ranges::find(kGreek, name) != kGreek.end()) {
      out.push_back({Kind::kVariable, Op::kVariable, name, false, false});
      return true;
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

class Parser {
 public:
  explicit Parser(std::vector<Token>& tokens) : tokens_(tokens) {}

  std::optional<Expression> run() {
    expression_.nodes.reserve(tokens_.size());
    sum();
    if (!ok_ || peek().kind != Kind::kEnd) return std::nullopt;
    return std::move(expression_);
  }

 private:
  // Counts nesting while it lives; too deep is an error.
  struct Level {
    explicit Level(Parser& p) : parser(p) {
      if (++parser.depth_ > kMaxMathDepth) parser.ok_ = false;
    }
    ~Level() { --parser.depth_; }
    Parser& parser;
  };

  Token& peek(std::size_t ahead = 0) { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  bool accept(Kind kind) {
    if (!ok_ || peek().kind != kind) return false;
    ++at_;
    return true;
  }
  int bad() {
    ok_ = false;
    return -1;
  }
  int add(Op op, int a = -1, int b = -1) {
    if (!ok_ || expression_.nodes.size() >= kMaxMathNodes) return bad();
    MathNode node;
    node.op = op;
    node.a = a;
    node.b = b;
    expression_.nodes.push_back(std::move(node));
    return static_cast<int>(expression_.nodes.size()) - 1;
  }
  int add_number(std::string_view literal) {
    const int node = add(Op::kNumber);
    if (node >= 0) expression_.nodes.back().literal = std::string(literal);
    return node;
  }
  int add_variable(std::string name) {
    auto& names = expression_.variables;
    auto found = std::ranges::find(names, name);
    if (found == names.end()) {
      if (names.size() >= kMaxMathVariables) return bad();
      names.push_back(std::move(name));
      found = names.end() - 1;
    }
    const auto index = static_cast<int>(found - names.begin());
    const int node = add(Op::kVariable);
    if (node >= 0) expression_.nodes.back().variable = index;
    return node;
  }

  int sum() {
    const Level level(*this);
    if (!ok_) return -1;
    int value = signed_product();
    while (ok_) {
      if (accept(Kind::kPlus)) {
        const int right = signed_product();
        value = add(Op::kAdd, value, right);
      } else if (accept(Kind::kMinus)) {
        const int right = signed_product();
        value = add(Op::kSub, value, right);
      } else {
        break;
      }
    }
    return value;
  }
  int signed_product() {
    bool negative = false;
    while (peek().kind == Kind::kMinus || peek().kind == Kind::kPlus) {
      if (peek().kind == Kind::kMinus) negative = !negative;
      ++at_;
    }
    const int value = product();
    return negative ? add(Op::kNeg, value) : value;
  }
  int signed_power() {
    bool negative = false;
    while (peek().kind == Kind::kMinus || peek().kind == Kind::kPlus) {
      if (peek().kind == Kind::kMinus) negative = !negative;
      ++at_;
    }
    const int value = power();
    return negative ? add(Op::kNeg, value) : value;
  }
  bool starts_factor(const Token& token) const {
    switch (token.kind) {
      case Kind::kVariable:
      case Kind::kConstant:
      case Kind::kFunction:
      case Kind::kFrac:
      case Kind::kSqrt:
      case Kind::kBinom:
      case Kind::kOpen:
      case Kind::kOpenBrace:
        return true;
      case Kind::kOpenBracket:
        return true;
      case Kind::kBar:
        return bars_ == 0;
      default:
        return false;
    }
  }
  static bool is_integer(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

  int product() {
    int value = mixed_number();
    if (value == kNone) value = power();
    while (ok_) {
      if (accept(Kind::kTimes)) {
        const int right = signed_power();
        value = add(Op::kMul, value, right);
      } else if (accept(Kind::kDivide)) {
        const int right = signed_power();
        value = add(Op::kDiv, value, right);
      } else if (starts_factor(peek())) {
        const int right = power();
        value = add(Op::kMul, value, right);
      } else if (peek().kind == Kind::kNumber) {
        return bad();  // "x2" or "3 4": who knows
      } else {
        break;
      }
    }
    return value;
  }

  // "1\frac{4}{5}" or "1 4/5" with a proper fraction: a sum. kNone where there is none.
  static constexpr int kNone = -2;
  int mixed_number() {
    if (peek().kind != Kind::kNumber || !is_integer(peek().text)) return kNone;
    std::string_view num, den;
    std::size_t length = 0;
    if (peek(1).kind == Kind::kFrac) {
      std::size_t i = 2;
      const auto argument = [&](std::string_view& out) {
        if (peek(i).kind == Kind::kOpenBrace && peek(i + 1).kind == Kind::kNumber && peek(i + 2).kind == Kind::kCloseBrace) {
          out = peek(i + 1).text;
          i += 3;
        } else if (peek(i).kind == Kind::kNumber && peek(i).text.size() == 1) {
          out = peek(i).text;
          i += 1;
        } else if (peek(i).kind == Kind::kNumber && peek(i).text.size() == 2 && num.empty() && out.data() == nullptr) {
          num = peek(i).text.substr(0, 1);  // \frac45: both arguments in one token
          den = peek(i).text.substr(1);
          i += 1;
        }
      };
      argument(num);
      if (den.empty()) argument(den);
      length = i;
    } else if (peek(1).kind == Kind::kNumber && peek(1).blank && peek(2).kind == Kind::kDivide &&
               peek(3).kind == Kind::kNumber) {
      num = peek(1).text;
      den = peek(3).text;
      length = 4;
    }
    if (!is_integer(num) || !is_integer(den)) return kNone;
    const bool proper = num.size() < den.size() || (num.size() == den.size() && num < den);
    if (!proper) return kNone;
    const int whole = add_number(peek().text);
    const int top = add_number(num);
    const int bottom = add_number(den);
    at_ += length;
    return add(Op::kAdd, whole, add(Op::kDiv, top, bottom));
  }

  int power() {
    const Level level(*this);
    if (!ok_) return -1;
    int value = primary();
    while (accept(Kind::kBang)) value = add(Op::kFactorial, value);
    if (accept(Kind::kCaret)) {
      const int right = exponent();
      value = add(Op::kPow, value, right);
      while (accept(Kind::kBang)) value = add(Op::kFactorial, value);
    }
    return value;
  }
  int exponent() {
    const Level level(*this);
    if (!ok_) return -1;
    bool negative = false;
    while (peek().kind == Kind::kMinus || peek().kind == Kind::kPlus) {
      if (peek().kind == Kind::kMinus) negative = !negative;
      ++at_;
    }
    int value = primary();
    if (accept(Kind::kCaret)) {
      const int right = exponent();
      value = add(Op::kPow, value, right);
    }
    return negative ? add(Op::kNeg, value) : value;
  }

  int primary() {
    if (!ok_) return -1;
    const Token token = peek();
    ++at_;
    switch (token.kind) {
      case Kind::kNumber:
        return add_number(token.text);
      case Kind::kVariable:
        return variable(token);
      case Kind::kConstant:
        return add(token.op);
      case Kind::kOpen:
        return group(Kind::kClose);
      case Kind::kOpenBracket:
        return group(Kind::kCloseBracket);
      case Kind::kOpenBrace:
        return group(Kind::kCloseBrace);
      case Kind::kBar: {
        ++bars_;
        const int value = sum();
        --bars_;
        if (!accept(Kind::kBar)) return bad();
        return add(Op::kAbs, value);
      }
      case Kind::kFrac: {
        const int num = argument();
        const int den = argument();
        return add(Op::kDiv, num, den);
      }
      case Kind::kBinom: {
        const int n = argument();
        const int k = argument();
        return add(Op::kBinomial, n, k);
      }
      case Kind::kSqrt: {
        int index = -1;
        if (accept(Kind::kOpenBracket)) index = group(Kind::kCloseBracket);
        const int value = primary();
        return index < 0 ? add(Op::kSqrt, value) : add(Op::kRoot, index, value);
      }
      case Kind::kFunction:
        return function(token.op);
      default:
        return bad();
    }
  }
  int group(Kind close) {
    const int bars = bars_;
    bars_ = 0;
    const int value = sum();
    bars_ = bars;
    if (!accept(close)) return bad();
    return value;
  }
  // What LaTeX takes as an argument: a group, a command, or one character.
  int argument() {
    const Level level(*this);
    if (!ok_) return -1;
    Token& token = peek();
    if (token.kind == Kind::kNumber && token.text.size() > 1) {
      if (!is_digit(token.text[0])) return bad();
      const std::string_view digit = token.text.substr(0, 1);
      token.text.remove_prefix(1);
      return add_number(digit);
    }
    return primary();
  }
  int variable(const Token& token) {
    std::string name(token.text);
    if (accept(Kind::kSubscript)) {
      const bool braces = accept(Kind::kOpenBrace);
      const Token index = peek();
      if (index.kind != Kind::kNumber && index.kind != Kind::kVariable && index.kind != Kind::kConstant) return bad();
      ++at_;
      if (index.text.empty()) return bad();  // a word such as pi
      name += "_";
      name += index.text;
      if (braces && !accept(Kind::kCloseBrace)) return bad();
    }
    return add_variable(std::move(name));
  }
  static Op inverse(Op op) {
    switch (op) {
      case Op::kSin:
        return Op::kAsin;
      case Op::kCos:
        return Op::kAcos;
      case Op::kTan:
        return Op::kAtan;
      default:
        return Op::kNumber;
    }
  }
  int function(Op op) {
    const Level level(*this);
    if (!ok_) return -1;
    int base = -1;
    if (op == Op::kLn && accept(Kind::kSubscript)) {
      op = Op::kLogBase;
      base = argument_or_number();
    }
    int raised = -1;
    if (accept(Kind::kCaret)) {
      // \sin^{-1} is the inverse function, \sin^2 a power.
      const std::size_t start = at_;
      const bool braces = accept(Kind::kOpenBrace);
      const bool is_inverse = accept(Kind::kMinus) && peek().kind == Kind::kNumber && peek().text == "1";
      if (is_inverse && inverse(op) != Op::kNumber) {
        ++at_;
        if (braces && !accept(Kind::kCloseBrace)) return bad();
        op = inverse(op);
      } else {
        at_ = start;
        raised = exponent();
      }
    }
    int value = -1;
    const Kind next = peek().kind;
    if (next == Kind::kOpen || next == Kind::kOpenBrace || next == Kind::kOpenBracket) {
      value = primary();
    } else {
      value = signed_power();
      // \sin 2x: factors up to a written operator or the next function.
      while (ok_ && starts_factor(peek()) && peek().kind != Kind::kFunction) {
        const int right = power();
        value = add(Op::kMul, value, right);
      }
    }
    value = op == Op::kLogBase ? add(op, base, value) : add(op, value);
    return raised < 0 ? value : add(Op::kPow, value, raised);
  }
  // The base of \log_10 100 is 10, as people mean it, although LaTeX would take the 1.
  int argument_or_number() {
    if (peek().kind == Kind::kNumber && peek(1).kind == Kind::kNumber) {
      const std::string_view digits = peek().text;
      ++at_;
      return add_number(digits);
    }
    return argument();
  }

  std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  Expression expression_;
  bool ok_ = true;
  int depth_ = 0;
  int bars_ = 0;
};

}  // namespace

std::optional<Expression> parse_expression(std::string_view text) {
  if (text.size() > kMaxMathBytes) return std::nullopt;
  std::vector<Token> tokens;
  tokens.reserve(text.size() + 1);
  if (!Lexer(text).run(tokens)) return std::nullopt;
  return Parser(tokens).run();
}

}  // namespace gimbal::reward
