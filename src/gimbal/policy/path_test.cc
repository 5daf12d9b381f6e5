#include "gimbal/policy/path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/base/parallel.h"
#include "gimbal/policy/path_test_tables.h"

namespace gimbal::policy {
namespace {

using testing::make_table;
using testing::p1;
using testing::p2;
using testing::p3;
using testing::p4;
using testing::random_table;
using testing::RandomTable;
using testing::share;

constexpr double kPrinted = 1e-6;  // the worked examples are printed to seven digits

FrontierPath build(std::shared_ptr<const Table> table, Score score, double c0 = 0, Bounds bounds = {}) {
  auto path = FrontierPath::build(std::move(table), {.score = score, .c0 = c0, .bounds = std::move(bounds)});
  EXPECT_TRUE(path.has_value()) << path.error().text();
  return *path;
}

Matrix probabilities(const FrontierPath& path, double lambda) {
  Matrix pi;
  path.probabilities(lambda, pi);
  return pi;
}

// What one line of a worked table says.
struct Line {
  double lambda;
  std::vector<double> pi;  // row by row
  double tau, q, z1, n;    // n: units for power .8, two-sided .05; 0 where it is not printed
};

void expect_lines(const FrontierPath& path, const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    SCOPED_TRACE(line.lambda);
    const Matrix pi = probabilities(path, line.lambda);
    for (std::size_t j = 0; j < line.pi.size(); ++j) EXPECT_NEAR(pi.values()[j], line.pi[j], kPrinted) << j;
    const Moments m = path.at(line.lambda);
    EXPECT_NEAR(m.tau, line.tau, kPrinted);
    if (line.q > 0) {
      EXPECT_NEAR(m.q, line.q, kPrinted * std::max(1.0, line.q));
    }
    if (line.z1 > 0) {
      EXPECT_NEAR(z1(m), line.z1, kPrinted);
    }
    if (line.n > 0) {
      EXPECT_NEAR(units_required(z1(m), .8, {}), line.n, .005);
    }
    const Moments direct = policy_moments(path.model(), pi);
    EXPECT_NEAR(direct.tau, m.tau, 1e-12);
    EXPECT_NEAR(direct.q, m.q, 1e-11);
  }
}

std::vector<double> rows2(double first, double second) { return {1 - first, first, 1 - second, second}; }

TEST(FrontierPath, SolvesTheWorkedExampleOfTwoUnitsWithIpw) {
  const FrontierPath path = build(p1(), Score::kIpw);
  expect_lines(path, {{2, rows2(.509091, .487273), .0763636, .1527273, .1992424, 197.72},
                      {11, rows2(1, .88), .42, 4.62, .1992424, 197.72},
                      {12, rows2(1, .923636), .4309091, 4.8709091, .1990767, 198.05},
                      {13.75, rows2(1, 1), .45, 5.3625, .1981015, 200.00},
                      {kInfinity, rows2(1, 1), .45, 5.3625, .1981015, 200.00}});
  EXPECT_NEAR(path.lambda_max_z().value(), 11, 1e-12);
  EXPECT_THAT(path.breakpoints(),
              ::testing::ElementsAre(::testing::DoubleNear(11, 1e-12), ::testing::DoubleNear(13.75, 1e-12)));
  EXPECT_NEAR(power_at(std::sqrt(199.0) * z1(path.at(12)), {}), .801881, kPrinted);
  EXPECT_NEAR(power_at(std::sqrt(199.0) * z1(path.at(kInfinity)), {}), .798029, kPrinted);
}

TEST(FrontierPath, SolvesTheWorkedExampleOfTwoUnitsWithDr) {
  const FrontierPath path = build(p1(), Score::kDr);
  expect_lines(path, {{2, rows2(.660870, .626415), .1870386, .3740771, .3211969, 76.08},
                      {4.6, rows2(1, .920755), .4301887, 1.9788679, .3211969, 76.08},
                      {kInfinity, rows2(1, 1), .45, 2.175, .3204085, 76.45}});
  EXPECT_NEAR(path.lambda_max_z().value(), 4.6, 1e-12);
}

TEST(FrontierPath, SolvesTheWorkedExampleOfTwoUnitsWithCentredIpw) {
  expect_lines(build(p1(), Score::kCipw, 1.25), {{2, rows2(.644586, .625882), .1787636, .3575271, .3132971, 79.96}});
}

TEST(FrontierPath, SolvesTheWorkedExampleOfThreeArms) {
  const FrontierPath ipw = build(p2(), Score::kIpw);
  expect_lines(ipw, {{2, {.569364, .325145, .105491}, .1098266, .2196532, .2410477, 0},
                     {4, {.607143, .392857, 0}, .1964286, .7053571, .2405557, 0},
                     {8, {.511905, .488095, 0}, .2440476, 1.2767857, .2212019, 0},
                     {kInfinity, {0, 1, 0}, .5, 10.875, .1533930, 0}});
  expect_lines(build(p2(), Score::kDr), {{2, {.565574, .381148, .053279}, .1639344, .3278689, .2988072, 0},
                                         {4, {.512195, .487805, 0}, .2439024, .7621951, .2909572, 0},
                                         {kInfinity, {0, 1, 0}, .5, 5.5, .2182179, 0}});
}

TEST(FrontierPath, SolvesTheWorkedExampleOfADeterministicBaseline) {
  const auto rows = [](double a, double b, double c) { return std::vector<double>{1 - a, a, 1 - b, b, 1 - c, c}; };
  expect_lines(build(p3(), Score::kIpw), {{4, rows(.218182, .174545, 0), .1221818, .4887273, .1775046, 0},
                                          {11, rows(.6, .48, 0), .336, 3.696, 0, 0},
                                          {kInfinity, rows(1, 1, 0), .6, 11.9166667, .1764960, 0}});
  expect_lines(build(p3(), Score::kDr), {{4, rows(.521739, .452830, 0), .2992617, 1.1970468, .2843684, 0},
                                         {kInfinity, rows(1, 1, 0), .6, 4.8333333, 0, 0}});
  // The third unit stays with its arm for every lambda: its breakpoint at 0 does not count.
  EXPECT_GT(build(p3(), Score::kIpw).lambda_max_z().value(), 11);
}

TEST(FrontierPath, SolvesTheWorkedExampleOfATieAndAnImpossibleArm) {
  expect_lines(build(p4(), Score::kIpw), {{1, {.066667, .35, .583333, .675, .325, 0}, .1041667, .1041667, 0, 0},
                                          {kInfinity, {0, .375, .625, 1, 0, 0}, .3, 1.2166667, 0, 0}});
  expect_lines(build(p4(), Score::kDr), {{1, {.062069, .351724, .586207, .793548, .206452, 0}, .1657397, 0, 0, 0}});
}

TEST(FrontierPath, HasNoLambdaMaxZWhenNoUnitCanMove) {
  const FrontierPath path = build(share(make_table(2, 2, {.5, .5, .5, .5}, {1, 1, 2, 2}, {1, 1, 1, 1})), Score::kDr);
  EXPECT_FALSE(path.lambda_max_z().has_value());
  EXPECT_FALSE(path.lambda_saturated(.01).has_value());
  EXPECT_EQ(path.breakpoints().size(), 0u);
  EXPECT_EQ(path.at(3).tau, 0);
  EXPECT_EQ(z1(path.at(kInfinity)), 0);
}

TEST(FrontierPath, RefusesABaselineOnAnImpossibleArm) {
  const auto path = FrontierPath::build(share(make_table(1, 2, {1, 0}, {1, 2}, {1, 1}, {.5, .5})),
                                        {.score = Score::kDr, .c0 = 0, .bounds = {}});
  ASSERT_FALSE(path.has_value());
  EXPECT_EQ(exit_code(path.error().code), 3);
}

TEST(FrontierPath, RefusesWeightsThatAreAllZero) {
  const auto path = FrontierPath::build(share(make_table(1, 2, {.5, .5}, {1, 2}, {1, 1}, {}, {0})), {});
  ASSERT_FALSE(path.has_value());
  EXPECT_EQ(path.error().text(), "the weights sum to 0: no unit counts");
}

// The random cases: every kind of table, K = 2..6.
std::vector<RandomTable> kinds() {
  std::vector<RandomTable> all;
  for (std::size_t arms = 2; arms <= 6; ++arms) {
    for (int kind = 0; kind < 5; ++kind) {
      all.push_back({.units = 12,
                     .arms = arms,
                     .deterministic_baseline = kind == 1,
                     .other_baseline = kind == 2 || kind == 4,
                     .weights = kind == 2,
                     .ties = kind == 3,
                     .impossible = kind == 4});
    }
  }
  return all;
}

// Lambdas around the breakpoints of a path: where it starts, in the middle, far beyond its end.
std::vector<double> probes(const FrontierPath& path, Stream& stream) {
  std::vector<double> lambdas{0, 1e-6, 1e9, kInfinity};
  const auto points = path.breakpoints();
  for (int j = 0; j < 4 && !points.empty(); ++j) {
    const double at = points[stream.below(points.size())];
    lambdas.push_back(at);
    lambdas.push_back(at * (.5 + stream.uniform()));
  }
  return lambdas;
}

template <typename Check>
void for_random_paths(int repetitions, const Check& check) {
  std::uint64_t seed = 0;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    for (const RandomTable& kind : kinds()) {
      const auto table = share(random_table(kind, ++seed));
      for (const Score score : {Score::kDr, Score::kIpw, Score::kCipw, Score::kSnips}) {
        SCOPED_TRACE(fmt::format("seed {} arms {} score {}", seed, kind.arms, score_name(score)));
        check(build(table, score, .7), seed);
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
}

TEST(FrontierPath, AgreesWithDirectEvaluationAtAnyLambda) {
  for_random_paths(40, [](const FrontierPath& path, std::uint64_t seed) {  // 1,000 tables, four scores each
    Stream stream(seed, "policy.test_probe");
    for (const double lambda : probes(path, stream)) {
      const Matrix pi = probabilities(path, lambda);
      const Moments direct = policy_moments(path.model(), pi), along = path.at(lambda);
      // 1e-9 relative; below lambda = 1e-6 the differences pi - b themselves have only ten digits.
      const double tolerance = lambda < 1e-3 ? 1e-15 : 0;
      EXPECT_NEAR(along.tau, direct.tau, 1e-9 * std::abs(direct.tau) + tolerance) << lambda;
      EXPECT_NEAR(along.q, direct.q, 1e-9 * direct.q + tolerance) << lambda;
      for (std::size_t i = 0; i < pi.rows(); ++i) {
        double sum = 0;
        for (const double p : pi.row(i)) {
          EXPECT_GE(p, 0);
          EXPECT_LE(p, 1);
          sum += p;
        }
        EXPECT_NEAR(sum, 1, 1e-12);
      }
    }
  });
}

TEST(FrontierPath, TauDoesNotFallAndZDoesNotRise) {
  for_random_paths(3, [](const FrontierPath& path, std::uint64_t) {
    Moments before = path.breakpoints().empty() ? Moments{} : path.at(path.breakpoints()[0] / 2);
    for (const double lambda : path.breakpoints()) {
      const Moments now = path.at(lambda);
      EXPECT_GE(now.tau, before.tau * (1 - 1e-9));
      EXPECT_LE(z1(now), z1(before) * (1 + 1e-9));
      before = now;
    }
  });
}

TEST(FrontierPath, IsOneDirectionUpToLambdaMaxZ) {
  for_random_paths(2, [](const FrontierPath& path, std::uint64_t) {
    if (!path.lambda_max_z()) return;
    const double end = *path.lambda_max_z();
    const Moments whole = path.at(end), half = path.at(end / 2);
    EXPECT_NEAR(half.tau, whole.tau / 2, 1e-12 * whole.tau);
    EXPECT_NEAR(z1(half), z1(whole), 1e-9 * z1(whole));
    EXPECT_LT(z1(path.at(end * 1.5)), z1(whole) * (1 + 1e-12));
  });
}

TEST(FrontierPath, HasTheLeastSecondMomentAtItsTau) {
  // Any other policy with the same tau has a larger Q: mix the path's policy with a random one and go back to its tau along
  // the path itself, dQ = 2 lambda dtau.
  for_random_paths(2, [](const FrontierPath& path, std::uint64_t seed) {
    Stream stream(seed, "policy.test_other");
    const Table& table = path.table();
    for (const double lambda : probes(path, stream)) {
      if (lambda == 0 || lambda > 1e8) continue;
      const Moments best = path.at(lambda);
      Matrix other = probabilities(path, lambda);
      for (std::size_t i = 0; i < other.rows(); ++i) {
        std::vector<double> random(other.cols());
        testing::fill_simplex(stream, random);
        double sum = 0;
        for (std::size_t a = 0; a < other.cols(); ++a) sum += random[a] = table.e(i, a) > 0 ? random[a] : 0.0;
        const double step = .3 * stream.uniform();
        for (std::size_t a = 0; a < other.cols(); ++a) other(i, a) = (1 - step) * other(i, a) + step * random[a] / sum;
      }
      const Moments m = policy_moments(path.model(), other);
      // Q/2 - lambda tau is minimal on the path, hence Q is minimal at its tau.
      EXPECT_GE(m.q / 2 - lambda * m.tau, best.q / 2 - lambda * best.tau - 1e-12 * (best.q + lambda * std::abs(best.tau)));
    }
  });
}

TEST(FrontierPath, MixingWithTheBaselineLeavesZUnchanged) {
  for_random_paths(1, [](const FrontierPath& path, std::uint64_t) {
    Matrix pi = probabilities(path, 3);
    const Moments m = policy_moments(path.model(), pi);
    for (std::size_t i = 0; i < pi.rows(); ++i) {
      for (std::size_t a = 0; a < pi.cols(); ++a) pi(i, a) = .75 * pi(i, a) + .25 * path.table().baseline(i, a);
    }
    EXPECT_NEAR(z1(policy_moments(path.model(), pi)), z1(m), 1e-12 * (1 + z1(m)));
  });
}

TEST(FrontierPath, IsInvariantToAConstantInTheOutcomeWithCentredScores) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Table table = random_table({.units = 10, .arms = 2 + seed % 3}, seed);
    Table shifted = table;
    for (double& mu : shifted.mu.values()) mu += 3;
    for (const Score score : {Score::kDr, Score::kCipw}) {
      const FrontierPath path = build(share(table), score, .5), moved = build(share(shifted), score, 3.5);
      for (const double lambda : {.5, 2.0, 20.0, kInfinity}) {
        EXPECT_NEAR(path.at(lambda).tau, moved.at(lambda).tau, 1e-12);
        EXPECT_NEAR(path.at(lambda).q, moved.at(lambda).q, 1e-9);
      }
    }
  }
}

TEST(FrontierPath, ScalingTheOutcomeScalesTauAndLeavesZ) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Table table = random_table({.units = 10, .arms = 2 + seed % 3}, seed), scaled = table;
    for (double& mu : scaled.mu.values()) mu *= 10;
    for (double& s2 : scaled.var.values()) s2 *= 100;
    const FrontierPath path = build(share(table), Score::kDr), other = build(share(scaled), Score::kDr);
    for (const double lambda : {.5, 2.0, 20.0, kInfinity}) {
      EXPECT_NEAR(other.at(lambda * 10).tau, 10 * path.at(lambda).tau, 1e-11);
      EXPECT_NEAR(z1(other.at(lambda * 10)), z1(path.at(lambda)), 1e-11);
    }
  }
}

TEST(FrontierPath, PermutedRowsAndArmsGiveThePermutedAnswer) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::size_t k = 2 + seed % 4, n = 9;
    const Table table = random_table({.units = n, .arms = k, .weights = true}, seed);
    Stream stream(seed, "policy.test_permutation");
    const std::vector<std::size_t> rows = stream.permutation(n), arms = stream.permutation(k);
    Table permuted = table;
    for (std::size_t i = 0; i < n; ++i) {
      permuted.weight[i] = table.weight[rows[i]];
      for (std::size_t a = 0; a < k; ++a) {
        permuted.e(i, a) = table.e(rows[i], arms[a]);
        permuted.mu(i, a) = table.mu(rows[i], arms[a]);
        permuted.var(i, a) = table.var(rows[i], arms[a]);
      }
    }
    const FrontierPath path = build(share(table), Score::kDr), other = build(share(permuted), Score::kDr);
    const Matrix pi = probabilities(path, 4), moved = probabilities(other, 4);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t a = 0; a < k; ++a) EXPECT_NEAR(moved(i, a), pi(rows[i], arms[a]), 1e-12);
    }
    EXPECT_NEAR(other.at(4).q, path.at(4).q, 1e-12);
  }
}

TEST(FrontierPath, DuplicatedRowsLeaveTheMomentsUnchanged) {
  const Table table = random_table({.units = 15, .arms = 4}, 5);
  std::vector<std::size_t> twice;
  for (std::size_t i = 0; i < 30; ++i) twice.push_back(i % 15);
  Table doubled = table;
  doubled.e = table.e.select_rows(twice), doubled.mu = table.mu.select_rows(twice), doubled.var = table.var.select_rows(twice);
  const FrontierPath path = build(share(table), Score::kIpw), other = build(share(doubled), Score::kIpw);
  for (const double lambda : {1.0, 5.0, kInfinity}) {
    EXPECT_NEAR(path.at(lambda).tau, other.at(lambda).tau, 1e-13);
    EXPECT_NEAR(path.at(lambda).q, other.at(lambda).q, 1e-12);
  }
}

TEST(FrontierPath, ManyArmsAgreeWithDirectEvaluation) {
  const FrontierPath path = build(share(random_table({.units = 8, .arms = 200, .other_baseline = true}, 3)), Score::kDr);
  for (const double lambda : {.1, 1.0, 10.0, 1e3, 1e6, kInfinity}) {
    const Moments direct = policy_moments(path.model(), probabilities(path, lambda));
    EXPECT_NEAR(path.at(lambda).tau, direct.tau, 1e-9 * direct.tau);
    EXPECT_NEAR(path.at(lambda).q, direct.q, 1e-9 * direct.q);
  }
}

TEST(FrontierPath, FloorsVariancesOfZeroAndCountsThem) {
  const FrontierPath path =
      build(share(make_table(2, 3, {.2, .3, .5, .2, .3, .5}, {0, 1, 2, 2, 0, 1}, {0, 1, 0, 0, 2, 1})), Score::kDr);
  EXPECT_EQ(path.model().floored_variances(), 3u);
  EXPECT_DOUBLE_EQ(path.model().variance(0, 0), 2e-12);
  for (const double lambda : {1e-3, .1, 1.0, 100.0, kInfinity}) {
    const Matrix pi = probabilities(path, lambda);
    const Moments direct = policy_moments(path.model(), pi);
    EXPECT_NEAR(path.at(lambda).tau, direct.tau, 1e-9 * direct.tau) << lambda;
    EXPECT_NEAR(pi(0, 0) + pi(0, 1) + pi(0, 2), 1, 1e-12);
  }
}

TEST(FrontierPath, NoiseFreeDataGiveALargeButFiniteZ) {
  const FrontierPath path = build(share(make_table(2, 2, {.5, .5, .5, .5}, {0, 1, 0, 1}, {0, 0, 0, 0})), Score::kDr);
  EXPECT_GT(z1(path.at(kInfinity)), 1e4);
  EXPECT_TRUE(std::isfinite(z1(path.at(kInfinity))));
}

// psi and the sums of docs/policy.md 2.10 from the policy's probabilities: the slow way to a held-out curve.
Moments slow_test(const FrontierPath& path, double lambda, const Matrix& phi, std::span<const std::int64_t> cluster) {
  const Table& table = path.table();
  const Matrix pi = probabilities(path, lambda);
  const std::size_t n = table.units();
  std::vector<double> psi(n, 0.0);
  double weight = 0, mean = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t a = 0; a < pi.cols(); ++a) psi[i] += (pi(i, a) - table.baseline(i, a)) * phi(i, a);
    weight += table.weight_of(i), mean += table.weight_of(i) * psi[i];
  }
  mean /= weight;
  std::map<std::int64_t, double> sums;
  for (std::size_t i = 0; i < n; ++i) {
    sums[cluster.empty() ? static_cast<std::int64_t>(i) : cluster[i]] += table.weight_of(i) * (psi[i] - mean);
  }
  double square = 0;
  for (const auto& [id, sum] : sums) square += sum * sum;
  const double groups = static_cast<double>(sums.size());
  return {mean, static_cast<double>(n) * groups / (groups - 1) * square / (weight * weight) + mean * mean};
}

TEST(FrontierPath, HeldOutMomentsAgreeWithTheirDefinition) {
  std::uint64_t seed = 100;
  for (const RandomTable& kind : kinds()) {
    const auto table = share(random_table(kind, ++seed));
    const std::size_t n = table->units();
    Stream stream(seed, "policy.test_phi");
    Matrix phi(n, kind.arms);
    for (double& x : phi.values()) x = stream.normal() * 3;
    std::vector<std::int64_t> cluster(n);
    for (std::size_t i = 0; i < n; ++i)
      cluster[i] = i < 4 ? static_cast<std::int64_t>(i) : static_cast<std::int64_t>(stream.below(4));
    const UnitCoefficients rows = [&](std::size_t i, std::span<double> out) { std::ranges::copy(phi.row(i), out.begin()); };
    for (const Score score : {Score::kDr, Score::kIpw}) {
      const FrontierPath path = build(table, score);
      for (const bool clustered : {false, true}) {
        const auto ids = clustered ? std::span<const std::int64_t>(cluster) : std::span<const std::int64_t>();
        const SegmentCurve curve = path.tested(rows, ids);
        for (const double lambda : probes(path, stream)) {
          if (lambda < 1e-3) continue;
          SCOPED_TRACE(fmt::format("arms {} seed {} clustered {} lambda {}", kind.arms, seed, clustered, lambda));
          const Moments slow = slow_test(path, lambda, phi, ids), fast = curve.at(lambda);
          EXPECT_NEAR(fast.tau, slow.tau, 1e-10);
          EXPECT_NEAR(fast.q, slow.q, 1e-9 * (1 + slow.q));
        }
      }
    }
  }
}

TEST(FrontierPath, ShareOfAnArmIsItsMeanProbability) {
  std::uint64_t seed = 300;
  for (const RandomTable& kind : kinds()) {
    const FrontierPath path = build(share(random_table(kind, ++seed)), Score::kDr);
    Stream stream(seed, "policy.test_probe");
    const SegmentCurve curve = path.share_of(1);
    for (const double lambda : probes(path, stream)) {
      EXPECT_NEAR(curve.at(lambda).tau, summarize(path.table(), probabilities(path, lambda)).shares[1], 1e-12) << lambda;
    }
  }
}

TEST(FrontierPath, SummarizesAPolicy) {
  const FrontierPath path = build(p1(), Score::kIpw);
  const PolicySummary summary = summarize(path.table(), probabilities(path, 11));
  EXPECT_NEAR(summary.shares[1], .94, 1e-12);
  EXPECT_NEAR(summary.max_weight, 2.5, 1e-12);
  EXPECT_NEAR(summary.moved, (.6 + .48) / 2, 1e-12);
  EXPECT_NEAR(summary.ess, 2 / ((1 / .4 + .88 * .88 / .4 + .12 * .12 / .6) / 2), 1e-12);
}

TEST(FrontierPath, LambdaSaturatedCountsUnitsByTheirFirstBreakpoint) {
  const FrontierPath path = build(p1(), Score::kIpw);
  EXPECT_NEAR(path.lambda_saturated(.01).value(), 11, 1e-12);
  EXPECT_NEAR(path.lambda_saturated(.5).value(), 11, 1e-12);
  EXPECT_NEAR(path.lambda_saturated(.51).value(), 13.75, 1e-12);
  // Three arms: the first event of each of 12 units, found by walking.
  const FrontierPath many = build(share(random_table({.units = 12, .arms = 5}, 8)), Score::kDr);
  std::vector<double> firsts;
  Unit unit;
  for (std::size_t i = 0; i < 12; ++i) {
    many.model().load(i, unit);
    int piece = 0;
    many.model().walk(unit, [&](double lambda, std::span<const double>, std::span<const double>) {
      if (piece++ == 1) firsts.push_back(lambda);
    });
  }
  std::ranges::sort(firsts);
  EXPECT_EQ(many.lambda_saturated(.5).value(), firsts[5]);
  EXPECT_EQ(many.lambda_saturated(.05).value(), many.lambda_max_z().value());
}

TEST(FrontierPath, GivesTheSameBytesForAnyNumberOfThreads) {
  for (const std::size_t arms : {2u, 3u}) {
    const auto table = share(random_table({.units = 20000, .arms = arms, .weights = true}, 11));
    std::vector<double> reference;
    for (const int threads : {1, 2, 8}) {
      const ThreadLimit limit(threads);
      const FrontierPath path = build(table, Score::kDr);
      const PolicySummary summary = summarize(*table, probabilities(path, 5));
      std::vector<double> values{summary.ess, summary.moved, summary.shares[0]};
      for (const double lambda : {.01, 1.0, 10.0, kInfinity}) {
        values.push_back(path.at(lambda).tau);
        values.push_back(path.at(lambda).q);
      }
      if (reference.empty()) reference = values;
      EXPECT_EQ(values, reference) << threads;
    }
  }
}

}  // namespace
}  // namespace gimbal::policy
