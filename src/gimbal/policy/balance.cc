#include "gimbal/policy/balance.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/stats/clustered.h"

namespace gimbal::policy {
namespace {

constexpr double kLargestPlausibleSmd = 1;    // standard deviations; balanced arms of 100 units differ by .14 or so
constexpr std::int64_t kFewestGroups = 20;    // fewer clusters do not say how far chance may reach
constexpr double kLargestPlausibleError = 4;  // standard errors; passed by chance once in 16,000 arms

// Weighted mean and (unweighted by propensity) variance of one number a row, by arm, over rows where it is there.
struct ArmMoments {
  double balanced_weight = 0, balanced_sum = 0;  // omega / e
  double weight = 0, sum = 0, squares = 0;       // omega
};

// The largest |mean_a - mean_b| / sqrt((var_a + var_b) / 2) over pairs of arms; nullopt for different means without spread.
std::optional<double> largest_smd(const std::vector<ArmMoments>& arms) {
  double largest = 0;
  for (std::size_t a = 0; a < arms.size(); ++a) {
    for (std::size_t b = a + 1; b < arms.size(); ++b) {
      if (!(arms[a].balanced_weight > 0) || !(arms[b].balanced_weight > 0)) continue;
      const double difference =
          std::fabs(arms[a].balanced_sum / arms[a].balanced_weight - arms[b].balanced_sum / arms[b].balanced_weight);
      const auto variance = [](const ArmMoments& m) {
        const double mean = m.sum / m.weight;
        return std::max(0.0, m.squares / m.weight - mean * mean);
      };
      const double spread = std::sqrt((variance(arms[a]) + variance(arms[b])) / 2);
      if (spread > 0)
        largest = std::max(largest, difference / spread);
      else if (difference > 1e-12)
        return std::nullopt;
    }
  }
  return largest;
}

template <typename Number>
std::optional<double> smd_of(const Assignment& assignment, const Number& number) {
  std::vector<ArmMoments> arms(assignment.arms.size());
  double origin = std::nan("");  // differences from some value keep digits in sums of squares
  for (std::size_t i = 0; i < assignment.logged.action.size(); ++i) {
    double x = number(i);
    if (std::isnan(x)) continue;
    if (std::isnan(origin)) origin = x;
    x -= origin;
    ArmMoments& m = arms[assignment.arm(i)];
    const double omega = assignment.weight_of(i);
    const double balanced = assignment.e.empty() ? omega : omega / assignment.e(i, assignment.arm(i));
    m.balanced_weight += balanced;
    m.balanced_sum += balanced * x;
    m.weight += omega;
    m.sum += omega * x;
    m.squares += omega * x * x;
  }
  return largest_smd(arms);
}

// The worst of the feature's number or levels and of its being missing.
std::optional<double> balance_of(const Assignment& assignment, const data::Column& feature) {
  std::optional<double> worst = 0.0;
  const auto take = [&](std::optional<double> smd) {
    if (!worst || !smd)
      worst.reset();
    else
      worst = std::max(*worst, *smd);
  };
  bool missing = false;
  for (std::size_t i = 0; i < assignment.logged.action.size() && !missing; ++i) missing = feature.is_missing(i);
  if (missing) take(smd_of(assignment, [&](std::size_t i) { return feature.is_missing(i) ? 1.0 : 0.0; }));
  if (feature.is_numeric()) {
    take(smd_of(assignment, [&](std::size_t i) { return feature.numbers[i]; }));
    return worst;
  }
  for (std::size_t level = 0; level < feature.levels.size(); ++level)
    take(smd_of(assignment, [&](std::size_t i) { return feature.codes[i] == static_cast<std::int32_t>(level) ? 1.0 : 0.0; }));
  return worst;
}

}  // namespace

std::vector<FeatureBalance> feature_balance(std::span<const data::Column* const> features, const Assignment& assignment) {
  std::vector<FeatureBalance> out(features.size());
  parallel_for(features.size(), 1,
               [&](std::size_t f, std::size_t) { out[f] = {features[f]->name, balance_of(assignment, *features[f])}; });
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& x, const auto& y) { return x.max_smd.value_or(kInfinity) > y.max_smd.value_or(kInfinity); });
  return out;
}

std::optional<Warning> balance_warning(std::span<const FeatureBalance> balance, const Assignment& assignment) {
  std::vector<std::size_t> rows(assignment.arms.size(), 0);
  for (const int a : assignment.logged.action) ++rows[static_cast<std::size_t>(a)];
  std::erase(rows, 0);
  if (rows.empty()) return std::nullopt;
  const double chance = std::sqrt(2 / static_cast<double>(*std::ranges::min_element(rows)));
  const double largest = std::max(kLargestPlausibleSmd, kLargestPlausibleError * chance);
  std::vector<std::string> apart;
  for (const FeatureBalance& each : balance) {
    if (each.max_smd.value_or(kInfinity) <= largest) continue;
    apart.push_back(each.max_smd ? fmt::format("{} ({:.1f})", each.feature, *each.max_smd) : each.feature + " (infinite)");
  }
  if (apart.empty()) return std::nullopt;
  const auto count = static_cast<std::int64_t>(apart.size());
  return Warning{
      "known_afterwards",
      fmt::format("far apart between the arms, in standard deviations: {}; a column that is known only after the decision "
                  "must not be a feature",
                  list_some(apart)),
      count};
}

std::optional<Warning> propensity_warning(const Assignment& assignment) {
  if (assignment.e.empty() || assignment.logged.action.empty()) return std::nullopt;
  const std::size_t n = assignment.logged.action.size();
  std::vector<std::string> off;
  std::vector<double> inverse(n);
  for (std::size_t a = 0; a < assignment.arms.size(); ++a) {
    for (std::size_t i = 0; i < n; ++i) inverse[i] = assignment.arm(i) == a ? 1 / assignment.e(i, a) : 0.0;
    const auto mean = stats::mean_with_se(inverse, assignment.weight, assignment.logged.cluster);
    // Arms that were never given have no error of their own to be compared with; rounding alone is no disagreement.
    if (!mean || mean->groups < kFewestGroups ||
        std::fabs(mean->mean - 1) <= std::max(kLargestPlausibleError * mean->se, 1e-9) || mean->mean == 0)
      continue;
    off.push_back(fmt::format("arm {} was given {} times as often", gimbal::quoted(assignment.arms[a]),
                              format_significant(mean->mean, 3)));
  }
  if (off.empty()) return std::nullopt;
  const auto count = static_cast<std::int64_t>(off.size());
  return Warning{"propensity_fit",
                 fmt::format("the propensities do not fit the arms that were given: {} as they say (more than {} standard "
                             "errors); estimates may be biased, see --propensity",
                             list_some(off), kLargestPlausibleError),
                 count};
}

std::optional<Warning> few_units_warning(std::span<const std::string> arms, std::span<const std::int64_t> rows,
                                         std::string_view noun) {
  std::vector<std::string> small;
  for (std::size_t a = 0; a < rows.size(); ++a) {
    if (rows[a] < kFewUnits) small.push_back(fmt::format("{} ({})", gimbal::quoted(arms[a]), rows[a]));
  }
  if (small.empty()) return std::nullopt;
  return Warning{"few_units_in_arm",
                 fmt::format("{} arm{} with fewer than {} {}: {}; the normal approximation of standard errors and p-values is "
                             "doubtful",
                             small.size(), small.size() == 1 ? "" : "s", kFewUnits, noun, list_some(small)),
                 static_cast<std::int64_t>(small.size())};
}

}  // namespace gimbal::policy
