#include "gimbal/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "gimbal/base/check.h"

namespace gimbal {
namespace {

// Largest distance between the sample's and the true distribution function, times sqrt(n). Above 2.7 with probability
// 2 exp(-2 * 2.7^2) < 1e-6 (Kolmogorov), for discrete distributions with even less.
constexpr double kKolmogorovLimit = 2.7;

template <typename Cdf>
double kolmogorov(std::vector<double> sample, const Cdf& cdf) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double largest = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double f = cdf(sample[i]);
    largest = std::max({largest, f - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - f});
  }
  return largest * std::sqrt(n);
}

// Counts against probabilities; cells of small expectation are pooled. Standardised by Wilson and Hilferty's cube root: about
// standard normal, so above 5 with probability 3e-7.
double chi_square_z(const std::map<std::int64_t, int>& counts, int n, const std::function<double(std::int64_t)>& pdf,
                    std::int64_t last) {
  double statistic = 0;
  double pooled_expected = 0;
  double pooled_observed = 0;
  int cells = 0;
  for (std::int64_t k = 0; k <= last; ++k) {
    pooled_expected += n * pdf(k);
    const auto found = counts.find(k);
    pooled_observed += found == counts.end() ? 0 : found->second;
    if (pooled_expected < 20 && k != last) continue;
    if (pooled_expected <= 0) continue;
    statistic += (pooled_observed - pooled_expected) * (pooled_observed - pooled_expected) / pooled_expected;
    pooled_expected = pooled_observed = 0;
    ++cells;
  }
  const double df = cells - 1;
  return (std::cbrt(statistic / df) - (1 - 2 / (9 * df))) / std::sqrt(2 / (9 * df));
}

double log_choose(double n, double k) { return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1); }

struct Moments {
  double mean = 0;
  double variance = 0;
};
template <typename Draw>
Moments moments(int n, const Draw& draw) {
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < n; ++i) {
    const double x = draw();
    sum += x;
    squares += x * x;
  }
  return {sum / n, squares / n - sum / n * (sum / n)};
}

TEST(Philox, GivesTheKnownAnswersOfItsAuthors) {
  using Block = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32_10({ones, ones, ones, ones}, {ones, ones}), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Stream, ReproducesTheWorkedKeysAndUniforms) {
  Stream s(0, "sample", "p1", 3);
  EXPECT_EQ(s.key(), 0x5754f20721225aabU);
  EXPECT_EQ(s.uniform(), .17078200280995348);
  EXPECT_EQ(s.uniform(), .1433823054758211);
  EXPECT_EQ(s.uniform(), .7044228903187912);
  // Printed with 16 digits: one unit of the last is more than a double's spacing here.
  EXPECT_NEAR(Stream(7, "perturb", "p02", 0, 0.01).uniform(), .6118045814090902, 1e-16);
}

TEST(Stream, TellsTextIntegersAndRealsApart) {
  EXPECT_NE(Stream(0, "a", 1).key(), Stream(0, "a", 1.0).key());
  EXPECT_NE(Stream(0, "a", 1).key(), Stream(0, "a", "1").key());
  EXPECT_NE(Stream(0, "ab", "c").key(), Stream(0, "a", "bc").key());
  EXPECT_NE(Stream(0, "a").key(), Stream(1, "a").key());
  EXPECT_EQ(Stream(0, "a", 1).key(), Stream(0, std::string("a"), std::size_t{1}).key());
}

TEST(Stream, ReachesAnyDrawDirectly) {
  Stream s(5, "test.random_access");
  std::vector<std::uint64_t> drawn(101);
  for (auto& x : drawn) x = s.next();
  EXPECT_EQ(s.position(), 101U);
  for (std::uint64_t n = 0; n < drawn.size(); ++n) EXPECT_EQ(s.at(n), drawn[n]) << n;
  s.seek(37);
  EXPECT_EQ(s.next(), drawn[37]);
  EXPECT_EQ(s.next(), drawn[38]);
  s.seek(0);
  EXPECT_EQ(s.next(), drawn[0]);
  // The counter's high word: a block beyond 2^32 differs from the one 2^32 blocks earlier.
  EXPECT_NE(s.at(std::uint64_t{1} << 33), s.at(0));
}

TEST(Stream, UniformsHaveTheirDistribution) {
  Stream s(1, "test.uniform");
  std::vector<double> x(100'000);
  for (double& value : x) value = s.uniform();
  EXPECT_LT(kolmogorov(x, [](double u) { return u; }), kKolmogorovLimit);
  EXPECT_GE(*std::min_element(x.begin(), x.end()), 0);
  EXPECT_LT(*std::max_element(x.begin(), x.end()), 1);
}

TEST(Stream, NormalsAndExponentialsHaveTheirDistributionAndUseOneDraw) {
  Stream s(2, "test.normal");
  std::vector<double> x(100'000);
  for (double& value : x) value = s.normal();
  EXPECT_EQ(s.position(), x.size());
  EXPECT_LT(kolmogorov(x, [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }), kKolmogorovLimit);
  for (double& value : x) value = s.exponential();
  EXPECT_EQ(s.position(), 2 * x.size());
  EXPECT_LT(kolmogorov(x, [](double t) { return -std::expm1(-t); }), kKolmogorovLimit);
}

TEST(Stream, GammaDrawsHaveTheirMomentsForSmallAndLargeShapes) {
  constexpr int kDraws = 200'000;
  for (const double shape : {0.05, 0.5, 1.0, 2.5, 40.0}) {
    Stream s(3, "test.gamma", shape);
    const Moments m = moments(kDraws, [&] { return s.gamma(shape); });
    // Standard errors: sqrt(shape / n) of the mean, sqrt((2 shape^2 + 6 shape) / n) of the variance; five of them.
    EXPECT_NEAR(m.mean, shape, 5 * std::sqrt(shape / kDraws)) << shape;
    EXPECT_NEAR(m.variance, shape, 5 * std::sqrt((2 * shape * shape + 6 * shape) / kDraws)) << shape;
  }
}

TEST(Stream, GammaOfIntegerShapeHasTheErlangDistribution) {
  Stream s(4, "test.erlang");
  std::vector<double> x(50'000);
  for (double& value : x) value = s.gamma(3);
  EXPECT_LT(kolmogorov(x, [](double t) { return 1 - std::exp(-t) * (1 + t + t * t / 2); }), kKolmogorovLimit);
  for (double& value : x) value = s.gamma(1);
  EXPECT_LT(kolmogorov(x, [](double t) { return -std::expm1(-t); }), kKolmogorovLimit);
  for (double& value : x) value = s.gamma(0.5);  // half a squared normal
  EXPECT_LT(kolmogorov(x, [](double t) { return std::erf(std::sqrt(t)); }), kKolmogorovLimit);
}

TEST(Stream, BetaDrawsHaveTheirDistributionAndStayFiniteForTinyShapes) {
  Stream s(5, "test.beta");
  std::vector<double> x(50'000);
  for (double& value : x) value = s.beta(2, 1);
  EXPECT_LT(kolmogorov(x, [](double t) { return t * t; }), kKolmogorovLimit);
  for (double& value : x) value = s.beta(0.5, 0.5);  // arcsine
  EXPECT_LT(kolmogorov(x, [](double t) { return 2 / std::acos(-1.0) * std::asin(std::sqrt(t)); }), kKolmogorovLimit);
  int ones = 0;
  for (int i = 0; i < 1000; ++i) {
    const double t = s.beta(1e-4, 1e-4);  // both gammas underflow: a fair coin between 0 and 1
    ASSERT_TRUE(t >= 0 && t <= 1);
    ones += t > 0.5;
  }
  EXPECT_NEAR(ones, 500, 80);  // five standard deviations of Binomial(1000, 1/2)
}

TEST(Stream, PoissonDrawsFollowTheirProbabilitiesOnBothSidesOfThirty) {
  constexpr int kDraws = 100'000;
  for (const double mean : {0.3, 7.0, 29.9, 30.0, 55.5, 1000.0}) {
    Stream s(6, "test.poisson", mean);
    std::map<std::int64_t, int> counts;
    for (int i = 0; i < kDraws; ++i) ++counts[s.poisson(mean)];
    const auto pdf = [&](std::int64_t k) {
      const auto x = static_cast<double>(k);
      return std::exp(x * std::log(mean) - mean - std::lgamma(x + 1));
    };
    EXPECT_LT(chi_square_z(counts, kDraws, pdf, counts.rbegin()->first + 1), 5) << mean;
  }
  Stream s(6, "test.poisson.zero");
  EXPECT_EQ(s.poisson(0), 0);
}

TEST(Stream, BinomialDrawsFollowTheirProbabilitiesInBothRegimesAndBothHalves) {
  constexpr int kDraws = 100'000;
  struct Case {
    std::int64_t n;
    double p;
  };
  for (const Case c : {Case{1, .3}, Case{20, .25}, Case{20, .8}, Case{59, .5}, Case{60, .5}, Case{100, .31}, Case{200, .85},
                       Case{100'000, .0001}, Case{100'000, .01}}) {
    Stream s(7, "test.binomial", c.n, c.p);
    std::map<std::int64_t, int> counts;
    for (int i = 0; i < kDraws; ++i) ++counts[s.binomial(c.n, c.p)];
    ASSERT_GE(counts.begin()->first, 0);
    ASSERT_LE(counts.rbegin()->first, c.n);
    const auto pdf = [&](std::int64_t k) {
      const auto n = static_cast<double>(c.n);
      const auto x = static_cast<double>(k);
      return std::exp(log_choose(n, x) + x * std::log(c.p) + (n - x) * std::log1p(-c.p));
    };
    EXPECT_LT(chi_square_z(counts, kDraws, pdf, std::min(c.n, counts.rbegin()->first + 1)), 5) << c.n << " " << c.p;
  }
}

TEST(Stream, BinomialKnowsItsDegenerateCases) {
  Stream s(8, "test.binomial.ends");
  EXPECT_EQ(s.binomial(0, .4), 0);
  EXPECT_EQ(s.binomial(50, 0), 0);
  EXPECT_EQ(s.binomial(50, 1), 50);
}

TEST(Stream, BoundedIntegersAreUniformAlsoForHugeBounds) {
  Stream s(9, "test.below");
  std::map<std::int64_t, int> counts;
  for (int i = 0; i < 70'000; ++i) ++counts[static_cast<std::int64_t>(s.below(7))];
  EXPECT_LT(chi_square_z(counts, 70'000, [](std::int64_t) { return 1.0 / 7; }, 6), 5);
  EXPECT_EQ(s.below(1), 0U);
  // Three quarters of 2^64: without rejection the lower third would come twice as often.
  const std::uint64_t bound = std::uint64_t{3} << 62;
  int low = 0;
  for (int i = 0; i < 30'000; ++i) low += s.below(bound) < std::uint64_t{1} << 62;
  EXPECT_NEAR(low, 10'000, 5 * std::sqrt(30'000.0 * 2 / 9));
  EXPECT_THROW(s.below(0), CheckFailure);
}

TEST(Stream, CategoricalTakesTheFirstIndexWhoseCumulativeWeightExceeds) {
  Stream s(0, "sample", "p1", 3);  // .1708, .1434, .7044
  const std::vector<double> weights{0, .3, .4, 0, .3, 0};
  EXPECT_EQ(s.categorical(weights), 1U);  // .1708 * 1.0 < .3
  EXPECT_EQ(s.categorical(weights), 1U);
  EXPECT_EQ(s.categorical(weights), 4U);  // .7044 > .7
  std::map<std::int64_t, int> counts;
  for (int i = 0; i < 50'000; ++i) ++counts[static_cast<std::int64_t>(s.categorical(weights))];
  EXPECT_EQ(counts.count(0) + counts.count(3) + counts.count(5), 0U);
  EXPECT_NEAR(counts[2], 20'000, 5 * std::sqrt(50'000 * .24));
  EXPECT_THROW(s.categorical(std::vector<double>{0, 0}), CheckFailure);
  EXPECT_THROW(s.categorical(std::vector<double>{1, -1}), CheckFailure);
}

TEST(Stream, PermutationsAreUniform) {
  Stream s(10, "test.permutation");
  std::map<std::vector<std::size_t>, int> counts;
  for (int i = 0; i < 24'000; ++i) ++counts[s.permutation(4)];
  ASSERT_EQ(counts.size(), 24U);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 5 * std::sqrt(1000.0));
  EXPECT_TRUE(s.permutation(0).empty());
  EXPECT_EQ(s.permutation(1), (std::vector<std::size_t>{0}));
}

TEST(Stream, FisherYatesRunsFromTheEnd) {
  Stream permuting(11, "test.fisher_yates");
  Stream drawing(11, "test.fisher_yates");
  std::vector<std::size_t> expected{0, 1, 2, 3, 4};
  for (std::size_t i = 5; i > 1; --i) std::swap(expected[i - 1], expected[drawing.below(i)]);
  EXPECT_EQ(permuting.permutation(5), expected);
}

TEST(NormalQuantile, KnowsTabledValuesAndIsOddAroundAHalf) {
  EXPECT_EQ(normal_quantile_as241(.5), 0);
  EXPECT_NEAR(normal_quantile_as241(.975), 1.959963984540054, 1e-15);
  EXPECT_NEAR(normal_quantile_as241(1e-10), -6.361340902404056, 1e-14);
  EXPECT_NEAR(normal_quantile_as241(1e-300), -37.0470962993612, 1e-13);
  for (const double p : {.01, .0625, .25, .4375}) EXPECT_DOUBLE_EQ(normal_quantile_as241(p), -normal_quantile_as241(1 - p));
  EXPECT_THROW(normal_quantile_as241(0), CheckFailure);
  EXPECT_THROW(normal_quantile_as241(1), CheckFailure);
}

}  // namespace
}  // namespace gimbal
