#include "gimbal/policy/constraint_pass.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kGrain = 4096;
constexpr std::uint8_t kLow = 0, kFree = 1, kHigh = 2;
constexpr int kMostRounds = 16;          // a unit settles in one or two; a walk along K pieces is then cheaper than to go on
constexpr double kAtBoundSlack = 4e-16;  // of a deviation, whose size is 1: an arm at its bound to rounding may count as free

// tau, q, inner product of score and D, usage, response.
std::size_t sum_width(std::size_t constraints) { return 3 + constraints + (constraints + 1) * (constraints + 1); }

}  // namespace

// Scratch of one chunk; the spans of the unit that is being solved.
struct ConstraintPasses::Work {
  explicit Work(std::size_t arms, std::size_t constraints)
      : amount((constraints + 1) * arms),
        score(arms),
        d(arms),
        mean(constraints + 1),
        spread((constraints + 1) * (constraints + 1)) {}

  std::size_t count = 0;       // packed arms
  std::vector<double> amount;  // row j: g_j of the packed arms; last row: mu
  std::vector<double> score, d;
  std::vector<double> mean, spread;
  Unit unit;  // for the exact solver
};

ConstraintPasses::ConstraintPasses(std::shared_ptr<const UnitModel> model, std::vector<LinearConstraint> constraints)
    : model_(std::move(model)), constraints_(std::move(constraints)) {
  const Table& rows = model_->table();
  const std::size_t n = model_->units(), k = model_->arms(), count = constraints_.size();
  for (const LinearConstraint& constraint : constraints_) {
    GIMBAL_CHECK(constraint.g.cols() == k && (constraint.g.rows() == 1 || constraint.g.rows() == n), "g is 1 x K or n x K");
    const double used = parallel_sum(n, [&](std::size_t i) {
      double sum = 0;
      for (std::size_t a = 0; a < k; ++a) sum += constraint.resource(i, a) * rows.baseline(i, a);
      return rows.weight_of(i) * sum;
    });
    baseline_usage_.push_back(used / model_->total_weight());
  }
  weight_.resize(n);
  for (std::size_t i = 0; i < n; ++i) weight_[i] = rows.weight_of(i) / model_->total_weight();
  if (k == 2) {
    binary_.resize(n), more_.resize(n * count);
    parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        binary_[i] = model_->load_binary(i);
        for (std::size_t j = 0; j < count; ++j) {
          more_[i * count + j] = constraints_[j].resource(i, 1) - constraints_[j].resource(i, 0);
        }
      }
    });
    return;
  }
  first_.push_back(0);
  Unit unit;
  for (std::size_t i = 0; i < n; ++i) {
    model_->load(i, unit);
    for (std::size_t a = 0; a < unit.count; ++a) {
      arm_.push_back(unit.arm[a]);
      mu_.push_back(unit.mu[a]);
      inverse_.push_back(1 / unit.v[a]);
      lo_.push_back(unit.lo[a]);
      hi_.push_back(unit.lower_only ? kInfinity : unit.hi[a]);
    }
    first_.push_back(arm_.size());
  }
}

ArmStates ConstraintPasses::fresh_states() const { return ArmStates(arm_.size(), kFree); }

void ConstraintPasses::load_amounts(std::size_t i, Work& work) const {
  const std::size_t begin = first_[i], m = first_[i + 1] - begin;
  work.count = m;
  double* out = work.amount.data();
  for (const LinearConstraint& constraint : constraints_) {
    const double* const g = &constraint.g.values()[constraint.g.rows() == 1 ? 0 : i * constraint.g.cols()];
    for (std::size_t a = 0; a < m; ++a) *out++ = g[arm_[begin + a]];
  }
  std::copy_n(&mu_[begin], m, out);
}

// Scores, then D. The scores are measured from the arm that is best before the rest: the arms between which a huge lambda still
// decides then have small scores with all their digits.
template <std::size_t kArms, bool kDr>
void ConstraintPasses::solve_packed(const Prices& prices, std::size_t i, std::uint8_t* state, Work& work) const {
  const std::size_t m = kArms == 0 ? work.count : kArms, constraints = constraint_count(), at = first_[i];
  const double* const mu = &mu_[at];
  const double* const inverse = &inverse_[at];
  const double* const lo = &lo_[at];
  const double* const hi = &hi_[at];
  const double* const amount = work.amount.data();
  double* const score = work.score.data();
  double* const d = work.d.data();
  std::size_t top = 0;
  for (std::size_t a = 0; a < m; ++a) {
    score[a] = mu[a];
    for (std::size_t j = 0; j < constraints; ++j) score[a] -= prices.base[j] * amount[j * m + a];
    if (score[a] > score[top]) top = a;
  }
  for (std::size_t a = 0; a < m; ++a) {
    double value = mu[a] - mu[top], small = 0;
    for (std::size_t j = 0; j < constraints; ++j) {
      const double further = amount[j * m + a] - amount[j * m + top];
      value -= prices.base[j] * further;
      small += prices.rest[j] * further;
    }
    score[a] = prices.lambda * value - small;
  }

  // Given which arms are free, sum D = 0 and (dr) t = mu'D are two linear equations: with means under the weights 1/v of the
  // free arms and B, T the sums of D and mu D of the others,
  //   D_a = ((s_a - s) - t (mu_a - m) - B / P) / v_a,   t = (cov(mu, s) + T - B m) / (1 + var(mu)).
  for (int round = 0; round < kMostRounds; ++round) {
    std::size_t origin = m;
    double precision = 0, bound = 0, bound_tau = 0;
    for (std::size_t a = 0; a < m; ++a) {
      if (state[a] == kFree) {
        if (origin == m) origin = a;
        precision += inverse[a];
      } else {
        const double fixed = state[a] == kLow ? lo[a] : hi[a];
        bound += fixed;
        bound_tau += mu[a] * fixed;
      }
    }
    if (origin == m) {  // every arm at a bound: right if some level lies below the low arms' and above the high ones'
      double above = -kInfinity, below = kInfinity;
      for (std::size_t a = 0; a < m; ++a) {
        d[a] = state[a] == kLow ? lo[a] : hi[a];
        const double level = score[a] - (kDr ? bound_tau * mu[a] : 0.0) - d[a] / inverse[a];
        if (lo[a] == hi[a]) continue;
        (state[a] == kLow ? above : below) = state[a] == kLow ? std::max(above, level) : std::min(below, level);
      }
      if (std::abs(bound) <= kAtBoundSlack * static_cast<double>(m) && above <= below) return;
      break;
    }
    double mean_score = 0, mean_mu = 0;
    for (std::size_t a = 0; a < m; ++a) {
      const double w = state[a] == kFree ? inverse[a] : 0.0;
      mean_score += w * (score[a] - score[origin]);
      if (kDr) mean_mu += w * (mu[a] - mu[origin]);
    }
    const double over = 1 / precision;
    mean_score *= over, mean_mu *= over;
    double t = 0;
    if (kDr) {
      double covariance = 0, variance = 0;
      for (std::size_t a = 0; a < m; ++a) {
        const double w = state[a] == kFree ? inverse[a] : 0.0;
        const double centred = mu[a] - mu[origin] - mean_mu;
        covariance += w * centred * (score[a] - score[origin] - mean_score);
        variance += w * centred * centred;
      }
      t = (covariance + bound_tau - bound * (mean_mu + mu[origin])) / (1 + variance);
    }
    bool same = true;
    const double shift = bound * over;
    for (std::size_t a = 0; a < m; ++a) {
      double x = score[a] - score[origin] - mean_score;
      if (kDr) x -= t * (mu[a] - mu[origin] - mean_mu);
      x = (x - shift) * inverse[a];
      const std::uint8_t next = x <= lo[a] ? kLow : x >= hi[a] ? kHigh : kFree;
      if (next != state[a]) {
        // Rounding at a bound is no change.
        const double gap = next == kLow || (next == kFree && state[a] == kLow) ? x - lo[a] : x - hi[a];
        if (std::abs(gap) > kAtBoundSlack) {
          same = false;
          state[a] = next;
        }
      }
      d[a] = state[a] == kFree ? std::clamp(x, lo[a], hi[a]) : state[a] == kLow ? lo[a] : hi[a];
    }
    if (same) return;
  }
  settle_exactly(i, state, work);
}

void ConstraintPasses::settle_exactly(std::size_t i, std::uint8_t* state, Work& work) const {
  model_->load(i, work.unit);
  model_->solve(work.unit, 0.0, std::span<const double>(work.score).first(work.count));
  for (std::size_t a = 0; a < work.count; ++a) {
    const double d = work.unit.d[a];
    work.d[a] = d;
    state[a] = d <= work.unit.lo[a] ? kLow : d >= hi_[first_[i] + a] ? kHigh : kFree;
  }
}

void ConstraintPasses::dispatch(const Prices& prices, std::size_t i, ArmStates& states, Work& work) const {
  load_amounts(i, work);
  if (work.count == 0) return;
  std::uint8_t* const state = &states[first_[i]];
  const bool dr = model_->is_dr();
  switch (work.count) {  // the few arms of ordinary tables with their loops unrolled
    case 3:
      return dr ? solve_packed<3, true>(prices, i, state, work) : solve_packed<3, false>(prices, i, state, work);
    case 4:
      return dr ? solve_packed<4, true>(prices, i, state, work) : solve_packed<4, false>(prices, i, state, work);
    case 5:
      return dr ? solve_packed<5, true>(prices, i, state, work) : solve_packed<5, false>(prices, i, state, work);
    default:
      return dr ? solve_packed<0, true>(prices, i, state, work) : solve_packed<0, false>(prices, i, state, work);
  }
}

// The sums of one solved unit. The free arms answer a change of scores by the covariance under the weights 1/v, less, for dr,
// its part along mu.
void ConstraintPasses::add_unit(std::size_t i, const std::uint8_t* state, Work& work, double* sum) const {
  const std::size_t m = work.count, constraints = constraint_count(), side = constraints + 1, at = first_[i];
  const double weight = weight_[i];
  double tau = 0, q = 0, inner = 0, precision = 0;
  for (std::size_t a = 0; a < m; ++a) {
    const double d = work.d[a];
    tau += mu_[at + a] * d;
    q += d * d / inverse_[at + a];
    inner += work.score[a] * d;
    if (state[a] == kFree) precision += inverse_[at + a];
  }
  if (model_->is_dr()) q += tau * tau;
  sum[0] += weight * tau, sum[1] += weight * q, sum[2] += weight * inner;
  for (std::size_t j = 0; j < constraints; ++j) {
    double used = 0;
    for (std::size_t a = 0; a < m; ++a) used += work.amount[j * m + a] * work.d[a];
    sum[3 + j] += weight * used;
  }
  if (precision == 0) return;
  const double over = 1 / precision;
  for (std::size_t j = 0; j < side; ++j) {
    double mean = 0;
    for (std::size_t a = 0; a < m; ++a) mean += state[a] == kFree ? work.amount[j * m + a] * inverse_[at + a] : 0.0;
    work.mean[j] = mean * over;
  }
  for (std::size_t j = 0; j < side; ++j) {
    for (std::size_t k = 0; k <= j; ++k) {
      double covariance = 0;
      for (std::size_t a = 0; a < m; ++a) {
        const double w = state[a] == kFree ? inverse_[at + a] : 0.0;
        covariance += (work.amount[j * m + a] - work.mean[j]) * (work.amount[k * m + a] - work.mean[k]) * w;
      }
      work.spread[j * side + k] = work.spread[k * side + j] = covariance;
    }
  }
  const double* const along_mu = &work.spread[constraints * side];
  const double along = model_->is_dr() ? 1 / (1 + along_mu[constraints]) : 0.0;
  for (std::size_t j = 0; j < side; ++j) {
    for (std::size_t k = 0; k < side; ++k) {
      sum[3 + constraints + j * side + k] += weight * (work.spread[j * side + k] - along * along_mu[j] * along_mu[k]);
    }
  }
}

// Two arms: D of the second is the score over k, clamped.
void ConstraintPasses::pass_binary(const Prices& prices, std::size_t begin, std::size_t end, double* sum) const {
  const std::size_t constraints = constraint_count(), side = constraints + 1;
  for (std::size_t i = begin; i < end; ++i) {
    const BinaryUnit& unit = binary_[i];
    const double* const more = &more_[i * constraints];
    double value = unit.c, rest = 0;
    for (std::size_t j = 0; j < constraints; ++j) {
      value -= prices.base[j] * more[j];
      rest += prices.rest[j] * more[j];
    }
    const double score = prices.lambda * value - rest, target = score / unit.k;
    const double d = std::max(unit.lo, std::min(unit.hi, target));
    const double share = weight_[i] * d;
    sum[0] += share * unit.c, sum[1] += share * d * unit.k, sum[2] += share * score;
    for (std::size_t j = 0; j < constraints; ++j) sum[3 + j] += share * more[j];
    if (d != target) continue;
    const double slope = weight_[i] / unit.k;
    for (std::size_t j = 0; j < side; ++j) {
      const double left = slope * (j == constraints ? unit.c : more[j]);
      for (std::size_t k = 0; k < side; ++k)
        sum[3 + constraints + j * side + k] += left * (k == constraints ? unit.c : more[k]);
    }
  }
}

Pass ConstraintPasses::at(const Prices& prices, ArmStates& states) const {
  const std::size_t n = model_->units(), constraints = constraint_count(), side = constraints + 1;
  const std::size_t width = sum_width(constraints);
  std::vector<double> sums(((n + kGrain - 1) / kGrain) * width, 0.0);
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    double* const sum = &sums[begin / kGrain * width];
    if (!binary_.empty()) return pass_binary(prices, begin, end, sum);
    Work work(model_->arms(), constraints);
    for (std::size_t i = begin; i < end; ++i) {
      dispatch(prices, i, states, work);
      if (work.count > 0) add_unit(i, &states[first_[i]], work, sum);
    }
  });
  std::vector<NeumaierSum> total(width);
  for (std::size_t s = 0; s < sums.size(); ++s) total[s % width].add(sums[s]);
  Pass out;
  out.moments = {total[0].value(), total[1].value()};
  out.lagrangian = out.moments.q / 2 - total[2].value();
  out.response = Matrix(side, side);
  for (std::size_t j = 0; j < constraints; ++j) {
    out.usage.push_back(baseline_usage_[j] + total[3 + j].value());
    out.lagrangian += prices.rest[j] * (baseline_usage_[j] - constraints_[j].limit);
  }
  for (std::size_t c = 0; c < side * side; ++c) out.response.values()[c] = total[3 + constraints + c].value();
  return out;
}

double ConstraintPasses::least_usage(std::span<const double> blend) const {
  const std::size_t n = model_->units();
  std::vector<NeumaierSum> sums((n + kGrain - 1) / kGrain);
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    std::vector<double> saving;
    for (std::size_t i = begin; i < end; ++i) {
      model_->load(i, unit);
      if (unit.count == 0) continue;
      const std::size_t m = unit.count;
      saving.assign(m, 0.0);
      for (std::size_t a = 0; a < m; ++a) {
        for (std::size_t j = 0; j < blend.size(); ++j) {
          if (blend[j] != 0) saving[a] -= blend[j] * constraints_[j].resource(i, static_cast<std::size_t>(unit.arm[a]));
        }
      }
      const std::span<double> d = std::span(unit.d).first(m);
      waterfill_limit(saving, std::span(unit.v).first(m), std::span(unit.lo).first(m), std::span(unit.hi).first(m), d,
                      unit.scratch);
      double used = 0;
      for (std::size_t a = 0; a < m; ++a) used -= saving[a] * d[a];
      sums[begin / kGrain].add(weight_[i] * used);
    }
  });
  NeumaierSum total;
  for (const NeumaierSum& sum : sums) total.add(sum);
  double least = total.value();
  for (std::size_t j = 0; j < blend.size(); ++j) least += blend[j] * baseline_usage_[j];
  return least;
}

double ConstraintPasses::room_to_scale(const Prices& prices, ArmStates& states) const {
  const std::size_t n = model_->units(), constraints = constraint_count();
  std::vector<double> smallest((n + kGrain - 1) / kGrain, kInfinity);
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    double& room = smallest[begin / kGrain];
    const auto meet = [&](double d, double lo, double hi) {
      if (d != 0) room = std::min(room, d <= lo || d >= hi ? 0.0 : d < 0 ? lo / d : hi / d);
    };
    Work work(model_->arms(), constraints);
    for (std::size_t i = begin; i < end; ++i) {
      if (!binary_.empty()) {
        const BinaryUnit& unit = binary_[i];
        double value = unit.c, rest = 0;
        for (std::size_t j = 0; j < constraints; ++j) {
          value -= prices.base[j] * more_[i * constraints + j];
          rest += prices.rest[j] * more_[i * constraints + j];
        }
        meet(std::clamp((prices.lambda * value - rest) / unit.k, unit.lo, unit.hi), unit.lo, unit.hi);
        continue;
      }
      dispatch(prices, i, states, work);
      for (std::size_t a = 0; a < work.count; ++a) meet(work.d[a], lo_[first_[i] + a], hi_[first_[i] + a]);
    }
  });
  return std::ranges::min(smallest);
}

void ConstraintPasses::solve_unit(const Prices& prices, std::size_t i, Unit& unit) const {
  model_->load(i, unit);
  const std::size_t m = unit.count, constraints = constraint_count();
  std::vector<double> score(m);
  std::size_t top = 0;
  for (std::size_t a = 0; a < m; ++a) {
    score[a] = unit.mu[a];
    for (std::size_t j = 0; j < constraints; ++j) {
      score[a] -= prices.base[j] * constraints_[j].resource(i, static_cast<std::size_t>(unit.arm[a]));
    }
    if (score[a] > score[top]) top = a;
  }
  for (std::size_t a = 0; a < m; ++a) {
    double value = unit.mu[a] - unit.mu[top], small = 0;
    for (std::size_t j = 0; j < constraints; ++j) {
      const double further = constraints_[j].resource(i, static_cast<std::size_t>(unit.arm[a])) -
                             constraints_[j].resource(i, static_cast<std::size_t>(unit.arm[top]));
      value -= prices.base[j] * further;
      small += prices.rest[j] * further;
    }
    score[a] = prices.lambda * value - small;
  }
  model_->solve(unit, 0.0, score);
}

}  // namespace gimbal::policy
