#include "gimbal/stats/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "gimbal/base/parallel.h"
#include "gimbal/stats/clustered.h"
#include "gimbal/stats/descriptive.h"

namespace gimbal::stats {
namespace {

using Values = std::vector<double>;
using Ids = std::vector<std::int64_t>;

BootstrapOptions options_of(BootstrapKind kind, std::size_t draws = 500) {
  return {.kind = kind, .draws = draws, .level = .9, .stream = [](std::uint64_t b) { return Stream(1, "test.bootstrap", b); }};
}

Values skewed(std::size_t n, std::string_view purpose) {
  Stream s(2, purpose);
  Values x(n);
  for (double& v : x) v = s.exponential();
  return x;
}

// The weighted mean and its standard error where row i stands weight[i] times in the data (whole numbers).
StatisticValue mean_of_repeated_rows(const Values& psi, std::span<const double> times) {
  Values rows;
  for (std::size_t i = 0; i < psi.size(); ++i) rows.insert(rows.end(), static_cast<std::size_t>(times[i]), psi[i]);
  const auto estimate = mean_with_se(rows);
  return {estimate->mean, estimate->se};
}

TEST(BootstrapReplicates, DrawAsManyRowsAsThereAre) {
  std::vector<Values> weights(50);
  ASSERT_TRUE(bootstrap_replicates({.rows = 30, .cluster = {}}, options_of(BootstrapKind::kPercentile, 50),
                                   [&](std::size_t b, std::span<const double> w) { weights[b].assign(w.begin(), w.end()); }));
  Values mean_weight(30);
  for (std::size_t b = 0; b < weights.size(); ++b) {
    ASSERT_EQ(weights[b].size(), 30U);
    EXPECT_EQ(sum(weights[b]).value(), 30);
    // The worked definition: 30 bounded integers of the replicate's own stream.
    Stream own(1, "test.bootstrap", b);
    Values expected(30);
    for (int i = 0; i < 30; ++i) expected[own.below(30)] += 1;
    EXPECT_EQ(weights[b], expected);
  }
}

TEST(BootstrapReplicates, DrawClustersWhole) {
  const Ids cluster{7, 7, 3, 7, 9, 3, 1};
  ASSERT_TRUE(bootstrap_replicates({.rows = 7, .cluster = cluster}, options_of(BootstrapKind::kPercentile),
                                   [&](std::size_t, std::span<const double> w) {
                                     EXPECT_TRUE(w[0] == w[1] && w[1] == w[3] && w[2] == w[5]);
                                     EXPECT_EQ(w[0] + w[2] + w[4] + w[6], 4);  // four clusters
                                   }));
}

TEST(BootstrapReplicates, BayesGivesExponentialWeights) {
  Values all;
  std::mutex mutex;
  ASSERT_TRUE(bootstrap_replicates({.rows = 20, .cluster = {}}, options_of(BootstrapKind::kBayes, 1000),
                                   [&](std::size_t, std::span<const double> w) {
                                     const std::lock_guard lock(mutex);
                                     all.insert(all.end(), w.begin(), w.end());
                                   }));
  // Mean and standard deviation 1, each with standard error at most sqrt(2 / 20000): five of them.
  EXPECT_NEAR(mean(all).value(), 1, .05);
  EXPECT_NEAR(sd(all).value(), 1, .05);
}

TEST(Bootstrap, PercentileTakesTheTailsOfTheReplicates) {
  const Values x = skewed(40, "test.percentile");
  const auto options = options_of(BootstrapKind::kPercentile);
  const Statistic statistic = [&](std::span<const double> w) { return StatisticValue{weighted_mean(x, w).value()}; };
  Values replicates(options.draws);
  ASSERT_TRUE(bootstrap_replicates({.rows = x.size(), .cluster = {}}, options,
                                   [&](std::size_t b, std::span<const double> w) { replicates[b] = statistic(w).value; }));
  const BootstrapInterval found = bootstrap({.rows = x.size(), .cluster = {}}, statistic, options).value();
  EXPECT_DOUBLE_EQ(found.estimate, mean(x).value());
  EXPECT_EQ(found.lo, quantile(replicates, .05).value());
  EXPECT_EQ(found.hi, quantile(replicates, .95).value());
  EXPECT_EQ(found.se, sd(replicates).value());
  EXPECT_EQ(found.draws, 500U);
  EXPECT_EQ(found.undefined, 0U);
}

TEST(BootstrapMean, AgreesWithRepeatingRows) {
  const Values x = skewed(60, "test.repeating");
  for (const auto kind : {BootstrapKind::kPercentile, BootstrapKind::kStudentized}) {
    const auto slow = bootstrap(
        {.rows = x.size(), .cluster = {}}, [&](std::span<const double> w) { return mean_of_repeated_rows(x, w); },
        options_of(kind));
    const auto fast = bootstrap_mean(x, {}, {}, options_of(kind));
    // The same draws in another order of summation.
    EXPECT_NEAR(fast->estimate, slow->estimate, 1e-12);
    EXPECT_NEAR(fast->lo, slow->lo, 1e-12);
    EXPECT_NEAR(fast->hi, slow->hi, 1e-12);
    EXPECT_NEAR(fast->se, slow->se, 1e-12);
  }
}

TEST(BootstrapMean, AgreesWithRepeatingClusters) {
  const Values x = skewed(60, "test.clusters");
  Stream s(3, "test.clusters.weights");
  Values weight(x.size());
  for (double& w : weight) w = s.uniform();
  Ids cluster(x.size());
  for (std::size_t i = 0; i < cluster.size(); ++i) cluster[i] = static_cast<std::int64_t>(i < 12 ? i : i % 12);
  // Copies of a drawn cluster are clusters of their own.
  const Statistic slow_statistic = [&](std::span<const double> times) {
    Values psi;
    Values w;
    Ids id;
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (int copy = 0; copy < static_cast<int>(times[i]); ++copy) {
        psi.push_back(x[i]);
        w.push_back(weight[i]);
        id.push_back(100 * cluster[i] + copy);
      }
    }
    const auto estimate = mean_with_se(psi, w, id);
    return StatisticValue{estimate->mean, estimate->se};
  };
  const auto options = options_of(BootstrapKind::kStudentized);
  const auto slow = bootstrap({.rows = x.size(), .cluster = cluster}, slow_statistic, options);
  const auto fast = bootstrap_mean(x, weight, cluster, options);
  EXPECT_NEAR(fast->lo, slow->lo, 1e-12);
  EXPECT_NEAR(fast->hi, slow->hi, 1e-12);
}

TEST(BootstrapMean, BayesAgreesWithTheGeneralForm) {
  const Values x = skewed(30, "test.bayes");
  const auto options = options_of(BootstrapKind::kBayes);
  const auto slow = bootstrap(
      {.rows = x.size(), .cluster = {}}, [&](std::span<const double> w) { return StatisticValue{weighted_mean(x, w).value()}; },
      options);
  const auto fast = bootstrap_mean(x, {}, {}, options);
  EXPECT_NEAR(fast->lo, slow->lo, 1e-12);
  EXPECT_NEAR(fast->hi, slow->hi, 1e-12);
}

TEST(BootstrapMean, StudentizedLeansTowardsTheLongTail) {
  // Skewed to the right: the interval reaches further up than down, more so than the percentile interval.
  const Values x = skewed(40, "test.lean");
  const auto t = bootstrap_mean(x, {}, {}, options_of(BootstrapKind::kStudentized, 4000)).value();
  const auto p = bootstrap_mean(x, {}, {}, options_of(BootstrapKind::kPercentile, 4000)).value();
  const auto lean = [](const BootstrapInterval& i) { return (i.hi - i.estimate) / (i.estimate - i.lo); };
  EXPECT_GT(lean(t), lean(p));
  EXPECT_GT(lean(p), 1);
}

TEST(BootstrapMean, HasTheSameBitsForAnyNumberOfThreads) {
  const Values x = skewed(100, "test.threads");
  BootstrapInterval one;
  for (const int threads : {1, 2, 8}) {
    const ThreadLimit limit(threads);
    const auto found = bootstrap_mean(x, {}, {}, options_of(BootstrapKind::kStudentized)).value();
    if (threads == 1) one = found;
    EXPECT_EQ(found.lo, one.lo);
    EXPECT_EQ(found.hi, one.hi);
    EXPECT_EQ(found.se, one.se);
  }
}

TEST(Bootstrap, CountsUndefinedReplicatesAndRefusesMany) {
  const Values x = skewed(20, "test.undefined");
  const auto defined_without_row = [&](double most) {
    return bootstrap(
        {.rows = x.size(), .cluster = {}},
        [&x, most](std::span<const double> w) { return StatisticValue{w[0] > most ? NAN : weighted_mean(x, w).value()}; },
        options_of(BootstrapKind::kPercentile));
  };
  const auto some = defined_without_row(3);  // more than three copies of a row: 1.6 % of replicates
  ASSERT_TRUE(some);
  EXPECT_GT(some->undefined, 0U);
  EXPECT_LT(some->undefined, 25U);
  const auto many = defined_without_row(1);  // 26 %
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, ErrorCode::kInsufficientData);
  EXPECT_THAT(many.error().message, testing::HasSubstr("is undefined in"));
}

TEST(BootstrapMean, RefusesConstantDataForAStudentizedInterval) {
  const Values same(10, 0.1);
  EXPECT_EQ(bootstrap_mean(same, {}, {}, options_of(BootstrapKind::kStudentized)).error().code, ErrorCode::kInsufficientData);
  const auto percentile = bootstrap_mean(same, {}, {}, options_of(BootstrapKind::kPercentile)).value();
  EXPECT_DOUBLE_EQ(percentile.lo, 0.1);
  EXPECT_DOUBLE_EQ(percentile.hi, 0.1);
}

TEST(Bootstrap, ChecksItsOptionsAndUnits) {
  const Values x{1, 2, 3};
  auto options = options_of(BootstrapKind::kPercentile);
  options.draws = 1;
  EXPECT_EQ(bootstrap_mean(x, {}, {}, options).error().message, "a bootstrap needs at least 2 draws, found 1");
  options = options_of(BootstrapKind::kPercentile);
  options.level = 1;
  EXPECT_EQ(bootstrap_mean(x, {}, {}, options).error().message, "a bootstrap's level must lie in (0, 1), found 1");
  options = options_of(BootstrapKind::kPercentile);
  options.stream = nullptr;
  EXPECT_FALSE(bootstrap_mean(x, {}, {}, options).has_value());
  options = options_of(BootstrapKind::kPercentile);
  EXPECT_EQ(bootstrap_mean(Values{1}, {}, {}, options).error().message, "a bootstrap needs at least 2 rows, found 1");
  EXPECT_EQ(bootstrap_mean(x, {}, Ids{4, 4, 4}, options).error().message, "a bootstrap needs at least 2 clusters, found 1");
  const Statistic nothing = [](std::span<const double>) { return StatisticValue{0}; };
  EXPECT_FALSE(bootstrap({.rows = 0, .cluster = {}}, nothing, options).has_value());
  EXPECT_EQ(bootstrap({.rows = 3, .cluster = Ids{1}}, nothing, options).error().message, "1 cluster ids for 3 rows");
  EXPECT_EQ(bootstrap({.rows = 3, .cluster = {}}, nothing, options_of(BootstrapKind::kStudentized)).error().message,
            "a studentized bootstrap needs the statistic's standard error, found nan");
}

TEST(Bootstrap, StopsWhenAsked) {
  std::stop_source source;
  source.request_stop();
  auto options = options_of(BootstrapKind::kPercentile);
  options.stop = source.get_token();
  EXPECT_EQ(bootstrap_mean(Values{1, 2, 3}, {}, {}, options).error().code, ErrorCode::kInterrupted);
}

}  // namespace
}  // namespace gimbal::stats
