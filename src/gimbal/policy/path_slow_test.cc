// The frontier of a million units.
#include <gtest/gtest.h>

#include "gimbal/policy/path.h"
#include "gimbal/policy/path_test_tables.h"

namespace gimbal::policy {
namespace {

TEST(FrontierPathOfAMillionUnits, IsMonotoneAndAgreesWithDirectEvaluation) {
  for (const std::size_t arms : {2u, 4u}) {
    for (const bool deterministic : {false, true}) {
      const auto table = testing::share(
          testing::random_table({.units = 1'000'000, .arms = arms, .deterministic_baseline = deterministic}, arms));
      const auto path = FrontierPath::build(table, {});
      ASSERT_TRUE(path.has_value());
      double tau = 0, z = kInfinity;
      std::size_t wrong = 0;
      for (const double lambda : path->breakpoints()) {
        const Moments m = path->at(lambda);
        if (m.tau < tau * (1 - 1e-9) || z1(m) > z * (1 + 1e-9)) ++wrong;
        tau = m.tau, z = z1(m);
      }
      EXPECT_EQ(wrong, 0u);
      Matrix pi;
      const auto points = path->breakpoints();
      for (const double lambda : {points[0], points[points.size() / 100], points[points.size() / 2], points[points.size() - 2],
                                  points.back() * 2, kInfinity}) {
        path->probabilities(lambda, pi);
        const Moments direct = policy_moments(path->model(), pi);
        // Near the first breakpoint pi - b is 1e-7 and has nine digits of its own.
        EXPECT_NEAR(path->at(lambda).tau, direct.tau, 1e-9 * direct.tau) << lambda;
        EXPECT_NEAR(path->at(lambda).q, direct.q, 1e-9 * direct.q) << lambda;
      }
    }
  }
}

}  // namespace
}  // namespace gimbal::policy
