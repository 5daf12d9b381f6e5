#include "gimbal/policy/path.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"
#include "gimbal/policy/path_build.h"
#include "gimbal/policy/path_sort.h"

namespace gimbal::policy {

namespace {

constexpr std::size_t kAhead = 24;  // scattered reads asked for in advance: more than one memory latency

}  // namespace

void PathBuilder::finish(FrontierPath& path, std::unique_ptr<double[]> lambda, std::span<const double> change, Moments start) {
  std::size_t m = 0;
  auto event = std::make_unique_for_overwrite<std::uint32_t[]>(change.size());
  for (std::size_t e = 0; e < change.size(); ++e) {
    if (lambda[e] < 0) continue;
    lambda[m] = lambda[e];
    event[m++] = static_cast<std::uint32_t>(e);
  }
  sort_by_key(lambda, event, m);

  // With dq = 2 lambda dtau a change u of the slope at lambda changes t0 by -u lambda and q0 by -u lambda^2. Slopes are summed
  // from the right, where everybody stands still (path_scan.h).
  const auto c = std::make_shared_for_overwrite<OptimalCoefficients[]>(m + 1);
  const double scale = 1 / path.model_->total_weight();
  NeumaierSum t0, t1, q0;
  t0.add(start.tau), q0.add(start.q);
  c[0] = {start.tau * scale, 0, start.q * scale};
  for (std::size_t s = 0; s < m; ++s) {
    if (s + kAhead < m) __builtin_prefetch(&change[event[s + kAhead]]);
    const double u = change[event[s]], at = lambda[s];
    t0.add(-u * at), q0.add(-u * at * at);
    c[s + 1] = {t0.value() * scale, u, q0.value() * scale};
  }
  for (std::size_t s = m + 1; s-- > 0;) t1.add(-std::exchange(c[s].t1, t1.value() * scale));

  path.breakpoints_ = std::move(lambda);
  path.order_ = std::move(event);
  path.count_ = m;
  path.curve_ = SegmentCurve(path.breakpoints_, std::shared_ptr<const OptimalCoefficients[]>(c), m);
}

std::size_t PathBuilder::event_slots(const FrontierPath& path) {
  const std::size_t n = path.model_->units();
  return path.first_event_ ? path.first_event_[n] : n * path.slots_;
}

std::size_t PathBuilder::unit_of(const FrontierPath& path, std::size_t event) {
  if (!path.first_event_) return event / path.slots_;
  const std::uint32_t* begin = path.first_event_.get();
  const std::uint32_t* end = begin + path.model_->units() + 1;
  return static_cast<std::size_t>(std::upper_bound(begin, end, event) - begin) - 1;
}

Result<FrontierPath> FrontierPath::build(std::shared_ptr<const Table> table, PathSpec spec) {
  FrontierPath path;
  GIMBAL_TRY(UnitModel model, UnitModel::make(std::move(table), std::move(spec)));
  path.model_ = std::make_shared<const UnitModel>(std::move(model));
  if (PathBuilder::is_binary(*path.model_))
    GIMBAL_TRY(PathBuilder::build_binary(path));
  else
    GIMBAL_TRY(PathBuilder::build_multi(path));
  if (path.count_ > 0) {
    if (path.model_->baseline_violations() == 0) {
      path.lambda_max_z_ = path.breakpoints_[0];
    } else if (const std::optional<BestZ> best = largest_z(path.curve_, 0, true)) {
      path.lambda_max_z_ = best->lambda;
    }
  }
  return path;
}

std::optional<double> FrontierPath::lambda_saturated(double share) const {
  GIMBAL_CHECK(share > 0 && share <= 1, "a share of the units");
  if (count_ == 0) return std::nullopt;
  std::vector<bool> is_first;  // of each event, where they are not numbered in slots
  if (first_event_) {
    is_first.resize(count_);
    for (std::size_t i = 0; i < model_->units(); ++i) {
      if (first_event_[i] < first_event_[i + 1]) is_first[first_event_[i]] = true;
    }
  }
  const auto first = [&](std::size_t s) { return first_event_ ? is_first[order_[s]] : order_[s] % slots_ == 0; };
  std::size_t moving = 0;
  for (std::size_t s = 0; s < count_; ++s) moving += first(s) ? 1 : 0;
  std::size_t wanted = static_cast<std::size_t>(std::ceil(share * static_cast<double>(moving) - 1e-9));
  wanted = std::max<std::size_t>(wanted, 1);
  for (std::size_t s = 0; s < count_; ++s) {
    if (first(s) && --wanted == 0) return breakpoints_[s];
  }
  return breakpoints_[count_ - 1];
}

void FrontierPath::probabilities(double lambda, Matrix& out) const {
  GIMBAL_CHECK(lambda >= 0, "lambda is not negative");
  const UnitModel& model = *model_;
  const Table& rows = model.table();
  const std::size_t n = model.units(), k = model.arms();
  if (out.rows() != n || out.cols() != k) out = Matrix(n, k);
  parallel_for(n, kUnitGrain, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    for (std::size_t i = begin; i < end; ++i) {
      model.load(i, unit);
      model.solve(unit, lambda);
      const std::span<double> pi = out.row(i);
      model.scatter(unit, pi);
      for (std::size_t a = 0; a < k; ++a) pi[a] = std::clamp(rows.baseline(i, a) + pi[a], 0.0, 1.0);
    }
  });
}

SegmentCurve FrontierPath::mean_of(const UnitCoefficients& phi) const {
  const Design design{.units = model_->units(), .weight = table().weight, .cluster = {}};
  return PathBuilder::is_binary(*model_) ? PathBuilder::score_binary(*this, phi, Purpose::kMean, design)
                                         : PathBuilder::score_multi(*this, phi, Purpose::kMean, design);
}

SegmentCurve FrontierPath::tested(const UnitCoefficients& phi, std::span<const std::int64_t> cluster) const {
  GIMBAL_CHECK(model_->units() >= 2, "a standard error needs two units");
  GIMBAL_CHECK(cluster.empty() || cluster.size() == model_->units(), "one cluster a unit");
  const Design design{.units = model_->units(), .weight = table().weight, .cluster = cluster};
  return PathBuilder::is_binary(*model_) ? PathBuilder::score_binary(*this, phi, Purpose::kTest, design)
                                         : PathBuilder::score_multi(*this, phi, Purpose::kTest, design);
}

SegmentCurve FrontierPath::share_of(std::size_t arm) const {
  GIMBAL_CHECK(arm < model_->arms(), "an arm of the table");
  const SegmentCurve moved = mean_of([arm](std::size_t, std::span<double> phi) {
    std::fill(phi.begin(), phi.end(), 0.0);
    phi[arm] = 1;
  });
  const Table& rows = table();
  const double base = parallel_sum(rows.units(), [&](std::size_t i) { return rows.weight_of(i) * rows.baseline(i, arm); }) /
                      model_->total_weight();
  const auto c = std::make_shared_for_overwrite<SegmentCoefficients[]>(moved.segments());
  for (std::size_t s = 0; s < moved.segments(); ++s) {
    c[s] = moved.coefficients(s);
    c[s].t0 += base;
  }
  return SegmentCurve(breakpoints_, std::shared_ptr<const SegmentCoefficients[]>(c), count_);
}

Moments policy_moments(const UnitModel& model, const Matrix& pi) {
  const Table& rows = model.table();
  const std::size_t n = model.units(), k = model.arms();
  GIMBAL_CHECK(pi.rows() == n && pi.cols() == k, "one probability a unit and arm");
  std::vector<std::pair<NeumaierSum, NeumaierSum>> sums((n + kUnitGrain - 1) / kUnitGrain);
  parallel_for(n, kUnitGrain, [&](std::size_t begin, std::size_t end) {
    auto& [tau, q] = sums[begin / kUnitGrain];
    for (std::size_t i = begin; i < end; ++i) {
      double t = 0, square = 0;
      for (std::size_t a = 0; a < k; ++a) {
        const double d = deviation(pi(i, a), rows.baseline(i, a));
        if (d == 0 || rows.e(i, a) <= 0) continue;
        t += d * rows.mu(i, a);
        square += d * d * model.cost(i, a);
      }
      if (model.is_dr()) square += t * t;
      tau.add(rows.weight_of(i) * t), q.add(rows.weight_of(i) * square);
    }
  });
  NeumaierSum tau, q;
  for (const auto& [t, square] : sums) tau.add(t), q.add(square);
  return {tau.value() / model.total_weight(), q.value() / model.total_weight()};
}

PolicySummary summarize(const Table& table, const Matrix& pi) {
  const std::size_t n = table.units(), k = table.arm_count();
  GIMBAL_CHECK(pi.rows() == n && pi.cols() == k, "one probability a unit and arm");
  struct Sums {
    std::vector<NeumaierSum> shares;
    NeumaierSum weight, inverse, moved;
    double max_weight = 0;
  };
  std::vector<Sums> chunks((n + kUnitGrain - 1) / kUnitGrain);
  parallel_for(n, kUnitGrain, [&](std::size_t begin, std::size_t end) {
    Sums& sums = chunks[begin / kUnitGrain];
    sums.shares.resize(k);
    for (std::size_t i = begin; i < end; ++i) {
      const double weight = table.weight_of(i);
      double inverse = 0, moved = 0;
      for (std::size_t a = 0; a < k; ++a) {
        const double p = pi(i, a);
        sums.shares[a].add(weight * p);
        moved += std::abs(p - table.baseline(i, a)) / 2;
        if (p <= 0 || table.e(i, a) <= 0) continue;
        inverse += p * p / table.e(i, a);
        sums.max_weight = std::max(sums.max_weight, p / table.e(i, a));
      }
      sums.weight.add(weight), sums.inverse.add(weight * inverse), sums.moved.add(weight * moved);
    }
  });
  Sums total;
  total.shares.resize(k);
  for (const Sums& sums : chunks) {
    for (std::size_t a = 0; a < k; ++a) total.shares[a].add(sums.shares[a]);
    total.weight.add(sums.weight), total.inverse.add(sums.inverse), total.moved.add(sums.moved);
    total.max_weight = std::max(total.max_weight, sums.max_weight);
  }
  PolicySummary summary;
  for (const NeumaierSum& share : total.shares) summary.shares.push_back(share.value() / total.weight.value());
  summary.ess = static_cast<double>(n) * total.weight.value() / total.inverse.value();
  summary.max_weight = total.max_weight;
  summary.moved = total.moved.value() / total.weight.value();
  return summary;
}

}  // namespace gimbal::policy
