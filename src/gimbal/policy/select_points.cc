// Rules on a curve whose points are solved one by one: the best of the points, then bisection or golden section between
// neighbours.
#include <algorithm>
#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/learn/optimize.h"
#include "gimbal/policy/select_common.h"

namespace gimbal::policy {
namespace {

using Kind = SelectRule::Kind;

constexpr double kLambdaTolerance = 1e-9;  // relative
constexpr int kMostDoublings = 60;         // beyond the last finite point: 10^18 times its lambda is as good as infinity

class PointSolver {
 public:
  PointSolver(const PointCurve& on, const TestSpec& test) : on_(on), test_(test) {}

  Result<Choice> solve(const SelectRule& rule) {
    switch (rule.kind) {
      case Kind::kPower:
        return power(rule.value);
      case Kind::kMaxZ:
        return max_z();
      case Kind::kMaxTau:
        return at(kInfinity);
      case Kind::kLambda:
        return at(rule.value);
      case Kind::kTauPower:
        return best([this](Moments m) { return m.tau * power_at(z1(m) * std::sqrt(test_.n), test_); });
      case Kind::kLcb:
        return best([&](Moments m) { return lower_bound(m, rule.value, test_); });
      case Kind::kTau:
        return tau(rule.value);
      case Kind::kShare: {
        GIMBAL_TRY(const std::size_t arm, rule_arm(rule, on_.arms));
        return share(arm, rule.value, rule.arm);
      }
    }
    return fail(ErrorCode::kInternal, "a rule outside its enumeration");
  }

 private:
  // Whether a point is good enough and by how much: negative, or 0 where it is not. What is asked for is settled by `holds`.
  struct Margin {
    bool holds = false;
    double value = 0;
  };
  using Test = std::function<Result<Margin>(double lambda)>;

  Result<Choice> at(double lambda) const {
    GIMBAL_TRY(const Moments moments, on_.at(lambda));
    return choice_at(lambda, moments, test_);
  }

  // The border between `holds` (true at `yes`) and its failure (at `no`), on the side where it holds. Each step solves a point,
  // so false position with halved weights (Illinois) in place of halves; halves where that does not shrink the bracket.
  Result<double> border(double yes, double no, const Test& test) const {
    GIMBAL_TRY(Margin good, test(yes));
    if (!std::isfinite(no)) {
      double far = std::max(yes, 1e-300) * 2;
      for (int k = 0; k < kMostDoublings; ++k, far *= 2) {
        GIMBAL_TRY(const Margin there, test(far));
        if (!there.holds) break;
        yes = far, good = there;
      }
      no = far;
    }
    GIMBAL_TRY(Margin bad, test(no));
    int same_side = 0;  // > 0: the last so many steps moved `yes`, < 0: `no`
    for (int round = 0; round < 200; ++round) {
      const double width = std::abs(no - yes), tolerance = kLambdaTolerance * std::max(std::abs(no), std::abs(yes));
      if (width <= tolerance) break;
      double part = 0.5;
      if (round % 4 != 3 && good.value >= 0 && bad.value <= 0 && good.value > bad.value) {
        part = good.value / (good.value - bad.value);
        part = std::clamp(part, 0.4 * tolerance / width, 1 - 0.4 * tolerance / width);
      }
      const double next = yes + part * (no - yes);
      GIMBAL_TRY(const Margin there, test(next));
      if (there.holds) {
        yes = next, good = there;
        same_side = std::max(same_side, 0) + 1;
        if (same_side > 1) bad.value /= 2;
      } else {
        no = next, bad = there;
        same_side = std::min(same_side, 0) - 1;
        if (same_side < -1) good.value /= 2;
      }
    }
    return yes;
  }

  // The largest lambda at which `test` holds, from the points; nullopt when it holds at none.
  Result<std::optional<double>> largest(const std::function<Result<bool>(std::size_t point)>& holds_at,
                                        const Test& test) const {
    const std::size_t count = on_.lambdas.size();
    for (std::size_t p = count; p-- > 0;) {
      GIMBAL_TRY(const bool here, holds_at(p));
      if (!here) continue;
      if (p + 1 == count) return std::optional<double>(on_.lambdas[p]);
      GIMBAL_TRY(const double lambda, border(on_.lambdas[p], on_.lambdas[p + 1], test));
      return std::optional<double>(lambda);
    }
    return std::optional<double>();
  }

  Result<Choice> power(double beta) const {
    const PowerNeeded needed(beta, test_);
    const double z_needed = z_required(beta, test_) / std::sqrt(test_.n);
    GIMBAL_TRY(const std::optional<double> lambda,
               largest([&](std::size_t p) -> Result<bool> { return needed.met(on_.moments[p]); },
                       [&](double x) -> Result<Margin> {
                         GIMBAL_TRY(const Moments m, on_.at(x));
                         return Margin{needed.met(m), z1(m) - z_needed};
                       }));
    if (lambda) {
      GIMBAL_TRY(Choice out, at(*lambda));
      out.units_required = units_required(out.z1, beta, test_);
      return out;
    }
    GIMBAL_TRY(Choice out, max_z());
    if (needed.met(out.moments)) return out;  // only between two points, at the most powerful one
    out.reached = false;
    out.units_required = units_required(out.z1, beta, test_);
    out.why = fmt::format("no point has power {} with {} test units; the largest power is {}", shortest(beta),
                          shortest(test_.n), format_significant(out.power, 4));
    return out;
  }

  Result<Choice> max_z() const {
    if (on_.max_z) return at(*on_.max_z);
    return best([](Moments m) { return z1(m); });
  }

  Result<Choice> best(const std::function<double(Moments)>& value) const {
    std::size_t top = 0;
    for (std::size_t p = 1; p < on_.lambdas.size(); ++p) {
      if (value(on_.moments[p]) > value(on_.moments[top])) top = p;
    }
    Choice out = choice_at(on_.lambdas[top], on_.moments[top], test_);
    const double left = on_.lambdas[top == 0 ? 0 : top - 1];
    double right = on_.lambdas[std::min(top + 1, on_.lambdas.size() - 1)];
    if (!std::isfinite(right)) right = on_.lambdas.size() > 1 ? 4 * on_.lambdas[on_.lambdas.size() - 2] : left;
    if (!(left < right) || !std::isfinite(on_.lambdas[top])) return out;
    std::optional<Error> error;
    const learn::Minimum found = learn::golden_section(
        [&](double lambda) {
          const Result<Moments> m = on_.at(lambda);
          if (!m && !error) error = m.error();
          return m ? -value(*m) : 0.0;
        },
        left, right, 1e-7);
    if (error) return fail(std::move(*error));
    return -found.value > value(out.moments) ? at(found.x) : Result<Choice>(out);
  }

  Result<Choice> tau(double target) const {
    const auto falls_short = [&](double lambda) -> Result<Margin> {
      GIMBAL_TRY(const Moments m, on_.at(lambda));
      return Margin{m.tau < target, target - m.tau};
    };
    std::size_t most = 0;
    for (std::size_t p = 0; p < on_.lambdas.size(); ++p) {
      if (on_.moments[p].tau > on_.moments[most].tau) most = p;
      if (on_.moments[p].tau < target) continue;
      if (p == 0) return at(on_.lambdas[0]);
      GIMBAL_TRY(const double below, border(on_.lambdas[p - 1], on_.lambdas[p], falls_short));
      // The border's own side falls short by less than the tolerance; step over it.
      return at(std::isfinite(on_.lambdas[p]) ? std::min(on_.lambdas[p], below * (1 + kLambdaTolerance))
                                              : below * (1 + kLambdaTolerance));
    }
    Choice out = choice_at(on_.lambdas[most], on_.moments[most], test_);
    out.reached = false;
    out.why = fmt::format("the largest improvement is {}, below {}", format_significant(out.moments.tau, 6), shortest(target));
    return out;
  }

  Result<Choice> share(std::size_t arm, double limit, const std::string& name) const {
    const Test keeps = [&](double x) -> Result<Margin> {
      GIMBAL_TRY(const double share, on_.share_at(x, arm));
      return Margin{share <= limit + 1e-12, limit + 1e-12 - share};
    };
    const auto keeps_at = [&](std::size_t p) -> Result<bool> {
      GIMBAL_TRY(const Margin here, keeps(on_.lambdas[p]));
      return here.holds;
    };
    GIMBAL_TRY(const std::optional<double> lambda, largest(keeps_at, keeps));
    if (lambda) return at(*lambda);
    GIMBAL_TRY(Choice out, at(on_.lambdas.front()));
    out.reached = false;
    out.why = fmt::format("the share of {} is above {} at every point", gimbal::quoted(name), shortest(limit));
    return out;
  }

  const PointCurve& on_;
  TestSpec test_;
};

}  // namespace

Result<Choice> select(const SelectRule& rule, const PointCurve& curve, const TestSpec& test) {
  return PointSolver(curve, test).solve(rule);
}

}  // namespace gimbal::policy
