// Exact fractions that fit in machine words, with a flag instead of a wrong result when they do not.
//
// Graders meet 7/12 and 1,200.50 all day and 30-digit integers once a month: evaluators run on SmallRational first and, when
// the flag is up, once more on fractions of Boost.Multiprecision, whose headers cost seconds and stay in few sources.
#pragma once

#include <cstdint>
#include <numeric>

namespace gimbal::reward {

// num/den in lowest terms with den >= 1; or !valid(): an operation left the range of 63 bits (or divided by zero, which callers
// test before).
class SmallRational {
 public:
  SmallRational() = default;
  SmallRational(std::int64_t value) : num_(value) {}  // NOLINT(google-explicit-constructor)
  SmallRational(std::int64_t num, std::int64_t den) { assign(num, den); }

  bool valid() const { return valid_; }
  bool is_zero() const { return num_ == 0; }
  std::int64_t num() const { return num_; }
  std::int64_t den() const { return den_; }
  double to_double() const { return static_cast<double>(num_) / static_cast<double>(den_); }

  SmallRational& operator+=(const SmallRational& o) {
    return combine(o, wide(num_) * o.den_ + wide(o.num_) * den_, wide(den_) * o.den_);
  }
  SmallRational& operator-=(const SmallRational& o) {
    return combine(o, wide(num_) * o.den_ - wide(o.num_) * den_, wide(den_) * o.den_);
  }
  SmallRational& operator*=(const SmallRational& o) { return combine(o, wide(num_) * o.num_, wide(den_) * o.den_); }
  SmallRational& operator/=(const SmallRational& o) { return combine(o, wide(num_) * o.den_, wide(den_) * o.num_); }
  SmallRational operator-() const {
    SmallRational out = *this;
    out.num_ = -num_;  // |num_| <= 2^63 - 1
    return out;
  }
  bool operator==(const SmallRational& o) const { return num_ == o.num_ && den_ == o.den_; }

 private:
  static __int128 wide(std::int64_t x) { return x; }
  SmallRational& combine(const SmallRational& o, __int128 num, __int128 den) {
    valid_ = valid_ && o.valid_;
    if (valid_) assign(num, den);
    return *this;
  }
  void assign(__int128 num, __int128 den) {
    if (den == 0) {
      valid_ = false;
      return;
    }
    if (den < 0) num = -num, den = -den;
    // Words first: the 128-bit remainder is a library call.
    constexpr __int128 kMax = INT64_MAX;
    __int128 a = num < 0 ? -num : num, b = den;
    if (den != 1) {
      __int128 g;
      if (a <= kMax && b <= kMax) {
        g = std::gcd(static_cast<std::int64_t>(a), static_cast<std::int64_t>(b));
      } else {
        while (b != 0) {
          const __int128 r = a % b;
          a = b;
          b = r;
        }
        g = a;
      }
      num /= g, den /= g;
    }
    if (num > kMax || num < -kMax || den > kMax) {
      valid_ = false;
      return;
    }
    num_ = static_cast<std::int64_t>(num);
    den_ = static_cast<std::int64_t>(den);
  }

  std::int64_t num_ = 0;
  std::int64_t den_ = 1;
  bool valid_ = true;
};

}  // namespace gimbal::reward
