#include "gimbal/diversity/compare.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/stats/bootstrap.h"
#include "gimbal/stats/descriptive.h"
#include "gimbal/stats/multiplicity.h"
#include "gimbal/stats/paired.h"

namespace gimbal::diversity {
namespace {

Result<ComparisonRow> compare_one(const PairedSamples& sample, const CompareOptions& options) {
  GIMBAL_CHECK(sample.values_a.size() == sample.values_b.size(), "both groups on the same units");
  std::vector<double> a, b, difference;
  std::size_t in_a = 0, in_b = 0;
  for (std::size_t i = 0; i < sample.values_a.size(); ++i) {
    in_a += sample.values_a[i].has_value();
    in_b += sample.values_b[i].has_value();
    if (!sample.values_a[i] || !sample.values_b[i]) continue;
    a.push_back(*sample.values_a[i]);
    b.push_back(*sample.values_b[i]);
    difference.push_back(a.back() - b.back());
  }
  if (a.empty())
    return fail(ErrorCode::kInsufficientData, "{}: no unit has both values ({} has {}, {} has {})", sample.measure, sample.a,
                in_a, sample.b, in_b);
  ComparisonRow row{.measure = sample.measure, .a = sample.a, .b = sample.b};
  GIMBAL_TRY(const stats::WilcoxonResult test, stats::wilcoxon_signed_rank(difference));
  row.n = difference.size();
  row.zeros = row.ties = test.zeros;
  row.exact = test.exact;
  row.w = test.w;
  row.p = test.p;
  row.rank_biserial = test.rank_biserial;
  GIMBAL_TRY(row.mean_a, stats::mean(a));
  GIMBAL_TRY(row.mean_b, stats::mean(b));
  GIMBAL_TRY(row.mean_diff, stats::mean(difference));
  GIMBAL_TRY(row.median_diff, stats::median(difference));
  // Wins and losses by the test's own notion of a tie, so that the three sum to n.
  double largest = 0;
  for (const double d : difference) largest = std::max(largest, std::abs(d));
  for (const double d : difference) {
    row.wins += d > stats::kTieTolerance * largest;
    row.losses += -d > stats::kTieTolerance * largest;
  }
  if (const auto d = stats::cohens_d(a, b)) row.cohens_d = *d;
  if (const auto d = stats::cohens_d_z(difference)) row.d_z = *d;
  if (row.n >= 2 && options.draws > 0) {
    const auto stream = [&](std::uint64_t i) {
      return Stream(options.seed, "diversity.boot", sample.measure, sample.a, sample.b, i);
    };
    GIMBAL_TRY(
        const auto interval,
        stats::bootstrap_mean(difference, {}, {},
                              {.draws = options.draws, .level = 1 - options.alpha, .stream = stream, .stop = options.stop}));
    row.lo = interval.lo;
    row.hi = interval.hi;
  }
  return row;
}

}  // namespace

Result<std::vector<ComparisonRow>> compare(std::span<const PairedSamples> samples, const CompareOptions& options) {
  std::vector<ComparisonRow> rows;
  std::vector<double> p;
  for (const PairedSamples& sample : samples) {
    GIMBAL_TRY(rows.emplace_back(), compare_one(sample, options));
    p.push_back(rows.back().p);
  }
  if (rows.empty()) return rows;
  std::vector<double> adjusted = p;
  if (options.adjust == Multiplicity::kHolm) {
    GIMBAL_TRY(adjusted, stats::holm(p));
  } else if (options.adjust == Multiplicity::kBenjaminiHochberg) {
    GIMBAL_TRY(adjusted, stats::benjamini_hochberg(p));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].p_adj = adjusted[i];
    rows[i].significant = adjusted[i] <= options.alpha;
  }
  return rows;
}

}  // namespace gimbal::diversity
