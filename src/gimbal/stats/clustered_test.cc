#include "gimbal/stats/clustered.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/stats/descriptive.h"

namespace gimbal::stats {
namespace {

using Values = std::vector<double>;
using Ids = std::vector<std::int64_t>;

// The formulas of the header, term by term.
double reference_se(const Values& psi, const Values& weight, const Ids& cluster) {
  double total = 0;
  double mean = 0;
  for (std::size_t i = 0; i < psi.size(); ++i) {
    const double w = weight.empty() ? 1 : weight[i];
    total += w;
    mean += w * psi[i];
  }
  mean /= total;
  std::map<std::int64_t, double> sums;
  for (std::size_t i = 0; i < psi.size(); ++i) {
    const double w = weight.empty() ? 1 : weight[i];
    sums[cluster.empty() ? static_cast<std::int64_t>(i) : cluster[i]] += w * (psi[i] - mean);
  }
  double squares = 0;
  for (const auto& [id, sum] : sums) squares += sum * sum;
  const auto g = static_cast<double>(sums.size());
  return std::sqrt(g / (g - 1) * squares) / total;
}

// The eight logged units of the policy evaluation example: propensity of arm 1, action, outcome, policy.
struct Example {
  Values e{.5, .5, .4, .4, .3, .3, .5, .4};
  Values pi{1, 1, .5, .5, .3, .3, .2, .9};
  Ids action{0, 1, 0, 1, 0, 1, 1, 0};
  Values y{1, 3, 2, 2, 0, 4, 1, 1};
  Ids village{0, 0, 1, 1, 2, 2, 3, 3};

  // Inverse-propensity scores of outcome minus c0, against the logging policy or arm 0.
  Values scores(double c0, bool against_arm_0) const {
    Values psi;
    for (std::size_t i = 0; i < e.size(); ++i) {
      const double d1 = pi[i] - (against_arm_0 ? 0 : e[i]);
      psi.push_back((action[i] == 1 ? d1 / e[i] : -d1 / (1 - e[i])) * (y[i] - c0));
    }
    return psi;
  }
};

TEST(MeanWithSe, ReproducesThePolicyEvaluationExample) {
  const Example x;
  // Printed with seven decimals.
  const auto check = [&](double c0, bool arm_0, double mean, double se, double clustered) {
    const Values psi = x.scores(c0, arm_0);
    const MeanEstimate plain = mean_with_se(psi).value();
    EXPECT_NEAR(plain.mean, mean, 5e-8);
    EXPECT_NEAR(plain.se, se, 5e-8);
    EXPECT_EQ(plain.groups, 8);
    const MeanEstimate grouped = mean_with_se(psi, {}, x.village).value();
    EXPECT_NEAR(grouped.mean, mean, 5e-8);
    EXPECT_NEAR(grouped.se, clustered, 5e-8);
    EXPECT_EQ(grouped.groups, 4);
  };
  check(0, false, .0916667, .4501653, .3520114);
  check(1.5, false, .3447917, .1810254, .2333295);
  check(0, true, .9666667, 1.0347724, .6283798);
}

TEST(MeanWithSe, FollowsItsFormulasForWeightsAndClusters) {
  Stream s(1, "test.clustered");
  for (int i = 0; i < 300; ++i) {
    const std::size_t n = 5 + s.below(300);
    Values psi(n);
    Values weight(i % 2 == 0 ? n : 0);
    Ids cluster(i % 3 == 0 ? 0 : n);
    for (double& v : psi) v = 100 + s.normal();
    for (double& w : weight) w = s.below(4) == 0 ? 0 : s.uniform();
    for (auto& id : cluster) id = static_cast<std::int64_t>(3 * s.below(20));  // ids that do not occur do not count
    const MeanEstimate found = mean_with_se(psi, weight, cluster).value();
    EXPECT_NEAR(found.mean, weighted_mean(psi, weight).value(), 1e-12);
    EXPECT_NEAR(found.se, reference_se(psi, weight, cluster), 1e-12);
    EXPECT_EQ(clustered_se(psi, weight, cluster).value(), found.se);
  }
}

TEST(MeanWithSe, OfUnitsIsSdOverRootN) {
  const Values psi{2, 4, 4, 4, 5, 5, 7, 9};
  EXPECT_DOUBLE_EQ(mean_with_se(psi).value().se, sd(psi).value() / std::sqrt(8.0));
}

TEST(MeanWithSe, ClustersOfOneUnitChangeNothing) {
  const Values psi{1, 5, 2, 8};
  const Values weight{1, .5, 2, 1};
  EXPECT_DOUBLE_EQ(mean_with_se(psi, weight, Ids{2, 0, 3, 1}).value().se, mean_with_se(psi, weight).value().se);
}

TEST(MeanWithSe, DoesNotDependOnTheScaleOfWeightsOrALargeMean) {
  const Values psi{1e8 + 1, 1e8 + 2, 1e8 + 4};
  EXPECT_DOUBLE_EQ(mean_with_se(psi).value().se, std::sqrt(7.0 / 9));
  EXPECT_DOUBLE_EQ(mean_with_se(psi, Values{3, 3, 3}).value().se, std::sqrt(7.0 / 9));
}

TEST(MeanWithSe, RefusesASingleGroupAndBadInput) {
  EXPECT_EQ(mean_with_se(Values{1}).error().message, "a standard error needs at least 2 units, found 1");
  EXPECT_EQ(mean_with_se(Values{1, 2}, {}, Ids{4, 4}).error().message, "a standard error needs at least 2 clusters, found 1");
  EXPECT_EQ(mean_with_se(Values{1, 2}, {}, Ids{4, 4}).error().code, ErrorCode::kInsufficientData);
  EXPECT_EQ(mean_with_se(Values{1, 2}, {}, Ids{4}).error().message, "1 cluster ids for 2 values");
  EXPECT_EQ(mean_with_se(Values{1, 2}, {}, Ids{4, -4}).error().message, "cluster ids must be at least 0, found -4");
  EXPECT_EQ(mean_with_se({}).error().code, ErrorCode::kInsufficientData);
  EXPECT_EQ(mean_with_se(Values{1, NAN}).error().code, ErrorCode::kInvalidArgument);
}

TEST(GroupSums, AreCentredAndOrderedById) {
  const GroupSums sums = group_sums(Values{1, 2, 6}, Values{1, 1, 2}, Ids{5, 2, 5}).value();
  EXPECT_DOUBLE_EQ(sums.center, 15.0 / 4);
  ASSERT_EQ(sums.groups.size(), 2U);
  EXPECT_DOUBLE_EQ(sums.groups[0].value, 2 - 3.75);
  EXPECT_DOUBLE_EQ(sums.groups[0].weight, 1);
  EXPECT_DOUBLE_EQ(sums.groups[1].value, (1 - 3.75) + 2 * (6 - 3.75));
  EXPECT_DOUBLE_EQ(sums.groups[1].weight, 3);
}

TEST(DenseIds, CountInOrderOfFirstAppearance) {
  EXPECT_EQ(dense_ids(Ids{70, -3, 70, 12, -3}), (Ids{0, 1, 0, 2, 1}));
  EXPECT_TRUE(dense_ids({}).empty());
}

}  // namespace
}  // namespace gimbal::stats
