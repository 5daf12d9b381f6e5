// Follows the answer of one unit along lambda, piece by piece (internal to path_unit.cc).
//
// The unit minimizes 1/2 [dr] (mu'D)^2 + 1/2 sum_a v_a D_a^2 - sum_a (lambda mu_a + p_a) D_a, p the prices of shared
// constraints. Both walks move theta, for which D is a waterfill of theta mu + p: D_a = alpha_a + beta_a theta. For ipw-type
// scores lambda = theta; for dr lambda = theta + mu'D(theta) = theta (1 + mu'beta) + mu'alpha, again linear on a piece. They
// call
//
//   bool visit(double from, double to, std::span<const double> alpha, std::span<const double> beta)
//
// with consecutive pieces D = alpha + beta lambda on [from, to] in lambda (the last `to` is infinity and its beta 0) until it
// returns false.
//
// Levels are measured from the free arm r with the smallest v: with weights w_j = (1/v_j) / sum(1/v) and delta = sum w_j
// (mu_j - mu_r), arm a moves at the rate (mu_a - mu_r - delta)/v_a. Each difference is then as exact as mu itself, also where v
// spans twelve orders of magnitude; equal mu give a rate of exactly 0.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "gimbal/base/check.h"
#include "gimbal/policy/path_unit.h"
#include "gimbal/policy/waterfill.h"

namespace gimbal::policy::walking {

inline constexpr double kForever = std::numeric_limits<double>::infinity();

// Where the pieces of a walk are built: four spans in the unit's work space.
struct Pieces {
  std::span<double> alpha, beta;          // in theta
  std::span<double> alpha_out, beta_out;  // in lambda

  explicit Pieces(Unit& unit, std::size_t extra = 0) {
    const std::size_t n = unit.count;
    if (unit.work.size() < (4 + extra) * n) unit.work.resize((4 + extra) * n);
    alpha = std::span(unit.work).subspan(0, n);
    beta = std::span(unit.work).subspan(n, n);
    alpha_out = std::span(unit.work).subspan(2 * n, n);
    beta_out = std::span(unit.work).subspan(3 * n, n);
  }

  // Sets the piece in lambda from the one in theta and returns the lambda of `theta`. A final piece has beta_out 0.
  double to_lambda(const Unit& unit, bool dr, double theta, bool final) {
    const std::size_t n = unit.count;
    double shift = 0, stretch = 1;  // lambda = stretch theta + shift
    if (dr) {
      for (std::size_t a = 0; a < n; ++a) {
        shift += unit.mu[a] * alpha[a];
        stretch += unit.mu[a] * beta[a];
      }
    }
    for (std::size_t a = 0; a < n; ++a) {
      beta_out[a] = final ? 0.0 : beta[a] / stretch;
      alpha_out[a] = alpha[a] - (dr ? beta_out[a] * shift : 0.0);
    }
    return stretch * theta + shift;
  }
  double lambda_at(const Unit& unit, bool dr, double theta) const {
    if (!dr || !std::isfinite(theta)) return theta;
    double inner = 0;
    for (std::size_t a = 0; a < unit.count; ++a) inner += unit.mu[a] * (alpha[a] + beta[a] * theta);
    return theta + inner;
  }
};

// Units whose upper bounds cannot bind and whose box holds 0, from theta = 0 without prices: D starts at 0, and an arm that has
// met its lower bound stays there, because the mean mu of those that are left rises each time one leaves. With `kEventsOnly`
// it calls visit(from, to, slope of mu'D in lambda) instead and builds no pieces.
template <bool kEventsOnly, typename Visit>
void walk_lower(Unit& unit, bool dr, Visit&& visit) {
  const std::size_t n = unit.count;
  Pieces pieces(unit, 3);
  // The arms in an order of our own: the first m move, the others stand at their bound.
  double* const mu = unit.work.data() + 4 * n;
  double* const inverse = mu + n;     // 1/v
  double* const floor = inverse + n;  // v lo
  if (unit.state.size() < n) unit.state.resize(n);
  int* const arm = unit.state.data();

  // At 0+ the arms with room move; those at their bound (b = 0) join from the best down while they are better than the mean.
  double precision = 0, mean = 0;
  std::size_t m = 0, idle = n;
  for (std::size_t a = 0; a < n; ++a) {
    const std::size_t j = unit.lo[a] < 0 ? m++ : --idle;
    arm[j] = static_cast<int>(a);
    mu[j] = unit.mu[a];
    inverse[j] = 1 / unit.v[a];
    floor[j] = unit.v[a] * unit.lo[a];
    if (j + 1 == m) precision += inverse[j], mean += mu[j] * inverse[j];
  }
  const auto swap_arms = [&](std::size_t x, std::size_t y) {
    std::swap(arm[x], arm[y]), std::swap(mu[x], mu[y]), std::swap(inverse[x], inverse[y]), std::swap(floor[x], floor[y]);
  };
  while (m > 0 && m < n) {
    const std::size_t best = static_cast<std::size_t>(std::max_element(mu + m, mu + n) - mu);
    if (!(mu[best] * precision > mean)) break;
    precision += inverse[best], mean += mu[best] * inverse[best];
    swap_arms(best, m++);
  }
  if constexpr (!kEventsOnly) {
    for (std::size_t j = m; j < n; ++j) pieces.alpha_out[arm[j]] = 0, pieces.beta_out[arm[j]] = 0;
  }

  double from = 0;
  double bound_sum = 0, bound_mu = 0;  // sum of D and of mu D over the arms at their bound
  for (;;) {
    // The mean mu of the moving arms is mu_r + delta, r the one with the largest 1/v.
    const double mu_r = m > 0 ? mu[std::max_element(inverse, inverse + m) - inverse] : 0.0;
    double spread = 0;
    precision = 0;
    for (std::size_t j = 0; j < m; ++j) {
      precision += inverse[j];
      spread += (mu[j] - mu_r) * inverse[j];
    }
    const double share = m > 0 ? 1 / precision : 0.0;
    const double delta = spread * share;
    const double offset = -bound_sum * share;  // v_a D_a at theta = 0

    // The first arm to meet its bound. Arms that do not fall divide by -0 and meet it at +infinity.
    double theta = kForever, variance = 0;  // of mu over the moving arms, times their precision
    std::size_t leaver = m;
    for (std::size_t j = 0; j < m; ++j) {
      const double rate = (mu[j] - mu_r) - delta;
      variance += rate * rate * inverse[j];  // = sum of mu rate/v, since the rates sum to 0
      const double hit = (floor[j] - offset) / std::min(-0.0, rate);
      leaver = hit < theta ? j : leaver;
      theta = hit < theta ? hit : theta;
      if constexpr (!kEventsOnly) pieces.alpha[j] = offset * inverse[j], pieces.beta[j] = rate * inverse[j];
    }
    theta = std::max(theta, 0.0);
    const double shift = bound_mu + offset * (spread + mu_r * precision);  // mu'D = shift + variance theta
    const double to = leaver == m ? kForever : std::max(from, dr ? (1 + variance) * theta + shift : theta);
    const bool last = !std::isfinite(to);
    if constexpr (kEventsOnly) {
      visit(from, to, last ? 0.0 : dr ? variance / (1 + variance) : variance);
      if (last) return;
    } else {
      const double scale = last ? 0.0 : dr ? 1 / (1 + variance) : 1.0;
      const double back = dr ? shift : 0.0;
      for (std::size_t j = 0; j < m; ++j) {
        const double beta = pieces.beta[j] * scale;
        pieces.beta_out[arm[j]] = beta;
        pieces.alpha_out[arm[j]] = pieces.alpha[j] - beta * back;
      }
      if (!visit(from, to, std::span<const double>(pieces.alpha_out), std::span<const double>(pieces.beta_out)) || last) return;
    }
    const int gone = arm[leaver];
    bound_sum += unit.lo[gone], bound_mu += unit.mu[gone] * unit.lo[gone];
    if constexpr (!kEventsOnly) pieces.alpha_out[gone] = unit.lo[gone], pieces.beta_out[gone] = 0;
    swap_arms(leaver, --m);
    from = to;
  }
}

enum State : int { kLower, kUpper, kFree };

// Any box, any prices, from theta0 on. The state of each arm is kept, and at each event the arms within rounding of a bound are
// decided together: their common right derivative is the waterfill of the rates.
template <typename Visit>
void walk_box(Unit& unit, bool dr, std::span<const double> price, double theta0, Visit&& visit) {
  const std::size_t n = unit.count;
  Pieces pieces(unit, 1);
  const std::span<double> level = std::span(unit.work).subspan(4 * n, n);
  if (unit.state.size() < 3 * n) unit.state.resize(3 * n);
  const std::span<int> state = std::span(unit.state).first(n);
  const std::span<int> near = std::span(unit.state).subspan(n, n);  // kLower, kUpper: within rounding of it; kFree: of neither
  const std::span<int> sorted = std::span(unit.state).subspan(2 * n, n);
  const auto p = [&](std::size_t a) { return price.empty() ? 0.0 : price[a]; };
  const auto is_fixed = [&](std::size_t a) { return unit.lo[a] >= unit.hi[a]; };

  // Where theta0 stands.
  for (std::size_t a = 0; a < n; ++a) level[a] = theta0 * unit.mu[a] + p(a);
  const double nu = waterfill_box(level, std::span(unit.v).first(n), std::span(unit.lo).first(n), std::span(unit.hi).first(n),
                                  std::span(unit.d).first(n), unit.scratch);
  for (std::size_t a = 0; a < n; ++a) {
    const double t = (level[a] - nu) / unit.v[a];
    const double rounding = kNoRoom + 4e-16 * (std::abs(level[a]) + std::abs(nu)) / unit.v[a];
    near[a] = kFree;
    state[a] = t <= unit.lo[a] ? kLower : t >= unit.hi[a] ? kUpper : kFree;
    if (is_fixed(a))
      state[a] = kLower;
    else if (std::abs(t - unit.lo[a]) <= rounding)
      near[a] = kLower;
    else if (std::abs(t - unit.hi[a]) <= rounding)
      near[a] = kUpper;
  }

  if (std::none_of(state.begin(), state.end(), [](int x) { return x == kFree; })) {
    // Every arm stands at a bound and a whole interval of levels would do: take its lower end, where the best arm at its lower
    // bound is about to leave it.
    std::size_t best = n;
    const auto leaves = [&](std::size_t a) { return level[a] - unit.v[a] * unit.lo[a]; };
    for (std::size_t a = 0; a < n; ++a) {
      if (state[a] == kLower && !is_fixed(a) && (best == n || leaves(a) > leaves(best))) best = a;
    }
    if (best < n) near[best] = kLower;
  }

  double theta = theta0, from = -kForever;
  const std::size_t most_pieces = 64 + 4 * n * n;
  for (std::size_t piece = 0;; ++piece) {
    GIMBAL_CHECK(piece < most_pieces, "the walk of a unit does not end");

    // The common rate x of nu: sum of (mu - x)/v over the free arms, of its positive part over those near their lower bound, of
    // its negative part over those near their upper bound, is 0. The sum falls in x; its kinks are the mu of the near arms.
    std::size_t near_count = 0;
    for (std::size_t a = 0; a < n; ++a) {
      if (near[a] != kFree) sorted[near_count++] = static_cast<int>(a);
    }
    std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(near_count),
              [&](int x, int y) { return unit.mu[x] < unit.mu[y]; });
    const auto sum_at = [&](double x) {
      double sum = 0;
      for (std::size_t a = 0; a < n; ++a) {
        const double rate = (unit.mu[a] - x) / unit.v[a];
        if (near[a] == kLower)
          sum += std::max(0.0, rate);
        else if (near[a] == kUpper)
          sum += std::min(0.0, rate);
        else if (state[a] == kFree)
          sum += rate;
      }
      return sum;
    };
    std::size_t kink = 0;
    while (kink < near_count && sum_at(unit.mu[sorted[kink]]) > 0) ++kink;
    const double below = kink == 0 ? -kForever : unit.mu[sorted[kink - 1]];
    const double above = kink == near_count ? kForever : unit.mu[sorted[kink]];
    std::size_t tracked = n;  // with no free arm, nu follows the best arm at its lower bound
    for (std::size_t a = 0; a < n; ++a) {
      if (near[a] == kLower) {
        state[a] = unit.mu[a] >= above ? kFree : kLower;
        if (tracked == n || unit.mu[a] > unit.mu[tracked]) tracked = a;
      } else if (near[a] == kUpper) {
        state[a] = unit.mu[a] <= below ? kFree : kUpper;
      }
    }

    // The piece: t_a = (theta mu_a + p_a - nu)/v_a for every arm, D_a = t_a for the free ones.
    double precision = 0, bound_sum = 0;
    std::size_t r = n;
    for (std::size_t a = 0; a < n; ++a) {
      if (state[a] == kFree) {
        precision += 1 / unit.v[a];
        if (r == n || unit.v[a] < unit.v[r]) r = a;
      } else {
        bound_sum += state[a] == kLower ? unit.lo[a] : unit.hi[a];
      }
    }
    double delta = 0, offset = 0;  // nu = theta (mu_r + delta) + p_r + offset
    if (r < n) {
      for (std::size_t a = 0; a < n; ++a) {
        if (state[a] != kFree) continue;
        delta += (unit.mu[a] - unit.mu[r]) / (unit.v[a] * precision);
        offset += (p(a) - p(r)) / (unit.v[a] * precision);
      }
      offset += bound_sum / precision;
    } else if (tracked < n) {
      r = tracked;
      offset = -unit.v[r] * unit.lo[r];
    }

    double next = kForever;
    std::size_t mover = n;
    for (std::size_t a = 0; a < n; ++a) {
      const double intercept = r < n ? ((p(a) - p(r)) - offset) / unit.v[a] : 0.0;
      const double rate = r < n ? ((unit.mu[a] - unit.mu[r]) - delta) / unit.v[a] : 0.0;
      if (state[a] == kFree) {
        pieces.alpha[a] = intercept, pieces.beta[a] = rate;
      } else {
        pieces.alpha[a] = state[a] == kLower ? unit.lo[a] : unit.hi[a], pieces.beta[a] = 0;
      }
      if (is_fixed(a) || rate == 0) continue;
      double bound = kForever;
      if (rate > 0)
        bound = state[a] == kFree ? unit.hi[a] : state[a] == kLower ? unit.lo[a] : kForever;
      else
        bound = state[a] == kFree ? unit.lo[a] : state[a] == kUpper ? unit.hi[a] : kForever;
      if (bound == kForever) continue;
      const double hit = std::max(theta, (bound - intercept) / rate);
      if (hit < next) next = hit, mover = a;
    }

    const double start = pieces.to_lambda(unit, dr, theta, mover == n);
    if (from == -kForever) from = start;
    const double to = mover == n ? kForever : std::max(from, pieces.lambda_at(unit, dr, next));
    const bool last = !std::isfinite(to);
    if (last && mover < n) pieces.to_lambda(unit, dr, theta, true);
    if (!visit(from, to, std::span<const double>(pieces.alpha_out), std::span<const double>(pieces.beta_out)) || last) return;

    for (std::size_t a = 0; a < n; ++a) {
      near[a] = kFree;
      if (is_fixed(a)) continue;
      const double intercept = ((p(a) - p(r)) - offset) / unit.v[a];
      const double rate = ((unit.mu[a] - unit.mu[r]) - delta) / unit.v[a];
      const double t = intercept + rate * next;
      const double rounding = kNoRoom + 4e-16 * (std::abs(intercept) + std::abs(rate * next));
      const double to_lo = std::abs(t - unit.lo[a]), to_hi = std::abs(t - unit.hi[a]);
      if (to_lo <= rounding || to_hi <= rounding || a == mover) near[a] = to_lo <= to_hi ? kLower : kUpper;
    }
    theta = next, from = to;
  }
}

}  // namespace gimbal::policy::walking
