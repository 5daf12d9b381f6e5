// Whether the logged arms are comparable: balance of the covariates, and whether the propensities fit the arms that were given.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/warning.h"
#include "gimbal/data/table.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

// Views of n logged units; nothing is copied.
struct Assignment {
  const std::vector<std::string>& arms;
  const Logged& logged;            // outcomes are not looked at
  std::span<const double> weight;  // empty: 1
  const Matrix& e;                 // n x K, or empty where the propensities are not known

  std::size_t arm(std::size_t i) const { return static_cast<std::size_t>(logged.action[i]); }
  double weight_of(std::size_t i) const { return weight.empty() ? 1.0 : weight[i]; }
};

struct FeatureBalance {
  std::string feature;
  std::optional<double> max_smd;  // absent: infinite, means that differ between arms without any spread within them
};

// For each feature (n rows each) the largest absolute standardized mean difference over pairs of arms (and over levels, and the
// indicator "missing"): means weighted by omega / e_A when e is given, divided by the root of the two arms' mean variance.
// Descending. O(n x features), parallel over features.
std::vector<FeatureBalance> feature_balance(std::span<const data::Column* const> features, const Assignment& assignment);

// Features that differ between arms by more than a standard deviation (more where an arm has so few rows that chance may do it)
// although the propensities should balance them: seldom a covariate, most often something that the arm itself changed. nullopt
// without such a feature.
std::optional<Warning> balance_warning(std::span<const FeatureBalance> balance, const Assignment& assignment);

// E[1{A = a} / e_a(X)] = 1 for the probabilities with which arms were truly given. Names the arms whose weighted mean is more
// than 4 (clustered) standard errors away from that; nullopt when there is none, without
// e, and with fewer than 20 units or clusters.
std::optional<Warning> propensity_warning(const Assignment& assignment);

// The normal approximation of a mean is doubtful below.
inline constexpr std::int64_t kFewUnits = 30;
// "2 arms with fewer than 30 test units: "a" (3), "b" (12); ..." for the `rows` of each arm, `noun` being "test units"; nullopt
// where all have enough.
std::optional<Warning> few_units_warning(std::span<const std::string> arms, std::span<const std::int64_t> rows,
                                         std::string_view noun);

}  // namespace gimbal::policy
