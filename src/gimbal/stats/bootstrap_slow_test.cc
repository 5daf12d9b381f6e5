// The guarantees of the bootstrap and of simultaneous bands, simulated: coverage must lie in its binomial band.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "gimbal/base/parallel.h"
#include "gimbal/stats/bootstrap.h"
#include "gimbal/stats/clustered.h"
#include "gimbal/stats/distributions.h"
#include "gimbal/stats/intervals.h"
#include "gimbal/stats/simultaneous.h"

namespace gimbal::stats {
namespace {

// How many of `replications` data sets have an interval that holds the truth.
struct Coverage {
  std::int64_t studentized = 0;
  std::int64_t percentile = 0;
  std::int64_t normal = 0;
};

template <typename MakeData>
Coverage simulate(int replications, double truth, const MakeData& make_data) {
  Coverage total;
  for (int r = 0; r < replications; ++r) {
    std::vector<double> x;
    std::vector<std::int64_t> cluster;
    make_data(r, x, cluster);
    const auto covered = [&](BootstrapKind kind) {
      const auto stream = [r](std::uint64_t b) { return Stream(1, "test.coverage.bootstrap", r, b); };
      const auto interval =
          bootstrap_mean(x, {}, cluster, {.kind = kind, .draws = 1000, .level = .95, .stream = stream}).value();
      return interval.lo <= truth && truth <= interval.hi;
    };
    total.studentized += covered(BootstrapKind::kStudentized);
    total.percentile += covered(BootstrapKind::kPercentile);
    const MeanEstimate estimate = mean_with_se(x, {}, cluster).value();
    total.normal += std::abs(estimate.mean - truth) <= normal_quantile(.975) * estimate.se;
  }
  return total;
}

constexpr int kReplications = 2000;

TEST(BootstrapCoverage, StudentizedCoversTheMeanOfSkewedDataWherePercentileDoesNot) {
  const Coverage coverage = simulate(kReplications, 1.0, [](int r, std::vector<double>& x, std::vector<std::int64_t>&) {
    Stream s(2, "test.coverage.skewed", r);
    x.resize(30);
    for (double& v : x) v = s.exponential();
  });
  const CountBand band = binomial_band(kReplications, .95, .999);
  EXPECT_TRUE(band.contains(coverage.studentized)) << coverage.studentized;
  EXPECT_LT(coverage.percentile, band.lo);  // the test has teeth: about 92 %
  EXPECT_LT(coverage.normal, band.lo);
}

TEST(BootstrapCoverage, ClustersAreResampledWhole) {
  const auto make_data = [](bool give_clusters) {
    return [give_clusters](int r, std::vector<double>& x, std::vector<std::int64_t>& cluster) {
      Stream s(3, "test.coverage.clusters", r);
      for (int g = 0; g < 40; ++g) {
        const double shared = std::sqrt(.3) * s.normal();  // intra-cluster correlation .3
        const std::uint64_t size = 2 + s.below(8);
        for (std::uint64_t i = 0; i < size; ++i) {
          x.push_back(shared + std::sqrt(.7) * s.normal());
          if (give_clusters) cluster.push_back(g);
        }
      }
    };
  };
  const CountBand band = binomial_band(kReplications, .95, .999);
  const Coverage with = simulate(kReplications, 0, make_data(true));
  EXPECT_TRUE(band.contains(with.studentized)) << with.studentized;
  const Coverage without = simulate(kReplications, 0, make_data(false));
  EXPECT_LT(without.studentized, binomial_band(kReplications, .9, .999).lo);
  EXPECT_LT(without.normal, binomial_band(kReplications, .9, .999).lo);
}

TEST(SimultaneousCoverage, ABandCoversAllMeansAtOnce) {
  // Eight neighbouring points of a curve (correlation falls with distance), covariance estimated from n = 400 rows.
  constexpr std::size_t kPoints = 8;
  constexpr int kRows = 400;
  std::int64_t band_covers = 0;
  std::int64_t pointwise_covers = 0;
  for (int r = 0; r < kReplications; ++r) {
    Stream s(4, "test.coverage.band", r);
    Matrix rows(kRows, kPoints);
    for (std::size_t i = 0; i < kRows; ++i) {
      double previous = s.normal();
      for (std::size_t j = 0; j < kPoints; ++j) rows(i, j) = previous = .8 * previous + .6 * s.normal();
    }
    std::vector<double> mean(kPoints, 0.0);
    Matrix covariance(kPoints, kPoints);
    for (std::size_t i = 0; i < kRows; ++i) {
      for (std::size_t j = 0; j < kPoints; ++j) mean[j] += rows(i, j) / kRows;
    }
    for (std::size_t i = 0; i < kRows; ++i) {
      for (std::size_t j = 0; j < kPoints; ++j) {
        for (std::size_t k = 0; k < kPoints; ++k) {
          covariance(j, k) += (rows(i, j) - mean[j]) * (rows(i, k) - mean[k]) / (kRows - 1);
        }
      }
    }
    const double q = max_abs_quantile(covariance, {}, .95, kSimultaneousDraws, Stream(5, "test.band", r)).value();
    double largest = 0;
    for (std::size_t j = 0; j < kPoints; ++j) {
      largest = std::max(largest, std::abs(mean[j]) / std::sqrt(covariance(j, j) / kRows));
    }
    band_covers += largest <= q;
    pointwise_covers += largest <= normal_quantile(.975);
  }
  EXPECT_TRUE(binomial_band(kReplications, .95, .999).contains(band_covers)) << band_covers;
  EXPECT_LT(pointwise_covers, binomial_band(kReplications, .9, .999).lo);
}

}  // namespace
}  // namespace gimbal::stats
