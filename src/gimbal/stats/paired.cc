#include "gimbal/stats/paired.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "gimbal/stats/descriptive.h"
#include "gimbal/stats/distributions.h"

namespace gimbal::stats {
namespace {

struct Magnitude {
  double value = 0;
  bool positive = false;
  std::uint32_t doubled_rank = 0;  // 2 x mid-rank: an integer
};

// Ranks magnitudes in ascending order; a run of ties begins with its smallest member, so that a long chain of close values does
// not become one tie.
void rank(std::vector<Magnitude>& sorted, double tolerance) {
  for (std::size_t first = 0; first < sorted.size();) {
    std::size_t last = first;
    while (last + 1 < sorted.size() && sorted[last + 1].value - sorted[first].value <= tolerance) ++last;
    const auto doubled = static_cast<std::uint32_t>(first + last + 2);  // 2 (first + 1 + last + 1) / 2
    for (std::size_t i = first; i <= last; ++i) sorted[i].doubled_rank = doubled;
    first = last + 1;
  }
}

// P(sum over a random half of the ranks <= w), all in doubled units.
double exact_lower_tail(const std::vector<Magnitude>& units, std::uint32_t doubled_w) {
  std::vector<double> subsets(doubled_w + 1, 0.0);  // subsets[s]: how many subsets have the sum s
  subsets[0] = 1;
  for (const Magnitude& unit : units) {
    for (std::uint32_t s = doubled_w; s >= unit.doubled_rank; --s) subsets[s] += subsets[s - unit.doubled_rank];
  }
  double count = 0;
  for (const double c : subsets) count += c;
  return std::ldexp(count, -static_cast<int>(units.size()));
}

// The variance of W+ is a quarter of the sum of squared ranks, which is n(n+1)(2n+1)/24 less the usual correction for ties.
double normal_lower_tail(const std::vector<Magnitude>& units, double w) {
  double sum = 0, squares = 0;
  for (const Magnitude& unit : units) {
    const double r = unit.doubled_rank / 2.0;
    sum += r;
    squares += r * r;
  }
  return normal_cdf((w - sum / 2) / (std::sqrt(squares) / 2));
}

}  // namespace

Result<WilcoxonResult> wilcoxon_signed_rank(std::span<const double> differences) {
  GIMBAL_TRY(check_finite(differences, "difference"));
  double largest = 0;
  for (const double d : differences) largest = std::max(largest, std::abs(d));
  const double tolerance = kTieTolerance * largest;
  std::vector<Magnitude> units;
  for (const double d : differences) {
    if (std::abs(d) > tolerance) units.push_back({std::abs(d), d > 0, 0});
  }
  std::ranges::sort(units, {}, &Magnitude::value);
  rank(units, tolerance);

  WilcoxonResult out;
  out.n = units.size();
  out.zeros = differences.size() - units.size();
  if (out.n == 0) return out;
  std::uint32_t plus = 0, minus = 0;
  for (const Magnitude& unit : units) (unit.positive ? plus : minus) += unit.doubled_rank;
  out.w_plus = plus / 2.0;
  out.w_minus = minus / 2.0;
  out.w = std::min(out.w_plus, out.w_minus);
  out.exact = out.n <= kExactWilcoxonUnits;
  const double tail = out.exact ? exact_lower_tail(units, std::min(plus, minus)) : normal_lower_tail(units, out.w);
  out.p = std::min(1.0, 2 * tail);
  out.rank_biserial = (out.w_plus - out.w_minus) / (out.w_plus + out.w_minus);
  return out;
}

namespace {

// Differences of rounding are no spread.
double largest(std::span<const double> values) {
  double out = 0;
  for (const double x : values) out = std::max(out, std::abs(x));
  return out;
}

}  // namespace

Result<double> cohens_d(std::span<const double> a, std::span<const double> b) {
  GIMBAL_TRY(const double variance_a, variance(a));
  GIMBAL_TRY(const double variance_b, variance(b));
  const double spread = std::sqrt((variance_a + variance_b) / 2);
  if (spread <= kTieTolerance * std::max(largest(a), largest(b)))
    return fail(ErrorCode::kInsufficientData, "Cohen's d needs spread: all values of each group are equal");
  return (mean(a).value() - mean(b).value()) / spread;
}

Result<double> cohens_d_z(std::span<const double> differences) {
  GIMBAL_TRY(const double spread, sd(differences));
  if (spread <= kTieTolerance * largest(differences))
    return fail(ErrorCode::kInsufficientData, "d_z needs spread: all differences are equal");
  return mean(differences).value() / spread;
}

}  // namespace gimbal::stats
