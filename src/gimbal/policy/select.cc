// Rules solved exactly on a curve of segments. Whether a point has the power that is asked for is a comparison of tau^2 with
// rho^2 q, rho^2 = z_req^2 / (n + z_req^2): quadratic in lambda on each segment. select_points.cc does the same where points
// are solved one by one.
#include "gimbal/policy/select.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/learn/optimize.h"
#include "gimbal/policy/select_common.h"

namespace gimbal::policy {
namespace {

using Kind = SelectRule::Kind;

constexpr std::size_t kProbes = 1000;  // breakpoints looked at by tau*power before golden section
constexpr double kShareSlack = 1e-12;  // a share that equals its limit up to rounding keeps it

// Real roots of a x^2 + b x + c, ascending; the numerically stable form.
std::array<std::optional<double>, 2> roots(double a, double b, double c) {
  std::array<std::optional<double>, 2> out;
  if (a == 0) {
    if (b != 0) out[0] = -c / b;
    return out;
  }
  const double discriminant = b * b - 4 * a * c;
  if (discriminant < 0) return out;
  const double s = -0.5 * (b + std::copysign(std::sqrt(discriminant), b));
  out[0] = s / a;
  out[1] = s != 0 ? std::optional<double>(c / s) : std::optional<double>(0.0);
  if (*out[0] > *out[1]) std::swap(out[0], out[1]);
  return out;
}

class CurveSolver {
 public:
  CurveSolver(const SelectCurve& on, const TestSpec& test) : on_(on), curve_(on.curve), test_(test) {}

  Choice at(double lambda) const { return choice_at(lambda, curve_.at(lambda), test_); }

  Choice power(double beta) const {
    const PowerNeeded needed(beta, test_);
    const auto enough = [&](double lambda) { return needed.met(curve_.at(lambda)); };
    if (needed.met(curve_.at_infinity())) return at(kInfinity);
    const std::size_t first = curve_.segment_of(on_.lambda_min);
    std::size_t j = curve_.segments() - 1;  // the last segment is constant and fails
    if (on_.monotone) {
      // The last breakpoint that has the power; the answer lies in the segment on its right.
      const std::span<const double> breakpoints = curve_.breakpoints();
      std::size_t low = first, high = breakpoints.size();  // breakpoints[low - 1] has it or is below lambda_min
      while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (enough(breakpoints[middle]))
          low = middle + 1;
        else
          high = middle;
      }
      j = low;
      const std::optional<double> answer = largest_in(j, needed);
      if (answer) return at(*answer);
      if (j > 0 && curve_.left(j) >= on_.lambda_min && enough(curve_.left(j))) return at(curve_.left(j));
    } else {
      for (;; --j) {
        const std::optional<double> answer = largest_in(j, needed);
        if (answer) return at(*answer);
        if (j == first) break;
      }
    }
    if (enough(on_.lambda_min)) return at(on_.lambda_min);
    return not_reached(fmt::format("no point has power {} with {} test units", shortest(beta), shortest(test_.n)), beta);
  }

  Choice max_z() const {
    if (on_.max_z) return at(*on_.max_z);
    const std::optional<BestZ> best = largest_z(curve_, on_.lambda_min, false);
    return at(best ? best->lambda : kInfinity);
  }

  Choice tau(double target) const {
    if (on_.monotone) {
      if (curve_.at_infinity().tau >= target) return at(lambda_of_tau(curve_, target));
      return short_of(target, kInfinity);
    }
    double best = 0;
    for (std::size_t j = 0; j < curve_.segments(); ++j) {
      const SegmentCoefficients& c = curve_.coefficients(j);
      const double left = curve_.left(j), right = curve_.right(j);
      if (curve_.at(left).tau >= target) return at(left);
      const double end = std::isfinite(right) ? right : left;
      if (c.at(end).tau >= target && c.t1 > 0) return at(std::clamp((target - c.t0) / c.t1, left, end));
      if (c.at(end).tau >= target) return at(right);
      if (c.at(end).tau > curve_.at(best).tau) best = end;
    }
    if (curve_.at_infinity().tau >= curve_.at(best).tau) best = kInfinity;
    return short_of(target, best);
  }

  Choice share(std::size_t arm, double limit, const std::string& name) const {
    const SegmentCurve share = on_.share_of(arm);
    const double most = limit + kShareSlack;
    double closest = kInfinity;
    for (std::size_t j = share.segments(); j-- > 0;) {
      const SegmentCoefficients& c = share.coefficients(j);
      const double left = share.left(j), right = share.right(j);
      const double right_share = std::isfinite(right) ? c.at(right).tau : c.t0;
      if (right_share <= most) return at(right);
      const double left_share = c.at(left).tau;
      if (left_share <= most) return at(c.t1 != 0 ? std::clamp((limit - c.t0) / c.t1, left, right) : left);
      if (left_share < share.at(closest).tau) closest = left;
    }
    Choice out = at(closest);
    out.reached = false;
    out.why =
        fmt::format("the share of {} is nowhere below {}", gimbal::quoted(name), format_significant(share.at(closest).tau, 6));
    return out;
  }

  // Between breakpoints tau - kappa s is smooth: its stationary points solve a quadratic.
  Choice lcb(double kappa) const {
    double best_lambda = on_.lambda_min, best = lower_bound(curve_.at(on_.lambda_min), kappa, test_);
    const auto consider = [&](double lambda, Moments moments) {
      const double value = lower_bound(moments, kappa, test_);
      if (value > best) {
        best = value;
        best_lambda = lambda;
      }
    };
    for (std::size_t j = curve_.segment_of(on_.lambda_min); j < curve_.segments(); ++j) {
      const SegmentCoefficients& c = curve_.coefficients(j);
      const double left = std::max(curve_.left(j), on_.lambda_min), right = curve_.right(j);
      if (!std::isfinite(right)) {
        consider(kInfinity, c.at(left));
        break;
      }
      consider(right, c.at(right));
      if (c.t1 == 0) continue;
      const double va = c.q2 - c.t1 * c.t1, vb = c.q1 - 2 * c.t0 * c.t1, vc = c.q0 - c.t0 * c.t0;
      const double g = 4 * test_.n * c.t1 * c.t1 / (kappa * kappa);
      for (const std::optional<double>& root : roots(g * va - 4 * va * va, g * vb - 4 * va * vb, g * vc - vb * vb)) {
        if (root && *root > left && *root < right) consider(*root, c.at(*root));
      }
    }
    return at(best_lambda);
  }

  Choice tau_power() const {
    const auto value = [&](double lambda) {
      const Moments m = curve_.at(lambda);
      return m.tau * power_at(z1(m) * std::sqrt(test_.n), test_);
    };
    const std::span<const double> breakpoints = curve_.breakpoints();
    const std::size_t first =
        static_cast<std::size_t>(std::ranges::lower_bound(breakpoints, on_.lambda_min) - breakpoints.begin());
    const std::size_t count = breakpoints.size() - first;
    std::vector<double> probes = {on_.lambda_min};
    const std::size_t steps = std::min(count, kProbes);
    for (std::size_t k = 0; k < steps; ++k) {
      const double lambda = breakpoints[first + (k + 1) * count / steps - 1];
      if (lambda > probes.back()) probes.push_back(lambda);
    }
    std::size_t best = 0;
    for (std::size_t k = 1; k < probes.size(); ++k) {
      if (value(probes[k]) > value(probes[best])) best = k;
    }
    double lambda = probes[best];
    const double left = probes[best == 0 ? 0 : best - 1], right = probes[std::min(best + 1, probes.size() - 1)];
    if (left < right) {
      const learn::Minimum found = learn::golden_section([&](double x) { return -value(x); }, left, right, 1e-10);
      if (-found.value > value(lambda)) lambda = found.x;
    }
    // The last breakpoint and everything beyond it are one policy: max-tau.
    if (!breakpoints.empty() && lambda >= breakpoints.back()) lambda = kInfinity;
    return at(lambda);
  }

 private:
  // The largest lambda in segment j, not below lambda_min, that has the power.
  std::optional<double> largest_in(std::size_t j, const PowerNeeded& needed) const {
    const SegmentCoefficients& c = curve_.coefficients(j);
    const double left = std::max(curve_.left(j), on_.lambda_min), right = curve_.right(j);
    if (left > right) return std::nullopt;
    if (!std::isfinite(right)) return needed.met(c.at(left)) ? std::optional(right) : std::nullopt;
    if (needed.met(c.at(right))) return right;
    const double rho2 = needed.rho2();
    const auto found = roots(c.t1 * c.t1 - rho2 * c.q2, 2 * c.t0 * c.t1 - rho2 * c.q1, c.t0 * c.t0 - rho2 * c.q0);
    for (const std::optional<double>& root : {found[1], found[0]}) {
      if (!root || *root <= left || *root >= right) continue;
      // Where tau is negative the same quadratic vanishes for harm.
      if ((c.at(*root).tau > 0) == needed.positive()) return *root;
    }
    return std::nullopt;
  }

  Choice not_reached(std::string why, double beta) const {
    const std::optional<BestZ> best = largest_z(curve_, on_.lambda_min, true);
    Choice out = at(best ? best->lambda : kInfinity);
    out.reached = false;
    out.units_required = units_required(out.z1, beta, test_);
    out.why = fmt::format("{}; the largest power is {}", why, format_significant(out.power, 4));
    return out;
  }

  Choice short_of(double target, double best) const {
    Choice out = at(best);
    out.reached = false;
    out.why = fmt::format("the largest improvement is {}, below {}", format_significant(out.moments.tau, 6), shortest(target));
    return out;
  }

  const SelectCurve& on_;
  const SegmentCurve& curve_;
  TestSpec test_;
};

}  // namespace

Result<std::size_t> rule_arm(const SelectRule& rule, const std::vector<std::string>& arms) {
  const auto at = std::find(arms.begin(), arms.end(), rule.arm);
  if (at != arms.end()) return static_cast<std::size_t>(at - arms.begin());
  return fail_at("--select", ErrorCode::kUsage, "unknown arm {} in {}; arms found: {}", gimbal::quoted(rule.arm), rule.text,
                 join(arms, ", "));
}

Choice choice_at(double lambda, Moments moments, const TestSpec& test) {
  Choice out;
  out.lambda = lambda;
  out.moments = moments;
  out.z1 = z1(moments);
  out.power = power_at(out.z1 * std::sqrt(test.n), test);
  out.units_required = units_required(out.z1, 0.8, test);
  return out;
}

PowerNeeded::PowerNeeded(double beta, const TestSpec& test) {
  const double z = z_required(beta, test);
  positive_ = z > 0;
  rho2_ = z * z / (test.n + z * z);
}

bool PowerNeeded::met(Moments m) const {
  // At equality of a solved root rounding decides; a relative slack of 1e-13 lets the root itself count.
  const double slack = 1e-13 * std::max(m.tau * m.tau, rho2_ * m.q);
  if (positive_) return m.tau > 0 && m.tau * m.tau + slack >= rho2_ * m.q;
  return m.tau >= 0 || m.tau * m.tau <= rho2_ * m.q + slack;
}

double lower_bound(Moments m, double kappa, const TestSpec& test) {
  return m.tau - kappa * std::sqrt(score_variance(m) / test.n);
}

Result<Choice> select(const SelectRule& rule, const SelectCurve& curve, const TestSpec& test) {
  const CurveSolver solver(curve, test);
  Choice out;
  switch (rule.kind) {
    case Kind::kPower:
      out = solver.power(rule.value);
      break;
    case Kind::kMaxZ:
      out = solver.max_z();
      break;
    case Kind::kMaxTau:
      out = solver.at(kInfinity);
      break;
    case Kind::kTauPower:
      out = solver.tau_power();
      break;
    case Kind::kLcb:
      out = solver.lcb(rule.value);
      break;
    case Kind::kLambda:
      out = solver.at(rule.value);
      break;
    case Kind::kTau:
      out = solver.tau(rule.value);
      break;
    case Kind::kShare: {
      GIMBAL_TRY(const std::size_t arm, rule_arm(rule, curve.arms));
      out = solver.share(arm, rule.value, rule.arm);
      break;
    }
  }
  if (rule.kind == Kind::kPower) out.units_required = units_required(out.z1, rule.value, test);
  return out;
}

}  // namespace gimbal::policy
