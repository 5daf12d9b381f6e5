// The path for any number of arms and any bounds: every unit is walked (path_unit.h). An event's number is unit * (K - 1) + j,
// so that a later walk for other scores finds the rank of the events that the first one found; only where an arm may return
// from a bound are events counted first. At its events a score psi and its square change from one piece to the next.
#include <algorithm>
#include <cmath>
#include <limits>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"
#include "gimbal/policy/path_build.h"

namespace gimbal::policy {

namespace {

constexpr std::size_t kAhead = 4;  // some 500 ns: several memory latencies

// The number of the first event of unit i.
std::size_t first_event(const std::uint32_t* offsets, std::size_t slots, std::size_t i) {
  return offsets != nullptr ? offsets[i] : i * slots;
}

}  // namespace

Result<void> PathBuilder::build_multi(FrontierPath& path) {
  const UnitModel& model = *path.model_;
  const std::size_t n = model.units();
  path.slots_ = model.arms() - 1;
  if (!model.spec().bounds.none()) {
    // Upper bounds may let an arm return, so a unit may have more events than arms: count them.
    const auto offsets = std::make_shared<std::uint32_t[]>(n + 1);
    parallel_for(n, kUnitGrain, [&](std::size_t begin, std::size_t end) {
      Unit unit;
      std::vector<PathEvent> events;
      for (std::size_t i = begin; i < end; ++i) {
        model.load(i, unit);
        model.walk_events(unit, events);
        offsets[i + 1] = static_cast<std::uint32_t>(events.size());
      }
    });
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < n; ++i) {
      total += offsets[i + 1];
      if (total > std::numeric_limits<std::uint32_t>::max()) break;
      offsets[i + 1] = static_cast<std::uint32_t>(total);
    }
    if (total > std::numeric_limits<std::uint32_t>::max()) {
      return fail(ErrorCode::kDoesNotFit, "the frontier has more than 2^32 breakpoints: use fewer units or arms");
    }
    path.first_event_ = offsets;
  } else if (n > std::numeric_limits<std::uint32_t>::max() / path.slots_) {
    return fail(ErrorCode::kDoesNotFit, "the frontier of {} units and {} arms has more than 2^32 breakpoints", n, model.arms());
  }

  const std::size_t slots = event_slots(path);
  auto lambda = std::make_unique_for_overwrite<double[]>(slots);
  const auto change = std::make_unique_for_overwrite<double[]>(slots);
  const bool starts_at_zero = model.baseline_violations() == 0;
  std::vector<std::pair<NeumaierSum, NeumaierSum>> start((n + kUnitGrain - 1) / kUnitGrain);
  parallel_for(n, kUnitGrain, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    std::vector<PathEvent> events;
    for (std::size_t i = begin; i < end; ++i) {
      const double weight = model.table().weight_of(i);
      model.load(i, unit);
      model.walk_events(unit, events);
      std::size_t e = first_event(path.first_event_.get(), path.slots_, i);
      const std::size_t stop = first_event(path.first_event_.get(), path.slots_, i + 1);
      GIMBAL_CHECK(e + events.size() <= stop, "a unit with more events than its slots");
      for (const PathEvent& event : events) {
        lambda[e] = event.lambda;
        change[e++] = weight * event.slope_change;
      }
      for (; e < stop; ++e) lambda[e] = -1;
      if (starts_at_zero) continue;
      model.solve(unit, 0.0);
      double tau = 0, q = 0;
      for (std::size_t a = 0; a < unit.count; ++a) {
        tau += unit.mu[a] * unit.d[a];
        q += unit.v[a] * unit.d[a] * unit.d[a];
      }
      if (model.is_dr()) q += tau * tau;
      start[begin / kUnitGrain].first.add(weight * tau), start[begin / kUnitGrain].second.add(weight * q);
    }
  });
  NeumaierSum tau, q;
  for (const auto& [t, square] : start) tau.add(t), q.add(square);
  finish(path, std::move(lambda), {change.get(), slots}, {tau.value(), q.value()});
  return {};
}

SegmentCurve PathBuilder::score_multi(const FrontierPath& path, const UnitCoefficients& phi, Purpose purpose,
                                      const Design& design) {
  const UnitModel& model = *path.model_;
  const std::size_t n = model.units(), m = path.count_, k = model.arms();
  const bool correlated = purpose == Purpose::kTest && !design.plain();
  // Where each event stands in the sorted order; 0 for the slots that units do not use.
  const auto rank = std::make_unique<std::uint32_t[]>(event_slots(path));
  for (std::size_t s = 0; s < m; ++s) rank[path.order_[s]] = static_cast<std::uint32_t>(s);

  const auto c = std::make_shared_for_overwrite<SegmentCoefficients[]>(m + 1);
  std::vector<double> first_t0(correlated ? n : 0), first_t1(correlated ? n : 0);
  std::vector<std::pair<NeumaierSum, NeumaierSum>> start((n + kUnitGrain - 1) / kUnitGrain);  // t0 and q0 at lambda = 0
  parallel_for(n, kUnitGrain, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    std::vector<double> values(k);
    std::size_t i = 0, next = 0;
    double weight = 1;
    bool first = true;
    double before0 = 0, before1 = 0;  // psi = before0 + before1 lambda on the piece that ends
    std::pair<NeumaierSum, NeumaierSum>& sum = start[begin / kUnitGrain];
    const PieceSink sink = [&](double, std::span<const double> alpha, std::span<const double> beta) {
      double now0 = 0, now1 = 0;
      for (std::size_t a = 0; a < alpha.size(); ++a) {
        const double value = values[static_cast<std::size_t>(unit.arm[a])];
        now0 += value * alpha[a];
        now1 += value * beta[a];
      }
      if (first) {
        sum.first.add(weight * now0), sum.second.add(weight * now0 * now0);
        if (correlated) first_t0[i] = weight * now0, first_t1[i] = weight * now1;
        first = false;
      } else {
        c[rank[next++] + std::size_t{1}] = {
            weight * (now0 - before0), weight * (now1 - before1), weight * (now0 * now0 - before0 * before0),
            2 * weight * (now0 * now1 - before0 * before1), weight * (now1 * now1 - before1 * before1)};
      }
      before0 = now0, before1 = now1;
    };
    for (i = begin; i < end; ++i) {
      model.load(i, unit);
      phi(i, values);
      weight = design.weight_of(i);
      next = first_event(path.first_event_.get(), path.slots_, i);
      first = true;
      if (i + kAhead < n) {  // the ranks are scattered: ask for their lines while the units between are walked
        const std::size_t far = first_event(path.first_event_.get(), path.slots_, i + kAhead);
        const std::size_t far_end = first_event(path.first_event_.get(), path.slots_, i + kAhead + 1);
        for (std::size_t e = far; e < far_end; ++e) __builtin_prefetch(&c[rank[e]], 1);
      }
      model.walk(unit, sink);
    }
  });
  NeumaierSum t0, q0;
  for (const auto& [t, q] : start) t0.add(t), q0.add(q);
  c[0] = {t0.value(), 0, q0.value(), 0, 0};

  const std::span<SegmentCoefficients> all(c.get(), m + 1);
  if (correlated) {
    integrate_design(all, design, first_t0, first_t1, [&](std::size_t s) { return unit_of(path, path.order_[s]); });
  } else {
    integrate(all, model.total_weight());
    if (purpose == Purpose::kTest) count_one_degree_of_freedom(all, n);
  }
  return SegmentCurve(path.breakpoints_, std::shared_ptr<const SegmentCoefficients[]>(c), m);
}

}  // namespace gimbal::policy
