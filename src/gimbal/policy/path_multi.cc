// The path for any number of arms and any bounds: every unit is walked (path_unit.h), and at each of its events the linear
// form psi and its square change from one piece to the next. An event's number is unit * (K - 1) + j, so that the second walk
// finds the rank of the events that the first one found; only where an arm may return from a bound are events counted first.
#include <cmath>
#include <limits>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"
#include "gimbal/policy/path_build.h"

namespace gimbal::policy {

namespace {

// The number of the first event of unit i.
std::size_t first_event(const std::uint32_t* offsets, std::size_t slots, std::size_t i) {
  return offsets != nullptr ? offsets[i] : i * slots;
}

// mu'D and the model's E[psi^2] on a piece of one unit.
struct PlugInMoments {
  const UnitModel* model;
  void begin(std::size_t) {}
  SegmentCoefficients operator()(const Unit& unit, std::span<const double> alpha, std::span<const double> beta) const {
    SegmentCoefficients c{};
    for (std::size_t a = 0; a < alpha.size(); ++a) {
      c.t0 += unit.mu[a] * alpha[a];
      c.t1 += unit.mu[a] * beta[a];
      c.q0 += unit.v[a] * alpha[a] * alpha[a];
      c.q1 += 2 * unit.v[a] * alpha[a] * beta[a];
      c.q2 += unit.v[a] * beta[a] * beta[a];
    }
    if (model->is_dr()) {
      c.q0 += c.t0 * c.t0;
      c.q1 += 2 * c.t0 * c.t1;
      c.q2 += c.t1 * c.t1;
    }
    return c;
  }
};

// phi'D and its square.
struct ScoreMoments {
  const UnitCoefficients* phi;
  std::vector<double> values;
  void begin(std::size_t i) { (*phi)(i, values); }
  SegmentCoefficients operator()(const Unit& unit, std::span<const double> alpha, std::span<const double> beta) const {
    SegmentCoefficients c{};
    for (std::size_t a = 0; a < alpha.size(); ++a) {
      const double value = values[static_cast<std::size_t>(unit.arm[a])];
      c.t0 += value * alpha[a];
      c.t1 += value * beta[a];
    }
    c.q0 = c.t0 * c.t0, c.q1 = 2 * c.t0 * c.t1, c.q2 = c.t1 * c.t1;
    return c;
  }
};

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
      std::uint32_t pieces = 0;
      const PieceSink sink = [&](double, std::span<const double>, std::span<const double>) { ++pieces; };
      for (std::size_t i = begin; i < end; ++i) {
        model.load(i, unit);
        pieces = 0;
        model.walk(unit, sink);
        offsets[i + 1] = pieces - 1;
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
  parallel_for(n, kUnitGrain, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    std::size_t next = 0;
    bool first = true;
    const PieceSink sink = [&](double from, std::span<const double>, std::span<const double>) {
      if (!first) lambda[next++] = from;
      first = false;
    };
    for (std::size_t i = begin; i < end; ++i) {
      model.load(i, unit);
      next = first_event(path.first_event_.get(), path.slots_, i);
      first = true;
      model.walk(unit, sink);
      const std::size_t stop = first_event(path.first_event_.get(), path.slots_, i + 1);
      GIMBAL_CHECK(next <= stop, "a unit with more events than its slots");
      for (; next < stop; ++next) lambda[next] = -1;
    }
  });
  sort_events(path, std::move(lambda), slots);
  path.curve_ = sum_pieces(path, PlugInMoments{&model}, Purpose::kMean,
                           Design{.units = n, .weight = model.table().weight, .cluster = {}});
  return {};
}

SegmentCurve PathBuilder::score_multi(const FrontierPath& path, const UnitCoefficients& phi, Purpose purpose,
                                      const Design& design) {
  return sum_pieces(path, ScoreMoments{&phi, std::vector<double>(path.model_->arms())}, purpose, design);
}

template <typename PieceMoments>
SegmentCurve PathBuilder::sum_pieces(const FrontierPath& path, const PieceMoments& moments, Purpose purpose,
                                     const Design& design) {
  const UnitModel& model = *path.model_;
  const std::size_t n = model.units(), m = path.count_;
  const bool correlated = purpose == Purpose::kTest && !design.plain();
  // Where each event stands in the sorted order.
  const auto rank = std::make_unique_for_overwrite<std::uint32_t[]>(event_slots(path));
  for (std::size_t s = 0; s < m; ++s) rank[path.order_[s]] = static_cast<std::uint32_t>(s);

  const auto c = std::make_shared_for_overwrite<SegmentCoefficients[]>(m + 1);
  std::vector<double> first_t0(correlated ? n : 0), first_t1(correlated ? n : 0);
  const std::size_t chunks = (n + kUnitGrain - 1) / kUnitGrain;
  std::vector<std::pair<NeumaierSum, NeumaierSum>> start(chunks);  // t0 and q0 at lambda = 0
  parallel_for(n, kUnitGrain, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    PieceMoments piece_moments = moments;
    std::size_t i = 0, next = 0;
    double weight = 1;
    bool first = true;
    SegmentCoefficients before{};
    std::pair<NeumaierSum, NeumaierSum>& sum = start[begin / kUnitGrain];
    const PieceSink sink = [&](double, std::span<const double> alpha, std::span<const double> beta) {
      SegmentCoefficients now = piece_moments(unit, alpha, beta);
      now = {weight * now.t0, weight * now.t1, weight * now.q0, weight * now.q1, weight * now.q2};
      if (first) {
        sum.first.add(now.t0), sum.second.add(now.q0);
        if (correlated) first_t0[i] = now.t0, first_t1[i] = now.t1;
        first = false;
      } else {
        c[rank[next++] + std::size_t{1}] = {now.t0 - before.t0, now.t1 - before.t1, now.q0 - before.q0, now.q1 - before.q1,
                                            now.q2 - before.q2};
      }
      before = now;
    };
    for (i = begin; i < end; ++i) {
      model.load(i, unit);
      piece_moments.begin(i);
      weight = design.weight_of(i);
      next = first_event(path.first_event_.get(), path.slots_, i);
      first = true;
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
  return SegmentCurve(path.breakpoints_, c, m);
}

}  // namespace gimbal::policy
