#include "gimbal/policy/waterfill.h"

#include <gtest/gtest.h>

#include "gimbal/base/random.h"
#include "gimbal/policy/path_test_tables.h"
#include "gimbal/policy/slow_qp.h"

namespace gimbal::policy {
namespace {

using testing::slow_qp;

struct Problem {
  std::vector<double> s, v, lo, hi, d;
  explicit Problem(std::size_t n) : s(n), v(n), lo(n), hi(n), d(n) {}
};

Problem random_problem(Stream& stream, std::size_t k) {
  Problem p(k);
  std::vector<double> b(k);
  testing::fill_simplex(stream, b);
  for (std::size_t a = 0; a < k; ++a) {
    p.s[a] = 3 * stream.normal(), p.v[a] = std::exp(2 * stream.normal());
    p.lo[a] = -b[a], p.hi[a] = 1 - b[a];
  }
  return p;
}

TEST(Waterfill, AgreesWithTheSlowQuadraticProgram) {
  Stream stream(1, "policy.test_waterfill");
  WaterfillScratch scratch;
  for (int repetition = 0; repetition < 1000; ++repetition) {
    Problem p = random_problem(stream, 2 + stream.below(4));
    const std::vector<double> slow = slow_qp(p.s, p.v, p.s, false, p.lo, p.hi);
    waterfill(p.s, p.v, p.lo, p.d, scratch);
    for (std::size_t a = 0; a < p.s.size(); ++a) ASSERT_NEAR(p.d[a], slow[a], 1e-9) << repetition;
  }
}

TEST(Waterfill, WithSlackUpperBoundsTheBoxGivesTheSame) {
  Stream stream(2, "policy.test_waterfill");
  WaterfillScratch scratch;
  for (int repetition = 0; repetition < 1000; ++repetition) {
    Problem p = random_problem(stream, 2 + stream.below(8));
    std::vector<double> box(p.d.size());
    const double nu = waterfill(p.s, p.v, p.lo, p.d, scratch);
    const double nu_box = waterfill_box(p.s, p.v, p.lo, p.hi, box, scratch);
    double sum = 0;
    for (std::size_t a = 0; a < box.size(); ++a) {
      ASSERT_NEAR(box[a], p.d[a], 1e-13);
      sum += p.d[a];
    }
    ASSERT_NEAR(sum, 0, 1e-13);
    if (*std::ranges::max_element(p.d) < 1 - 1e-9 && std::ranges::count_if(p.d, [&](double d) { return d > 0; }) > 1) {
      ASSERT_NEAR(nu, nu_box, 1e-9 * (1 + std::abs(nu)));
    }
  }
}

TEST(Waterfill, InABoxAgreesWithTheSlowQuadraticProgram) {
  Stream stream(3, "policy.test_waterfill");
  WaterfillScratch scratch;
  for (int repetition = 0; repetition < 1000; ++repetition) {
    Problem p = random_problem(stream, 2 + stream.below(4));
    for (std::size_t a = 0; a < p.s.size(); ++a) {
      p.lo[a] *= stream.uniform(), p.hi[a] *= stream.uniform();
      if (stream.bernoulli(.1)) p.hi[a] = p.lo[a];  // an arm that is fixed below 0
    }
    double highest = 0;
    for (const double x : p.hi) highest += x;
    if (highest < 0) continue;
    const std::vector<double> slow = slow_qp(p.s, p.v, p.s, false, p.lo, p.hi);
    waterfill_box(p.s, p.v, p.lo, p.hi, p.d, scratch);
    for (std::size_t a = 0; a < p.s.size(); ++a) ASSERT_NEAR(p.d[a], slow[a], 1e-9) << repetition;
  }
}

TEST(Waterfill, KeepsItsDigitsWhereOneArmIsAlmostFree) {
  // v of 1e-12 beside 1: the answer of the others is that of the slow program with the free arm's score as level.
  WaterfillScratch scratch;
  Problem p(3);
  p.s = {.3, .1, .2}, p.v = {1e-12, 1, 1}, p.lo = {-.4, -.3, -.3}, p.hi = {.6, .7, .7};
  waterfill(p.s, p.v, p.lo, p.d, scratch);
  EXPECT_NEAR(p.d[1], -.2, 1e-11);
  EXPECT_NEAR(p.d[2], -.1, 1e-11);
  EXPECT_NEAR(p.d[0] + p.d[1] + p.d[2], 0, 1e-15);
}

TEST(Waterfill, TheLimitIsReachedAsTheScoresGrow) {
  Stream stream(4, "policy.test_waterfill");
  WaterfillScratch scratch;
  for (int repetition = 0; repetition < 500; ++repetition) {
    Problem p = random_problem(stream, 2 + stream.below(5));
    for (double& s : p.s) s = static_cast<double>(stream.below(4));  // ties are common
    for (double& x : p.lo) x *= stream.uniform();
    for (double& x : p.hi) x *= .3 + .7 * stream.uniform();
    std::vector<double> far(p.s), limit(p.d.size());
    for (double& s : far) s *= 1e7;
    waterfill_box(far, p.v, p.lo, p.hi, p.d, scratch);
    waterfill_limit(p.s, p.v, p.lo, p.hi, limit, scratch);
    for (std::size_t a = 0; a < p.d.size(); ++a) ASSERT_NEAR(limit[a], p.d[a], 1e-7) << repetition;  // 1e7 eps / v
  }
}

TEST(Waterfill, TiedArmsShareByTheirVarianceCost) {
  WaterfillScratch scratch;
  Problem p(3);
  p.s = {0, 1, 1}, p.v = {5, 10. / 3, 2}, p.lo = {-.2, -.3, -.5}, p.hi = {.8, .7, .5};
  waterfill_limit(p.s, p.v, p.lo, p.hi, p.d, scratch);
  EXPECT_NEAR(p.d[1], .075, 1e-15);  // .2 split as 1/v: 3 to 5 (worked example P4)
  EXPECT_NEAR(p.d[2], .125, 1e-15);
}

}  // namespace
}  // namespace gimbal::policy
