// The values that the parts of `policy` pass to each other. Symbols as in docs/policy.md: n units, K arms, e the logging
// policy, b the baseline, mu the predicted outcomes, s2 (`var`) their mean squared error, D = pi - b the deviation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"

namespace gimbal::policy {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Per-unit nuisances. Matrices are n x K. An empty `b` means b = e; an empty `weight` means 1 for every unit.
struct Table {
  std::vector<std::string> arms;
  Matrix e, mu, var, b;
  std::vector<double> weight;
  std::shared_ptr<const std::vector<std::string>> ids;  // n names of the units, for messages; null: they are numbered

  // For messages: unit "c17", or unit 3 (counted from 0).
  std::string unit_name(std::size_t i) const;
  std::size_t units() const { return mu.rows(); }
  std::size_t arm_count() const { return arms.size(); }
  double weight_of(std::size_t i) const { return weight.empty() ? 1.0 : weight[i]; }
  double baseline(std::size_t i, std::size_t a) const { return b.empty() ? e(i, a) : b(i, a); }
};

// What was logged for each unit: the arm that was given (index into arms) and the outcome.
struct Logged {
  std::vector<int> action;
  std::vector<double> outcome;
  std::vector<std::int64_t> cluster;  // empty: independent units; otherwise a dense id 0..G-1 a unit
};

// How the later test scores a policy (docs/policy.md, "Evaluation scores").
enum class Score { kIpw, kCipw, kSnips, kDr };
std::string_view score_name(Score score);
Result<Score> parse_score(std::string_view text);  // usage error listing the four names

enum class Side { kTwo, kOne };
enum class CurveKind { kHonest, kPlugin };

// The test that will judge the policy. n is the number of test units.
struct TestSpec {
  double n = 0;
  double alpha = 0.05;
  Side side = Side::kTwo;
};

// tau = E[psi], q = E[psi^2] of a policy's score.
struct Moments {
  double tau = 0;
  double q = 0;
};

// max(q - tau^2, 1e-14 q): the variance of one unit's score; the floor keeps z finite on noise-free data.
double score_variance(Moments m);
double z1(Moments m);                                   // tau / sqrt(variance), 0 when both are 0
double critical_value(const TestSpec& test);            // z_{1-alpha/2} or z_{1-alpha}
double power_at(double z, const TestSpec& test);        // Phi(z - z_crit)
double z_required(double power, const TestSpec& test);  // z_crit + z_power
// Units needed for `power`: (z_required / z1)^2, not rounded; +infinity where z1 <= 0.
double units_required(double z1, double power, const TestSpec& test);
// Rounded up, except that a rounding above a whole number is that number.
double whole_units(double units);

}  // namespace gimbal::policy
