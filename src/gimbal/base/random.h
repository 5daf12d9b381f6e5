// Random numbers that depend on what they are for, never on threads or order: Philox4x32-10 with keyed streams.
//
// A stream is keyed by a seed and parts ("sample", prompt, k): the key is the first 8 bytes of
// SHA-256("gimbal-rng/1\0" + seed as u64 LE + for each part its tag 's'|'i'|'d', u32 LE length, bytes). Draw n is word pair
// n mod 2 of block n div 2; `uniform` takes the top 53 bits. The first part names component and purpose ("policy.fold").
// How many uniforms each kind of draw uses is part of the contract, so results are the same for ever.
// Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace gimbal {

// One block of Philox4x32-10. Known answer: counter 0, key 0 -> 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// A part of a stream's key: text, integer or real.
class KeyPart {
 public:
  KeyPart(std::string_view text) : value_(text) {}                      // NOLINT(google-explicit-constructor)
  KeyPart(const char* text) : value_(std::string_view(text)) {}         // NOLINT(google-explicit-constructor)
  KeyPart(const std::string& text) : value_(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)
  template <typename T>
    requires std::is_integral_v<T>
  KeyPart(T number) : value_(static_cast<std::int64_t>(number)) {}  // NOLINT(google-explicit-constructor)
  KeyPart(double number) : value_(number) {}                        // NOLINT(google-explicit-constructor)
  const std::variant<std::string_view, std::int64_t, double>& value() const { return value_; }

 private:
  std::variant<std::string_view, std::int64_t, double> value_;
};

class Stream {
 public:
  template <typename... Parts>
  explicit Stream(std::uint64_t seed, const Parts&... parts)
      : Stream(seed, std::array<KeyPart, sizeof...(Parts)>{KeyPart(parts)...}) {}
  template <std::size_t N>
  Stream(std::uint64_t seed, const std::array<KeyPart, N>& parts) : key_(make_key(seed, parts)) {}

  std::uint64_t key() const { return key_; }
  std::uint64_t at(std::uint64_t n) const;  // draw n, random access
  std::uint64_t next();
  std::uint64_t position() const { return n_; }
  void seek(std::uint64_t n);

  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }               // [0, 1)
  double uniform_open() { return (static_cast<double>(next() >> 11) + 0.5) * 0x1.0p-53; }  // (0, 1)
  double normal();       // inverse cdf of one uniform_open (Wichura, AS 241)
  double exponential();  // -log(1 - uniform), one draw
  bool bernoulli(double p) { return uniform() < p; }
  std::uint64_t below(std::uint64_t bound);  // 0 .. bound-1, multiply-high with rejection (Lemire 2019); bound >= 1
  std::size_t categorical(std::span<const double> weights);  // first index whose cumulative weight exceeds u * total
  double gamma(double shape);                                // scale 1, Marsaglia-Tsang 2000; shape > 0
  double beta(double a, double b);                           // X/(X+Y) from two gammas
  std::int64_t poisson(double mean);                         // inversion below mean 30, else PTRS (Hoermann 1993)
  std::int64_t binomial(std::int64_t n, double p);           // inversion below n p 30, else BTRS/BTPE
  std::vector<std::size_t> permutation(std::size_t n);       // Fisher-Yates from the end
  template <typename T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  static std::uint64_t make_key(std::uint64_t seed, std::span<const KeyPart> parts);
  std::uint64_t key_ = 0;
  std::uint64_t n_ = 0;
  std::array<std::uint64_t, 2> block_{};  // draws 2*(n/2) and 2*(n/2)+1 when block_index_ == n/2
  std::uint64_t block_index_ = ~std::uint64_t{0};
};

// Standard normal quantile, relative error about 1e-16 (Wichura 1988, algorithm AS 241, PPND16). p in (0, 1).
double normal_quantile_as241(double p);

}  // namespace gimbal
