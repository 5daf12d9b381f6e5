#include "gimbal/base/random.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>

#include "gimbal/base/check.h"
#include "gimbal/base/hash.h"

namespace gimbal {
namespace {

void append_le(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}

void append_part(std::string& out, const KeyPart& part) {
  if (const auto* text = std::get_if<std::string_view>(&part.value())) {
    GIMBAL_CHECK(text->size() <= std::numeric_limits<std::uint32_t>::max(), "a key's text must be shorter than 4 GiB");
    out.push_back('s');
    append_le(out, text->size(), 4);
    out.append(*text);
  } else if (const auto* integer = std::get_if<std::int64_t>(&part.value())) {
    out.push_back('i');
    append_le(out, 8, 4);
    append_le(out, static_cast<std::uint64_t>(*integer), 8);
  } else {
    out.push_back('d');
    append_le(out, 8, 4);
    append_le(out, std::bit_cast<std::uint64_t>(std::get<double>(part.value())), 8);
  }
}

// log(k!) for k >= 0: a table below 16, from there Stirling's series, whose first omitted term is below 1e-14.
// std::lgamma is not used: it writes the global `signgam`, a data race between threads.
double log_factorial(double k) {
  static constexpr std::array<double, 16> kFactorial = {
      1,      1,       2,        6,         24,         120,         720,          5040,
      40320., 362880., 3628800., 39916800., 479001600., 6227020800., 87178291200., 1307674368000.};
  if (k < 16) return std::log(kFactorial[static_cast<std::size_t>(k)]);
  constexpr double kHalfLogTwoPi = 0.91893853320467274178;
  const double x = k + 1;
  const double x2 = 1 / (x * x);
  return (x - 0.5) * std::log(x) - x + kHalfLogTwoPi + (1.0 / 12 - x2 * (1.0 / 360 - x2 * (1.0 / 1260 - x2 / 1680))) / x;
}

// Marsaglia and Tsang, A simple method for generating gamma variables (ACM TOMS 2000); shape >= 1.
double gamma_at_least_one(Stream& stream, double shape) {
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    double x = 0;
    double v = 0;
    do {
      x = stream.normal();
      v = 1 + c * x;
    } while (v <= 0);
    v = v * v * v;
    const double u = stream.uniform_open();
    if (u < 1 - 0.0331 * (x * x) * (x * x)) return d * v;
    if (std::log(u) < 0.5 * x * x + d * (1 - v + std::log(v))) return d * v;
  }
}

// The logarithm of the draw that Stream::gamma gives: does not underflow for tiny shapes.
double log_gamma_draw(Stream& stream, double shape) {
  if (shape >= 1) return std::log(gamma_at_least_one(stream, shape));
  const double log_g = std::log(gamma_at_least_one(stream, shape + 1));
  return log_g + std::log(stream.uniform_open()) / shape;
}

// Hoermann, The transformed rejection method for generating Poisson random variables (Insurance: Math. and Econ. 1993), PTRS.
// Two uniforms a trial; valid from mean 10.
std::int64_t poisson_ptrs(Stream& stream, double mean) {
  const double log_mean = std::log(mean);
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_r = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = stream.uniform() - 0.5;
    const double v = stream.uniform();
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= v_r) return static_cast<std::int64_t>(k);
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <= k * log_mean - mean - log_factorial(k))
      return static_cast<std::int64_t>(k);
  }
}

// Hoermann, The generation of binomial random variates (J. Stat. Comput. Simul. 1993), BTRS. Two uniforms a trial;
// p <= 1/2 and n p >= 10.
std::int64_t binomial_btrs(Stream& stream, std::int64_t n_int, double p) {
  const auto n = static_cast<double>(n_int);
  const double q = 1 - p;
  const double spq = std::sqrt(n * p * q);
  const double b = 1.15 + 2.53 * spq;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double c = n * p + 0.5;
  const double v_r = 0.92 - 4.2 / b;
  const double alpha = (2.83 + 5.1 / b) * spq;
  const double log_odds = std::log(p / q);
  const double mode = std::floor((n + 1) * p);
  const double log_mode = log_factorial(mode) + log_factorial(n - mode);
  for (;;) {
    const double u = stream.uniform() - 0.5;
    const double v = stream.uniform();
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / us + b) * u + c);
    if (k < 0 || k > n) continue;
    if (us >= 0.07 && v <= v_r) return static_cast<std::int64_t>(k);
    const double accept = log_mode - log_factorial(k) - log_factorial(n - k) + (k - mode) * log_odds;
    if (std::log(v * alpha / (a / (us * us) + b)) <= accept) return static_cast<std::int64_t>(k);
  }
}

// Below this a term of an inverted cdf is finer than one uniform resolves: what rounding leaves over goes no further out.
constexpr double kFinestTerm = 0x1.0p-60;

double polynomial(std::span<const double> coefficients, double x) {
  double value = 0;
  for (auto c = coefficients.rbegin(); c != coefficients.rend(); ++c) value = value * x + *c;
  return value;
}

// Draws 2 * block and 2 * block + 1.
std::array<std::uint64_t, 2> stream_block(std::uint64_t key, std::uint64_t block) {
  const auto words = philox4x32_10({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), 0, 0},
                                   {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)});
  return {words[0] | std::uint64_t{words[1]} << 32, words[2] | std::uint64_t{words[3]} << 32};
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

std::uint64_t Stream::make_key(std::uint64_t seed, std::span<const KeyPart> parts) {
  std::string bytes("gimbal-rng/1\0", 13);
  append_le(bytes, seed, 8);
  for (const KeyPart& part : parts) append_part(bytes, part);
  return hash64(bytes);
}

std::uint64_t Stream::at(std::uint64_t n) const { return stream_block(key_, n / 2)[n % 2]; }

std::uint64_t Stream::next() {
  const std::uint64_t block = n_ / 2;
  if (block != block_index_) {
    block_ = stream_block(key_, block);
    block_index_ = block;
  }
  return block_[n_++ % 2];
}

void Stream::seek(std::uint64_t n) { n_ = n; }

double Stream::normal() { return normal_quantile_as241(uniform_open()); }

double Stream::exponential() { return -std::log1p(-uniform()); }

std::uint64_t Stream::below(std::uint64_t bound) {
  GIMBAL_CHECK(bound >= 1, "below() needs a bound of at least 1");
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(next()) * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;  // 2^64 mod bound
    while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<Wide>(next()) * bound;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::size_t Stream::categorical(std::span<const double> weights) {
  double total = 0;
  for (const double w : weights) {
    GIMBAL_CHECK(w >= 0 && std::isfinite(w), "categorical() needs finite weights of at least 0");
    total += w;
  }
  GIMBAL_CHECK(total > 0 && std::isfinite(total), "categorical() needs a positive finite total weight");
  const double target = uniform() * total;
  double cumulative = 0;
  std::size_t last_positive = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    cumulative += weights[i];
    if (cumulative > target) return i;
    if (weights[i] > 0) last_positive = i;
  }
  return last_positive;  // u * total was rounded up to the total
}

double Stream::gamma(double shape) {
  GIMBAL_CHECK(shape > 0 && std::isfinite(shape), "gamma() needs a positive finite shape");
  if (shape >= 1) return gamma_at_least_one(*this, shape);
  const double g = gamma_at_least_one(*this, shape + 1);
  return g * std::pow(uniform_open(), 1 / shape);
}

double Stream::beta(double a, double b) {
  GIMBAL_CHECK(a > 0 && b > 0 && std::isfinite(a) && std::isfinite(b), "beta() needs positive finite shapes");
  const double log_x = log_gamma_draw(*this, a);
  const double log_y = log_gamma_draw(*this, b);
  return 1 / (1 + std::exp(log_y - log_x));
}

std::int64_t Stream::poisson(double mean) {
  GIMBAL_CHECK(mean >= 0 && mean < 0x1.0p62, "poisson() needs a mean in [0, 2^62)");
  if (mean >= 30) return poisson_ptrs(*this, mean);
  double u = uniform();
  double term = std::exp(-mean);
  std::int64_t k = 0;
  while (u >= term) {
    u -= term;
    ++k;
    term *= mean / static_cast<double>(k);
    if (static_cast<double>(k) > mean && term < kFinestTerm) break;
  }
  return k;
}

std::int64_t Stream::binomial(std::int64_t n, double p) {
  GIMBAL_CHECK(n >= 0, "binomial() needs n of at least 0");
  GIMBAL_CHECK(p >= 0 && p <= 1, "binomial() needs a probability");
  if (p > 0.5) return n - binomial(n, 1 - p);
  const double mean = static_cast<double>(n) * p;
  if (mean >= 30) return binomial_btrs(*this, n, p);
  double u = uniform();
  double term = std::exp(static_cast<double>(n) * std::log1p(-p));
  const double odds = p / (1 - p);
  std::int64_t k = 0;
  while (u >= term && k < n) {
    u -= term;
    ++k;
    term *= odds * static_cast<double>(n - k + 1) / static_cast<double>(k);
    if (static_cast<double>(k) > mean && term < kFinestTerm) break;
  }
  return k;
}

std::vector<std::size_t> Stream::permutation(std::size_t n) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  shuffle(std::span(order));
  return order;
}

// Three rational approximations of degree 7: around the centre in 0.180625 - q^2, in the tails in sqrt(-log p).
double normal_quantile_as241(double p) {
  GIMBAL_CHECK(p > 0 && p < 1, "normal_quantile_as241() needs p in (0, 1)");
  static constexpr double kA[] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                                  1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                  3.3430575583588128105e+4, 2.5090809287301226727e+3};
  static constexpr double kB[] = {1.0,
                                  4.2313330701600911252e+1,
                                  6.8718700749205790830e+2,
                                  5.3941960214247511077e+3,
                                  2.1213794301586595867e+4,
                                  3.9307895800092710610e+4,
                                  2.8729085735721942674e+4,
                                  5.2264952788528545610e+3};
  static constexpr double kC[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                  3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                  2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr double kD[] = {1.0,
                                  2.05319162663775882187e0,
                                  1.67638483018380384940e0,
                                  6.89767334985100004550e-1,
                                  1.48103976427480074590e-1,
                                  1.51986665636164571966e-2,
                                  5.47593808499534494600e-4,
                                  1.05075007164441684324e-9};
  static constexpr double kE[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                  2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                  2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr double kF[] = {1.0,
                                  5.99832206555887937690e-1,
                                  1.36929880922735805310e-1,
                                  1.48753612908506148525e-2,
                                  7.86869131145613259100e-4,
                                  1.84631831751005468180e-5,
                                  1.42151175831644588870e-7,
                                  2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(kA, r) / polynomial(kB, r);
  }
  double r = std::sqrt(-std::log(q < 0 ? p : 1 - p));
  double tail = 0;
  if (r <= 5) {
    r -= 1.6;
    tail = polynomial(kC, r) / polynomial(kD, r);
  } else {
    r -= 5;
    tail = polynomial(kE, r) / polynomial(kF, r);
  }
  return q < 0 ? -tail : tail;
}

}  // namespace gimbal
